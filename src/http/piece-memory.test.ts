import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PieceMemory } from './piece-memory.ts';

const MIB = 1024 * 1024;

/** @param takesMs of each collection @returns after how many MiB each of `count` collections came */
function intervals(takesMs: readonly number[]): number[] {
  let nowMs = 0;
  let collected = 0;
  const memory = new PieceMemory(
    () => () => {
      nowMs += takesMs[collected++]!;
    },
    () => nowMs,
  );
  return takesMs.map((_ms, index) => {
    let mibs = 0;
    for (; collected === index && mibs < 1000; mibs++) memory.came(MIB);
    return mibs;
  });
}

test('the young generation is collected every 4 MiB of pieces', () => {
  assert.deepEqual(intervals([0.3, 0.5, 0.1, 0.4]), [4, 4, 4, 4]);
});

test('collections that take long become rare, step by step, and no rarer than every 16 MiB', () => {
  const found = intervals(Array(20).fill(40));
  assert.deepEqual(found.slice(0, 5), [4, 5, 7, 8, 10]);
  assert.equal(found.at(-1), 16);
});

test('one that took long because the process had other work is forgotten with the next', () => {
  assert.deepEqual(intervals([0.3, 90, 0.3, 0.3]), [4, 4, 5, 4]);
});

test('nothing is opened before the first collection is due', () => {
  let opened = 0;
  const memory = new PieceMemory(
    () => {
      opened++;
      return () => {};
    },
    () => 0,
  );
  memory.came(4 * MIB - 1);
  assert.equal(opened, 0);
  for (let i = 0; i < 100; i++) memory.came(MIB);
  assert.equal(opened, 1);
});
