import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDisk } from './disk.ts';
import { createFilesHandler, type FilesHandler } from './handler.ts';
import { escapeHtml } from './listing.ts';
import type { FilesOptions } from './options.ts';
import type { FileSource } from './source.ts';

const BIG_BYTES = 1_000_003;
const LONG_AGO = new Date('2026-01-02T03:04:05.678Z');
let base = '';
let root = '';

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-files-'));
  root = join(base, 'root');
  await mkdir(join(root, 'sub', 'deep'), { recursive: true });
  await mkdir(join(root, '.well-known'));
  await mkdir(join(root, '.git'));
  await mkdir(join(root, 'a b & <c>'));
  await mkdir(join(base, 'outside'));
  await mkdir(join(base, 'root-sibling'));
  const files: Record<string, string | Buffer> = {
    'root/index.html': '<p>home</p>',
    'root/style.css': 'p{}',
    'root/empty': '',
    'root/ä ö.txt': 'umlaut',
    'root/.env': 'SECRET',
    'root/.git/config': 'SECRET',
    'root/.well-known/x.txt': 'known',
    'root/sub/index.html': '<p>sub</p>',
    'root/big.bin': bigBytes(),
    'outside/secret.txt': 'SECRET',
    'root-sibling/secret.txt': 'SECRET',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(base, name), content);
  await writeFile(
    Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x2e, 0x74, 0x78, 0x74])]),
    'raw',
  );
  await symlink(join(base, 'outside'), join(root, 'link-out'));
  await symlink(join(base, 'outside', 'secret.txt'), join(root, 'link-file'));
  await symlink('../root-sibling/secret.txt', join(root, 'link-sibling'));
  await symlink('sub/index.html', join(root, 'link-in'));
  await symlink('/etc', join(root, 'a b & <c>', 'etc'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  for (const name of ['index.html', 'style.css', 'big.bin', 'empty'])
    await utimes(join(root, name), LONG_AGO, LONG_AGO);
});

after(() => rm(base, { recursive: true }));

function bigBytes(): Buffer {
  const bytes = Buffer.alloc(BIG_BYTES);
  for (let i = 0; i < BIG_BYTES; i++) bytes[i] = (i * 31) >> 3;
  return bytes;
}

function handlerOf(options: FilesOptions = {}, now = Date.now, beneath = true): FilesHandler {
  const { symlinks = 'inside', dotfiles = false } = options;
  return createFilesHandler(openDisk(root, { symlinks, dotfiles, beneath, trustMs: 0 }), options, now);
}

/** Asks with the target as it stands: no URL parser tidies it first. */
async function ask(
  target: string,
  headers: Record<string, string> = {},
  method = 'GET',
  handler?: FilesHandler,
) {
  const answer = handler ?? handlerOf();
  return answer({ method, url: target, headers: new Headers(headers) });
}

/** Descriptors of this process that lead below the test folder; one that is being closed is waited for. */
async function openFiles(): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(base));
}

test('a file is sent whole with its type, length and validators', async () => {
  const response = await ask('/style.css?v=1');
  assert.equal(response.status, 200);
  assert.equal(await response.text(), 'p{}');
  assert.equal(response.headers.get('content-type'), 'text/css; charset=utf-8');
  assert.equal(response.headers.get('content-length'), '3');
  assert.equal(response.headers.get('last-modified'), 'Fri, 02 Jan 2026 03:04:05 GMT');
  assert.match(response.headers.get('etag') ?? '', /^"[^"]+"$/);
  assert.equal(response.headers.get('cache-control'), 'no-cache');
  assert.equal(response.headers.get('accept-ranges'), 'bytes');
});

test('a folder shows its index file, and without its slash leads to it, query kept', async () => {
  assert.equal(await (await ask('/')).text(), '<p>home</p>');
  assert.equal(await (await ask('/sub/')).text(), '<p>sub</p>');
  const redirect = await ask('/sub?a=b');
  assert.equal(redirect.status, 301);
  assert.equal(redirect.headers.get('location'), './sub/?a=b');
});

test('no redirect leads to another host, whatever slashes the request has', async () => {
  for (const target of ['//sub', '///sub', '/sub', '//sub?x=//evil.example', '/a%20b%20%26%20%3Cc%3E']) {
    const response = await ask(target);
    assert.equal(response.status, 301, target);
    const location = response.headers.get('location') ?? '';
    assert.ok(location.startsWith('./'), location);
    assert.equal(new URL(location, 'http://here.example/').host, 'here.example');
  }
});

for (const beneath of [true, false]) {
  const way = beneath ? 'the kernel keeps to the folder' : 'it is looked up';
  test(`nothing outside of the folder is ever sent, where ${way}`, async () => {
    const targets = [
      '/../outside/secret.txt',
      '/sub/../../outside/secret.txt',
      '/%2e%2e/outside/secret.txt',
      '/..%2foutside/secret.txt',
      '/%2e%2e%2foutside%2fsecret.txt',
      '/..\\outside\\secret.txt',
      '/..%5coutside%5csecret.txt',
      '/link-out/secret.txt',
      '/link-file',
      '/link-sibling',
      '/../root-sibling/secret.txt',
      '/.env',
      '/%2eenv',
      '/.git/config',
      '/index.html%00',
      '/index.html/',
      '/index.html/x',
      '/pipe',
      '//etc/passwd',
      '/%2fetc/passwd',
      `/${'a'.repeat(300)}`,
      `/${'a/'.repeat(6000)}`,
    ];
    for (const target of targets) {
      const response = await ask(target, {}, 'GET', handlerOf({}, Date.now, beneath));
      assert.equal(response.status, 404, target);
      assert.equal(await response.text(), '404 Not Found\n', target);
    }
    assert.equal((await ask('/%zz')).status, 400);
    assert.deepEqual(await openFiles(), []);
  });

  test(`links inside the folder work, links outside only when allowed, where ${way}`, async () => {
    const inside = handlerOf({}, Date.now, beneath);
    assert.equal(await (await ask('/link-in', {}, 'GET', inside)).text(), '<p>sub</p>');
    const none = handlerOf({ symlinks: 'none' }, Date.now, beneath);
    for (const target of ['/link-in', '/link-file', '/link-out/secret.txt'])
      assert.equal((await ask(target, {}, 'GET', none)).status, 404, target);
    assert.equal(await (await ask('/sub/', {}, 'GET', none)).text(), '<p>sub</p>');
    const open = handlerOf({ symlinks: 'all' }, Date.now, beneath);
    assert.equal(await (await ask('/link-file', {}, 'GET', open)).text(), 'SECRET');
  });
}

test('names are matched as bytes, UTF-8 or not', async () => {
  assert.equal(await (await ask('/%C3%A4%20%C3%B6.txt')).text(), 'umlaut');
  assert.equal(await (await ask('/%FF.txt')).text(), 'raw');
  assert.equal(await (await ask('/.well-known/x.txt')).text(), 'known');
});

test('other methods are refused with what is allowed', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'BREW']) {
    const response = await ask('/style.css', {}, method);
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD, OPTIONS');
  }
  const options = await ask('/style.css', {}, 'OPTIONS');
  assert.equal(options.status, 204);
  assert.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS');
});

test('HEAD tells the same as GET and sends nothing', async () => {
  for (const target of ['/style.css', '/big.bin', '/', '/sub/', '/empty']) {
    const get = await ask(target);
    const head = await ask(target, {}, 'HEAD');
    await get.body?.cancel();
    assert.equal(head.body, null);
    assert.deepEqual([...head.headers], [...get.headers]);
  }
});

test('a client that has the file is told so, by tag and by date', async () => {
  const name = join(root, 'had.txt');
  await writeFile(name, 'x');
  const later = Date.now() + 5000;
  const handler = handlerOf({}, () => later);
  const first = await ask('/had.txt', {}, 'GET', handler);
  const etag = first.headers.get('etag') ?? '';
  const date = first.headers.get('last-modified') ?? '';
  for (const headers of [{ 'if-none-match': etag }, { 'if-modified-since': date }]) {
    const response = await ask('/had.txt', headers, 'GET', handler);
    assert.equal(response.status, 304);
    assert.equal(response.body, null);
    assert.equal(response.headers.get('etag'), etag);
  }
  assert.equal((await ask('/had.txt', { 'if-match': '"other"' }, 'GET', handler)).status, 412);
  await rm(name);
});

test('a file whose second is not over has no date yet, and a tag all the same', async () => {
  const name = join(root, 'fresh.txt');
  await writeFile(name, 'x');
  const now = Date.now();
  const early = await ask(
    '/fresh.txt',
    {},
    'GET',
    handlerOf({}, () => now),
  );
  const late = await ask(
    '/fresh.txt',
    {},
    'GET',
    handlerOf({}, () => now + 2000),
  );
  assert.equal(early.headers.get('last-modified'), null);
  assert.match(late.headers.get('last-modified') ?? '', /GMT$/);
  assert.equal(early.headers.get('etag'), late.headers.get('etag'));
  await rm(name);
});

test('any single range gives exactly those bytes', async () => {
  const bytes = bigBytes();
  const ranges: [string, number, number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=65535-65536', 65535, 65537],
    ['bytes=1-', 1, BIG_BYTES],
    ['bytes=-70000', BIG_BYTES - 70000, BIG_BYTES],
    ['bytes=999999-5000000', 999999, BIG_BYTES],
  ];
  for (const [range, start, end] of ranges) {
    const response = await ask('/big.bin', { range });
    assert.equal(response.status, 206);
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${BIG_BYTES}`);
    assert.equal(response.headers.get('content-length'), String(end - start));
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end)), range);
  }
  const outside = await ask('/big.bin', { range: `bytes=${BIG_BYTES}-` });
  assert.equal(outside.status, 416);
  assert.equal(outside.headers.get('content-range'), `bytes */${BIG_BYTES}`);
  const other = await ask('/big.bin', { range: 'bytes=0-0', 'if-range': '"other"' });
  assert.equal(other.status, 200);
  await other.body?.cancel();
  const etag = (await ask('/big.bin', {}, 'HEAD')).headers.get('etag') ?? '';
  const same = await ask('/big.bin', { range: 'bytes=0-0', 'if-range': etag });
  assert.equal(same.status, 206);
  assert.equal((await same.arrayBuffer()).byteLength, 1);
});

test('a file kept in memory is seen to change, go, come back and be replaced by a link outside', async () => {
  const name = join(root, 'kept.txt');
  const handler = handlerOf();
  const body = async () => (await ask('/kept.txt', {}, 'GET', handler)).text();
  const settle = () => utimes(name, LONG_AGO, LONG_AGO);
  for (const content of ['one', 'two', 'three']) {
    await writeFile(name, content);
    await settle();
    for (let i = 0; i < 3; i++) assert.equal(await body(), content);
  }
  await rm(name);
  assert.equal((await ask('/kept.txt', {}, 'GET', handler)).status, 404);
  await symlink(join(base, 'outside', 'secret.txt'), name);
  assert.equal((await ask('/kept.txt', {}, 'GET', handler)).status, 404);
  await rm(name);
  await writeFile(name, 'again');
  assert.equal(await body(), 'again');
  await rm(name);
});

test('an empty file is an empty answer', async () => {
  const response = await ask('/empty');
  assert.equal(response.headers.get('content-length'), '0');
  assert.equal(await response.text(), '');
});

test('a large file arrives whole and its descriptor is given back', async () => {
  const response = await ask('/big.bin');
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(bigBytes()));
  assert.deepEqual(await openFiles(), []);
});

test('nothing is read before it is asked for, and a cancelled answer gives its descriptor back', async () => {
  const response = await ask('/big.bin');
  assert.equal((await openFiles()).length, 1);
  const reader = response.body!.getReader();
  const first = await reader.read();
  assert.equal(first.value?.length, 65536);
  await reader.cancel();
  assert.deepEqual(await openFiles(), []);
  const pending = (await ask('/big.bin')).body!.getReader();
  const read = pending.read();
  await pending.cancel();
  await read;
  assert.deepEqual(await openFiles(), []);
});

test('a file that shrinks while it is sent breaks the answer, one that grows is sent as it was', async () => {
  const name = join(root, 'changing.bin');
  await writeFile(name, Buffer.alloc(200_000, 1));
  const reader = (await ask('/changing.bin')).body!.getReader();
  await reader.read();
  await truncate(name, 70_000);
  await assert.rejects(async () => {
    for (;;) if ((await reader.read()).done) return;
  }, /the file ended 130000 bytes short/);
  await writeFile(name, Buffer.alloc(200_000, 1));
  const growing = await ask('/changing.bin');
  await truncate(name, 300_000);
  assert.equal((await growing.arrayBuffer()).byteLength, 200_000);
  assert.deepEqual(await openFiles(), []);
  await rm(name);
});

test('a folder is listed only when asked for, with hostile names made harmless', async () => {
  const name = `"><script>alert(1)<&'.txt`.replaceAll('/', '');
  await writeFile(join(root, 'a b & <c>', name), 'x');
  assert.equal((await ask('/a%20b%20%26%20%3Cc%3E/')).status, 404);
  const response = await ask('/a%20b%20%26%20%3Cc%3E/', {}, 'GET', handlerOf({ listing: true }));
  const page = await response.text();
  assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(page)));
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.ok(!page.includes('<script'));
  assert.ok(page.includes(escapeHtml(name)));
  assert.ok(!page.includes('etc'), 'a link that leads outside is not named');
  const link = /href="(\.\/[^"]*script[^"]*)"/.exec(page)?.[1] ?? '';
  assert.equal(await (await ask(new URL(link, 'http://x/a%20b%20%26%20%3Cc%3E/').pathname)).text(), 'x');
});

test('a host that is out of descriptors for now is no reason to say that a file is not there', async () => {
  const busy: FileSource = {
    openKept: () => undefined,
    openShared: () => undefined,
    open: async () => ({ kind: 'busy' }),
    list: async () => ({ kind: 'busy' }),
  };
  for (const target of ['/a', '/']) {
    const response = await ask(target, {}, 'GET', createFilesHandler(busy));
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
  }
});

test('a 404 page of the folder is used when there is one', async () => {
  await writeFile(join(root, '404.html'), '<p>lost</p>');
  const response = await ask('/nowhere');
  assert.equal(response.status, 404);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.equal(await response.text(), '<p>lost</p>');
  await rm(join(root, '404.html'));
});

test('a folder that is not there, or is a file, is refused at once', async () => {
  assert.throws(() => openDisk(join(base, 'nothing')), { code: 'ENOENT' });
  assert.throws(() => openDisk(join(root, 'index.html')), { code: 'ENOTDIR' });
});
