/** What the workloads that move much ask of fetch handlers, the same lines for every server that runs one. */
const PIECE = new Uint8Array(64 * 1024).fill(0x2e);
const PIECE_COUNT = 1024;
export const MIB = new Uint8Array(1024 * 1024).fill(0x2e);

export async function upload(request, Response) {
  let bytes = 0;
  for await (const piece of request.body) bytes += piece.length;
  return new Response(String(bytes));
}

export function download(Response) {
  let left = PIECE_COUNT;
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(PIECE);
      if (--left === 0) controller.close();
    },
  });
  return new Response(body);
}

export async function formdata(request, Response) {
  const form = await request.formData();
  return new Response(String(form.get('file').size));
}

/** The same without web streams, for node:http: pieces by events, and 'drain' before more is written. */
export function uploadToNode(request, answer) {
  let bytes = 0;
  request.on('data', (piece) => {
    bytes += piece.length;
  });
  request.on('end', () => answer(String(bytes)));
}

export function downloadFromNode(response) {
  let left = PIECE_COUNT;
  const write = () => {
    while (left > 0) {
      left--;
      if (!response.write(PIECE)) break;
    }
    if (left === 0) {
      response.off('drain', write);
      response.end();
    }
  };
  response.on('drain', write);
  write();
}
