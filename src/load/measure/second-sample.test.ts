import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyCounts, NO_LATENCIES } from './latency-counts.ts';
import { type SecondReport, zeroCounters } from './run-totals.ts';
import { toSample } from './second-sample.ts';

function latencies(...ms: number[]) {
  const counts = new LatencyCounts();
  for (const each of ms) counts.recordMs(each);
  return counts.data();
}

const NOTHING: SecondReport = {
  second: 3,
  lengthMs: 1000,
  counters: zeroCounters(),
  open: 2,
  latency: NO_LATENCIES,
  lost: NO_LATENCIES,
  waiting: NO_LATENCIES,
  errors: {},
  threads: [],
};
const ANSWERS = latencies(10, 20, 30);

test('a second in which nothing ended and nothing waited has no latency', () => {
  const { p50Ms, p99Ms, p999Ms, maxMs } = toSample(NOTHING, ANSWERS, undefined);
  assert.deepEqual([p50Ms, p99Ms, p999Ms, maxMs], [null, null, null, null]);
});

test('waits that failures ended are in the second in which they ended', () => {
  const second = { ...NOTHING, latency: latencies(10, 20), lost: latencies(0.1, 900) };
  assert.equal(toSample(second, ANSWERS, undefined).p99Ms, 900);
  const alone = toSample({ ...NOTHING, lost: latencies(0.1, 900) }, ANSWERS, undefined);
  // Failures that are quicker than answers are no latency, though there is no answer in this second.
  assert.deepEqual([alone.p50Ms, alone.maxMs], [900, 900]);
});

test('what waits through a second is in it with its wait so far', () => {
  const sample = toSample(
    { ...NOTHING, latency: latencies(10), waiting: latencies(1500) },
    ANSWERS,
    undefined,
  );
  assert.deepEqual([sample.p50Ms! < 11, sample.p99Ms], [true, 1500]);
});
