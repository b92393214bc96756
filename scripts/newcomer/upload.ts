/** Uploads as programs meet them: a form with a file, and a body that is streamed and goes back while it comes. */
import { serve } from 'holdfast';

const FILE_BYTES = 3_000_000;
const PIECES = 160;
const PIECE_BYTES = 50_000;

async function handler(request: Request): Promise<Response> {
  if (new URL(request.url).pathname === '/echo') return new Response(request.body);
  const form = await request.formData();
  const file = form.get('file');
  if (!(file instanceof File)) return new Response('no file', { status: 400 });
  return Response.json({
    name: file.name,
    title: form.get('title'),
    digest: await digest(await file.arrayBuffer()),
  });
}

for (const engine of ['auto', 'node'] as const) {
  const server = await serve({ port: 0, engine, fetch: handler });
  await uploadForm(server.url);
  await streamBody(server.url);
  await server.close();
  console.log(`${server.engine.name}: uploaded`);
}

async function uploadForm(url: string): Promise<void> {
  const bytes = new Uint8Array(FILE_BYTES).map((_, index) => index % 251);
  const form = new FormData();
  form.set('title', 'Größe');
  form.set('file', new File([bytes], 'photo.jpg', { type: 'image/jpeg' }));
  const answer = (await (await fetch(`${url}/form`, { method: 'POST', body: form })).json()) as Record<
    string,
    string
  >;
  expect(answer['name'], 'photo.jpg');
  expect(answer['title'], 'Größe');
  expect(answer['digest'], await digest(bytes.buffer));
}

async function streamBody(url: string): Promise<void> {
  let sent = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent === PIECES) controller.close();
      else controller.enqueue(new Uint8Array(PIECE_BYTES).fill(sent++));
    },
  });
  // The declarations of browsers do not know `duplex`, which Node's fetch asks for.
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
  const answer = new Uint8Array(await (await fetch(`${url}/echo`, init)).arrayBuffer());
  expect(String(answer.length), String(PIECES * PIECE_BYTES));
  for (let piece = 0; piece < PIECES; piece++) expect(String(answer[piece * PIECE_BYTES]), String(piece));
}

async function digest(bytes: ArrayBuffer): Promise<string> {
  return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join('-');
}

function expect(value: unknown, wanted: string): void {
  if (value !== wanted)
    throw new Error(`${JSON.stringify(value)} came in place of ${JSON.stringify(wanted)}`);
}
