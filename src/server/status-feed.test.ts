import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { StatusFeed } from './status-feed.ts';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function stage() {
  let reads = 0;
  const feed = new StatusFeed(async () => `{"read":${++reads}}`);
  return { feed, reads: () => reads };
}

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return Buffer.from(value ?? []).toString();
}

test('it reads once a second for all who watch, and not at all for nobody', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  const { feed, reads } = stage();
  mock.timers.tick(5000);
  assert.equal(reads(), 0);
  const first = feed.watch().getReader();
  assert.equal(await next(first), 'event: status\ndata: {"read":1}\n\n');
  const second = feed.watch().getReader();
  assert.equal(await next(second), 'event: status\ndata: {"read":1}\n\n');
  assert.equal(feed.watcherCount, 2);
  mock.timers.tick(1000);
  assert.match(await next(first), /"read":2/);
  assert.match(await next(second), /"read":2/);
  await first.cancel();
  mock.timers.tick(1000);
  assert.match(await next(second), /"read":3/);
  await second.cancel();
  await settled();
  mock.timers.tick(10_000);
  assert.equal(reads(), 3);
  assert.equal(feed.watcherCount, 0);
});

test('who reads slowly misses seconds, and nothing piles up for it', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  const { feed } = stage();
  const slow = feed.watch().getReader();
  await settled();
  for (let i = 0; i < 20; i++) {
    mock.timers.tick(1000);
    await settled();
  }
  assert.match(await next(slow), /"read":1\}/);
  mock.timers.tick(1000);
  assert.match(await next(slow), /"read":22\}/);
  feed.close();
});

test('there is a bound on who may watch, and closing ends all of it', async () => {
  const { feed } = stage();
  const readers = [];
  while (!feed.isFull) readers.push(feed.watch().getReader());
  assert.equal(readers.length, 64);
  await readers[0]!.cancel();
  assert.equal(feed.isFull, false);
  feed.close();
  assert.equal(feed.watcherCount, 0);
  await Promise.all(
    readers.map(async (reader) => {
      while (!(await reader.read()).done);
    }),
  );
});

test('a second that cannot be read is left out', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  let reads = 0;
  const feed = new StatusFeed(async () => {
    if (++reads === 1) throw new Error('not now');
    return '{}';
  });
  const reader = feed.watch().getReader();
  await settled();
  mock.timers.tick(1000);
  assert.equal(await next(reader), 'event: status\ndata: {}\n\n');
  feed.close();
});
