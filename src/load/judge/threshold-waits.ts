/** The latencies that thresholds are held against: nothing that was due is left out of them. */
import { LATENCY_US_MAX, LatencyCounts, type LatencyData } from '../measure/latency-counts.ts';
import { type RunTotals, unansweredCount } from '../measure/run-totals.ts';

/**
 * What thresholds are held against: every request that was due. One that failed without an answer, by a reset
 * for instance, has not been answered within the time limit, and counts as if it had waited for it.
 */
export function thresholdWaits(totals: RunTotals, timeoutMs: number): LatencyData {
  const answered = totals.counters.answered + totals.counters.answeredLate;
  const recorded = totals.latency.count - answered;
  const missing = unansweredCount(totals.counters) - recorded;
  // Without one latency there is nothing to tell, and no threshold is kept.
  if (missing <= 0 || totals.latency.count === 0) return totals.latency;
  const all = new LatencyCounts();
  all.addData(totals.latency);
  all.recordUsTimes(Math.round(Math.min(timeoutMs * 1000, LATENCY_US_MAX)), missing);
  return all.data();
}
