/** What a folder answers by its options: pages of applications, other origins, several ranges, files that change. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDisk } from './disk.ts';
import { createFilesHandler } from './handler.ts';
import type { FilesOptions } from './options.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-answers-'));
after(() => rmSync(root, { recursive: true }));
const LONG_AGO = new Date('2026-01-02T03:04:05Z');

function put(name: string, content: string | Buffer): void {
  mkdirSync(join(root, name, '..'), { recursive: true });
  writeFileSync(join(root, name), content);
  utimesSync(join(root, name), LONG_AGO, LONG_AGO);
}

/** More than is sent between two looks at the file. */
const LARGE = Buffer.alloc(3_000_000);
for (let i = 0; i < LARGE.length; i++) LARGE[i] = (i * 31) >> 3;
put('index.html', 'home');
put('about.html', 'about');
put('docs/index.html', 'docs');
put('docs.html', 'never');
put('both', 'plain');
put('both.html', 'never');
put('app.js', 'code');
put('digits.txt', '0123456789'.repeat(100));
put('large.bin', LARGE);
put('assets/index-BkYzq0aF.js', 'hashed');

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

async function ask(options: FilesOptions, url: string, { method = 'GET', headers = {} }: Ask = {}) {
  const handler = createFilesHandler(openDisk(root), options);
  const response = await handler({ method, url, headers: new Headers(headers) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test('a name without its ending is the page of that name, where nothing else is called so', async () => {
  assert.equal((await ask({}, '/about')).text, 'about');
  assert.equal((await ask({}, '/both')).text, 'plain');
  assert.equal((await ask({}, '/docs')).status, 301);
  assert.equal((await ask({}, '/about/')).status, 404);
  assert.equal((await ask({ cleanUrls: false }, '/about')).status, 404);
  assert.match((await ask({}, '/about')).headers.get('content-type') ?? '', /^text\/html/);
});

test('an application answers its paths with its page, and what is missing is missing', async () => {
  const page = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
  for (const url of ['/users/7', '/users/', '/deep/er/path?x=1'])
    assert.equal((await ask({ spa: true }, url)).text, 'home', url);
  assert.equal((await ask({ spa: true }, '/users/j.doe', page)).text, 'home');
  assert.equal((await ask({ spa: true }, '/users/j.doe', page)).status, 200);
  for (const headers of [{ accept: '*/*' }, {}] as Record<string, string>[])
    assert.equal((await ask({ spa: true }, '/missing.js', { headers })).status, 404);
  assert.equal((await ask({ spa: true }, '/api/x', { headers: { accept: 'application/json' } })).status, 404);
  assert.equal((await ask({ spa: true }, '/app.js')).text, 'code');
  assert.equal((await ask({ spa: 'about.html' }, '/x')).text, 'about');
  assert.equal((await ask({ spa: 'nothing.html' }, '/x')).status, 404);
  assert.equal((await ask({ spa: true }, '/../x')).status, 404);
});

test('below a base path is the folder, and nothing beside it', async () => {
  const options = { basePath: '/static' };
  assert.equal((await ask(options, '/static/app.js')).text, 'code');
  assert.equal((await ask(options, '/static/')).text, 'home');
  assert.equal((await ask(options, 'http://a.example/static/docs/')).text, 'docs');
  const moved = await ask(options, '/static?x=1');
  assert.equal(moved.status, 301);
  assert.equal(new URL(moved.headers.get('location') ?? '', 'http://a/static').pathname, '/static/');
  for (const url of ['/app.js', '/staticapp.js', '/static/../app.js', '/'])
    assert.equal((await ask(options, url)).status, 404, url);
});

test('pages of other origins may read what the operator says, and are told so before they ask', async () => {
  const headers = { origin: 'https://a.example' };
  assert.equal((await ask({}, '/app.js', { headers })).headers.get('access-control-allow-origin'), null);
  const all = await ask({ cors: true }, '/app.js', { headers });
  assert.equal(all.headers.get('access-control-allow-origin'), '*');
  assert.match(all.headers.get('access-control-expose-headers') ?? '', /content-range/);
  assert.equal((await ask({ cors: true }, '/none')).headers.get('access-control-allow-origin'), '*');
  const some: FilesOptions = { cors: ['https://a.example', 'https://b.example'] };
  const allowed = await ask(some, '/app.js', { headers });
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://a.example');
  assert.equal(allowed.headers.get('vary'), 'origin');
  const other = await ask(some, '/app.js', { headers: { origin: 'https://c.example' } });
  assert.equal(other.headers.get('access-control-allow-origin'), null);
  assert.equal(other.headers.get('vary'), 'origin');
  const preflight = await ask(some, '/app.js', {
    method: 'OPTIONS',
    headers: {
      ...headers,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'range',
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-methods'), 'GET, HEAD, OPTIONS');
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'range');
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://a.example');
});

test('rules by pattern say how long a file is kept, and 304 says it again', async () => {
  const options: FilesOptions = {
    cacheControl: [{ match: '/assets/*', value: 'public, max-age=60' }],
    immutable: true,
  };
  const asset = await ask(options, '/assets/index-BkYzq0aF.js');
  assert.equal(asset.headers.get('cache-control'), 'public, max-age=60');
  const headers = { 'if-none-match': asset.headers.get('etag') ?? '' };
  const again = await ask(options, '/assets/index-BkYzq0aF.js', { headers });
  assert.equal(again.status, 304);
  assert.equal(again.headers.get('cache-control'), 'public, max-age=60');
  assert.equal((await ask(options, '/')).headers.get('cache-control'), 'no-cache');
  assert.match(
    (await ask({ immutable: true }, '/assets/index-BkYzq0aF.js')).headers.get('cache-control') ?? '',
    /immutable/,
  );
});

test('what is to be saved says its name, and the rest is shown', async () => {
  const options: FilesOptions = { download: ['*.bin', '/assets/*'] };
  assert.equal(
    (await ask(options, '/large.bin', { method: 'HEAD' })).headers.get('content-disposition'),
    'attachment; filename="large.bin"',
  );
  assert.equal((await ask(options, '/app.js')).headers.get('content-disposition'), null);
  assert.match(
    (await ask({ download: true }, '/app.js')).headers.get('content-disposition') ?? '',
    /^attachment/,
  );
});

test('several ranges come in parts that say which they are, from memory and from disk', async () => {
  for (const [name, content] of [
    ['/digits.txt', Buffer.from('0123456789'.repeat(100))],
    ['/large.bin', LARGE],
  ] as const) {
    const size = content.length;
    const asked = [[500, 509], [0, 4], [size - 7, size - 1]] as const; // biome-ignore format: a list
    const range = `bytes=${asked.map(([first, last]) => `${first}-${last}`).join(', ')}`;
    const handler = createFilesHandler(openDisk(root));
    const response = await handler({ method: 'GET', url: name, headers: new Headers({ range }) });
    assert.equal(response.status, 206);
    assert.equal(response.headers.get('content-range'), null);
    const body = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get('content-length'), String(body.length));
    const [, boundary] = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(
      response.headers.get('content-type') ?? '',
    )!;
    const type = name === '/digits.txt' ? 'text/plain; charset=utf-8' : 'application/octet-stream';
    const wanted = asked.map(([first, last]) =>
      Buffer.concat([
        Buffer.from(
          `--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${first}-${last}/${size}\r\n\r\n`,
        ),
        content.subarray(first, last + 1),
        Buffer.from('\r\n'),
      ]),
    );
    assert.ok(body.equals(Buffer.concat([...wanted, Buffer.from(`--${boundary}--\r\n`)])), name);
  }
});

/** A file that is streamed, of which the first piece has been read. */
async function begun(name: string, headers: Record<string, string> = {}) {
  // Changes within one tick of the clock cannot be told apart: it has no tag so soon.
  await sleep(25);
  const response = await createFilesHandler(openDisk(root))({
    method: 'GET',
    url: `/${name}`,
    headers: new Headers(headers),
  });
  const reader = response.body!.getReader();
  await reader.read();
  const rest = async (): Promise<number> => {
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return bytes;
      bytes += value.length;
    }
  };
  return { etag: response.headers.get('etag'), rest };
}

test('a file that is written anew in place while it is sent breaks the answer before another version ends it', async () => {
  put('changing.bin', LARGE);
  const { etag, rest } = await begun('changing.bin');
  assert.notEqual(etag, null);
  writeFileSync(join(root, 'changing.bin'), Buffer.alloc(LARGE.length, 'x'));
  await assert.rejects(rest, { code: 'HOLDFAST_FILE_CHANGED' });
  put('changing.bin', LARGE);
  const grown = await begun('changing.bin', { range: 'bytes=1-2500000' });
  appendFileSync(join(root, 'changing.bin'), 'more');
  await assert.rejects(grown.rest, { code: 'HOLDFAST_FILE_CHANGED' });
});

test('a file that is replaced while it is sent is sent to its end as it was', async () => {
  put('replaced.bin', LARGE);
  const { rest } = await begun('replaced.bin');
  writeFileSync(join(root, 'new.bin'), Buffer.alloc(LARGE.length, 'x'));
  renameSync(join(root, 'new.bin'), join(root, 'replaced.bin'));
  assert.equal(await rest(), LARGE.length - 65_536);
});

test('a log that is being written to has no tag, and is sent as long as it was', async () => {
  writeFileSync(join(root, 'server.log'), LARGE);
  const { etag, rest } = await begun('server.log');
  assert.equal(etag, null);
  appendFileSync(join(root, 'server.log'), 'more');
  assert.equal(await rest(), LARGE.length - 65_536);
});

test('what is kept ready answers as the first did, what others change stays with them, and conditions still hold', async () => {
  const later = () => Date.now() + 10_000;
  const handler = createFilesHandler(openDisk(root), {}, later);
  const get = async (headers: Record<string, string> = {}, method = 'GET') =>
    handler({ method, url: '/digits.txt', headers: new Headers(headers) });
  await sleep(25);
  const first = await get();
  const wanted = [...first.headers];
  const text = await first.text();
  for (let i = 0; i < 3; i++) {
    const again = await get();
    assert.deepEqual([...again.headers], wanted);
    again.headers.set('x-by', 'a middleware');
    again.headers.delete('etag');
    const bytes = new Uint8Array(await again.arrayBuffer());
    assert.equal(Buffer.from(bytes).toString(), text);
    bytes.fill(0);
  }
  const head = await get({}, 'HEAD');
  assert.deepEqual([...head.headers], wanted);
  assert.equal(head.body, null);
  assert.equal((await get({ 'if-none-match': first.headers.get('etag') ?? '' })).status, 304);
  assert.equal((await get({ 'if-match': '"other"' })).status, 412);
  assert.equal(await (await get({ range: 'bytes=5-7' })).text(), '567');
});
