import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShortWait } from './short-wait.ts';

test('waiting goes on while most waits bring news', () => {
  const wait = new ShortWait();
  for (let i = 0; i < 1000; i++) {
    assert.ok(wait.isDue());
    wait.ended(i % 4 !== 0);
  }
});

test('waits in vain are few: one in sixty once it is known that they do not pay', () => {
  const wait = new ShortWait();
  let waits = 0;
  for (let i = 0; i < 10_000; i++) {
    if (!wait.isDue()) continue;
    waits++;
    wait.ended(false);
  }
  assert.ok(waits <= 10_000 / 60 + 4, `${waits} waits`);
});

test('it begins again when a trial brings news', () => {
  const wait = new ShortWait();
  while (wait.isDue()) wait.ended(false);
  while (!wait.isDue());
  wait.ended(true);
  for (let i = 0; i < 100; i++) {
    assert.ok(wait.isDue());
    wait.ended(true);
  }
});
