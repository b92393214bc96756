/**
 * How long things took, counted in fixed buckets: what Prometheus calls a classic histogram. Recording allocates
 * nothing and takes a few nanoseconds; sums of several threads' are exact.
 */

/**
 * Upper bounds. From 5 ms to 10 s they are the ones of Prometheus' client libraries, so that charts made for others
 * fit; below are what a server of this kind is about, above what a slow reader takes.
 */
export const DURATION_BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const BUCKETS = DURATION_BOUNDS_SECONDS.length + 1;
const BOUNDS_MS = Float64Array.from(DURATION_BOUNDS_SECONDS, (seconds) => seconds * 1000);

/** Plain data: it crosses threads and becomes JSON. */
export interface HistogramCounts {
  /** One for each bound and one for what is above the last; not cumulative. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** The first bucket that microseconds of so many bits may fall into: at most three are left to compare with. */
const FIRST_BUCKET = Uint8Array.from({ length: 33 }, (_, bits) => {
  const leastMs = bits === 0 ? 0 : 2 ** (bits - 1) / 1000;
  const first = BOUNDS_MS.findIndex((bound) => leastMs <= bound);
  return first === -1 ? BUCKETS - 1 : first;
});

export class DurationHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #sumMs = 0;

  /** @param count how many took so long @hot */
  record(ms: number, count = 1): void {
    // A clock that was read in another order than things happened must not count backwards.
    const duration = ms > 0 ? ms : 0;
    const us = duration < 2_000_000 ? (duration * 1000) | 0 : 0x7fffffff;
    let bucket = FIRST_BUCKET[32 - Math.clz32(us)]!;
    while (bucket < BUCKETS - 1 && duration > BOUNDS_MS[bucket]!) bucket++;
    this.#counts[bucket] = this.#counts[bucket]! + count;
    this.#sumMs += duration * count;
  }

  snapshot(): HistogramCounts {
    return { counts: [...this.#counts], sumSeconds: this.#sumMs / 1000 };
  }
}

export function emptyCounts(): HistogramCounts {
  return { counts: new Array<number>(BUCKETS).fill(0), sumSeconds: 0 };
}

export function addCounts(a: HistogramCounts, b: HistogramCounts): HistogramCounts {
  return {
    counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)),
    sumSeconds: a.sumSeconds + b.sumSeconds,
  };
}
