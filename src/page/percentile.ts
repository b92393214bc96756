/** Percentiles of what was counted in buckets, as Prometheus' histogram_quantile reads them: evenly spread within each. */
import { DURATION_BOUNDS_SECONDS } from '../observe/duration-histogram.ts';

/** What was counted between two looks. */
export function countedSince(now: readonly number[], before: readonly number[]): number[] {
  return now.map((value, i) => Math.max(0, value - (before[i] ?? 0)));
}

export function total(counts: readonly number[]): number {
  return counts.reduce((sum, value) => sum + value, 0);
}

/**
 * @param share from 0 to 1
 * @returns in milliseconds; null where nothing was counted. What lies above the last bound is told as that
 */
export function percentile(counts: readonly number[], share: number): number | null {
  const wanted = total(counts) * share;
  if (wanted === 0) return null;
  let below = 0;
  for (let i = 0; i < DURATION_BOUNDS_SECONDS.length; i++) {
    const own = counts[i] ?? 0;
    if (own > 0 && below + own >= wanted) {
      const low = i === 0 ? 0 : DURATION_BOUNDS_SECONDS[i - 1]!;
      return (low + ((wanted - below) / own) * (DURATION_BOUNDS_SECONDS[i]! - low)) * 1000;
    }
    below += own;
  }
  return DURATION_BOUNDS_SECONDS.at(-1)! * 1000;
}
