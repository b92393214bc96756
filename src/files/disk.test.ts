/** The folder of a real file system under what happens to it: swaps, constant writing, odd entries. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PIECE_BYTES } from './body.ts';
import { openDisk } from './disk.ts';
import { createFilesHandler, type FilesHandler } from './handler.ts';
import type { Listing } from './source.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
after(() => rmSync(base, { recursive: true }));

const newFolder = () => mkdtempSync(join(base, 'x-'));

function openBelow(folder: string): string[] {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(folder));
}

async function textOf(handler: FilesHandler, url: string): Promise<string> {
  const response = await handler({ method: 'GET', url, headers: new Headers() });
  return response.status === 200 ? response.text() : String(response.status);
}

test('a root that is a link is followed anew with every request, and may be gone for a while', async () => {
  const folder = newFolder();
  const current = join(folder, 'current');
  for (const release of ['one', 'two']) {
    mkdirSync(join(folder, release, 'sub'), { recursive: true });
    writeFileSync(join(folder, release, 'small.txt'), release);
    writeFileSync(join(folder, release, 'large.txt'), release.repeat(PIECE_BYTES));
    writeFileSync(join(folder, release, 'sub', `only-${release}.txt`), '');
  }
  symlinkSync('one', current);
  const handler = createFilesHandler(openDisk(current, { trustMs: 0 }), { listing: true });
  const expectRelease = async (release: string): Promise<void> => {
    assert.equal(await textOf(handler, '/small.txt'), release);
    assert.equal((await textOf(handler, '/large.txt')).slice(0, 3), release);
    assert.ok((await textOf(handler, '/sub/')).includes(`only-${release}.txt`));
  };
  await expectRelease('one');
  symlinkSync('two', join(folder, 'next'));
  renameSync(join(folder, 'next'), current);
  await expectRelease('two');
  rmSync(join(folder, 'one'), { recursive: true });
  await expectRelease('two');
  rmSync(current);
  for (const url of ['/small.txt', '/large.txt', '/sub/', '/'])
    assert.equal(await textOf(handler, url), '404');
  // A build that removes its folder and makes it again.
  renameSync(join(folder, 'two'), current);
  await expectRelease('two');
});

test('what the old release linked to is outside once the root leads to the new one', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'one'));
  mkdirSync(join(folder, 'two'));
  writeFileSync(join(folder, 'one', 'secret.txt'), 'SECRET'.repeat(PIECE_BYTES));
  symlinkSync('../one/secret.txt', join(folder, 'two', 'link.txt'));
  symlinkSync('one', join(folder, 'current'));
  const handler = createFilesHandler(openDisk(join(folder, 'current')));
  assert.equal((await textOf(handler, '/secret.txt')).slice(0, 6), 'SECRET');
  rmSync(join(folder, 'current'));
  symlinkSync('two', join(folder, 'current'));
  assert.equal(await textOf(handler, '/link.txt'), '404');
});

test('no request is lost while a deployment swaps the root again and again', async (t) => {
  const folder = newFolder();
  const current = join(folder, 'current');
  for (const release of ['one', 'two']) {
    mkdirSync(join(folder, release));
    writeFileSync(join(folder, release, 'small.txt'), release);
    writeFileSync(join(folder, release, 'large.txt'), release.repeat(PIECE_BYTES));
  }
  symlinkSync('one', current);
  const handler = createFilesHandler(openDisk(current, { trustMs: 0, memoryBytesMax: 0 }));
  let isOver = false;
  t.after(() => (isOver = true));
  const swapping = (async () => {
    for (let i = 0; !isOver; i++) {
      symlinkSync(i % 2 === 0 ? 'two' : 'one', join(folder, 'next'));
      renameSync(join(folder, 'next'), current);
      // Some requests fall over a swap, and few over several: deployments take longer than requests.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  const seen = new Map<string, number>();
  const until = Date.now() + 1500;
  while (Date.now() < until) {
    for (const url of ['/small.txt', '/large.txt']) {
      const text = (await textOf(handler, url)).slice(0, 3);
      seen.set(text, (seen.get(text) ?? 0) + 1);
    }
  }
  isOver = true;
  await swapping;
  assert.deepEqual([...seen.keys()].sort(), ['one', 'two']);
  assert.deepEqual(openBelow(folder), []);
});

test('a small file that is written all the time is answered, with the length and the tag of what is sent', async (t) => {
  const folder = newFolder();
  const name = join(folder, 'status.json');
  writeFileSync(name, '');
  const fd = openSync(name, constants.O_RDWR);
  const source = openDisk(folder, { trustMs: 0 });
  let isOver = false;
  t.after(() => (isOver = true));
  let round = 0;
  // Each turn of the loop another length: every reading finds the file changed, until there is an end to it.
  const write = (): void => {
    if (isOver) return;
    round++;
    const text = String(round % 10).repeat(1 + ((round * 7919) % 5000));
    writeSync(fd, text, 0);
    ftruncateSync(fd, text.length);
    setImmediate(write);
  };
  write();
  const tags = new Map<string, string>();
  const handler = createFilesHandler(source);
  for (let i = 0; i < 200; i++) {
    const response = await handler({ method: 'GET', url: '/status.json', headers: new Headers() });
    assert.equal(response.status, 200);
    const text = await response.text();
    assert.equal(response.headers.get('content-length'), String(text.length));
    // The writer's two calls leave the end of the last version for a moment; nothing else may be mixed.
    assert.match(text, /^(\d*)$/);
    const etag = response.headers.get('etag') ?? '';
    assert.equal(tags.get(etag) ?? text, text, 'one tag, one content');
    tags.set(etag, text);
  }
  isOver = true;
  closeSync(fd);
  assert.deepEqual(openBelow(folder), []);
});

test('a file that grows beyond a piece while it is opened is streamed, one that shrinks below is read', async (t) => {
  const folder = newFolder();
  const name = join(folder, 'growing.log');
  writeFileSync(name, '');
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }));
  let isOver = false;
  t.after(() => (isOver = true));
  let isLarge = false;
  const write = (): void => {
    if (isOver) return;
    isLarge = !isLarge;
    writeFileSync(name, 'x'.repeat(isLarge ? PIECE_BYTES + 1000 : 1000));
    setImmediate(write);
  };
  write();
  for (let i = 0; i < 200; i++) {
    const response = await handler({ method: 'GET', url: '/growing.log', headers: new Headers() });
    assert.equal(response.status, 200);
    const length = Number(response.headers.get('content-length'));
    // What shrinks or is written anew while it is sent breaks: never fewer bytes than were promised, under an end that looks right.
    const text = await response.text().catch((error: { code?: string }) => error.code);
    if (!/^HOLDFAST_FILE_(?:SHRANK|CHANGED)$/.test(text ?? '')) assert.equal(text?.length, length);
  }
  isOver = true;
  // Closing is the thread pool's.
  for (let waitedMs = 0; waitedMs < 2000 && openBelow(folder).length > 0; waitedMs += 10) await sleep(10);
  assert.deepEqual(openBelow(folder), []);
});

for (const beneath of [true, false])
  test(`a FIFO is not opened: who waits for a reader goes on waiting (asking the kernel: ${beneath})`, async () => {
    const folder = newFolder();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const handler = createFilesHandler(openDisk(folder, { trustMs: 0, beneath }), { listing: true });
    let hasReader = false;
    const reader = setInterval(() => {
      try {
        // ENXIO as long as nobody has it open for reading.
        closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
        hasReader = true;
      } catch {}
    }, 0);
    for (let i = 0; i < 100; i++) assert.equal(await textOf(handler, '/pipe'), '404');
    assert.ok(!(await textOf(handler, '/')).includes('pipe'));
    clearInterval(reader);
    assert.equal(hasReader, false);
  });

/** Names that a path of a URL, a page or a text can get wrong. */
const ODD_NAMES = [
  '100%',
  '%41',
  '%2e%2e',
  'what?.txt',
  'a#b',
  'a&b;c=d',
  'a+b',
  'a b ',
  ' leading',
  'a:b',
  'javascript:alert(1)',
  '"quoted"',
  "it's",
  '<i>',
  '&amp;',
  'tab\there',
  'line\nbreak',
  '\u007f',
  'ünï',
  '日本語.txt',
  '[x]{y}|^`~',
  '*',
  'CON',
  'index.htm',
  'back\\slash',
  '..\\up',
  '.hidden',
  'x'.repeat(255),
];

/** All links of a listing but the one upwards, as a browser resolves them. */
async function linksOf(handler: FilesHandler, url: string): Promise<URL[]> {
  const page = await textOf(handler, url);
  const found = [...page.matchAll(/href="(\.\/[^"]*)"/g)].map(
    (match) => new URL(match[1]!, `http://here${url}`),
  );
  return found.filter((link) => link.href.startsWith(`http://here${url}`));
}

test('every link of a listing leads to what it names, and nothing is named that cannot be had', async () => {
  const folder = newFolder();
  for (const where of ['', 'sub folder?']) {
    mkdirSync(join(folder, where), { recursive: true });
    for (const name of ODD_NAMES) writeFileSync(join(folder, where, name), `file ${name}`);
  }
  mkdirSync(join(folder, 'folder %'));
  mkdirSync(join(folder, 'with index'));
  writeFileSync(join(folder, 'with index', 'index.html'), 'index');
  const raw = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x80])]);
  writeFileSync(raw, 'raw');
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  symlinkSync('fifo', join(folder, 'to-fifo'));
  symlinkSync('nowhere', join(folder, 'broken'));
  symlinkSync('circle', join(folder, 'circle'));
  symlinkSync('/etc', join(folder, 'outside'));
  symlinkSync('/etc/passwd', join(folder, 'outside-file'));
  symlinkSync('with index', join(folder, 'inside'));
  symlinkSync('/dev/null', join(folder, 'device'));
  const socket = createServer().listen(join(folder, 'socket'));
  await new Promise((resolve) => socket.on('listening', resolve));
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }), { listing: true });
  const seen: string[] = [];
  for (const url of ['/', '/sub%20folder%3F/']) {
    for (const link of await linksOf(handler, url)) {
      assert.equal(link.host, 'here');
      assert.equal(link.search + link.hash, '', link.href);
      const text = await textOf(handler, link.pathname);
      const bytes = link.pathname.slice(url.length).replaceAll('/', '').split('%');
      const name = Buffer.concat(
        bytes.map((part, i) =>
          i === 0
            ? Buffer.from(part)
            : Buffer.concat([Buffer.from(part.slice(0, 2), 'hex'), Buffer.from(part.slice(2))]),
        ),
      );
      seen.push(url + name.toString());
      if (link.pathname.endsWith('/')) assert.match(text, /<h1>|^index$|^404$/);
      else assert.equal(text, name[0] === 0xff ? 'raw' : `file ${name.toString()}`);
      assert.notEqual(text, '404', link.href);
    }
  }
  socket.close();
  const nameable = ODD_NAMES.filter((name) => !name.includes('\\') && !name.startsWith('.'));
  const wanted = [
    ...nameable.map((name) => `/${name}`),
    ...nameable.map((name) => `/sub%20folder%3F/${name}`),
    ...[
      '/folder %',
      '/with index',
      '/inside',
      '/sub folder?',
      `/${Buffer.from([0xff, 0xfe, 0x80]).toString()}`,
    ],
  ];
  assert.deepEqual(seen.sort(), wanted.sort());
});

/** Lists a folder as somebody whom permissions bind: prints the links, and the status of a closed file. */
const AS_USER = `
  const [folder, disk, handlers] = process.argv.slice(1);
  const { openDisk } = await import(disk);
  const { createFilesHandler } = await import(handlers);
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }), { listing: true });
  const ask = (url) => handler({ method: 'GET', url, headers: new Headers() });
  const page = await (await ask('/')).text();
  const links = [...page.matchAll(/href="(\\.\\/[^"]*)"/g)].map((match) => match[1]);
  console.log(JSON.stringify([links, (await ask('/closed.txt')).status]));
`;

test('what this user may not read is not named', (t) => {
  const uid = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
  const modules = ['./disk.js', './handler.js'].map((name) => new URL(name, import.meta.url).href);
  const folder = newFolder();
  chmodSync(base, 0o755);
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'closed.txt'), 'x');
  writeFileSync(join(folder, 'group.txt'), 'x');
  writeFileSync(join(folder, 'own.txt'), 'x');
  mkdirSync(join(folder, 'closed'));
  mkdirSync(join(folder, 'open'));
  for (const name of ['closed.txt', 'group.txt', 'own.txt', 'closed'])
    chownSync(join(folder, name), uid!, uid!);
  chmodSync(join(folder, 'closed.txt'), 0o000);
  chmodSync(join(folder, 'group.txt'), 0o040);
  chmodSync(join(folder, 'own.txt'), 0o400);
  chmodSync(join(folder, 'closed'), 0o600);
  const args = ['--input-type=module', '-e', AS_USER, '--', folder, ...modules];
  const child = spawnSync(process.execPath, args, { uid: uid!, encoding: 'utf8', cwd: '/' });
  if (/EACCES|ERR_MODULE_NOT_FOUND/.test(child.stderr)) return t.skip('that user cannot read the package');
  assert.deepEqual(JSON.parse(child.stdout), [['./open/', './own.txt'], 404], child.stderr);
});

test('a file with a strange time costs its folder nothing', async () => {
  const folder = newFolder();
  const times = [0, -1, -62_135_596_801, -1e11, 2 ** 31, 2 ** 33, 253_402_300_800, 2 ** 40, 9e12, 9e15];
  for (const [i, seconds] of times.entries()) {
    writeFileSync(join(folder, `f${i}`), 'x');
    // A negative number would mean now.
    const time = seconds < 0 ? new Date(seconds * 1000) : seconds;
    utimesSync(join(folder, `f${i}`), time, time);
  }
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }), { listing: true });
  assert.equal((await linksOf(handler, '/')).length, times.length);
  for (let i = 0; i < times.length; i++) assert.equal(await textOf(handler, `/f${i}`), 'x');
});

async function listingOf(folder: string, root = folder): Promise<Listing> {
  const source = openDisk(root, { trustMs: 0 });
  const listed = await source.list(folder.slice(root.length + 1));
  assert.equal(listed.kind, 'folder');
  return (listed as { listing: Listing }).listing;
}

test('a large folder is listed whole and in order, folders first, in pieces that wait for the reader', async () => {
  const folder = newFolder();
  const names = Array.from({ length: 3000 }, (_, i) => `n${(i * 7919) % 3000}`);
  for (const [i, name] of names.entries()) {
    if (i % 100 === 0) mkdirSync(join(folder, name));
    else writeFileSync(join(folder, name), '');
  }
  const listing = await listingOf(folder);
  assert.equal(listing.count, 3000);
  const entries = await listing.describe(0, 3000);
  listing.close();
  const sorted = [...entries].sort((a, b) =>
    a.isDirectory === b.isDirectory ? (a.name < b.name ? -1 : 1) : a.isDirectory ? -1 : 1,
  );
  assert.deepEqual(entries, sorted);
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }), { listing: true });
  const request = { url: '/', headers: new Headers() };
  const head = await handler({ ...request, method: 'HEAD' });
  assert.equal(head.body, null);
  const response = await handler({ ...request, method: 'GET' });
  assert.equal(response.headers.get('content-length'), head.headers.get('content-length'));
  let page = '';
  let largest = 0;
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    largest = Math.max(largest, next.value.length);
    page += decoder.decode(next.value, { stream: true });
    // Files that go while the page is read are left out; those that are there are all named.
    if (page.length === next.value.length)
      for (const i of [2997, 2998, 2999]) rmSync(join(folder, names[i]!));
  }
  assert.ok(largest < PIECE_BYTES, `${largest}`);
  const links = [...page.matchAll(/href="\.\/([^"]*)"/g)].map((match) => match[1]);
  assert.ok(links.length >= 2997 && links.length <= 3000, String(links.length));
  assert.equal(new Set(links).size, links.length);
  assert.match(page, /<\/html>\n$/);
});

test('a new or removed file shows at once, in a folder whose names were kept', async () => {
  const folder = newFolder();
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }), { listing: true });
  const count = async () => (await linksOf(handler, '/')).length;
  for (let i = 0; i < 30; i++) {
    assert.equal(await count(), i);
    // Every third time the folder has been at rest for long enough to be kept.
    if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(await count(), i);
    writeFileSync(join(folder, `f${i}`), '');
  }
  rmSync(join(folder, 'f3'));
  assert.equal(await count(), 29);
});

test('an empty folder says so, also when all of a long list has gone', async () => {
  const folder = newFolder();
  const handler = createFilesHandler(openDisk(folder, { trustMs: 0 }), { listing: true });
  assert.match(await textOf(handler, '/'), /This folder is empty/);
  for (let i = 0; i < 500; i++) writeFileSync(join(folder, `f${i}`), '');
  const response = await handler({ method: 'GET', url: '/', headers: new Headers() });
  for (let i = 0; i < 500; i++) rmSync(join(folder, `f${i}`));
  const page = await response.text();
  assert.match(page, /This folder is empty[\s\S]*<\/html>\n$/);
});
