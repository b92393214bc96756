/** Hubs of threads hear each other, and one that is busy costs the bound. Both ends stand in this thread: ports do not care. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createTestHub } from '../pubsub/hub.fixture.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { Message } from '../pubsub/message.ts';
import { linkThreads, ThreadRelay, UNDER_WAY_BYTES_MAX } from './thread-relay.ts';

interface Thread {
  readonly hub: Hub;
  readonly relay: ThreadRelay;
  readonly warnings: string[];
}

function newThread(t: TestContext): Thread {
  const warnings: string[] = [];
  const warn = (text: unknown) => void warnings.push(String(text));
  const hub = createTestHub();
  const relay = new ThreadRelay(hub, { debug: warn, info: warn, warn, error: warn });
  t.after(() => relay.close());
  return { hub, relay, warnings };
}

function joined(one: Thread, other: Thread): void {
  const [first, second] = linkThreads(['one', 'other'], true);
  one.relay.join(first);
  other.relay.join(second);
}

/** Ports keep no process alive. */
function keepAlive(t: TestContext): void {
  const timer = setInterval(() => {}, 1000);
  t.after(() => clearInterval(timer));
}

/** @returns what comes of topic `t` there, and a promise of its message 'last' */
function listen({ hub }: Thread): { got: Message[]; last: Promise<void> } {
  const got: Message[] = [];
  const last = new Promise<void>((resolve) => {
    const deliver = (message: Message): void => {
      got.push(message);
      if (message.data === 'last') resolve();
    };
    hub.join({ deliver }).subscribe('t');
  });
  return { got, last };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !isTrue() && performance.now() < endMs; )
    await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(isTrue());
}

test('a message crosses with its fields, in order, once, and does not come back', async (t) => {
  const [here, there, foreign] = [newThread(t), newThread(t), newThread(t)];
  joined(here, there);
  joined(foreign, newThread(t));
  keepAlive(t);
  const { got, last } = listen(there);
  const { got: gotHere } = listen(here);
  foreign.hub.join({ deliver: () => assert.fail('another server') }).subscribe('t');
  assert.equal(here.hub.publish('t', new Uint8Array([1, 2]), { id: '7', event: 'e' }), 1);
  here.hub.publish('other', 'nobody');
  for (let i = 0; i < 100; i++) here.hub.publish('t', `${i}`);
  here.hub.publish('t', 'last');
  await last;
  assert.equal(got.length, 102);
  const [{ topic, data, id, event, byteLength }] = got as [Message];
  assert.deepEqual({ topic, data, id, event, byteLength }, { topic: 't', data: new Uint8Array([1, 2]), id: '7', event: 'e', byteLength: 2 }); // biome-ignore format: one message
  assert.deepEqual(got.slice(1, 101).map((each) => each.data), Array.from({ length: 100 }, (_, i) => `${i}`)); // biome-ignore format: one list
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(gotHere.length, 102);
});

test('of three threads each hears the two others, and nobody hears anything twice', async (t) => {
  const threads = [newThread(t), newThread(t), newThread(t)] as const;
  joined(threads[0], threads[1]);
  joined(threads[0], threads[2]);
  joined(threads[1], threads[2]);
  keepAlive(t);
  const heard = threads.map(listen);
  threads[0].hub.publish('t', 'from the first');
  threads[1].hub.publish('t', 'from the second');
  for (const { got } of heard) await until(() => got.length >= 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const { got } of heard)
    assert.deepEqual(got.map(({ data }) => data).sort(), ['from the first', 'from the second']);
});

test('what was published before the end crosses, what comes behind it does not', async (t) => {
  const [here, there] = [newThread(t), newThread(t)];
  joined(here, there);
  keepAlive(t);
  const { got, last } = listen(there);
  here.hub.publish('t', 'before');
  here.hub.publish('t', 'last');
  here.relay.close();
  here.hub.publish('t', 'behind');
  await last;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(got.map(({ data }) => data), ['before', 'last']); // biome-ignore format: one list
});

test('a thread that takes nothing misses what is beyond the bound, is told of once, and hears what comes later', async (t) => {
  const [here, there, quick] = [newThread(t), newThread(t), newThread(t)];
  joined(here, there);
  keepAlive(t);
  const { got, last } = listen(there);
  const data = 'x'.repeat(64 * 1024);
  // This turn is all of one thread's time: the other end takes nothing in it.
  const sent = Math.ceil((2 * UNDER_WAY_BYTES_MAX) / data.length);
  for (let i = 0; i < sent; i++) here.hub.publish('t', data);
  await Promise.resolve();
  const { thread: missed } = here.hub.dropped;
  assert.ok(missed > 0.45 * sent && missed < 0.55 * sent, `${missed} of ${sent} have missed it`);
  assert.equal(here.warnings.length, 1);
  assert.match(here.warnings[0]!, /other is busy/);
  // One that comes now is none the worse for it.
  joined(here, quick);
  const late = listen(quick);
  await until(() => got.length >= sent - missed);
  here.hub.publish('t', 'last');
  await Promise.all([last, late.last]);
  assert.equal(here.hub.dropped.thread, missed);
  assert.match(here.warnings[1]!, new RegExp(`other takes messages again; ${missed} have`));
});

test('one message that is longer than the bound crosses when nothing else is under way', async (t) => {
  const [here, there] = [newThread(t), newThread(t)];
  joined(here, there);
  keepAlive(t);
  const { got, last } = listen(there);
  here.relay.send({ topic: 't', data: 'long', id: undefined, event: undefined, byteLength: 2 * UNDER_WAY_BYTES_MAX } as Message); // biome-ignore format: one message
  here.hub.publish('t', 'missed');
  await until(() => got.length === 1);
  here.hub.publish('t', 'last');
  await last;
  assert.deepEqual(got.map((message) => message.data), ['long', 'last']); // biome-ignore format: one list
});

test('the counts go on beyond what 32 bits hold', async (t) => {
  const [here, there] = [newThread(t), newThread(t)];
  joined(here, there);
  keepAlive(t);
  const { got } = listen(there);
  for (let i = 0; i < 12; i++) {
    here.relay.send({ topic: 't', data: `${i}`, id: undefined, event: undefined, byteLength: 2 ** 29 } as Message); // biome-ignore format: one message
    await until(() => got.length === i + 1);
  }
  assert.deepEqual(here.warnings, []);
});

test('nothing is sent to a thread that is loading, and a thread that has gone is forgotten', async (t) => {
  const [here, there] = [newThread(t), newThread(t)];
  const [first, second] = linkThreads(['one', 'other'], true);
  here.relay.join(first);
  keepAlive(t);
  here.hub.publish('t', 'before it listens');
  await new Promise((resolve) => setTimeout(resolve, 5));
  there.relay.join(second);
  const { got, last } = listen(there);
  here.hub.publish('t', 'last');
  await last;
  assert.deepEqual(got.map(({ data }) => data), ['last']); // biome-ignore format: one list
  there.relay.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (let i = 0; i < 200; i++) here.hub.publish('t', 'x'.repeat(64 * 1024));
  await Promise.resolve();
  assert.equal(here.hub.dropped.thread, 0);
});
