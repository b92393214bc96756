import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedQueue } from './bounded-queue.ts';

test('items leave in the order in which they came', () => {
  const queue = new BoundedQueue<string>(3);
  for (const item of ['a', 'b', 'c']) assert.equal(queue.tryPush(item), true);
  assert.equal(queue.peek(), 'a');
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], ['a', 'b', 'c', undefined]);
});

test('a full queue refuses the next item and keeps what it has', () => {
  const queue = new BoundedQueue<number>(3); // not a power of two: the bound is exact all the same
  for (const item of [1, 2, 3]) queue.tryPush(item);
  assert.equal(queue.isFull, true);
  assert.equal(queue.tryPush(4), false);
  assert.equal(queue.length, 3);
  assert.equal(queue.shift(), 1);
  assert.equal(queue.tryPush(4), true);
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], [2, 3, 4]);
});

test('it behaves as an array with a bound, whatever is done to it', () => {
  const operation = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('push' as const), value: fc.integer() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('shift' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(operation, { maxLength: 100 }),
      (capacity, operations) => {
        const queue = new BoundedQueue<number>(capacity);
        let model: number[] = [];
        for (const step of operations) {
          if (step.kind === 'push') {
            const room = model.length < capacity;
            if (room) model.push(step.value);
            assert.equal(queue.tryPush(step.value), room);
          } else if (step.kind === 'shift') assert.equal(queue.shift(), model.shift());
          else {
            model = [];
            queue.clear();
          }
          assert.equal(queue.length, model.length);
          assert.equal(queue.isFull, model.length === capacity);
          assert.equal(queue.peek(), model[0]);
        }
      },
    ),
  );
});

test('a queue without a sensible bound is our own mistake', () => {
  for (const capacity of [0, -1, 1.5, Number.POSITIVE_INFINITY, Number.NaN])
    assert.throws(() => new BoundedQueue(capacity), /holdfast bug/);
});
