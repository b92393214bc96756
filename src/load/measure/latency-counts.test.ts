import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import {
  COUNTS_LENGTH,
  countsIndex,
  LATENCY_US_MAX,
  LatencyCounts,
  lowestValueAt,
  meanUs,
  mergeLatencies,
  NO_LATENCIES,
  percentileUs,
  withLostWaits,
} from './latency-counts.ts';
import { loadHistogramLibrary, summarizeLatencies, toHistogram } from './latency-summary.ts';

const EDGES = [0, 1, 2047, 2048, 2049, 4095, 4096, 4099, 1_000_000, 2 ** 31, LATENCY_US_MAX];

/** Values as latencies are: from a microsecond to minutes, most of them small. */
function latencies(seed: number, count: number): number[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => Math.floor(2 ** (random.nextUnit() * 28)));
}

test('values are counted where the library counts them', async () => {
  const library = await loadHistogramLibrary();
  for (const value of [...EDGES, ...latencies(1, 2000)]) {
    const index = countsIndex(value);
    assert.ok(index >= 0 && index < COUNTS_LENGTH);
    const histogram = library.build({
      highestTrackableValue: LATENCY_US_MAX,
      numberOfSignificantValueDigits: 3,
    });
    histogram.recordValue(value);
    // What the library gives back is the highest value that it counts with this one.
    assert.equal(
      lowestValueAt(index + 1) - 1,
      Math.max(value === 0 ? 0 : 1, histogram.getValueAtPercentile(100)),
      `${value}`,
    );
    assert.ok(lowestValueAt(index) <= value);
  }
});

test('percentiles and mean are those of the library', async () => {
  const library = await loadHistogramLibrary();
  const counts = new LatencyCounts();
  for (const value of latencies(2, 50_000)) counts.recordUs(value);
  const data = counts.data();
  const histogram = toHistogram(library, data);
  assert.equal(histogram.totalCount, 50_000);
  for (const percentile of [1, 25, 50, 75, 90, 99, 99.9, 99.99])
    assert.equal(
      percentileUs(data, percentile),
      histogram.getValueAtPercentile(percentile),
      `p${percentile}`,
    );
  assert.ok(Math.abs(meanUs(data) / histogram.mean - 1) < 1e-3);
});

test('what two threads record is, merged, what one would have recorded', () => {
  const all = latencies(3, 3000);
  const parts = [new LatencyCounts(), new LatencyCounts(), new LatencyCounts()];
  const whole = new LatencyCounts();
  for (const [index, value] of all.entries()) {
    parts[index % 2]!.recordUs(value);
    whole.recordUs(value);
  }
  assert.deepEqual(mergeLatencies(parts.map((part) => part.data())), whole.data());
  assert.deepEqual(structuredClone(whole.data()), whole.data());
  assert.equal(mergeLatencies([]).count, 0);
});

test('what is counted several times is counted within the bounds, too', () => {
  const counts = new LatencyCounts();
  counts.recordUsTimes(-5, 3);
  counts.recordUsTimes(LATENCY_US_MAX * 2, 4);
  const { count, pairs } = counts.data();
  assert.deepEqual([count, pairs[1], pairs[3], pairs.length], [7, 3, 4, 4]);
});

test('extremes are exact, and what no clock should say is counted all the same', () => {
  const counts = new LatencyCounts();
  for (const us of [123_457, -3, 1e12]) counts.recordUs(us);
  const data = counts.data();
  assert.equal(data.minUs, 0);
  assert.equal(data.maxUs, LATENCY_US_MAX);
  counts.clear();
  assert.deepEqual(counts.data(), NO_LATENCIES);
  counts.recordMs(0.0456);
  assert.equal(counts.data().maxUs, 46);
  assert.equal(percentileUs(counts.data(), 50), 46);
});

test('a summary has rising percentiles, a curve to the maximum, and a histogram that others can read', async () => {
  const library = await loadHistogramLibrary();
  const counts = new LatencyCounts();
  for (let us = 1; us <= 10_000; us++) counts.recordUs(us);
  const summary = summarizeLatencies(library, counts.data());
  assert.equal(summary.minMs, 0.001);
  assert.equal(summary.maxMs, 10);
  assert.ok(Math.abs(summary.percentilesMs['99']! - 9.9) < 0.01);
  assert.deepEqual(summary.curve.at(-1), [100, 10]);
  for (const [index, point] of summary.curve.entries()) {
    if (index === 0) continue;
    const before = summary.curve[index - 1]!;
    assert.ok(point[0] > before[0] && point[1] >= before[1]);
  }
  const decoded = library.decodeFromCompressedBase64(summary.histogram);
  assert.equal(decoded.totalCount, 10_000);
  assert.equal(summarizeLatencies(library, NO_LATENCIES).count, 0);
  // Values that are counted together have a middle, which is no mean where there is one value.
  const single = new LatencyCounts();
  single.recordUs(48_704);
  assert.equal(summarizeLatencies(library, single.data()).meanMs, 48.704);
});

test('what failed requests waited for is among the latencies, but no failure makes a server look quick', () => {
  const of = (...values: number[]) => {
    const counts = new LatencyCounts();
    for (const us of values) counts.recordUs(us);
    return counts.data();
  };
  const latency = of(100, 200, 300, 400);
  const together = withLostWaits(latency, of(5, 150, 3_000_000));
  assert.equal(together.count, 5);
  assert.deepEqual([together.minUs, together.maxUs], [100, 3_000_000]);
  assert.equal(withLostWaits(latency, of(1, 2)), latency);
  assert.equal(withLostWaits(of(), of(7)).count, 0);
  // The run's answers say what is quick in a part of it in which nothing was answered.
  assert.equal(withLostWaits(of(), of(7, 3_000_000), latency).count, 1);
});
