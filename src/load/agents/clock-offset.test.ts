import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bestOffset, type ClockRound, offsetOf } from './clock-offset.ts';

/** What the clocks show when the other is ahead by `ahead` and the ways take `there` and `back`. */
function round(ahead: number, there: number, held: number, back: number, askedMs = 1000): ClockRound {
  const receivedMs = askedMs + there + ahead;
  return { askedMs, receivedMs, repliedMs: receivedMs + held, answeredMs: askedMs + there + held + back };
}

test('with the same delay both ways the offset is exact, however long the other takes to answer', () => {
  const { offsetMs, delayMs, uncertaintyMs } = offsetOf(round(-5000, 3, 40, 3));
  assert.equal(offsetMs, -5000);
  assert.equal(delayMs, 6);
  assert.equal(uncertaintyMs, 3);
});

test('the true offset lies within the uncertainty, whatever the delays', () => {
  const ms = fc.double({ min: 0, max: 1000, noNaN: true });
  const ahead = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(ahead, ms, ms, ms, (by, there, held, back) => {
      const { offsetMs, uncertaintyMs } = offsetOf(round(by, there, held, back));
      assert.ok(Math.abs(offsetMs - by) <= uncertaintyMs + 1e-6);
    }),
  );
});

test('of several rounds the fastest counts', () => {
  const rounds = [round(7, 30, 0, 2), round(7, 1, 5, 1.5), round(7, 100, 0, 100)];
  const best = bestOffset(rounds);
  assert.ok(Math.abs(best!.offsetMs - 7) <= 0.25 + 1e-9);
  assert.equal(best!.uncertaintyMs, 1.25);
  assert.equal(bestOffset([]), undefined);
});

test('clocks that jitter never make a delay negative', () => {
  assert.equal(offsetOf({ askedMs: 10, receivedMs: 5, repliedMs: 6, answeredMs: 10.5 }).delayMs, 0);
});
