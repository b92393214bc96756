/** The core of HTTP/2 on real sockets: Node's client, our own load client, and h2spec where it is installed. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import net from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { run } from './cli-run.ts';
import { type CoreServer, serveCore } from './h2-core-server.ts';

async function served(
  t: TestContext,
  settings: Parameters<typeof serveCore>[1] = {},
): Promise<CoreServer & { url: string }> {
  const server = await serveCore(0, settings);
  t.after(() => server.close());
  return Object.assign(server, { url: `http://127.0.0.1:${server.port}` });
}

async function connected(t: TestContext, server: { url: string }): Promise<ClientHttp2Session> {
  const client = http2.connect(server.url);
  t.after(() => client.destroy());
  await once(client, 'connect');
  return client;
}

interface Got {
  readonly status: number;
  readonly content: Buffer;
  readonly trailers: http2.IncomingHttpHeaders;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Got> {
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  const head = once(stream, 'response');
  const [content, [fields]] = await Promise.all([buffer(stream), head]);
  return { status: (fields as { ':status': number })[':status'], content, trailers };
}

test("Node's client is answered, many requests at once", async (t) => {
  const client = await connected(t, await served(t));
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, n) =>
      answerOf(client.request({ ':path': n % 3 === 0 ? '/late' : `/${n}` })),
    ),
  );
  for (const { status, content } of answers) {
    assert.equal(status, 200);
    assert.equal(content.toString(), 'Hello, World!');
  }
});

test('content of a megabyte comes back whole, with its trailers', async (t) => {
  const server = await served(t);
  const client = await connected(t, server);
  const content = Buffer.alloc(1_000_000, 'holdfast ');
  const echoes = Array.from({ length: 8 }, () => {
    const stream = client.request({ ':method': 'POST', ':path': '/echo' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ checksum: 'abc' }));
    stream.end(content);
    return answerOf(stream);
  });
  for (const answer of await Promise.all(echoes)) {
    assert.ok(answer.content.equals(content));
    assert.equal(answer.trailers['checksum'], 'abc');
  }
  assert.deepEqual([...server.faults], []);
});

test('100 (Continue) is sent to whom it is due', async (t) => {
  const client = await connected(t, await served(t));
  const stream = client.request({ ':method': 'POST', ':path': '/echo', expect: '100-continue' });
  await once(stream, 'continue');
  stream.end('now');
  assert.equal((await answerOf(stream)).content.toString(), 'now');
});

test('ninety-nine streams that nobody reads do not slow the hundredth', async (t) => {
  const server = await served(t);
  const client = http2.connect(server.url, { settings: { initialWindowSize: 65_535 } });
  t.after(() => client.destroy());
  await once(client, 'connect');
  client.setLocalWindowSize(2 ** 26);
  const stalled = Array.from({ length: 99 }, () => {
    const stream = client.request({ ':path': '/bytes/10000000' });
    stream.on('error', () => {});
    return stream;
  });
  await Promise.all(stalled.map((stream) => once(stream, 'response')));
  const { content } = await answerOf(client.request({ ':path': '/bytes/5000000' }));
  assert.equal(content.length, 5_000_000);
});

test('a drain lets open requests end, and the client hears of it', async (t) => {
  const server = await served(t);
  const client = await connected(t, server);
  const late = answerOf(client.request({ ':path': '/late' }));
  await answerOf(client.request({ ':path': '/' }));
  const goneAway = once(client, 'goaway');
  for (const core of server.cores) core.drain();
  assert.equal((await late).status, 200);
  await goneAway;
  await once(client, 'close');
});

test('the load client counts what it is answered', async (t) => {
  const server = await served(t);
  const args = ['load', '--json', '--h2', '-m', '16', '-c', '4', '-n', '20000', server.url];
  const { stdout, stderr, code } = await run(t, args);
  assert.equal(code, 0, stderr);
  const { statuses, errors } = JSON.parse(stdout) as { statuses: object; errors: object };
  assert.deepEqual({ statuses, errors }, { statuses: { 200: 20_000 }, errors: {} });
  assert.deepEqual([...server.faults], []);
});

test('a client of HTTP/1 is closed without a word that it could take for a frame', async (t) => {
  const server = await served(t);
  const socket = net.connect(server.port, '127.0.0.1');
  socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const answer = await buffer(socket);
  // Our SETTINGS were on their way before.
  assert.equal(answer[3], 4);
  assert.ok(!answer.includes('HTTP/1'));
  assert.equal(server.faults.get('h2-bad-preface'), 1);
});

const H2SPEC = process.env['H2SPEC'] ?? 'h2spec';
const hasH2spec = spawnSync(H2SPEC, ['--version']).status === 0;

test('h2spec passes, its strict cases too', {
  skip: hasH2spec ? false : 'h2spec is not installed',
}, async (t) => {
  const server = await served(t);
  const child = spawn(H2SPEC, ['-h', '127.0.0.1', '-p', String(server.port), '-S', '-o', '2']);
  const [output, [code]] = await Promise.all([buffer(child.stdout), once(child, 'exit')]);
  const text = output.toString();
  assert.match(text, /14\d tests, 14\d passed, 0 skipped, 0 failed/, text.slice(-3000));
  assert.equal(code, 0);
});
