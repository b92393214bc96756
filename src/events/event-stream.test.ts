/** A stream of events under readers of every speed: what waits is bounded, and each source is told of the end once. */
import assert from 'node:assert/strict';

import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { createTestHub } from '../pubsub/hub.fixture.ts';
import type { SlowClient } from './event-queue.ts';
import { type EventSource, EventStream, type EventStreamSettings } from './event-stream.ts';
import { IteratedEvents, SentEvents, TopicEvents } from './sources.ts';

function stage(source: EventSource, settings: Partial<EventStreamSettings> = {}) {
  const ends: [string, number][] = [];
  const closings = new Set<() => void>();
  const errors: unknown[] = [];
  const stream = new EventStream(source, {
    heartbeatMs: Number.POSITIVE_INFINITY,
    bufferBytes: 2048,
    slowClient: 'close' as SlowClient,
    retryMs: undefined,
    onClosing: (call) => {
      closings.add(call);
      return () => void closings.delete(call);
    },
    onEnd: (reason, dropped) => ends.push([reason, dropped]),
    onError: (error) => errors.push(error),
    ...settings,
  });
  const read = async () => {
    const piece = await stream.read();
    return piece === undefined ? undefined : Buffer.from(piece).toString();
  };
  const readAll = async () => {
    let all = '';
    for (let piece = await read(); piece !== undefined; piece = await read()) all += piece;
    return all;
  };
  return { stream, ends, closings, errors, read, readAll };
}

test('an iterable is asked only when there is room, and its end is the end', async () => {
  let asked = 0;
  async function* events() {
    for (let i = 0; i < 3; i++) {
      asked++;
      yield `${i}`;
    }
  }
  const { read, ends } = stage(new IteratedEvents(events()));
  assert.equal(await read(), 'data: 0\n\n');
  await sleep(5);
  assert.equal(asked, 1);
  assert.equal(await read(), 'data: 1\n\n');
  assert.equal(await read(), 'data: 2\n\n');
  assert.equal(await read(), undefined);
  assert.deepEqual(ends, [['source-ended', 0]]);
});

test('an iterable whose client goes is ended once, also while it is waited for', async () => {
  for (const isWaiting of [true, false]) {
    let returned = 0;
    let give: (result: IteratorResult<string>) => void = () => {};
    const iterator = {
      next: () => new Promise<IteratorResult<string>>((resolve) => (give = resolve)),
      return: async () => {
        returned++;
        return { done: true as const, value: undefined };
      },
    };
    const { stream, read, ends } = stage(new IteratedEvents({ [Symbol.asyncIterator]: () => iterator }));
    const first = read();
    await turn();
    if (!isWaiting) {
      give({ done: false, value: 'x' });
      assert.equal(await first, 'data: x\n\n');
    }
    stream.cancel();
    stream.cancel();
    give({ done: false, value: 'late' });
    await turn();
    assert.equal(returned, 1);
    assert.deepEqual(ends, [['client-gone', 0]]);
  }
});

test('an iterable that throws, or gives what is no event, breaks the stream', async () => {
  async function* failing() {
    yield 'x';
    throw new Error('mine');
  }
  const { read, ends } = stage(new IteratedEvents(failing()));
  await read();
  await assert.rejects(read(), /mine/);
  assert.deepEqual(ends, [['source-failed', 0]]);
  async function* odd() {
    yield 7 as never;
  }
  await assert.rejects(stage(new IteratedEvents(odd())).read(), /7 is no event/);
});

test('one event of an iterable may be longer than all that may wait', async () => {
  async function* long() {
    yield 'x'.repeat(10_000);
  }
  assert.equal((await stage(new IteratedEvents(long())).readAll()).length, 10_008);
});

test('a function sends, ends by its promise, and what it gives is called at the end', async () => {
  const ended = stage(
    new SentEvents(async ({ send }) => {
      send('a');
      await turn();
      send({ data: 'b', event: 'e' });
    }, undefined),
  );
  assert.equal(await ended.readAll(), 'data: a\n\nevent: e\ndata: b\n\n');
  assert.deepEqual(ended.ends, [['source-ended', 0]]);
  let released = 0;
  const open = stage(new SentEvents(() => () => released++, undefined));
  void open.read();
  await turn();
  open.stream.cancel();
  open.stream.cancel();
  assert.equal(released, 1);
  const failing = stage(new SentEvents(() => { throw new Error('at once'); }, undefined)); // biome-ignore format: one thought
  await assert.rejects(failing.read(), /at once/);
});

test('what a function gives to be called at the end may throw, which is told and costs nothing else', async () => {
  const { stream, read, errors, ends } = stage(new SentEvents(() => () => { throw new Error('late'); }, undefined)); // biome-ignore format: one thought
  void read();
  await turn();
  stream.cancel();
  assert.equal((errors[0] as Error).message, 'late');
  assert.deepEqual(ends, [['client-gone', 0]]);
});

test('close ends a stream behind what was sent, and its signal tells', async () => {
  let signal: AbortSignal | undefined;
  const { readAll } = stage(
    new SentEvents((sender) => {
      signal = sender.signal;
      sender.send('a');
      sender.send('b');
      sender.close();
      assert.equal(sender.send('c'), false);
    }, undefined),
  );
  assert.equal(await readAll(), 'data: a\n\ndata: b\n\n');
  assert.equal(signal?.aborted, true);
});

/** A reader who takes one event and then stops, while more come than may wait. */
async function slow(policy: SlowClient, keys: (i: number) => string | undefined) {
  let send: (event: string, key?: string) => boolean = () => false;
  const made = stage(
    new SentEvents((sender) => {
      send = sender.send;
    }, undefined),
    { slowClient: policy, bufferBytes: 1000 },
  );
  const first = made.read();
  await turn();
  for (let i = 0; i < 100; i++) send(`${i}`, keys(i));
  assert.equal(await first, 'data: 0\n\n');
  return { ...made, send };
}

test("'drop' lets the oldest go, and goes on", async () => {
  const { read, stream, send, ends } = await slow('drop', () => undefined);
  const piece = await read();
  assert.match(piece!, /data: 98\n\ndata: 99\n\n$/);
  assert.ok(piece!.length < 1000);
  const next = read();
  await turn();
  assert.equal(send('more'), true);
  assert.equal(await next, 'data: more\n\n');
  stream.cancel();
  assert.ok(ends[0]![1] > 80);
});

test("'coalesce' keeps the latest of each key, in the order in which these came", async () => {
  const { read, stream, ends } = await slow('coalesce', (i) => `${i % 3}`);
  assert.equal(await read(), 'data: 97\n\ndata: 98\n\ndata: 99\n\n');
  stream.cancel();
  assert.deepEqual(ends, [['client-gone', 96]]);
});

test("'close' ends the stream, with nothing of what waited", async () => {
  const { read, send, ends } = await slow('close', () => undefined);
  assert.equal(await read(), undefined);
  assert.equal(send('more'), false);
  assert.deepEqual(ends, [['too-slow', 0]]);
});

test('a heartbeat leaves when nothing else does, and none to who has not read the last', async (t) => {
  // Timers of streams keep no process alive.
  const timer = setInterval(() => {}, 1000);
  t.after(() => clearInterval(timer));
  const { read, stream } = stage(new SentEvents(() => {}, undefined), { heartbeatMs: 40 });
  assert.equal(await read(), ':\n\n');
  await sleep(120);
  assert.equal(await read(), ':\n\n');
  stream.cancel();
});

test('at the end of the server the client is told so and when to come back, and the source ends', async () => {
  let released = 0;
  const { closings, readAll, ends } = stage(new SentEvents(() => () => released++, undefined), {
    retryMs: 1000,
  });
  const all = readAll();
  await turn();
  for (const call of closings) call();
  const text = await all;
  assert.match(text, /^retry: 1000\n\n: the server is closing\nretry: \d+\n\n$/);
  const retry = Number(/closing\nretry: (\d+)/.exec(text)![1]);
  assert.ok(retry >= 500 && retry <= 1000);
  assert.deepEqual([released, closings.size, ends], [1, 0, [['server-closing', 0]]]);
});

test('topics come, with what was missed first and nothing twice', async () => {
  const hub = createTestHub({ replay: { countMax: 10, bytesMax: 100_000 } });
  for (const id of ['1', '2', '3']) hub.publish('t', `m${id}`, { id });
  const { readAll, stream, ends } = stage(new TopicEvents(hub, new Set(['t']), '1', undefined));
  const all = readAll();
  await turn();
  hub.publish('t', 'm4', { id: '4', event: 'e' });
  hub.publish('other', 'm5');
  hub.publish('t', new Uint8Array([0x6d, 0x36]), { id: '6' });
  await turn();
  assert.equal(hub.subscriberCount('t'), 1);
  stream.sourceEnded();
  assert.equal(
    await all,
    'id: 2\ndata: m2\n\nid: 3\ndata: m3\n\nevent: e\nid: 4\ndata: m4\n\nid: 6\ndata: m6\n\n',
  );
  assert.equal(hub.subscriberCount('t'), 0);
  assert.deepEqual(ends, [['source-ended', 0]]);
});

test('a stream that nobody reads subscribes to nothing', async () => {
  const hub = createTestHub();
  const { stream } = stage(new TopicEvents(hub, new Set(['t']), undefined, undefined));
  await turn();
  assert.equal(hub.subscriberCount('t'), 0);
  stream.cancel();
  const gone = stage(new TopicEvents(hub, new Set(['t']), undefined, undefined));
  void gone.read();
  gone.stream.cancel();
  await turn();
  assert.equal(hub.subscriberCount('t'), 0);
});

test('topics beyond the bound break the stream, and leave none behind', async () => {
  const hub = createTestHub({ subscriptionsMax: 1 });
  const { read } = stage(new TopicEvents(hub, new Set(['a', 'b']), undefined, undefined));
  await assert.rejects(read(), /pubsub\.subscriptions/);
  assert.equal(hub.topicCount, 0);
});

test('what is told before its source has started asks nothing of it, though the reader reads on at once', async () => {
  for (const isClosing of [true, false]) {
    let asked = 0;
    async function* events() {
      asked++;
      yield 'x';
    }
    const source = new IteratedEvents(events());
    const { stream } = stage(source, {
      retryMs: 1000,
      onClosing: (call) => {
        if (isClosing) call();
        return () => {};
      },
    });
    let text = '';
    await new Promise<void>((resolve, reject) => {
      const taker = {
        pieceCame: (piece: Uint8Array) => {
          text += Buffer.from(piece).toString();
          stream.readTo(taker);
        },
        piecesEnded: resolve,
        piecesFailed: reject,
      };
      stream.readTo(taker);
    });
    assert.match(
      text,
      isClosing ? /^retry: 1000\n\n: the server is closing\n/ : /^retry: 1000\n\ndata: x\n\n$/,
    );
    assert.equal(asked, isClosing ? 0 : 1);
  }
});
