/** Topics over worker threads: what one publishes is read by the clients of all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvents } from '#src/events/event-reader.fixture.ts';
import { serve } from '#src/index.ts';
import { quiet } from './quiet-logger.ts';
import { get, RawClient } from './raw-client.ts';
import { until } from './until.ts';

const skip = process.platform === 'linux' ? false : 'several threads need SO_REUSEPORT as Linux has it';
const module = new URL('../test/pubsub-workers.app.mjs', import.meta.url);
const READERS = 16;

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
