/** `holdfast load --h2` against Node's own HTTP/2 server: what it counts agrees with what the server has seen. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2, { type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { run } from './cli-run.ts';
import { OK, startServer } from './load-servers.ts';

const BIG_BYTES = 400_000;

interface Served {
  readonly url: string;
  readonly sessions: Set<ServerHttp2Session>;
  streams: number;
  openMax: number;
  bodyBytes: number;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-h2-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

type Answer = (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders, served: Served) => void;

async function serve(t: TestContext, answer: Answer, settings: http2.Settings = {}): Promise<Served> {
  const server: Http2Server = http2.createServer({ settings });
  const served: Served = { url: '', sessions: new Set(), streams: 0, openMax: 0, bodyBytes: 0 };
  let open = 0;
  server.on('session', (session) => {
    served.sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => served.sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    served.streams++;
    served.openMax = Math.max(served.openMax, ++open);
    stream.on('error', () => {});
    stream.on('close', () => open--);
    stream.on('data', (piece: Buffer) => {
      served.bodyBytes += piece.length;
    });
    answer(stream, headers, served);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of served.sessions) session.destroy();
    server.close();
  });
  return Object.assign(served, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
}

async function load(t: TestContext, args: readonly string[]): Promise<LoadResult & { code: number | null }> {
  const { stdout, stderr, code } = await run(t, ['load', '--json', '--h2', ...args]);
  assert.notEqual(stdout, '', stderr);
  return { ...JSON.parse(stdout), code };
}

const ok: Answer = (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  stream.end('hello');
};

for (const engine of ['node', 'epoll', 'iouring']) {
  test(`a count of requests is made exactly, on as many streams as asked (${engine})`, async (t) => {
    const served = await serve(t, (stream, headers, all) => setTimeout(() => ok(stream, headers, all), 5));
    const result = await load(t, ['-n', '500', '-c', '2', '-m', '16', '--engine', engine, served.url]);
    assert.equal(result.code, 0);
    assert.equal(served.streams, 500);
    assert.ok(served.openMax > 16 && served.openMax <= 32, `${served.openMax} at once`);
    assert.deepEqual(result.statuses, { '200': 500 });
    assert.equal(result.connections.opened, 2);
    assert.deepEqual([result.plan.protocol, result.plan.pipeline], ['h2', 16]);
  });

  test(`bodies pass both ways through small windows (${engine})`, async (t) => {
    const served = await serve(
      t,
      (stream) => {
        stream.on('end', () => {
          stream.respond({ ':status': 200, 'content-length': BIG_BYTES });
          stream.end(Buffer.alloc(BIG_BYTES, 97));
        });
      },
      { initialWindowSize: 1000 },
    );
    const file = join(temporaryFolder(t), 'body');
    writeFileSync(file, Buffer.alloc(BIG_BYTES, 98));
    const flags = ['-n', '40', '-c', '2', '--streams', '4', '--body-file', file, '--engine', engine];
    const result = await load(t, [...flags, served.url]);
    assert.equal(result.code, 0);
    assert.deepEqual(result.statuses, { '200': 40 });
    assert.equal(served.bodyBytes, 40 * BIG_BYTES);
    assert.ok(result.bytesReceived > 40 * BIG_BYTES);
  });
}

test('a server that allows fewer streams is not sent more at once', async (t) => {
  const served = await serve(t, (stream, headers, all) => setTimeout(() => ok(stream, headers, all), 5), {
    maxConcurrentStreams: 3,
  });
  const result = await load(t, ['-n', '300', '-c', '1', '-m', '50', served.url]);
  assert.deepEqual(result.statuses, { '200': 300 });
  assert.deepEqual(result.errors, {});
});

test('each stream that is reset counts as a failure of its own, and the connection goes on', async (t) => {
  const served = await serve(t, (stream, headers, all) => {
    if (all.streams % 4 === 0) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    else ok(stream, headers, all);
  });
  const result = await load(t, ['-n', '400', '-c', '2', '-m', '8', served.url]);
  assert.equal(result.connections.opened, 2);
  assert.deepEqual(result.statuses, { '200': 300 });
  assert.deepEqual(result.errors, { 'stream reset: REFUSED_STREAM': 100 });
  assert.equal(result.code, 0);
});

test('one request that is not answered in time fails alone', async (t) => {
  const served = await serve(t, (stream, headers, all) => {
    if (all.streams !== 5) ok(stream, headers, all);
  });
  const result = await load(t, ['-n', '200', '-c', '1', '-m', '4', '--timeout', '300ms', served.url]);
  assert.deepEqual(result.errors, { timeout: 1 });
  assert.deepEqual(result.statuses, { '200': 199 });
  assert.equal(result.connections.opened, 1);
  assert.equal(served.streams, 200);
});

test('a server that goes away in order loses nothing: the rest is asked on another connection', async (t) => {
  const served = await serve(t, (stream, headers, all) => {
    ok(stream, headers, all);
    if (all.streams % 100 === 0) for (const session of all.sessions) session.close();
  });
  const result = await load(t, ['-n', '500', '-c', '1', '-m', '8', served.url]);
  assert.deepEqual(result.errors, {});
  assert.deepEqual(result.statuses, { '200': 500 });
  assert.ok(result.connections.opened > 1);
});

test('interim answers, trailers, HEAD, 304 and statuses beyond 400 are told apart', async (t) => {
  const served = await serve(t, (stream, { ':path': path }) => {
    if (path === '/interim') stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
    if (path === '/trailers') {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
      stream.end('hello');
    } else if (path === '/304') stream.respond({ ':status': 304 }, { endStream: true });
    else if (path === '/404') stream.respond({ ':status': 404 }, { endStream: true });
    else {
      stream.respond({ ':status': 200 });
      stream.end();
    }
  });
  for (const [path, status] of [
    ['interim', 200],
    ['trailers', 200],
    ['304', 304],
    ['404', 404],
  ]) {
    const { statuses, errors } = await load(t, ['-n', '20', '-c', '1', `${served.url}${path}`]);
    assert.deepEqual([statuses, errors], [{ [status!]: 20 }, {}], `${path}`);
  }
  const { statuses } = await load(t, ['-n', '20', '-c', '1', '--method', 'HEAD', served.url]);
  assert.deepEqual(statuses, { '200': 20 });
});

test('the request is what was asked for: method, authority, path, fields, length', async (t) => {
  let seen: http2.IncomingHttpHeaders = {};
  const served = await serve(t, (stream, headers, all) => {
    seen = headers;
    ok(stream, headers, all);
  });
  await load(t, ['-n', '1', '-c', '1', '-H', 'X-Own: grün', '-b', 'a=b', `${served.url}p?q=1`]);
  assert.equal(seen[':method'], 'POST');
  assert.equal(seen[':path'], '/p?q=1');
  assert.equal(seen[':scheme'], 'http');
  assert.equal(seen[':authority'], new URL(served.url).host);
  assert.equal(Buffer.from(String(seen['x-own']), 'latin1').toString(), 'grün');
  assert.equal(seen['content-length'], '3');
  assert.equal(seen['content-type'], 'application/x-www-form-urlencoded');
});

test('a script makes requests and checks answers', async (t) => {
  const served = await serve(t, ok);
  const script = join(temporaryFolder(t), 'script.mjs');
  writeFileSync(
    script,
    `export const request = () => ({ path: '/scripted' });
export function check(response, context) {
  context.check('content', response.text() === 'hello');
  context.check('type', response.headers.get('content-type') === 'text/plain');
}
`,
  );
  const result = await load(t, ['-n', '50', '-c', '2', '-m', '4', '--script', script, served.url]);
  assert.deepEqual(result.statuses, { '200': 50 });
  assert.deepEqual(result.checks, { content: { passed: 50, failed: 0 }, type: { passed: 50, failed: 0 } });
});

describe('what goes wrong is named', () => {
  test('a server that speaks HTTP/1 only', async (t) => {
    const server = await startServer(t, (socket) => void socket.end(OK));
    const { errors } = await load(t, ['-n', '5', '-c', '1', server.url]);
    assert.match(
      Object.keys(errors).join(),
      /the server answers in HTTP\/1, not in HTTP\/2 \(RFC 9113 §3\.4\)/,
    );
  });

  for (const [what, args, complaint] of [
    ['streams without --h2', ['--streams', '4'], /--streams goes with --h2/],
    ['pipelining with --h2', ['--h2', '--pipeline', '4'], /with --h2, use --streams/],
    ['no stream', ['--h2', '-m', '0'], /a number of streams from 1 to 1024/],
    ['a field of HTTP/1', ['--h2', '-H', 'Connection: close'], /HTTP\/2 has no such field/],
  ] as const)
    test(what, async (t) => {
      const { code, stderr } = await run(t, ['load', ...args, 'http://127.0.0.1:9/']);
      assert.equal(code, 2);
      assert.match(stderr, complaint);
    });
});
