/** Scripts, lists of URLs, source addresses, several threads: what a plan is made of besides one URL. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { PACKAGE, run } from './cli-run.ts';
import { OK, startServer } from './load-servers.ts';

async function load(
  t: TestContext,
  args: readonly string[],
): Promise<{ code: number | null; result: LoadResult }> {
  const ended = await run(t, ['load', '--json', ...args]);
  assert.notEqual(ended.stdout, '', ended.stderr);
  return { code: ended.code, result: JSON.parse(ended.stdout) };
}

function scratch(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const json = (status: string, value: object) => {
  const body = JSON.stringify(value);
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

test('the example script makes its requests, and its checks count', async (t) => {
  const seen = new Map<string, number>();
  const server = await startServer(t, (socket, head) => {
    const what = head.startsWith('POST /items ') ? 'write' : /^GET \/items\/\d+ /.test(head) ? 'read' : head;
    seen.set(what, (seen.get(what) ?? 0) + 1);
    // Every answer to a write is wrong, for the checks to find.
    socket.write(what === 'write' ? json('200 OK', { id: 'x' }) : json('200 OK', { id: 1 }));
  });
  const script = new URL('examples/load.mjs', PACKAGE).pathname;
  const { code, result } = await load(t, ['-n', '200', '-c', '2', '--script', script, server.url]);
  assert.equal(code, 0);
  const writes = seen.get('write')!;
  assert.deepEqual([...seen.keys()].sort(), ['read', 'write']);
  // Two connections share 200 requests as they come; each writes with its tenth.
  assert.ok(writes >= 18 && writes <= 20, String(writes));
  assert.deepEqual(result.checks['status'], { passed: 200 - writes, failed: writes });
  assert.deepEqual(result.checks['id'], { passed: 200 - writes, failed: writes });
  assert.deepEqual(result.checks['JSON'], { passed: 200, failed: 0 });
  assert.equal(result.requests.failed, writes);
  assert.equal(result.requests.answered, 200);
});

test('a list of requests goes round, and a check that throws is counted by its message', async (t) => {
  const paths = new Map<string, number>();
  const server = await startServer(t, (socket, head) => {
    const path = head.split(' ')[1]!;
    paths.set(path, (paths.get(path) ?? 0) + 1);
    socket.write(OK);
  });
  const folder = scratch(t, {
    'list.mjs': `export default {
      requests: [{ path: '/a' }, { path: '/b', headers: { 'X-B': '1' } }, { method: 'PUT', path: '/c', body: 'x' }],
      check(response, { request }) { if (request.path === '/b') throw new Error('b is bad'); },
    };\n`,
  });
  const args = [
    '-n',
    '90',
    '-c',
    '3',
    '--max-error-rate',
    '10%',
    '--script',
    join(folder, 'list.mjs'),
    server.url,
  ];
  const { code, result } = await load(t, args);
  assert.equal(code, 99);
  assert.deepEqual([...paths.keys()].sort(), ['/a', '/b', '/c']);
  assert.deepEqual(result.checks, { 'b is bad': { passed: 0, failed: paths.get('/b')! } });
});

const BROKEN: [string, string, RegExp][] = [
  ['does not parse', 'export const a = ;', /cannot be loaded: /],
  ['makes nothing', 'export const a = 1;', /makes no requests: it exports a function request\(context\)/],
  ['throws', 'export function request() { throw new Error("no idea"); }', /request\(\) threw: no idea/],
  ['answers nonsense', 'export const request = () => 7;', /request\(\) answered 7; it answers an object/],
  ['names another server', 'export const request = () => ({ url: "http://elsewhere/" });', /on a server that the command line does not name/],
]; // biome-ignore format: a case a line

for (const [what, source, wanted] of BROKEN) {
  test(`a script that ${what} is told in one line`, async (t) => {
    const server = await startServer(t, (socket) => void socket.write(OK));
    const folder = scratch(t, { 'script.mjs': source });
    const ended = await run(t, ['load', '-d', '20s', '--script', join(folder, 'script.mjs'), server.url]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, wanted);
    assert.match(ended.stderr, /^holdfast: [^\n]+\n$/);
  });
}

test('URLs of a file are asked in turn, on their own servers, with their bodies', async (t) => {
  const asked: string[][] = [[], []];
  const [one, two] = await Promise.all(
    asked.map((list) =>
      startServer(t, (socket, head) => {
        list.push(head.split(' ').slice(0, 2).join(' '));
        socket.write(OK);
      }),
    ),
  );
  const folder = scratch(t, {
    'urls.txt': `BASE=${one!.url}\n# two here\n$(BASE)a\n$(BASE)b POST x=1\n${two!.url}c PUT <body.txt\n`,
    'body.txt': 'from a file',
  });
  const { result } = await load(t, ['-n', '120', '-c', '6', '-f', join(folder, 'urls.txt')]);
  assert.deepEqual(result.statuses, { '200': 120 });
  assert.equal(result.plan.method, 'GET, POST, PUT');
  assert.deepEqual([...new Set(asked[0])].sort(), ['GET /a', 'POST /b']);
  assert.deepEqual([...new Set(asked[1])], ['PUT /c']);
  // Each slot stays with its server.
  assert.equal(one!.connections + two!.connections, 6);
});

test('with fewer connections than servers, each connection goes to all of them', async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => startServer(t, (socket) => void socket.write(OK))));
  const { result } = await load(t, ['-n', '30', '-c', '1', ...servers.map(({ url }) => url)]);
  assert.deepEqual(result.statuses, { '200': 30 });
  assert.deepEqual(
    servers.map(({ requests }) => requests),
    [10, 10, 10],
  );
});

test('connections come from the source addresses in turn', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const sources = new Set<string>();
  const server = await startServer(
    t,
    (socket) => void socket.write(OK),
    (socket) => sources.add(socket.remoteAddress!),
  );
  for (const engine of ['node', 'auto']) {
    sources.clear();
    const args = ['-n', '40', '-c', '4', '--new-connection', '--source-addresses', '127.0.0.2-127.0.0.4'];
    const { result } = await load(t, [...args, '--engine', engine, server.url]);
    assert.deepEqual(result.statuses, { '200': 40 });
    assert.deepEqual([...sources].sort(), ['127.0.0.2', '127.0.0.3', '127.0.0.4']);
  }
});

test('think time spaces the requests of a connection', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { result } = await load(t, ['-d', '1s', '-c', '4', '--warmup', '0', '--think', '100ms', server.url]);
  // 4 connections, one request in 100 ms each: 40, and the first ones at once.
  assert.ok(
    result.requests.answered >= 20 && result.requests.answered <= 48,
    String(result.requests.answered),
  );
});
