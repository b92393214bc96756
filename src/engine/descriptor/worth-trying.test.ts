import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorthTrying } from './worth-trying.ts';

test('trying goes on while most trials succeed', () => {
  const worth = new WorthTrying();
  for (let i = 0; i < 1000; i++) {
    assert.ok(worth.isDue());
    worth.ended(i % 4 !== 0);
  }
});

test('trials in vain are few: one in sixty once it is known that they do not pay', () => {
  const worth = new WorthTrying();
  let trials = 0;
  for (let i = 0; i < 10_000; i++) {
    if (!worth.isDue()) continue;
    trials++;
    worth.ended(false);
  }
  assert.ok(trials <= 10_000 / 60 + 4, `${trials} trials`);
});

test('it begins again when a trial succeeds', () => {
  const worth = new WorthTrying();
  while (worth.isDue()) worth.ended(false);
  while (!worth.isDue());
  worth.ended(true);
  for (let i = 0; i < 100; i++) {
    assert.ok(worth.isDue());
    worth.ended(true);
  }
});
