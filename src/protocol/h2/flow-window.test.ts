import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowWindow, ReceiveWindow } from './flow-window.ts';

test('a window that was made smaller owes before it gives again', () => {
  const window = new FlowWindow(65_535);
  window.take(65_535);
  assert.equal(window.available, 0);
  assert.equal(window.shift(-16_384), true);
  assert.equal(window.available, 0);
  assert.equal(window.give(16_384), true);
  assert.equal(window.available, 0);
  assert.equal(window.give(1), true);
  assert.equal(window.available, 1);
});

test('a window of 2^31-1 is the largest', () => {
  const window = new FlowWindow(0);
  assert.equal(window.give(2 ** 31 - 1), true);
  assert.equal(window.give(1), false);
});

test('what was read is given back when half of the window is spent, and no byte is lost', () => {
  const window = new ReceiveWindow(1000);
  assert.equal(window.take(1000), true);
  assert.equal(window.take(1), false, 'more than the window');
  const honest = new ReceiveWindow(1000);
  let left = 1000;
  let given = 0;
  for (let i = 0; i < 100; i++) {
    assert.equal(honest.take(37), true);
    left -= 37;
    const increment = honest.spend(37);
    assert.ok(increment === 0 || increment >= 500);
    given += increment;
    left += increment;
    assert.ok(left > 0, 'a peer whose bytes are read at once never waits');
  }
  assert.ok(100 * 37 - given < 500);
});
