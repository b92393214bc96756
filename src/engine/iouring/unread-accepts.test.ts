import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOT_BITS } from '../descriptor/connection-table.ts';
import { markTaken, takeUnreadAccepts } from './unread-accepts.ts';
import { OP_ACCEPT, OP_RECEIVE } from './user-data.ts';

const QUEUE = { head: 0, tail: 1, mask: 3, entries: 2 };

/** A queue of four places in which the head is at `head`, and these completions follow. */
function ringOf(
  head: number,
  completions: readonly (readonly [operation: number, result: number])[],
): Int32Array {
  const ring = new Int32Array(QUEUE.entries + 4 * 4);
  ring[QUEUE.head] = head;
  ring[QUEUE.tail] = (head + completions.length) | 0;
  for (const [i, [operation, result]] of completions.entries()) {
    const word = QUEUE.entries + ((head + i) & QUEUE.mask) * 4;
    ring[word] = operation << SLOT_BITS;
    ring[word + 2] = result;
  }
  return ring;
}

test('accepts that were not read are taken once, and nothing else is', () => {
  const ring = ringOf(0, [
    [OP_ACCEPT, 0],
    [OP_RECEIVE, 12],
    [OP_ACCEPT, -24],
    [OP_ACCEPT, 33],
  ]);
  assert.deepEqual(takeUnreadAccepts(ring, QUEUE), [0, 33]);
  assert.deepEqual(takeUnreadAccepts(ring, QUEUE), []);
});

test('those that have been taken while the head lags behind are left alone', () => {
  const ring = ringOf(0, [
    [OP_ACCEPT, 30],
    [OP_ACCEPT, 31],
    [OP_ACCEPT, 32],
  ]);
  markTaken(ring, QUEUE.entries);
  markTaken(ring, QUEUE.entries + 4);
  assert.deepEqual(takeUnreadAccepts(ring, QUEUE), [32]);
});

test('the places and the counts of the queue wrap around', () => {
  const ring = ringOf(0x7fffffff, [
    [OP_ACCEPT, 40],
    [OP_ACCEPT, 41],
  ]);
  assert.deepEqual(takeUnreadAccepts(ring, QUEUE), [40, 41]);
});

test('places that lie before the head or behind the tail count for nothing', () => {
  const ring = ringOf(1, [
    [OP_ACCEPT, 50],
    [OP_ACCEPT, 51],
    [OP_ACCEPT, 52],
  ]);
  ring[QUEUE.head] = 2;
  ring[QUEUE.tail] = 3;
  assert.deepEqual(takeUnreadAccepts(ring, QUEUE), [51]);
});
