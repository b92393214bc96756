/** Publish and subscribe in one thread: who gets what, in which order, and what it is bounded by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PubsubLimitError } from './errors.ts';
import { createTestHub } from './hub.fixture.ts';
import { Hub } from './hub.ts';
import type { Message, Representation } from './message.ts';
import type { Subscriber } from './topic.ts';

function collector(onMessage: (message: Message) => void = () => {}) {
  const got: string[] = [];
  const subscriber: Subscriber = {
    deliver(message) {
      got.push(String(message.data));
      onMessage(message);
    },
  };
  return { got, subscriber };
}

test('a message reaches the subscribers of its topic and nobody else', () => {
  const hub = createTestHub();
  const [a, b, c] = [collector(), collector(), collector()];
  hub.join(a.subscriber).subscribe('news');
  hub.join(b.subscriber).subscribe('news');
  hub.join(c.subscriber).subscribe('other');
  assert.equal(hub.publish('news', 'x'), 2);
  assert.equal(hub.publish('nobody', 'y'), 0);
  assert.deepEqual([a.got, b.got, c.got], [['x'], ['x'], []]);
  assert.equal(hub.subscriberCount('news'), 2);
});

test('who publishes through a membership gets no copy', () => {
  const hub = createTestHub();
  const [a, b] = [collector(), collector()];
  const mine = hub.join(a.subscriber);
  mine.subscribe('room');
  hub.join(b.subscriber).subscribe('room');
  assert.equal(mine.publish('room', 'hello'), 1);
  assert.deepEqual([a.got, b.got], [[], ['hello']]);
});

test('subscribing twice is once, and a topic without subscribers is gone', () => {
  const hub = createTestHub();
  const a = collector();
  const mine = hub.join(a.subscriber);
  assert.equal(mine.subscribe('t'), true);
  assert.equal(mine.subscribe('t'), false);
  assert.deepEqual(mine.topics, ['t']);
  hub.publish('t', '1');
  assert.equal(mine.unsubscribe('t'), true);
  assert.equal(mine.unsubscribe('t'), false);
  hub.publish('t', '2');
  assert.deepEqual(a.got, ['1']);
  assert.equal(hub.topicCount, 0);
});

test('each kind of subscriber has a message encoded once, however many there are', () => {
  const hub = createTestHub();
  let encoded = 0;
  const kind: Representation<{ text: string }> = {
    encode: (message) => {
      encoded++;
      return { text: `<${message.data}>` };
    },
  };
  const forms = new Set<unknown>();
  for (let i = 0; i < 100; i++)
    hub.join({ deliver: (message) => forms.add(message.as(kind)) }).subscribe('t');
  hub.publish('t', 'x');
  assert.equal(encoded, 1);
  assert.deepEqual([...forms], [{ text: '<x>' }]);
});

test('subscribers may leave and come while a message is handed out', () => {
  const hub = createTestHub();
  const late = collector();
  const second = collector();
  const secondPlace = hub.join(second.subscriber);
  const first = collector(() => {
    secondPlace.leave();
    hub.join(late.subscriber).subscribe('t');
  });
  const third = collector();
  const firstPlace = hub.join(first.subscriber);
  firstPlace.subscribe('t');
  secondPlace.subscribe('t');
  hub.join(third.subscriber).subscribe('t');
  assert.equal(hub.publish('t', '1'), 2);
  assert.deepEqual([first.got, second.got, third.got, late.got], [['1'], [], ['1'], []]);
  firstPlace.leave();
  assert.equal(hub.subscriberCount('t'), 2);
  assert.equal(hub.publish('t', '2'), 2);
  assert.deepEqual([third.got, late.got], [['1', '2'], ['2']]);
});

test('who leaves and comes again while a message is handed out does not get it for ever', () => {
  const hub = createTestHub();
  const circle = collector(() => {
    place.unsubscribe('t');
    place.subscribe('t');
  });
  const place = hub.join(circle.subscriber);
  place.subscribe('t');
  hub.publish('t', '1');
  assert.deepEqual(circle.got, ['1']);
  hub.publish('t', '2');
  assert.deepEqual(circle.got, ['1', '2']);
});

test('what is published while a message is handed out comes behind it, for all in the same order', () => {
  const hub = createTestHub();
  const first = collector(({ data }) => {
    if (data === '1') hub.publish('t', 'answer');
  });
  const second = collector();
  hub.join(first.subscriber).subscribe('t');
  hub.join(second.subscriber).subscribe('t');
  hub.publish('t', '1');
  assert.deepEqual(
    [first.got, second.got],
    [
      ['1', 'answer'],
      ['1', 'answer'],
    ],
  );
});

test('two who answer each other without end come to a bound, and the hub goes on', () => {
  const told: unknown[] = [];
  const hub = new Hub(createTestHub().limits, 'x', (error) => told.push(error));
  let isOn = true;
  const echo = {
    deliver() {
      if (!isOn) return;
      hub.publish('t', 'a');
      hub.publish('t', 'b');
    },
  };
  hub.join(echo).subscribe('t');
  hub.publish('t', 'go');
  assert.ok(told.length > 0 && told[0] instanceof PubsubLimitError);
  isOn = false;
  assert.equal(hub.publish('t', 'still'), 1);
});

test('one that throws is told, and the others get the message', () => {
  const told: unknown[] = [];
  const hub = new Hub(createTestHub().limits, 'x', (error) => told.push(error));
  const after = collector();
  hub.join({ deliver: () => { throw new Error('mine'); } }).subscribe('t'); // biome-ignore format: one thought
  hub.join(after.subscriber).subscribe('t');
  assert.equal(hub.publish('t', 'x'), 1);
  assert.deepEqual(after.got, ['x']);
  assert.equal((told[0] as Error).message, 'mine');
});

test('bytes are copied, and what is no message is refused by name', () => {
  const hub = createTestHub();
  const seen: unknown[] = [];
  hub.join({ deliver: ({ data }) => seen.push(data) }).subscribe('t');
  const mine = new Uint8Array([1, 2, 3, 4]);
  hub.publish('t', mine.subarray(1, 3));
  mine.fill(0);
  assert.deepEqual(seen, [new Uint8Array([2, 3])]);
  assert.throws(() => hub.publish('t', { a: 1 } as never), /publish: an object \(Object\) is no message/);
  assert.throws(() => hub.publish('', 'x'), /topic: "" is not allowed/);
  assert.throws(() => hub.publish('t', 'x', { id: 'a\nb' }), /id: "a\\nb" is not allowed/);
});

test('topics, subscriptions and message bytes are bounded', () => {
  const hub = createTestHub({ topicsMax: 2, subscriptionsMax: 2, messageBytesMax: 4 });
  const one = hub.join(collector().subscriber);
  one.subscribe('a');
  one.subscribe('b');
  const limit = (option: string) => (error: unknown) =>
    error instanceof PubsubLimitError && error.option === option;
  assert.throws(() => one.subscribe('c'), limit('pubsub.subscriptions'));
  const two = hub.join(collector().subscriber);
  assert.throws(() => two.subscribe('c'), limit('pubsub.topics'));
  two.subscribe('a');
  assert.throws(() => hub.publish('a', 'ééé'), limit('pubsub.messageBytes'));
  assert.throws(() => hub.publish('a', new Uint8Array(5)), limit('pubsub.messageBytes'));
  hub.publish('a', 'éé');
});

test('messages are kept for replay within both bounds, and found by the id behind which they came', () => {
  const hub = createTestHub({ replay: { countMax: 3, bytesMax: 100_000 } });
  const ids: (string | undefined)[] = [];
  hub.join({ deliver: ({ id }) => ids.push(id) }).subscribe('t');
  for (const data of ['1', '2', '3', '4']) hub.publish('t', data);
  hub.publish('other', 'no');
  assert.equal(new Set(ids).size, 4);
  const after = (id: string | undefined) => hub.messagesAfter(id!, new Set(['t'])).map(({ data }) => data);
  assert.deepEqual(after(ids[2]), ['4']);
  assert.deepEqual(after(ids[3]), []);
  assert.deepEqual(after(ids[0]), ['3', '4']);
  assert.deepEqual(after('of another process'), ['3', '4']);
});

test('the bytes of what is kept for replay are bounded', () => {
  const hub = createTestHub({ replay: { countMax: 1000, bytesMax: 10_000 } });
  for (let i = 0; i < 500; i++) hub.publish('t', 'x'.repeat(1000));
  assert.ok(hub.messagesAfter('', new Set(['t'])).length <= 4);
  hub.publish('t', 'x'.repeat(9000));
  assert.equal(hub.messagesAfter('', new Set(['t'])).length, 0);
});

test('a publish of random comings and goings reaches exactly who is subscribed', () => {
  const hub = createTestHub();
  const members = Array.from({ length: 20 }, () => {
    const { got, subscriber } = collector();
    return { got, expected: [] as string[], place: hub.join(subscriber), isIn: false };
  });
  let seed = 7;
  const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let i = 0; i < 5000; i++) {
    const member = members[random(members.length)]!;
    if (random(3) > 0) {
      if (member.isIn) member.place.unsubscribe('t');
      else member.place.subscribe('t');
      member.isIn = !member.isIn;
    } else {
      hub.publish('t', `${i}`);
      for (const each of members) if (each.isIn) each.expected.push(`${i}`);
    }
  }
  for (const { got, expected } of members) assert.deepEqual(got, expected);
});
