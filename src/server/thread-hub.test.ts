/** Hubs of threads hear each other. Both ends stand in this thread: the channel does not care. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createTestHub } from '../pubsub/hub.fixture.ts';
import type { Message } from '../pubsub/message.ts';
import { newChannelName, ThreadRelay } from './thread-hub.ts';

/** The channel keeps no process alive. */
function keepAlive(t: TestContext): void {
  const timer = setInterval(() => {}, 1000);
  t.after(() => clearInterval(timer));
}

test('a message crosses with its fields, in order, once, and does not come back', async (t) => {
  const channel = newChannelName();
  const [here, there, foreign] = [createTestHub(), createTestHub(), createTestHub()];
  const relays = [
    new ThreadRelay(here, channel),
    new ThreadRelay(there, channel),
    new ThreadRelay(foreign, newChannelName()),
  ];
  t.after(() => {
    for (const relay of relays) relay.close();
  });
  keepAlive(t);
  const got: Message[] = [];
  const gotHere: Message[] = [];
  const last = new Promise<void>((resolve) => {
    const deliver = (message: Message): void => {
      got.push(message);
      if (message.data === 'last') resolve();
    };
    there.join({ deliver }).subscribe('t');
  });
  here.join({ deliver: (message) => gotHere.push(message) }).subscribe('t');
  foreign.join({ deliver: () => assert.fail('another server') }).subscribe('t');
  assert.equal(here.publish('t', new Uint8Array([1, 2]), { id: '7', event: 'e' }), 1);
  here.publish('other', 'nobody');
  for (let i = 0; i < 100; i++) here.publish('t', `${i}`);
  here.publish('t', 'last');
  await last;
  assert.equal(got.length, 102);
  const [{ topic, data, id, event, byteLength }] = got as [Message];
  assert.deepEqual({ topic, data, id, event, byteLength }, { topic: 't', data: new Uint8Array([1, 2]), id: '7', event: 'e', byteLength: 2 }); // biome-ignore format: one message
  assert.deepEqual(got.slice(1, 101).map((each) => each.data), Array.from({ length: 100 }, (_, i) => `${i}`)); // biome-ignore format: one list
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(gotHere.length, 102);
});

test('what was published before the end crosses, what comes behind it does not', async (t) => {
  const channel = newChannelName();
  const [here, there] = [createTestHub(), createTestHub()];
  const [mine, theirs] = [new ThreadRelay(here, channel), new ThreadRelay(there, channel)];
  t.after(() => theirs.close());
  keepAlive(t);
  const got: unknown[] = [];
  const first = new Promise<void>((resolve) => {
    const deliver = ({ data }: Message): void => {
      got.push(data);
      resolve();
    };
    there.join({ deliver }).subscribe('t');
  });
  here.publish('t', 'before');
  mine.close();
  here.publish('t', 'behind');
  await first;
  assert.deepEqual(got, ['before']);
});
