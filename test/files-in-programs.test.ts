/** `files(folder)` over sockets: alone with serve(), in Hono and in H3, in a program of TypeScript as users write it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { H3 } from 'h3';
import { Hono } from 'hono';
import { type FetchHandler, files, OptionError, serve } from '#src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-programs-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'sub'));
const LARGE = Buffer.alloc(300_000, 'large');
for (const [
  name,
  content,
] of [['index.html', 'home'], ['app.js', 'code'], ['sub/index.html', 'sub'], ['large.bin', LARGE]] as const) // biome-ignore format: a list
  writeFileSync(join(root, name), content);

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const ENGINES = ['epoll', 'node'] as const;

async function asking(fetchHandler: FetchHandler, engine: (typeof ENGINES)[number]) {
  const server = await serve({ port: 0, logger: quiet, engine, fetch: fetchHandler });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(server.url + path, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { ask, close: () => server.close(true) };
}

for (const engine of ENGINES) {
  test(`a folder is a handler by itself (engine ${engine})`, async () => {
    const { ask, close } = await asking(files(root), engine);
    assert.equal((await ask('/')).text, 'home');
    assert.equal((await ask('/sub')).text, 'sub');
    assert.equal((await ask('/large.bin')).text, LARGE.toString());
    assert.equal((await ask('/large.bin', { headers: { range: 'bytes=5-9' } })).text, 'large');
    const parts = await ask('/large.bin', { headers: { range: 'bytes=5-9,1000-1004,299995-' } });
    assert.equal(parts.status, 206);
    assert.equal(parts.text.match(/\r\n\r\nlarge\r\n--/g)?.length, 3);
    const head = await ask('/app.js', { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), '4');
    assert.equal(head.text, '');
    assert.equal((await ask('/none')).status, 404);
    assert.equal((await ask('/app.js', { method: 'POST', body: 'x' })).status, 405);
    await close();
  });

  test(`Hono takes it as a handler and as middleware, and goes on where there is no file (engine ${engine})`, async () => {
    const app = new Hono();
    app.use('/assets/*', files(root, { basePath: '/assets' }));
    app.get('/api', (c) => c.json({ api: true }));
    app.post('/app.js', (c) => c.text('posted'));
    app.use('*', async (c, next) => {
      await next();
      c.header('x-by', 'hono');
    });
    app.use('*', files(root));
    app.get('/later', (c) => c.text('later'));
    app.notFound((c) => c.text('hono has nothing', 404));
    const { ask, close } = await asking((request, context) => app.fetch(request, context), engine);
    assert.equal((await ask('/assets/app.js')).text, 'code');
    assert.equal((await ask('/assets/none')).text, 'hono has nothing');
    assert.equal((await ask('/api')).text, '{"api":true}');
    assert.equal((await ask('/app.js', { method: 'POST' })).text, 'posted');
    const home = await ask('/');
    assert.equal(home.text, 'home');
    assert.equal(home.headers.get('x-by'), 'hono');
    assert.equal((await ask('/later')).text, 'later');
    assert.equal((await ask('/none')).status, 404);
    assert.equal((await ask('/large.bin')).text.length, LARGE.length);
    const head = await ask('/large.bin', { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(LARGE.length));
    const range = await ask('/large.bin', { headers: { range: 'bytes=0-4' } });
    assert.equal(`${range.status} ${range.text}`, '206 large');
    await close();
  });

  test(`H3 takes it as middleware and below a path (engine ${engine})`, async () => {
    const app = new H3({ silent: true });
    app.use('/assets/**', files(root, { basePath: '/assets' }));
    app.get('/api', () => ({ api: true }));
    app.use(files(root));
    app.get('/later', () => 'later');
    const { ask, close } = await asking((request) => app.fetch(request), engine);
    assert.equal((await ask('/assets/app.js')).text, 'code');
    assert.equal((await ask('/assets/none')).status, 404);
    assert.deepEqual(JSON.parse((await ask('/api')).text), { api: true });
    assert.equal((await ask('/sub/')).text, 'sub');
    assert.equal((await ask('/later')).text, 'later');
    assert.equal((await ask('/large.bin')).text.length, LARGE.length);
    await close();
  });
}

test('a folder that is not there and an option that is not known are refused when the program starts', () => {
  assert.throws(
    () => files(join(root, 'nothing')),
    (error) => error instanceof OptionError && error.option === 'folder' && /ENOENT/.test(error.message),
  );
  assert.throws(() => files(join(root, 'app.js')), /folder: .*ENOTDIR/);
  assert.throws(
    () => files(root, { listing: 1 as never }),
    /files\.listing: 1 is not allowed; true or false/,
  );
});

test('a folder with a pace gives a large file no faster than that, and a small one at once', async () => {
  writeFileSync(join(root, 'paced.bin'), Buffer.alloc(1_500_000));
  const { ask, close } = await asking(files(root, { pace: '1m' }), 'epoll');
  const timeOf = async (path: string, length: number) => {
    const startedMs = performance.now();
    assert.equal((await ask(path)).text.length, length);
    return performance.now() - startedMs;
  };
  const pacedMs = await timeOf('/paced.bin', 1_500_000);
  // The first packets leave at once.
  assert.ok(pacedMs > 900, `${pacedMs} ms`);
  assert.ok((await timeOf('/app.js', 4)) < pacedMs);
  await close();
  rmSync(join(root, 'paced.bin'));
});
