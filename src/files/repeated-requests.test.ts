/** Requests with a head that came before: answered without a look at their fields, and never with what the folder does not have now. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import zlib from 'node:zlib';
import { type FakeExchange, fakeRequest } from '../web/exchange.contract.ts';
import { openDisk } from './disk.ts';
import { createFilesHandler, type FilesHandler } from './handler.ts';
import type { FilesOptions } from './options.ts';

const SETTLED_WITHIN_MS = 5000;

const root = mkdtempSync(join(tmpdir(), 'holdfast-repeated-'));
after(() => rmSync(root, { recursive: true }));

let years = 0;
function put(name: string, content: string | Uint8Array): void {
  writeFileSync(join(root, name), content);
  const time = new Date(Date.UTC(2010 + years++));
  utimesSync(join(root, name), time, time);
}

function serve(options: FilesOptions = {}): FilesHandler {
  // A look holds for no time: what is on the disk is what is asked about.
  return createFilesHandler(openDisk(root, { trustMs: 0, ...options }), options, () => Date.now() + 60_000);
}

/** @returns the answer in one line, and whether the request's fields were looked at for it */
async function ask(handler: FilesHandler, exchange: FakeExchange): Promise<[string, boolean]> {
  const request = fakeRequest({ start: 0, ...exchange });
  const response = await handler(request);
  const looked = request._headers !== undefined;
  const { headers, status } = response;
  const told = ['content-length', 'content-encoding', 'vary'].map((name) => headers.get(name) ?? '-');
  return [`${status} ${told.join(' ')} ${(await response.text()).slice(0, 12)}`, looked];
}

async function settle(handler: FilesHandler, exchange: FakeExchange): Promise<string> {
  // Not before the file's times tell its versions apart.
  for (const endMs = performance.now() + SETTLED_WITHIN_MS; performance.now() < endMs; await sleep(1)) {
    const [answer, looked] = await ask(handler, exchange);
    if (!looked) return answer;
  }
  throw new Error('it is found out anew each time');
}

test('a request that comes again is answered with the file as it is now', async () => {
  const handler = serve();
  put('a.bin', 'one');
  assert.equal(await settle(handler, { target: '/a.bin' }), '200 3 - - one');
  assert.equal(await settle(handler, { target: '/a.bin', method: 'HEAD' }), '200 3 - - ');
  put('a.bin', 'other');
  assert.deepEqual(await ask(handler, { target: '/a.bin' }), ['200 5 - - other', true]);
  assert.deepEqual(await ask(handler, { target: '/a.bin', method: 'HEAD' }), ['200 5 - - ', true]);
  assert.equal(await settle(handler, { target: '/a.bin' }), '200 5 - - other');
  rmSync(join(root, 'a.bin'));
  assert.match((await ask(handler, { target: '/a.bin' }))[0], /^404 /);
});

test('what another head asks for is its own matter', async () => {
  const handler = serve();
  put('b.bin', 'content');
  await settle(handler, { target: '/b.bin' });
  const range = { target: '/b.bin', fields: [['Range', 'bytes=0-1']] } as const;
  assert.deepEqual(await ask(handler, range), ['206 2 - - co', true]);
  assert.deepEqual(await ask(handler, range), ['206 2 - - co', true]);
  const request = fakeRequest({ target: '/b.bin', start: 0 });
  Object.defineProperty(request, 'url', { value: 'http://example.com/none.bin' });
  assert.equal((await handler(request)).status, 404);
  const changed = fakeRequest({ target: '/b.bin', start: 0 });
  changed.headers.set('range', 'bytes=0-1');
  assert.equal((await handler(changed)).status, 206);
});

test('a compressed neighbour that appears is found, and so is one that goes', async () => {
  const handler = serve();
  const text = 'All work and no play makes Jack a dull boy. '.repeat(100);
  put('c.js', text);
  const asked = { target: '/c.js', fields: [['Accept-Encoding', 'gzip, br']] } as const;
  assert.equal(await settle(handler, asked), `200 ${text.length} - - All work and`);
  const packed = zlib.gzipSync(text);
  put('c.js.gz', packed);
  assert.match((await ask(handler, asked))[0], new RegExp(`^200 ${packed.length} gzip accept-encoding `));
  rmSync(join(root, 'c.js.gz'));
  assert.match((await ask(handler, asked))[0], new RegExp(`^200 ${text.length} - accept-encoding All`));
});

test('a client that takes no coding is told that others get one, once somebody has', async () => {
  const handler = serve();
  const text = '<p>All work and no play makes Jack a dull boy. '.repeat(100);
  put('p.html', text);
  assert.equal(await settle(handler, { target: '/p.html' }), `200 ${text.length} - - <p>All work `);
  put('p.html.gz', zlib.gzipSync(text));
  const packing = { target: '/p.html', fields: [['Accept-Encoding', 'gzip']] } as const;
  assert.match((await ask(handler, packing))[0], / gzip accept-encoding /);
  assert.match((await ask(handler, { target: '/p.html' }))[0], / - accept-encoding <p>All work $/);
});

test('an answer that differs by who asks is found out each time, and one that a program changes is its own', async () => {
  put('d.bin', 'content');
  const open = serve({ cors: ['https://a.example'] });
  for (let i = 0; i < 4; i++)
    assert.deepEqual(await ask(open, { target: '/d.bin' }), ['200 7 - origin content', true]);
  const handler = serve();
  await settle(handler, { target: '/d.bin' });
  const first = await handler(fakeRequest({ target: '/d.bin', start: 0 }));
  first.headers.set('cache-control', 'mine');
  first.headers.delete('etag');
  const second = await handler(fakeRequest({ target: '/d.bin', start: 0 }));
  assert.equal(second.headers.get('cache-control'), 'no-cache');
  assert.notEqual(second.headers.get('etag'), null);
});

test('heads that are long are not kept, and of others so many', async () => {
  const handler = serve();
  put('e.bin', 'content');
  const long = { target: '/e.bin', fields: [['X', 'y'.repeat(2048)]] } as const;
  for (let i = 0; i < 4; i++) assert.deepEqual(await ask(handler, long), ['200 7 - - content', true]);
  await settle(handler, { target: '/e.bin' });
  for (let i = 0; i < 1024; i++) await ask(handler, { target: `/e.bin?${i}` });
  assert.deepEqual(await ask(handler, { target: '/e.bin' }), ['200 7 - - content', true]);
});

test('a large file is answered with as it is now, by the descriptor that others use, and as fast as the folder allows', async () => {
  const handler = createFilesHandler(
    openDisk(root, { trustMs: 1 }),
    { pace: '1m' },
    () => Date.now() + 60_000,
  );
  put('large.iso', Buffer.alloc(200_000, 'a'));
  await new Promise((resolve) => setTimeout(resolve, 60));
  const asked = { target: '/large.iso' } as const;
  const first = await ask(handler, asked);
  assert.deepEqual(first, ['200 200000 - - aaaaaaaaaaaa', true]);
  assert.equal(await settle(handler, asked), first[0]);
  const response = handler(fakeRequest({ start: 0, ...asked }));
  assert.ok(!(response instanceof Promise), 'nothing has to be waited for');
  const source = response._source as { paceBytesPerSecond?: number; cancel?(): void };
  assert.equal(source.paceBytesPerSecond, 2 ** 20);
  source.cancel?.();
  const range = { target: '/large.iso', fields: [['Range', 'bytes=0-3']] } as const;
  for (let i = 0; i < 3; i++) assert.deepEqual(await ask(handler, range), ['206 4 - - aaaa', true]);
  put('other', Buffer.alloc(200_000, 'b'));
  renameSync(join(root, 'other'), join(root, 'large.iso'));
  // A look at the disk holds for a millisecond.
  await new Promise((resolve) => setTimeout(resolve, 3));
  assert.deepEqual(await ask(handler, asked), ['200 200000 - - bbbbbbbbbbbb', true]);
  rmSync(join(root, 'large.iso'));
  await new Promise((resolve) => setTimeout(resolve, 3));
  assert.match((await ask(handler, asked))[0], /^404 /);
});
