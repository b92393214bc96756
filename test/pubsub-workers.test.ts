/** Topics over worker threads: what one publishes is read by the clients of all. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEvents } from '#src/events/event-reader.fixture.ts';
import { serve } from '#src/index.ts';
import { quiet } from './quiet-logger.ts';
import { get, RawClient } from './raw-client.ts';
import { until } from './until.ts';

const skip = process.platform === 'linux' ? false : 'several threads need SO_REUSEPORT as Linux has it';
const module = new URL('../test/pubsub-workers.app.mjs', import.meta.url);
const READERS = 16;
/** What may wait for a thread (src/server/thread-relay.ts). */
const BOUND_BYTES = 8 * 2 ** 20;
const MESSAGE_BYTES = 2 ** 20 - 1;
const FLOOD_COUNT = 40;

test('clients of all threads get what any thread publishes, in order and once', { skip }, async (t) => {
  const server = await serve({ module, workers: 3, port: 0, logger: quiet });
  t.after(() => server.close(true));
  const readers: RawClient[] = [];
  t.after(() => {
    for (const reader of readers) reader.destroy();
  });
  for (let i = 0; i < READERS; i++) {
    const reader = await RawClient.open(server.port);
    reader.write('GET /read HTTP/1.0\r\nHost: a\r\n\r\n');
    readers.push(reader);
  }
  await until(async () => (await server.subscriberCount('t')) === READERS, 'every reader');
  const threads = new Set<string>();
  for (let i = 0; i < 30; i++) threads.add(await get(server.port, `/publish?data=${i}`));
  assert.ok(threads.size > 1, 'several threads have published');
  const data = (reader: RawClient) =>
    readEvents(reader.text.slice(reader.text.indexOf('\r\n\r\n') + 4)).events.map((event) => event.data);
  for (const reader of readers) await until(() => data(reader).length >= 30, 'every message');
  server.publish('t', 'from the main thread');
  const expected = [...Array.from({ length: 30 }, (_, i) => `${i}`), 'from the main thread'];
  for (const reader of readers) {
    await until(() => data(reader).length >= 31, 'the last message');
    assert.deepEqual(data(reader).sort(), [...expected].sort());
  }
  assert.equal((await server.close()).forced, 0);
});

test('a thread that is blocked misses what is beyond the bound; the others do not, and it hears what comes later', {
  skip,
}, async (t) => {
  const warnings: string[] = [];
  const logger = { ...quiet, warn: (text: unknown) => void warnings.push(String(text)) };
  const server = await serve({ module, workers: 2, port: 0, logger, pubsub: { messageBytes: '1m' } });
  t.after(() => server.close(true));
  const readers: RawClient[] = [];
  t.after(() => {
    for (const reader of readers) reader.destroy();
  });
  for (let i = 0; i < READERS; i++) {
    const reader = await RawClient.open(server.port);
    reader.write('GET /read HTTP/1.0\r\nHost: a\r\n\r\n');
    readers.push(reader);
  }
  await until(async () => (await server.subscriberCount('t')) === READERS, 'every reader');
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-blocked-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const end = join(folder, 'end');
  const blocked = get(server.port, `/block?until=${end}`);
  const heard = (text: string) => readers.filter((reader) => reader.text.includes(`data: ${text}\n`)).length;
  // Whoever reads by the other thread hears while one is held.
  let tries = 0;
  await until(async () => {
    const text = `while ${++tries}`;
    server.publish('t', text);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return heard(text) > 0 && heard(text) < READERS;
  }, 'a message while one thread is held');
  const data = 'x'.repeat(MESSAGE_BYTES);
  for (let i = 0; i < FLOOD_COUNT; i++) {
    server.publish('nobody listens', data);
    // The thread that is not held takes each.
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  const { pubsubDropped } = await server.stats();
  const waitMax = BOUND_BYTES / MESSAGE_BYTES;
  assert.ok(pubsubDropped.thread >= FLOOD_COUNT - waitMax, `${pubsubDropped.thread} were dropped`);
  assert.ok(pubsubDropped.thread < FLOOD_COUNT, 'some wait');
  assert.match(warnings.join('\n'), /pubsub: worker [01] is busy/);
  writeFileSync(end, '');
  await blocked;
  await until(() => {
    server.publish('t', 'later');
    return heard('later') === READERS;
  }, 'a message for all');
  assert.match(warnings.join('\n'), /pubsub: worker [01] takes messages again/);
  assert.deepEqual((await server.stats()).pubsubDropped, pubsubDropped);
});
