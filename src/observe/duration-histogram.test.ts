import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addCounts, DURATION_BOUNDS_SECONDS, DurationHistogram, emptyCounts } from './duration-histogram.ts';

const bucketOf = (ms: number): number => {
  const histogram = new DurationHistogram();
  histogram.record(ms);
  return histogram.snapshot().counts.indexOf(1);
};

test('a duration is counted in the first bucket whose bound it does not exceed', () => {
  const expected = (ms: number) => {
    const bucket = DURATION_BOUNDS_SECONDS.findIndex((bound) => ms <= bound * 1000);
    return bucket === -1 ? DURATION_BOUNDS_SECONDS.length : bucket;
  };
  for (const bound of DURATION_BOUNDS_SECONDS)
    for (const ms of [bound * 1000, bound * 1000 - 1e-4, bound * 1000 + 1e-4])
      assert.equal(bucketOf(ms), expected(ms), String(ms));
  fc.assert(
    fc.property(fc.double({ min: 0, max: 5_000_000, noNaN: true }), (ms) => {
      assert.equal(bucketOf(ms), expected(ms));
    }),
  );
  for (const odd of [-5, Number.NaN, 0]) assert.equal(bucketOf(odd), 0);
  assert.equal(bucketOf(Number.POSITIVE_INFINITY), DURATION_BOUNDS_SECONDS.length);
});

test('counts and sums of several are added', () => {
  const a = new DurationHistogram();
  a.record(1, 3);
  a.record(70_000);
  const b = new DurationHistogram();
  b.record(1);
  const sum = addCounts(addCounts(emptyCounts(), a.snapshot()), b.snapshot());
  assert.equal(sum.counts[3], 4);
  assert.equal(sum.counts.at(-1), 1);
  assert.ok(Math.abs(sum.sumSeconds - 70.004) < 1e-9);
});
