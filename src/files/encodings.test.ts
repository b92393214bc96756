/** Forms of a file: which a client takes, files beside it, compressing when asked, and what tells them apart. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import zlib from 'node:zlib';
import { codingsFor } from './accept-encoding.ts';
import { openDisk } from './disk.ts';
import { createFilesHandler, type FilesHandler } from './handler.ts';
import type { FilesOptions } from './options.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-encodings-'));
after(() => rmSync(root, { recursive: true }));

const LONG_AGO = new Date('2026-01-02T03:04:05Z');
function put(name: string, content: string | Uint8Array, time = LONG_AGO): void {
  writeFileSync(join(root, name), content);
  utimesSync(join(root, name), time, time);
}

const FIELDS: [string | null, string][] = [
  [null, ''],
  ['', ''],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['gzip, deflate, br', 'br gzip'],
  ['gzip, deflate, br, zstd', 'br zstd gzip'],
  ['br;q=0.5, gzip;q=0.8', 'gzip br'],
  ['br ; q=0.5 , gzip', 'gzip br'],
  ['gzip;q=0', ''],
  ['br;q=0.000, gzip;q=0.001', 'gzip'],
  ['*', 'br zstd gzip'],
  ['*;q=0', ''],
  ['gzip, *;q=0', 'gzip'],
  ['br;q=0, *', 'zstd gzip'],
  ['identity', ''],
  ['identity;q=1, gzip;q=0.5', ''],
  ['identity;q=0.5, gzip;q=1', 'gzip'],
  ['identity;q=0, gzip', 'gzip'],
  ['gzip;q=2', ''],
  ['gzip;q=0.1234', ''],
  ['gzip;level=9', ''],
  ['gzip gzip', ''],
  [`${'a,'.repeat(600)}gzip`, ''],
];

test('codings are taken as the client weighs them, and among equals the smallest first', () => {
  for (const [field, wanted] of FIELDS) assert.equal(codingsFor(field).join(' '), wanted, String(field));
});

const TEXT = 'All work and no play makes Jack a dull boy. '.repeat(500);
put('beside.js', TEXT);
put('beside.js.br', zlib.brotliCompressSync(TEXT));
put('beside.js.gz', zlib.gzipSync(TEXT));
put('stale.js', TEXT);
put('stale.js.gz', zlib.gzipSync('old'), new Date(LONG_AGO.getTime() - 5000));
put('alone.js', TEXT);
put('tiny.js', 'x');
put('noise.txt', randomBytes(5000));
put('picture.png', TEXT);
put('picture.png.gz', zlib.gzipSync(TEXT));
const LARGE = Array.from({ length: 30_000 }, (_, i) => `line ${i * 7919}\n`).join('');
put('large.txt', LARGE);
put('large-beside.txt', LARGE);
put('large-beside.txt.gz', zlib.gzipSync(LARGE));

function handlerOf(options: FilesOptions = {}): FilesHandler {
  return createFilesHandler(openDisk(root, { trustMs: 0 }), options);
}

async function ask(handler: FilesHandler, url: string, headers: Record<string, string>, method = 'GET') {
  const response = await handler({ method, url, headers: new Headers(headers) });
  const bytes = Buffer.from(await response.arrayBuffer());
  const coding = response.headers.get('content-encoding');
  return { status: response.status, headers: response.headers, bytes, coding };
}

const DECODERS: Record<string, (bytes: Buffer) => Buffer> = {
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
  zstd: (zlib as unknown as { zstdDecompressSync: (bytes: Buffer) => Buffer }).zstdDecompressSync,
};

test('a file beside it is sent to who takes it, as a file of its own with ranges of its own', async () => {
  const handler = handlerOf();
  for (let round = 0; round < 2; round++) {
    const br = await ask(handler, '/beside.js', { 'accept-encoding': 'gzip, br' });
    const gzip = await ask(handler, '/beside.js', { 'accept-encoding': 'gzip' });
    const plain = await ask(handler, '/beside.js', {});
    assert.deepEqual([br.coding, gzip.coding, plain.coding], ['br', 'gzip', null]);
    assert.equal(zlib.brotliDecompressSync(br.bytes).toString(), TEXT);
    assert.equal(zlib.gunzipSync(gzip.bytes).toString(), TEXT);
    const tags = [br, gzip, plain].map(({ headers }) => headers.get('etag'));
    assert.equal(new Set(tags).size, 3);
    for (const { headers } of [br, gzip, plain]) {
      assert.equal(headers.get('vary'), 'accept-encoding');
      assert.equal(headers.get('content-type'), 'text/javascript; charset=utf-8');
    }
    const range = await ask(handler, '/beside.js', {
      'accept-encoding': 'br',
      range: 'bytes=3-9',
      'if-range': tags[0] ?? '',
    });
    assert.equal(range.status, 206);
    assert.equal(range.headers.get('content-range'), `bytes 3-9/${br.bytes.length}`);
    assert.ok(range.bytes.equals(br.bytes.subarray(3, 10)));
    const had = await ask(handler, '/beside.js', { 'accept-encoding': 'br', 'if-none-match': tags[0] ?? '' });
    assert.equal(had.status, 304);
    assert.equal(had.headers.get('vary'), 'accept-encoding');
    assert.equal(had.headers.get('content-encoding'), null);
    const other = await ask(handler, '/beside.js', {
      'accept-encoding': 'gzip',
      'if-none-match': tags[0] ?? '',
    });
    assert.equal(other.status, 200);
  }
  const gzip = await ask(handler, '/large-beside.txt', { 'accept-encoding': 'br, gzip' });
  assert.equal(zlib.gunzipSync(gzip.bytes).toString(), LARGE);
  const off = handlerOf({ precompressed: false });
  assert.equal((await ask(off, '/beside.js', { 'accept-encoding': 'br' })).coding, null);
});

test('one that is older than the file, or beside what is no text, is not taken', async () => {
  const handler = handlerOf();
  for (const url of ['/stale.js', '/picture.png']) {
    const answer = await ask(handler, url, { 'accept-encoding': 'gzip' });
    assert.equal(answer.coding, null, url);
    assert.equal(answer.bytes.toString(), TEXT);
  }
});

test('files beside it that come and go are seen', async () => {
  const handler = handlerOf();
  put('later.js', TEXT);
  const coding = async () => (await ask(handler, '/later.js', { 'accept-encoding': 'gzip' })).coding;
  await sleep(25);
  for (let i = 0; i < 2; i++) assert.equal(await coding(), null);
  put('later.js.gz', zlib.gzipSync(TEXT));
  for (let i = 0; i < 2; i++) assert.equal(await coding(), 'gzip');
  rmSync(join(root, 'later.js.gz'));
  for (let i = 0; i < 2; i++) assert.equal(await coding(), null);
});

test('what has none beside it is compressed when it is asked for, the same bytes each time', async () => {
  const handler = handlerOf({ compress: true });
  const codings = DECODERS['zstd'] === undefined ? ['br', 'gzip'] : ['br', 'gzip', 'zstd'];
  for (const [url, text] of [['/alone.js', TEXT], ['/large.txt', LARGE]] as const) // biome-ignore format: a list
    for (const coding of codings) {
      const first = await ask(handler, url, { 'accept-encoding': coding });
      const second = await ask(handler, url, { 'accept-encoding': coding });
      assert.equal(first.coding, coding);
      assert.equal(DECODERS[coding]!(first.bytes).toString(), text);
      assert.ok(first.bytes.length < text.length / 2);
      assert.equal(first.headers.get('content-length'), String(first.bytes.length));
      assert.equal(first.headers.get('etag'), second.headers.get('etag'));
      assert.ok(first.bytes.equals(second.bytes));
      const head = await ask(handler, url, { 'accept-encoding': coding }, 'HEAD');
      assert.deepEqual([...head.headers], [...first.headers]);
      const range = await ask(handler, url, { 'accept-encoding': coding, range: 'bytes=-5' });
      assert.ok(range.bytes.equals(first.bytes.subarray(-5)));
    }
  const plain = await ask(handler, '/alone.js', {});
  assert.equal(plain.headers.get('vary'), 'accept-encoding');
  assert.equal(plain.bytes.toString(), TEXT);
});

test('what is small, no text, or does not become smaller is sent as it is', async () => {
  const handler = handlerOf({ compress: true });
  for (const url of ['/tiny.js', '/noise.txt', '/picture.png'])
    assert.equal((await ask(handler, url, { 'accept-encoding': 'br' })).coding, null, url);
});

test('files of one content have their own types and dates, compressed or not', async () => {
  put('same.css', TEXT);
  put('same.html', TEXT, new Date(LONG_AGO.getTime() + 3_600_000));
  await sleep(25);
  const handler = handlerOf({ compress: true });
  for (let round = 0; round < 3; round++)
    for (const accepted of ['br', 'identity']) {
      const css = await ask(handler, '/same.css', { 'accept-encoding': accepted });
      const html = await ask(handler, '/same.html', { 'accept-encoding': accepted });
      assert.equal(css.headers.get('content-type'), 'text/css; charset=utf-8');
      assert.equal(html.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.equal(css.headers.get('last-modified'), 'Fri, 02 Jan 2026 03:04:05 GMT');
      assert.equal(html.headers.get('last-modified'), 'Fri, 02 Jan 2026 04:04:05 GMT');
    }
});

test('a file that changes is compressed anew', async () => {
  const handler = handlerOf({ compress: true });
  for (const letter of ['a', 'b', 'c']) {
    put('changing.txt', letter.repeat(5000));
    const { bytes } = await ask(handler, '/changing.txt', { 'accept-encoding': 'gzip' });
    assert.equal(zlib.gunzipSync(bytes).toString(), letter.repeat(5000));
  }
});

test('a hundred who ask at once for many files all get them right, and the loop goes on meanwhile', async () => {
  const count = 10;
  for (let i = 0; i < count; i++) put(`many-${i}.txt`, `${i} ${LARGE}`);
  // Large files have no version within the tick of the clock in which they were written.
  await sleep(25);
  const handler = handlerOf({ compress: true });
  let longestMs = 0;
  let lastMs = performance.now();
  const ticks = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  }, 1);
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const { bytes, coding } = await ask(handler, `/many-${at % count}.txt`, { 'accept-encoding': 'br' });
      return { text: coding === null ? bytes : zlib.brotliDecompressSync(bytes), coding, i: at % count };
    }),
  );
  clearInterval(ticks);
  for (const { text, i } of answers) assert.equal(text.toString(), `${i} ${LARGE}`);
  assert.ok(answers.every(({ coding }) => coding === 'br'));
  assert.ok(longestMs < 1000, `the loop stood for ${longestMs} ms`);
});
