import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moveWithin } from './move-within.ts';

test('a part moves to the front as copyWithin moves it, wherever it begins and ends', () => {
  const list = Array.from({ length: 8 }, (_, i) => i);
  for (let to = 0; to < 8; to++)
    for (let from = to; from <= 8; from++)
      for (let end = from; end <= 8; end++) {
        const moved = [...list];
        moveWithin(moved, to, from, end);
        assert.deepEqual(moved, [...list].copyWithin(to, from, end), `${to} ${from} ${end}`);
      }
});
