/**
 * The applications in examples/apps, on every engine: each is started by the command as a user would, and asked. What they
 * are made of is installed by scripts/reference-apps.mjs; without it, and without their databases, these tests skip.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CliProcess, PACKAGE } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { FrameClient } from './websocket-client.ts';

interface Services {
  readonly env: NodeJS.ProcessEnv;
  stop(name: string): Promise<void>;
  start(name: string): Promise<void>;
  close(): Promise<void>;
}

interface ServicesModule {
  hasService(name: string): boolean;
  startServices(names: readonly string[]): Promise<Services>;
}

const { hasService, startServices } = (await import(
  new URL('scripts/services.mjs', PACKAGE).href
)) as ServicesModule;
const engines = await enginesHere();
const APPS = fileURLToPath(new URL('examples/apps/', PACKAGE));
const notInstalled = existsSync(`${APPS}node_modules/holdfast`)
  ? false
  : 'node scripts/reference-apps.mjs has not installed what they are made of';

async function serve(
  t: TestContext,
  engine: string,
  name: string,
  env: NodeJS.ProcessEnv = {},
  flags: readonly string[] = ['-w', '1'],
) {
  const cli = new CliProcess(t, ['serve', '-p', '0', ...flags, '--engine', engine, APPS + name], env);
  const url = (await cli.ready())['url'];
  assert.ok(url !== undefined);
  return url;
}

/** A client that keeps what it logged in by. */
class Client {
  readonly #url: string;
  #fields: Record<string, string> = {};

  constructor(url: string) {
    this.#url = url;
  }

  async ask(method: string, path: string, value?: unknown): Promise<[status: number, body: unknown]> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { ...this.#fields, 'content-type': 'application/json' },
      ...(value === undefined ? {} : { body: typeof value === 'string' ? value : JSON.stringify(value) }),
    });
    const text = await response.text();
    const cookie = response.headers.get('set-cookie')?.split(';')[0];
    if (cookie !== undefined) this.#fields['cookie'] = cookie;
    const body = text === '' ? undefined : JSON.parse(text);
    if (typeof body?.token === 'string') this.#fields['authorization'] = `Bearer ${body.token}`;
    return [response.status, body];
  }
}

/** What notes.openapi.yaml promises, asked once. */
async function holdsNotes(url: string, user: string): Promise<void> {
  const client = new Client(url);
  const ask = client.ask.bind(client);
  assert.equal((await ask('GET', '/notes/tea'))[0], 401);
  assert.equal((await ask('POST', '/login', '{"user":'))[0], 400);
  assert.equal((await ask('POST', '/login', { user: 'a b' }))[0], 400);
  assert.equal((await ask('POST', '/login', { user }))[0], 200);
  assert.equal((await ask('GET', '/notes/tea'))[0], 404);
  assert.deepEqual(await ask('PUT', '/notes/tea', { value: 'green' }), [
    201,
    { key: 'tea', value: 'green', version: 1 },
  ]);
  assert.deepEqual(await ask('PUT', '/notes/tea', { value: 'schwarz, grün ☕' }), [
    200,
    { key: 'tea', value: 'schwarz, grün ☕', version: 2 },
  ]);
  assert.deepEqual(await ask('GET', '/notes/tea'), [
    200,
    { key: 'tea', value: 'schwarz, grün ☕', version: 2 },
  ]);
  assert.deepEqual(await ask('GET', '/notes'), [200, { keys: ['tea'] }]);
  assert.equal((await ask('PUT', '/notes/a.b', { value: '' }))[0], 400);
  assert.equal((await ask('PUT', '/notes/tea', { value: 1 }))[0], 400);
  assert.equal((await ask('PUT', '/notes/tea', { value: 'x'.repeat(70_000) }))[0], 413);
  const other = new Client(url);
  await other.ask('POST', '/login', { user: `${user}-2` });
  assert.equal((await other.ask('GET', '/notes/tea'))[0], 404, 'one user reads what another has written');
  assert.deepEqual(await ask('DELETE', '/notes/tea'), [204, undefined]);
  assert.equal((await ask('DELETE', '/notes/tea'))[0], 404);
  // Writes that cross are all counted, and what is read at the end is one of them.
  const values = Array.from({ length: 20 }, (_, index) => `value ${index}`);
  await Promise.all(values.map((value) => ask('PUT', '/notes/many', { value })));
  const [, last] = (await ask('GET', '/notes/many')) as [number, { value: string; version: number }];
  assert.equal(last.version, 20);
  assert.ok(values.includes(last.value));
  await ask('DELETE', '/notes/many');
  assert.equal((await ask('POST', '/logout'))[0], 204);
  assert.equal((await ask('GET', '/notes/tea'))[0], 401);
}

/** Notes outlive the service that keeps them: it goes and comes back, and nobody restarts the application. */
async function survivesAnOutage(url: string, services: Services, name: string): Promise<void> {
  const client = new Client(url);
  assert.equal((await client.ask('POST', '/login', { user: 'stays' }))[0], 200);
  assert.ok((await client.ask('PUT', '/notes/kept', { value: 'kept' }))[0] < 300);
  await services.stop(name);
  const [status] = await client.ask('GET', '/notes/kept');
  assert.equal(status, 503);
  await services.start(name);
  const deadline = Date.now() + 10_000;
  let answer = await client.ask('GET', '/notes/kept');
  while (answer[0] === 503 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer = await client.ask('GET', '/notes/kept');
  }
  assert.equal(answer[0], 200);
  assert.equal((answer[1] as { value: string }).value, 'kept');
}

for (const { engine, skip } of engines) {
  const notHere = notInstalled || skip;

  for (const name of ['sessions.mjs', 'tokens.mjs'])
    test(`${name} on ${engine}`, { skip: notHere }, async (t) => {
      await holdsNotes(await serve(t, engine, name), 'ada');
    });

  test(`sessions.mjs limits what one address may ask on ${engine}`, { skip: notHere }, async (t) => {
    const url = await serve(t, engine, 'sessions.mjs', { REQUESTS_PER_SECOND: '1' });
    const statuses: number[] = [];
    for (let index = 0; index < 12; index++)
      statuses.push((await new Client(url).ask('POST', '/login', { user: 'ada' }))[0]);
    assert.deepEqual(statuses.slice(0, 10), Array(10).fill(200));
    assert.ok(statuses.includes(429), String(statuses));
  });

  test(`tokens.mjs takes no form of another origin on ${engine}`, { skip: notHere }, async (t) => {
    const url = await serve(t, engine, 'tokens.mjs');
    const send = (origin: string) =>
      fetch(`${url}/form`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ text: 'tea' }),
      });
    assert.equal(await (await send(url)).text(), 'you said: tea\n');
    assert.equal((await send('https://elsewhere.example')).status, 403);
  });

  for (const name of ['postgres', 'redis']) {
    const absent = hasService(name) ? false : `${name} is not installed`;
    test(`${name}.mjs on ${engine}`, { skip: notHere || absent }, async (t) => {
      const services = await startServices([name]);
      t.after(() => services.close());
      const url = await serve(t, engine, `${name}.mjs`, services.env);
      await holdsNotes(url, 'ada');
      await survivesAnOutage(url, services, name);
    });
  }

  test(`shop.mjs, an Express application, on ${engine}`, { skip: notHere }, async (t) => {
    const url = await serve(t, engine, 'shop.mjs');
    await holdsNotes(url, 'ada');
    await sells(url);
  });

  test(`chat.mjs on ${engine}`, { skip: notHere }, async (t) => {
    await talks(await serve(t, engine, 'chat.mjs', {}, ['-w', '2', '--pubsub-replay', '100']));
  });

  test(`middleware.mjs on ${engine}`, { skip: notHere }, async (t) => {
    await passesMiddleware(await serve(t, engine, 'middleware.mjs'));
  });

  test(`observed.mjs on ${engine}`, { skip: notHere }, async (t) => {
    await isObserved(await serve(t, engine, 'observed.mjs'));
  });

  test(`site.mjs in front of sessions.mjs on ${engine}`, { skip: notHere }, async (t) => {
    const upstream = await serve(t, engine, 'sessions.mjs');
    const url = await serve(t, engine, 'site.mjs', { UPSTREAM: upstream });
    await holdsNotes(`${url}/api`, 'ada');
    assert.match(await (await fetch(`${url}/docs`)).text(), /<code>\/notes\/\{key\}<\/code>/);
    assert.match(await (await fetch(`${url}/notes.openapi.yaml`)).text(), /^openapi: 3/);
    assert.match(await (await fetch(url)).text(), /<html/);
    assert.equal((await fetch(`${url}/none`)).status, 404);
    const alone = await serve(t, engine, 'site.mjs', { UPSTREAM: 'http://127.0.0.1:1' });
    assert.equal((await fetch(`${alone}/api/notes`)).status, 502);
  });
}

/** Forms, uploads, sessions and rows as they come, by Express and what is usual with it. */
async function sells(url: string): Promise<void> {
  const goods = await fetch(`${url}/goods`);
  assert.equal(goods.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(((await goods.json()) as unknown[]).length, 3);
  const picture = Buffer.alloc(200_000, 'a picture ');
  const form = new FormData();
  form.append('picture', new File([picture], 'tea.png', { type: 'image/png' }));
  assert.equal((await fetch(`${url}/goods/tea/picture`, { method: 'PUT', body: form })).status, 204);
  const shown = await fetch(`${url}/goods/tea/picture`);
  assert.equal(shown.headers.get('content-type'), 'image/png');
  assert.deepEqual(Buffer.from(await shown.arrayBuffer()), picture);
  const large = new FormData();
  large.append('picture', new File([Buffer.alloc(300_000)], 'tea.png'));
  const refused = await fetch(`${url}/goods/tea/picture`, { method: 'PUT', body: large });
  assert.deepEqual(await refused.json(), { error: 'File too large' });
  const cart = await fetch(`${url}/cart`, { method: 'POST', body: new URLSearchParams({ id: 'cup' }) });
  assert.deepEqual(await cart.json(), { cart: ['cup'], cents: 1200 });
  const cookie = cart.headers.get('set-cookie')!.split(';')[0]!;
  const order = await fetch(`${url}/orders`, { method: 'POST', headers: { cookie } });
  assert.equal(order.headers.get('location'), '/orders/1');
  assert.equal((await fetch(`${url}/orders`, { method: 'POST', headers: { cookie } })).status, 409);
  assert.equal(await (await fetch(`${url}/orders.csv`)).text(), '1,1200\n');
  assert.match(await (await fetch(`${url}/site/`)).text(), /<html/);
}

interface Line {
  readonly name: string;
  readonly text: string;
}

/** Everybody in a room hears all that is said there, over whatever it came, in whichever thread. */
async function talks(url: string): Promise<void> {
  const port = Number(new URL(url).port);
  const names = ['ada', 'bob', 'cyd'];
  const clients = [];
  for (const name of names) clients.push(await FrameClient.open(port, `/rooms/tea/socket?name=${name}`));
  const said: Line[] = [{ name: 'web', text: 'by POST' }];
  const events = await EventReader.open(`${url}/rooms/tea/events`);
  const post = (line: Line) =>
    fetch(`${url}/rooms/tea`, { method: 'POST', body: JSON.stringify(line) }).then(({ status }) => status);
  assert.equal(await post(said[0]!), 202);
  for (const [index, client] of clients.entries()) {
    const text = `grün ☕ ${index}`;
    client.send(0x81, text);
    said.push({ name: names[index]!, text });
  }
  for (const client of clients) await hears(client, said);
  const ids = await events.reads(said);
  assert.equal(await post({ name: 'x', text: '' }), 400);
  const [ada] = clients;
  ada!.raw.socket.destroy();
  await hears(clients[1]!, [{ name: 'ada', text: 'has gone' }]);
  const again = await EventReader.open(`${url}/rooms/tea/events`, ids[0]);
  await again.reads([{ name: 'ada', text: 'has gone' }]);
  for (const client of clients) client.raw.socket.destroy();
}

/** Until all of that has come, in any order. */
async function hears(client: FrameClient, lines: readonly Line[]): Promise<void> {
  const missing = new Set(lines.map(({ name, text }) => `${name}: ${text}`));
  while (missing.size > 0) {
    const { payload } = await client.frame();
    const { name, text } = JSON.parse(payload.toString()) as Line;
    missing.delete(`${name}: ${text}`);
  }
}

class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = '';

  private constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  static async open(url: string, lastEventId?: string): Promise<EventReader> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return new EventReader((await fetch(url, { headers })).body!);
  }

  /** Until all of that has come, in any order. @returns the ids of its events */
  async reads(lines: readonly Line[]): Promise<string[]> {
    const missing = (): Line[] =>
      lines.filter(({ text }) => !this.#text.includes(`"text":${JSON.stringify(text)}`));
    while (missing().length > 0) {
      const { value, done } = await this.#reader.read();
      assert.ok(!done, `the stream ended without ${JSON.stringify(missing())}`);
      this.#text += Buffer.from(value).toString();
    }
    await this.#reader.cancel();
    return [...this.#text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id!);
  }
}

async function passesMiddleware(url: string): Promise<void> {
  const home = await fetch(url, { headers: { 'accept-language': 'de', origin: 'https://example.org' } });
  assert.equal(await home.text(), 'Hallo');
  assert.equal(home.headers.get('access-control-allow-origin'), 'https://example.org');
  assert.equal(home.headers.get('x-frame-options'), 'SAMEORIGIN');
  assert.match(home.headers.get('server-timing') ?? '', /greet/);
  const preflight = await fetch(`${url}/json`, {
    method: 'OPTIONS',
    headers: { origin: 'https://example.org', 'access-control-request-method': 'PUT' },
  });
  assert.equal(preflight.status, 204);
  const named = await fetch(`${url}/json?pretty`, { headers: { 'x-request-id': 'mine' } });
  assert.equal(await named.text(), '{\n  "id": "mine",\n  "list": [\n    1,\n    2,\n    3\n  ]\n}');
  const page = await fetch(`${url}/etag/page`);
  assert.equal(await page.text(), '<p>the same each time</p>');
  const again = await fetch(`${url}/etag/page`, {
    headers: { 'if-none-match': page.headers.get('etag') ?? '' },
  });
  assert.equal(again.status, 304);
  const compressed = await fetch(`${url}/compressed/text`);
  assert.equal(compressed.headers.get('content-encoding'), 'gzip');
  assert.equal((await compressed.text()).length, 44_000);
  const lines = await (await fetch(`${url}/compressed/stream`)).text();
  assert.equal(lines.split('\n').length, 101);
  const streamed = Buffer.from(await (await fetch(`${url}/stream`)).arrayBuffer());
  assert.equal(streamed.length, 64 * 16 * 1024);
  assert.deepEqual(
    [...new Set(streamed)],
    Array.from({ length: 64 }, (_, index) => index),
  );
  assert.equal((await fetch(`${url}/private/page`)).status, 401);
  const authorization = `Basic ${Buffer.from('ada:engine').toString('base64')}`;
  assert.equal(await (await fetch(`${url}/private/page`, { headers: { authorization } })).text(), 'for Ada');
  assert.equal((await fetch(`${url}/slow/page?ms=1000`)).status, 504);
  assert.equal(await (await fetch(`${url}/slow/page?ms=1`)).text(), 'at last');
  const moved = await fetch(`${url}/json/`, { redirect: 'manual' });
  assert.equal(moved.status, 301);
  await passesBodies(url);
}

async function passesBodies(url: string): Promise<void> {
  const upload = (bytes: number) => fetch(`${url}/upload`, { method: 'POST', body: new Uint8Array(bytes) });
  assert.deepEqual(await (await upload(1_000_000)).json(), { bytes: 1_000_000 });
  assert.equal((await upload(2_000_000)).status, 413);
  const form = new FormData();
  form.append('name', 'Ada ☕');
  form.append('file', new File(['some text'], 'a.txt', { type: 'text/plain' }));
  const fields = await fetch(`${url}/form`, { method: 'POST', body: form });
  assert.deepEqual(await fields.json(), {
    name: 'Ada ☕',
    file: { name: 'a.txt', type: 'text/plain', bytes: 9 },
  });
  const json = (value: unknown) =>
    fetch(`${url}/checked`, {
      method: 'POST',
      body: JSON.stringify(value),
      headers: { 'content-type': 'application/json' },
    });
  assert.deepEqual(await (await json({ count: 21 })).json(), { twice: 42 });
  assert.equal((await json({ count: 'many' })).status, 400);
  const overridden = await fetch(`${url}/override`, {
    method: 'POST',
    body: new URLSearchParams({ _method: 'DELETE' }),
  });
  assert.equal(await overridden.text(), 'deleted');
  const thrown = await fetch(`${url}/throws`);
  assert.equal(thrown.status, 500);
  assert.deepEqual(await thrown.json(), { error: 'thrown on purpose' });
}

async function isObserved(url: string): Promise<void> {
  // Traces of requests that cross must not be mixed up: each step is the child of its own request.
  const ids = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(32, 'a'));
  const answers = await Promise.all(
    ids.map(async (id) => {
      const headers = { traceparent: `00-${id}-b7ad6b7169203331-01` };
      return (await (await fetch(`${url}/steps/5`, { headers })).json()) as { traceId: string };
    }),
  );
  assert.deepEqual(
    answers.map(({ traceId }) => traceId),
    ids,
  );
  assert.equal((await fetch(`${url}/throws`)).status, 500);
  interface Span {
    readonly name: string;
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId: string | undefined;
    readonly status: number;
  }
  const spans = (await (await fetch(`${url}/spans`)).json()) as Span[];
  for (const id of ids) {
    const request = spans.find(({ name, traceId }) => name === 'GET /steps/5' && traceId === id)!;
    assert.equal(request.parentSpanId, 'b7ad6b7169203331');
    const steps = spans.filter(({ name, traceId }) => name.startsWith('step') && traceId === id);
    assert.deepEqual(
      steps.map(({ parentSpanId }) => parentSpanId),
      Array(5).fill(request.spanId),
    );
  }
  assert.equal(spans.find(({ name }) => name === 'GET /throws')!.status, 2);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^app_requests_total\{route="\/steps\/:steps",status="200"\} 20$/m);
}
