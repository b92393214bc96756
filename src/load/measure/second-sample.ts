/** One second of a run as it is shown: what the threads reported of it, as rates and percentiles. */
import { type LatencyData, mergeLatencies, percentileUs, withLostWaits } from './latency-counts.ts';
import type { SecondSample } from './load-result.ts';
import type { SecondReport } from './run-totals.ts';
import { marksOf } from './second-marks.ts';

/** A timer may end a second a little early; a last one that the run cut is shorter than that. */
const WHOLE_SECOND_MS = 990;

/** @param answers latencies of the run so far, this second's among them */
export function toSample(
  report: SecondReport,
  answers: LatencyData,
  sourcePorts: number | undefined,
): SecondSample {
  const { counters, latency, lost, waiting, threads } = report;
  const waits = mergeLatencies([withLostWaits(latency, lost, answers), waiting]);
  const percentileMs = (percentile: number) =>
    waits.count === 0 ? null : percentileUs(waits, percentile) / 1000;
  return {
    second: report.second,
    ...(report.lengthMs < WHOLE_SECOND_MS ? { lengthMs: report.lengthMs } : {}),
    answered: counters.answered,
    failed: counters.failed + counters.refused + counters.checkFailed,
    bytesReceived: counters.bytesReceived,
    p50Ms: percentileMs(50),
    p99Ms: percentileMs(99),
    p999Ms: percentileMs(99.9),
    maxMs: percentileMs(100),
    open: report.open,
    opened: counters.opened,
    sourcePorts,
    clientCpu: threads.reduce((sum, { cpuMs, wallMs }) => sum + (wallMs > 0 ? cpuMs / wallMs : 0), 0),
    marks: marksOf(report),
  };
}
