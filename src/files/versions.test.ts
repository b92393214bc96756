/** Two versions of a file are never taken for one, however their times and sizes are alike; one is recognised. */
import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PIECE_BYTES } from './body.ts';
import { openDisk } from './disk.ts';
import { createFilesHandler, type FilesHandler } from './handler.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-versions-'));
after(() => rmSync(base, { recursive: true }));

const SIZES = [['small', 12], ['large', PIECE_BYTES + 12]] as const; // biome-ignore format: a table
const TIMES: [string, Date | number][] = [
  ['0', 0],
  ['1, as Nix has it', 1],
  ['1985, as npm has it', new Date('1985-10-26T08:15:00Z')],
  ['1980, as archives have it', new Date('1980-01-01T00:00:00Z')],
  ['of the source, as container layers may have it', new Date('2024-05-06T07:08:09Z')],
  ['to the millisecond', new Date('2024-05-06T07:08:09.123Z')],
  ['before the epoch', new Date(-1e12)],
  ['in the future', Date.now() / 1000 + 86_400],
];

/** Files that changed a moment ago are told apart by their tags alone; later ones by date too. */
const LATER_MS = 10_000;

async function handlerOf(folder: string, laterMs = 0): Promise<FilesHandler> {
  return createFilesHandler(openDisk(folder, { trustMs: 0 }), {}, () => Date.now() + laterMs);
}

async function get(handler: FilesHandler, headers: Record<string, string> = {}, url = '/app.js') {
  const response = await handler({ method: 'GET', url, headers: new Headers(headers) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What a client that holds `first` may be told, once the file has another content. */
async function expectSeen(handler: FilesHandler, first: Awaited<ReturnType<typeof get>>, what: string) {
  const etag = first.headers.get('etag');
  const date = first.headers.get('last-modified');
  const requests: Record<string, string>[] = [];
  if (etag !== null) requests.push({ 'if-none-match': etag }, { range: 'bytes=0-3', 'if-range': etag });
  if (date !== null) requests.push({ 'if-modified-since': date }, { range: 'bytes=0-3', 'if-range': date });
  if (etag !== null && date !== null) requests.push({ 'if-none-match': etag, 'if-modified-since': date });
  for (const request of requests) {
    const second = await get(handler, request);
    assert.equal(second.status, 200, `${what}: ${JSON.stringify(request)}`);
    assert.notEqual(second.text, first.text, what);
    if (etag !== null) assert.notEqual(second.headers.get('etag'), etag, what);
  }
}

for (const [size, bytes] of SIZES) {
  test(`a ${size} file that is replaced by one of the same size and time is seen to be another`, async () => {
    for (const laterMs of [0, LATER_MS]) {
      for (const [what, time] of TIMES) {
        const folder = mkdtempSync(join(base, 'replace-'));
        const put = (letter: string): void => {
          writeFileSync(join(folder, 'new'), letter.repeat(bytes));
          utimesSync(join(folder, 'new'), time, time);
          renameSync(join(folder, 'new'), join(folder, 'app.js'));
        };
        put('a');
        await sleep(25);
        const handler = await handlerOf(folder, laterMs);
        const first = await get(handler);
        assert.notEqual(first.headers.get('etag'), null);
        put('b');
        await expectSeen(handler, first, `${what}, ${laterMs} ms later`);
        await expectSeen(await handlerOf(folder, laterMs), first, `${what}, by another server`);
      }
    }
  });

  test(`a ${size} file that is written again in place with its time set back is seen to be another`, async () => {
    const folder = mkdtempSync(join(base, 'place-'));
    const name = join(folder, 'app.js');
    writeFileSync(name, 'a'.repeat(bytes));
    await sleep(25);
    const handler = await handlerOf(folder);
    const first = await get(handler);
    const { atime, mtime } = statSync(name);
    writeFileSync(name, 'b'.repeat(bytes));
    utimesSync(name, atime, mtime);
    await expectSeen(handler, first, 'in place');
  });

  test(`a ${size} file that is written again within its second is seen to be another`, async () => {
    const folder = mkdtempSync(join(base, 'second-'));
    const name = join(folder, 'app.js');
    writeFileSync(name, 'a'.repeat(bytes));
    const handler = await handlerOf(folder);
    for (const letter of ['b', 'c', 'd', 'e']) {
      const first = await get(handler);
      writeFileSync(name, letter.repeat(bytes));
      await expectSeen(handler, first, letter);
    }
  });

  test(`a ${size} file is seen to be another when the root or a link within it comes to lead elsewhere, and back`, async () => {
    const folder = mkdtempSync(join(base, 'swap-'));
    for (const release of ['one', 'two']) {
      mkdirSync(join(folder, release));
      writeFileSync(join(folder, release, 'app.js'), release.repeat(bytes));
      utimesSync(join(folder, release, 'app.js'), 1e9, 1e9);
    }
    const swap = (release: string): void => {
      symlinkSync(release, join(folder, 'next'));
      renameSync(join(folder, 'next'), join(folder, 'current'));
    };
    swap('one');
    await sleep(25);
    const cases = [[join(folder, 'current'), '/app.js'], [folder, '/current/app.js']] as const; // biome-ignore format: a table
    for (const [root, url] of cases) {
      const handler = createFilesHandler(openDisk(root, { trustMs: 0 }), {}, () => Date.now() + LATER_MS);
      for (const release of ['two', 'one', 'two']) {
        const first = await get(handler, {}, url);
        swap(release);
        const etag = first.headers.get('etag') ?? '';
        const date = first.headers.get('last-modified') ?? '';
        for (const headers of [{ 'if-none-match': etag }, { 'if-modified-since': date }]) {
          const second = await get(handler, headers, url);
          assert.equal(second.status, 200, `${url} ${release} ${JSON.stringify(headers)}`);
          assert.equal(second.text, release.repeat(bytes));
        }
      }
      swap('one');
    }
  });

  test(`a ${size} file that stays as it is keeps its tag, whoever asks and whenever`, async () => {
    const folder = mkdtempSync(join(base, 'same-'));
    writeFileSync(join(folder, 'app.js'), 'a'.repeat(bytes));
    utimesSync(join(folder, 'app.js'), 1, 1);
    await sleep(25);
    const etag = (await get(await handlerOf(folder))).headers.get('etag') ?? '';
    assert.match(etag, /^"[\w-]{22}"$/);
    for (const laterMs of [0, LATER_MS]) {
      const handler = await handlerOf(folder, laterMs);
      assert.equal((await get(handler, { 'if-none-match': etag })).status, 304);
      assert.equal((await get(handler, { range: 'bytes=0-3', 'if-range': etag })).status, 206);
    }
  });
}

test('a small file has the same tag on two machines and after a deployment that leaves it as it is', async () => {
  const tags = [];
  for (const time of [1, 1e9, Date.now() / 1000]) {
    const folder = mkdtempSync(join(base, 'machine-'));
    writeFileSync(join(folder, 'app.js'), 'the same');
    utimesSync(join(folder, 'app.js'), time, time);
    tags.push((await get(await handlerOf(folder))).headers.get('etag'));
  }
  assert.equal(new Set(tags).size, 1);
  assert.notEqual(tags[0], null);
});

test('a large file that may change without a trace has no tag yet', async () => {
  const folder = mkdtempSync(join(base, 'fresh-'));
  const name = join(folder, 'app.js');
  writeFileSync(name, 'a'.repeat(PIECE_BYTES + 1));
  const handler = await handlerOf(folder, LATER_MS);
  let untaggedCount = 0;
  // Whether a request falls within the tick of the clock is up to the machine: it is tried until one does.
  for (let i = 0; i < 50 && untaggedCount === 0; i++) {
    writeFileSync(name, 'b'.repeat(PIECE_BYTES + 1));
    if ((await get(handler)).headers.get('etag') === null) untaggedCount++;
  }
  assert.equal(untaggedCount, 1);
  await sleep(25);
  // Whoever wrote a moment ago may be writing still.
  assert.equal((await get(handler)).headers.get('etag'), null);
  const past = Date.now() / 1000 - 11;
  utimesSync(name, past, past);
  await sleep(25);
  assert.notEqual((await get(handler)).headers.get('etag'), null);
});

test('an answer with strange times has no date, and none has one that is later than its own', async () => {
  const folder = mkdtempSync(join(base, 'strange-'));
  const name = join(folder, 'app.js');
  writeFileSync(name, 'x');
  const handler = await handlerOf(folder, LATER_MS);
  for (const second of [0, 1, -1, -62_135_596_800, 2 ** 33, 2 ** 40, 8e12]) {
    const time = new Date(second * 1000);
    utimesSync(name, time, time);
    const { status, headers } = await get(handler);
    assert.equal(status, 200);
    assert.equal(headers.get('last-modified'), null, String(time));
    assert.match(headers.get('etag') ?? '', /^"/);
  }
});

test('a file that two releases share by a hard link stays the same across their swap', async () => {
  const folder = mkdtempSync(join(base, 'shared-'));
  mkdirSync(join(folder, 'one'));
  mkdirSync(join(folder, 'two'));
  writeFileSync(join(folder, 'one', 'app.js'), 'shared');
  linkSync(join(folder, 'one', 'app.js'), join(folder, 'two', 'app.js'));
  symlinkSync('one', join(folder, 'current'));
  const handler = await handlerOf(join(folder, 'current'));
  const etag = (await get(handler)).headers.get('etag') ?? '';
  rmSync(join(folder, 'current'));
  symlinkSync('two', join(folder, 'current'));
  assert.equal((await get(handler, { 'if-none-match': etag })).status, 304);
});
