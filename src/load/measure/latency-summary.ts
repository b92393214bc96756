/**
 * Recorded latencies as people compare them: percentiles, mean, deviation, the curve, and the histogram in
 * HdrHistogram's own encoding, so that other tools read it. The arithmetic is the library's, loaded when
 * a run is over, since loading takes some 80 ms.
 */
import type { Histogram } from 'hdr-histogram-js';
import { LATENCY_US_MAX, type LatencyData, lowestValueAt, percentileUs } from './latency-counts.ts';
import type { LatencyFigures, LatencySummary } from './load-result.ts';

const PERCENTILES = ['50', '75', '90', '95', '99', '99.9', '99.99'] as const;

const SIGNIFICANT_DIGITS = 3;
const US_PER_MS = 1000;
/** Points of the curve in each halving of the distance to 100 %: what HdrHistogram's own plots use. */
const CURVE_TICKS = 5;

export type HistogramLibrary = typeof import('hdr-histogram-js');

export async function loadHistogramLibrary(): Promise<HistogramLibrary> {
  const loaded = (await import('hdr-histogram-js')) as HistogramLibrary & { default?: HistogramLibrary };
  return loaded.default ?? loaded; // CommonJS: where its names are not found out, they are all in `default`
}

export function summarizeLatencies(library: HistogramLibrary, data: LatencyData): LatencySummary {
  const histogram = toHistogram(library, data);
  return {
    ...figuresOf(histogram, data),
    histogram: library.encodeIntoCompressedBase64(histogram),
    curve: data.count === 0 ? [] : curveOf(data),
  };
}

/** Without what drawing and merging take. */
export function latencyFigures(library: HistogramLibrary, data: LatencyData): LatencyFigures {
  return figuresOf(toHistogram(library, data), data);
}

function figuresOf(histogram: Histogram, data: LatencyData): LatencyFigures {
  const isEmpty = data.count === 0;
  const percentilesMs: Record<string, number | null> = {};
  for (const name of PERCENTILES) {
    percentilesMs[name] = isEmpty
      ? null
      : Math.min(histogram.getValueAtPercentile(Number(name)), data.maxUs) / US_PER_MS;
  }
  return {
    count: data.count,
    minMs: isEmpty ? null : data.minUs / US_PER_MS,
    // The library takes the middle of those that are counted together, which may lie beyond the largest.
    meanMs: isEmpty ? null : Math.min(Math.max(histogram.mean, data.minUs), data.maxUs) / US_PER_MS,
    stdevMs: isEmpty ? null : histogram.stdDeviation / US_PER_MS,
    maxMs: isEmpty ? null : data.maxUs / US_PER_MS,
    percentilesMs,
  };
}

/** The library's histogram with the same counts: unit 1 µs, three digits. */
export function toHistogram(library: HistogramLibrary, data: LatencyData): Histogram {
  const histogram = library.build({
    bitBucketSize: 64,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
  const { pairs } = data;
  for (let i = 0; i < pairs.length; i += 2)
    histogram.recordValueWithCount(lowestValueAt(pairs[i]!), pairs[i + 1]!);
  return histogram;
}

/** Ever closer to 100 %, as far as there are values, and 100 % itself. */
function curveOf(data: LatencyData): [number, number][] {
  const points: [number, number][] = [];
  for (let tick = 0; ; tick++) {
    const halvings = Math.floor(tick / CURVE_TICKS);
    const within = (tick % CURVE_TICKS) / CURVE_TICKS;
    const rest = 2 ** -halvings * (1 - within / 2);
    if (rest * data.count < 1 && tick > 0) break;
    const percentile = 100 * (1 - rest);
    points.push([round(percentile), percentileUs(data, percentile) / US_PER_MS]);
  }
  points.push([100, data.maxUs / US_PER_MS]);
  return points;
}

/** Ten digits tell 99.9999999 from 100. */
function round(percentile: number): number {
  return Number(percentile.toPrecision(10));
}
