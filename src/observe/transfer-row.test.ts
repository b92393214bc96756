import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostTelling } from './transfer-row.ts';

const transfer = (ageMs: number, bytes: number) => ({ ageMs, bytes });

test('few transfers are all told, the oldest first', () => {
  assert.deepEqual(mostTelling([transfer(1, 9), transfer(3, 1), transfer(2, 5)], 3), [
    transfer(3, 1),
    transfer(2, 5),
    transfer(1, 9),
  ]);
  assert.deepEqual(mostTelling([], 3), []);
});

test('of many, one half are the oldest and the other those that have moved most', () => {
  const many = Array.from({ length: 1000 }, (_, i) => transfer(i, i === 10 ? 1e9 : i === 20 ? 1e8 : 0));
  assert.deepEqual(
    mostTelling(many, 4).map(({ ageMs }) => ageMs),
    [999, 998, 20, 10],
  );
  assert.equal(mostTelling(many, 0).length, 0);
});
