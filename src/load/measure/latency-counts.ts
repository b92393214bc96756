/**
 * Latencies of one thread as they are recorded: an array of counts in the layout of an HdrHistogram with
 * unit 1 µs and three significant digits, so that index and value agree with the library to the bit.
 * Recording is here because the library spends 90 to 110 ns a value (its log2 and pow; 64-bit and packed
 * ones 220 and 1500, WASM 30 to 45), this 20; percentiles, merging and encoding are the library's
 * (latency-summary.ts), which then need not be loaded by the threads.
 */

/** Values below this are counted each for itself: 2 * 10^3, rounded up to a power of two. */
const EXACT_BELOW = 2048;
const HALF_BITS = 10;
/** 2^32 - 1 µs is 71 minutes; what takes longer is counted as that. */
export const LATENCY_US_MAX = 2 ** 32 - 1;
/** The highest index is that of LATENCY_US_MAX, 21 doublings above the exact values. */
export const COUNTS_LENGTH = 21 * 1024 + EXACT_BELOW;

/** Recorded latencies as plain data, for another thread or another machine. */
export interface LatencyData {
  /** Index and count of every count that is not 0, one after the other, indexes rising. */
  readonly pairs: Float64Array;
  readonly count: number;
  /** Exact, where the histogram knows them to three digits; 0 while nothing is recorded. */
  readonly minUs: number;
  readonly maxUs: number;
}

export const NO_LATENCIES: LatencyData = Object.freeze({
  pairs: new Float64Array(0),
  count: 0,
  minUs: 0,
  maxUs: 0,
});

/** Where the histogram counts `us`, a whole number from 0 to LATENCY_US_MAX. @hot */
export function countsIndex(us: number): number {
  if (us < EXACT_BELOW) return us;
  const shift = 21 - Math.clz32(us);
  return (shift << HALF_BITS) + (us >>> shift);
}

/** The lowest value that is counted at `index`. */
export function lowestValueAt(index: number): number {
  if (index < EXACT_BELOW) return index;
  const shift = (index >> HALF_BITS) - 1;
  return (index - (shift << HALF_BITS)) * 2 ** shift;
}

export class LatencyCounts {
  readonly counts: Float64Array;
  count = 0;
  #minUs = LATENCY_US_MAX;
  #maxUs = 0;
  /** Indexes outside of these have no counts: clearing and copying a second's worth is then short. */
  #indexMin = COUNTS_LENGTH;
  #indexMax = -1;

  constructor() {
    this.counts = new Float64Array(COUNTS_LENGTH);
  }

  /** Counts one latency, in milliseconds as clocks give it. @hot */
  recordMs(ms: number): void {
    this.recordUs(Math.round(ms * 1000));
  }

  /** Counts `us` several times. */
  recordUsTimes(us: number, times: number): void {
    const value = Math.min(Math.max(us, 0), LATENCY_US_MAX);
    this.recordUs(value);
    this.counts[countsIndex(value)]! += times - 1;
    this.count += times - 1;
  }

  /** @param us whole microseconds; below 0 (clocks of two readings) counts as 0. @hot */
  recordUs(us: number): void {
    const value = us < 0 ? 0 : us > LATENCY_US_MAX ? LATENCY_US_MAX : us;
    const index = countsIndex(value);
    this.counts[index]!++;
    this.count++;
    if (index < this.#indexMin) this.#indexMin = index;
    if (index > this.#indexMax) this.#indexMax = index;
    if (value < this.#minUs) this.#minUs = value;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  /** Adds what another thread has recorded. */
  addData(data: LatencyData): void {
    const { pairs } = data;
    if (data.count === 0) return;
    for (let i = 0; i < pairs.length; i += 2) this.counts[pairs[i]!]! += pairs[i + 1]!;
    this.count += data.count;
    this.#indexMin = Math.min(this.#indexMin, pairs[0]!);
    this.#indexMax = Math.max(this.#indexMax, pairs[pairs.length - 2]!);
    this.#minUs = Math.min(this.#minUs, data.minUs);
    this.#maxUs = Math.max(this.#maxUs, data.maxUs);
  }

  /** What is recorded, as a copy. */
  data(): LatencyData {
    if (this.count === 0) return NO_LATENCIES;
    let filled = 0;
    for (let i = this.#indexMin; i <= this.#indexMax; i++) if (this.counts[i] !== 0) filled++;
    const pairs = new Float64Array(filled * 2);
    let at = 0;
    for (let i = this.#indexMin; i <= this.#indexMax; i++) {
      if (this.counts[i] === 0) continue;
      pairs[at++] = i;
      pairs[at++] = this.counts[i]!;
    }
    return { pairs, count: this.count, minUs: this.#minUs, maxUs: this.#maxUs };
  }

  clear(): void {
    this.counts.fill(0, Math.max(this.#indexMin, 0), this.#indexMax + 1);
    this.count = 0;
    this.#minUs = LATENCY_US_MAX;
    this.#maxUs = 0;
    this.#indexMin = COUNTS_LENGTH;
    this.#indexMax = -1;
  }
}

/**
 * Latencies with what failed requests have waited for: a wait of seconds that a reset ended was a wait. Failures
 * that were quicker than half of all answers stay out, since with them a server would look the faster the more it
 * refuses.
 * @param answers of the whole run, where `latency` is of a part of it
 */
export function withLostWaits(latency: LatencyData, lost: LatencyData, answers = latency): LatencyData {
  if (lost.count === 0 || answers.count === 0) return latency;
  const leastIndex = countsIndex(percentileUs(answers, 50));
  const pairs: number[] = [];
  let count = 0;
  for (let i = 0; i < lost.pairs.length; i += 2) {
    if (lost.pairs[i]! < leastIndex) continue;
    pairs.push(lost.pairs[i]!, lost.pairs[i + 1]!);
    count += lost.pairs[i + 1]!;
  }
  if (count === 0) return latency;
  const minUs = lowestValueAt(pairs[0]!);
  return mergeLatencies([latency, { pairs: Float64Array.from(pairs), count, minUs, maxUs: lost.maxUs }]);
}

/** All recorded in both. */
export function mergeLatencies(all: readonly LatencyData[]): LatencyData {
  const filled = all.filter((data) => data.count > 0);
  if (filled.length === 1) return filled[0]!;
  const sum = new LatencyCounts();
  for (const data of filled) sum.addData(data);
  return sum.data();
}

/**
 * The value below or at which `percentile` percent of the values lie, in microseconds, as HdrHistogram
 * has it: the highest value that is counted with it, and never more than the largest recorded.
 */
export function percentileUs(data: LatencyData, percentile: number): number {
  const wanted = rankOf(percentile, data.count);
  let seen = 0;
  for (let i = 0; i < data.pairs.length; i += 2) {
    seen += data.pairs[i + 1]!;
    if (seen >= wanted) return Math.min(lowestValueAt(data.pairs[i]! + 1) - 1, data.maxUs);
  }
  return data.maxUs;
}

/** Which of `count` values, in their order and from 1, is the percentile: 99.9 % of 1,000 is the 999th. */
export function rankOf(percentile: number, count: number): number {
  return Math.max(1, Math.ceil((percentile / 100) * count - 1e-9 * count));
}

/** The mean of values as they are counted: each stands for the middle of those that are counted with it. */
export function meanUs({ pairs, count }: LatencyData): number {
  let sum = 0;
  for (let i = 0; i < pairs.length; i += 2)
    sum += ((lowestValueAt(pairs[i]!) + lowestValueAt(pairs[i]! + 1) - 1) / 2) * pairs[i + 1]!;
  return count === 0 ? 0 : sum / count;
}
