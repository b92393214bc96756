/** Figures of each URL, against what a server counted of each. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LoadResult, UrlFigures } from '#src/load/measure/load-result.ts';
import { run } from './cli-run.ts';
import { OK, startServer } from './load-servers.ts';

const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';

/** `/slow` takes 40 ms, `/missing` is not there, `/dropped` is never answered, all else is. */
async function startMixed(t: TestContext) {
  const seen = new Map<string, number>();
  const server = await startServer(t, (socket, head) => {
    const path = head.split(' ')[1]!;
    seen.set(path, (seen.get(path) ?? 0) + 1);
    if (path === '/slow') setTimeout(() => socket.write(OK), 40);
    else if (path === '/dropped') socket.destroy();
    else socket.write(path === '/missing' ? NOT_FOUND : OK);
  });
  return { origin: `http://127.0.0.1:${server.port}`, seen };
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-urls-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

const sum = (rows: readonly UrlFigures[], name: 'answered' | 'failed') =>
  rows.reduce((all, row) => all + row[name], 0);

test('several URLs have figures each, which add up to those of the run', async (t) => {
  const { origin, seen } = await startMixed(t);
  const dir = await folder(t);
  const html = join(dir, 'report.html');
  const save = join(dir, 'result.json');
  const urls = ['/fast', '/slow', '/missing', '/dropped'].map((path) => origin + path);
  const { code, stdout, stderr } = await run(t, [
    ...['load', '-c', '3', '-n', '120', '--threads', '2', '--html', html, '--save', save, ...urls],
  ]);
  assert.equal(code, 0, stderr);
  const result: LoadResult = JSON.parse(await readFile(save, 'utf8'));
  const [fast, slow, missing, dropped] = result.byUrl;
  assert.deepEqual(
    result.byUrl.map(({ method, url }) => `${method} ${url}`),
    urls.map((url) => `GET ${url}`),
  );
  assert.equal(result.otherUrls, undefined);
  assert.equal(sum(result.byUrl, 'answered'), result.requests.answered);
  assert.equal(sum(result.byUrl, 'failed'), result.requests.failed);
  assert.equal(fast!.answered, seen.get('/fast'));
  assert.equal(slow!.answered, seen.get('/slow'));
  assert.deepEqual(missing!.statuses, { '404': seen.get('/missing') });
  assert.equal(missing!.failed, seen.get('/missing'));
  assert.deepEqual([dropped!.answered, dropped!.latency.percentilesMs['50']], [0, null]);
  assert.ok(dropped!.failed > 0);
  assert.ok(slow!.latency.percentilesMs['50']! >= 39 && fast!.latency.percentilesMs['50']! < 39);
  assert.match(stdout, new RegExp(`By URL, all of ${origin}\n`));
  for (const path of ['/fast', '/slow', '/missing (404)', '/dropped'])
    assert.ok(
      stdout.split('\n').some((line) => line.endsWith(`  ${path}`)),
      `${path} in ${stdout}`,
    );
  assert.match(await readFile(html, 'utf8'), /By URL<\/h2>/);
});

test('what was due and never sent counts against the URLs too', async (t) => {
  const server = await startServer(t, () => {});
  const urls = ['a', 'b'].map((path) => server.url + path);
  const { stdout } = await run(t, [
    ...['load', '--json', '-c', '2', '-r', '200', '-d', '500ms', '--warmup', '0', '--timeout', '700ms'],
    ...urls,
  ]);
  const result: LoadResult = JSON.parse(stdout);
  assert.ok(result.requests.notSent > 50);
  assert.equal(sum(result.byUrl, 'failed'), 100);
  for (const { failed, latency } of result.byUrl) {
    assert.ok(failed > 20, `${failed} failed`);
    assert.equal(latency.count, failed);
  }
});

test('a request that the server closed under is sent again to its own URL', async (t) => {
  const seen = new Map<string, number>();
  const server = await startServer(t, (socket, head) => {
    const path = head.split(' ')[1]!;
    const count = (seen.get(path) ?? 0) + 1;
    seen.set(path, count);
    if (path === '/b' && count % 4 === 0) socket.destroy();
    else socket.write(OK);
  });
  const urls = ['a', 'b', 'c'].map((path) => server.url + path);
  const { stdout } = await run(t, ['load', '--json', '-c', '1', '-n', '90', ...urls]);
  const result: LoadResult = JSON.parse(stdout);
  assert.deepEqual(
    result.byUrl.map(({ answered, failed }) => answered + failed),
    [30, 30, 30],
  );
  assert.equal(result.requests.resent + result.requests.answered, server.requests);
});

test('more URLs than fit on a page have figures as far as they do, and one for all others', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const file = join(await folder(t), 'urls.txt');
  await writeFile(file, Array.from({ length: 70 }, (_, i) => `${server.url}${i}\n`).join(''));
  const args = ['-c', '2', '-n', '700', '--threads', '2', '-f', file];
  const result: LoadResult = JSON.parse((await run(t, ['load', '--json', ...args])).stdout);
  assert.equal(result.byUrl.length, 50);
  assert.equal(result.otherUrls!.answered + sum(result.byUrl, 'answered'), 700);
  assert.ok(result.otherUrls!.answered >= 180);
  const { stdout } = await run(t, ['load', ...args]);
  assert.match(stdout, /\d all other URLs|s {2}all other URLs/);
});

test("a script's requests are counted by path, and its checks against them", async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const script = join(await folder(t), 'script.mjs');
  await writeFile(
    script,
    `export function request({ count }) {
  return count % 3 === 0 ? { path: '/list?page=' + count } : { method: 'PUT', path: '/item', body: 'x' };
}
export function check(response, { request, check }) {
  check('is a list', request.method !== 'PUT');
}
`,
  );
  const { stdout } = await run(t, ['load', '--json', '-c', '1', '-n', '30', '--script', script, server.url]);
  const result: LoadResult = JSON.parse(stdout);
  const origin = server.url.slice(0, -1);
  assert.deepEqual(
    result.byUrl.map(({ method, url, answered, failed }) => [`${method} ${url}`, answered, failed]),
    [
      [`GET ${origin}/list`, 10, 0],
      [`PUT ${origin}/item`, 20, 20],
    ],
  );
});

test('a single URL has the figures of the run, and no table', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { stdout } = await run(t, ['load', '-c', '1', '-n', '10', server.url]);
  assert.doesNotMatch(stdout, /By URL/);
});
