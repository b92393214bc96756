import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schedule } from './rate-schedule.ts';

test('requests are due evenly, the first after its phase', () => {
  const schedule = new Schedule(1000, 100, 0.5, 0);
  assert.deepEqual(
    [0, 1, 2, 100].map((index) => schedule.momentMs(index)),
    [1005, 1015, 1025, 2005],
  );
  assert.equal(schedule.countBefore(1000), 0);
  assert.equal(schedule.countBefore(2000), 100);
});

test('parts of a schedule interleave to the whole', () => {
  const whole = new Schedule(0, 90, 0, 0);
  const parts = [0, 1 / 3, 2 / 3].map((phase) => new Schedule(0, 30, phase, 0));
  const moments = parts.flatMap((part) => Array.from({ length: 30 }, (_, index) => part.momentMs(index)));
  moments.sort((a, b) => a - b);
  for (const [index, moment] of moments.entries())
    assert.ok(Math.abs(moment - whole.momentMs(index)) < 1e-9, `${index}`);
});

test('with a ramp the rate grows evenly, then stays', () => {
  const schedule = new Schedule(500, 1000, 0, 2000);
  // Half of the full rate on average: 1000 requests in the 2 s of the ramp, a quarter of them in its first half.
  assert.equal(schedule.countBefore(1500), 250);
  assert.equal(schedule.countBefore(2500), 1000);
  assert.equal(schedule.countBefore(3500), 2000);
  for (let index = 1; index < 3000; index++)
    assert.ok(schedule.momentMs(index) > schedule.momentMs(index - 1), `${index}`);
  assert.equal(schedule.momentMs(1000), 2500);
  assert.equal(schedule.momentMs(2000), 3500);
});

test('what is counted before a moment is what is due before it', () => {
  for (const rampMs of [0, 700]) {
    const schedule = new Schedule(10, 37, 0.25, rampMs);
    for (const atMs of [0, 10, 11, 100, 709.9, 710, 5000]) {
      let count = 0;
      while (schedule.momentMs(count) < atMs) count++;
      assert.equal(schedule.countBefore(atMs), count, `${rampMs} ${atMs}`);
    }
  }
});

test('a request that is due at the very end is not before it, wherever the clock stands', () => {
  for (const startMs of [0, 1234.567, 987_654.321, 1e7 / 3])
    for (const rate of [200, 333, 1000, 7777.7]) {
      const schedule = new Schedule(startMs, rate, 0, 0);
      for (const index of [1, 140, 340, 99_999])
        assert.equal(schedule.countBefore(schedule.momentMs(index)), index, `${startMs} ${rate} ${index}`);
    }
});
