import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescriptorConnection, TOUCHED } from './connection.ts';
import { type Advancing, Touched } from './touched.ts';
import { TurnTime } from './turn-time.ts';

const KIB = 1024;

function stage(unsent: Record<string, number>) {
  const touched = new Touched<DescriptorConnection>();
  const order: string[] = [];
  const byName = new Map<string, DescriptorConnection>();
  for (const [name, unsentBytes] of Object.entries(unsent)) {
    const conn = { flags: 0, unsentBytes, name } as unknown as DescriptorConnection;
    byName.set(name, conn);
    touched.add(conn);
  }
  const time = new TurnTime();
  time.begin(performance.now() + 60_000);
  const engine = {
    time,
    hasRoom: (): boolean => true,
    advance: (conn: DescriptorConnection): void =>
      void order.push((conn as unknown as { name: string }).name),
  } satisfies Advancing<DescriptorConnection>;
  return { touched, order, engine, conn: (name: string) => byName.get(name)! };
}

test('who has little to send goes before who has much, each in their order', () => {
  const { touched, order, engine } = stage({ a: 64 * KIB, b: 100, c: 20 * KIB, d: 0 });
  touched.flush(engine);
  assert.deepEqual(order, ['b', 'd', 'a', 'c']);
  assert.equal(touched.count, 0);
});

test('of much a share is sent at a time, and the rest comes first of its kind the next time', () => {
  const { touched, order, engine, conn } = stage({ a: 64 * KIB, b: 64 * KIB, c: 64 * KIB, d: 64 * KIB });
  touched.flush(engine);
  assert.deepEqual(order.splice(0), ['a', 'b']);
  assert.equal(touched.count, 2);
  touched.add(conn('a'));
  touched.flush(engine);
  assert.deepEqual(order.splice(0), ['c', 'd']);
  touched.flush(engine);
  assert.deepEqual(order, ['a']);
  assert.equal(touched.count, 0);
});

test('one that has much is looked at though the turn has had its time', () => {
  const { touched, order, engine } = stage({ a: 64 * KIB, b: 64 * KIB, c: 10 });
  engine.time.begin(performance.now() - 60_000);
  for (let i = 0; i < 16; i++) engine.time.isWhollySpent();
  touched.flush(engine);
  assert.ok(order.includes('a'));
});

test('whoever is not looked at for want of room waits in the order in which they were touched', () => {
  const { touched, order, engine } = stage({ a: 1, b: 64 * KIB, c: 2, d: 3, e: 4 });
  touched.flush({ ...engine, hasRoom: () => order.length < 2 });
  assert.deepEqual(order.splice(0), ['a', 'c']);
  touched.flush(engine);
  assert.deepEqual(order, ['d', 'e', 'b']);
});

test('what is touched meanwhile, or was begun when a callback threw, is for the next time', () => {
  const { touched, order, engine, conn } = stage({ a: 1, b: 2, c: 3 });
  const advance = (each: DescriptorConnection): void => {
    engine.advance(each);
    if (each === conn('a')) touched.add(each);
    if (each === conn('b')) throw new Error('a callback threw');
  };
  assert.throws(() => touched.flush({ ...engine, advance }), /a callback threw/);
  assert.deepEqual(order.splice(0), ['a', 'b']);
  assert.equal((conn('b').flags & TOUCHED) !== 0, true);
  touched.flush(engine);
  assert.deepEqual(order, ['c', 'a', 'b']);
  assert.equal(touched.count, 0);
});
