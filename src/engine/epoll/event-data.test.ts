import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLOT_BITS } from '../descriptor/connection-table.ts';
import { listenerData, listenerIndex, TIMER_DATA, TIMER_DATA_READ } from './event-data.ts';

/** What the kernel gives back for what it was given. */
const readBack = (data: number): number => new Int32Array(new Uint32Array([data]).buffer)[0]!;

test('connections, listeners and the timer are told apart', () => {
  assert.ok(readBack(0) >= 0);
  assert.ok(readBack(2 ** SLOT_BITS - 1) >= 0);
  for (const index of [0, 1, 1000]) {
    const data = readBack(listenerData(index));
    assert.ok(data < 0);
    assert.notEqual(data, TIMER_DATA_READ);
    assert.equal(listenerIndex(data), index);
  }
  assert.equal(readBack(TIMER_DATA), TIMER_DATA_READ);
});
