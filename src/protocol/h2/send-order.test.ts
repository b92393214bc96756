import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ordered, SendOrder } from './send-order.ts';

const stream = (id: number, urgency = 3, takesTurns = false): Ordered => ({ id, urgency, takesTurns });

/** The ids in the order in which `frames` frames go out, when everybody always has more. */
function turns(order: SendOrder<Ordered>, frames: number): number[] {
  return Array.from({ length: frames }, () => {
    const next = order.next()!;
    order.rotate(next);
    return next.id;
  });
}

function orderOf(...streams: Ordered[]): SendOrder<Ordered> {
  const order = new SendOrder<Ordered>();
  for (const each of streams) order.add(each);
  return order;
}

test('the most urgent goes first, whenever it came', () => {
  assert.deepEqual(turns(orderOf(stream(1, 7), stream(3, 0), stream(5, 3)), 2), [3, 3]);
});

test('who takes turns sends a frame each', () => {
  const order = orderOf(stream(1, 3, true), stream(3, 3, true), stream(5, 3, true));
  assert.deepEqual(turns(order, 6), [1, 3, 5, 1, 3, 5]);
});

test('who comes as a whole goes in the order of ids, and before who takes turns', () => {
  const order = orderOf(stream(7, 3, true), stream(5), stream(1));
  assert.deepEqual(turns(order, 3), [1, 1, 1]);
  order.remove(order.next()!);
  assert.deepEqual(turns(order, 2), [5, 5]);
  order.remove(order.next()!);
  assert.deepEqual(turns(order, 2), [7, 7]);
});

test('who is taken out is not asked again, and nobody is left in the end', () => {
  const streams = [stream(1, 1, true), stream(3, 1, true), stream(5, 6)];
  const order = orderOf(...streams);
  order.remove(streams[0]!);
  order.remove(streams[0]!);
  assert.equal(order.count, 2);
  assert.deepEqual(turns(order, 2), [3, 3]);
  order.remove(streams[1]!);
  order.remove(streams[2]!);
  assert.equal(order.next(), undefined);
  assert.equal(order.count, 0);
});
