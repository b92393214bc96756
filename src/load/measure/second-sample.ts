/** One second of a run as it is shown: what the threads reported of it, as rates and percentiles. */
import { percentileUs } from './latency-counts.ts';
import type { SecondSample } from './load-result.ts';
import type { SecondReport } from './run-totals.ts';
import { marksOf } from './second-marks.ts';

/** A timer may end a second a little early; a last one that the run cut is shorter than that. */
const WHOLE_SECOND_MS = 990;

export function toSample(report: SecondReport, sourcePorts: number | undefined): SecondSample {
  const { counters, latency, threads } = report;
  return {
    second: report.second,
    ...(report.lengthMs < WHOLE_SECOND_MS ? { lengthMs: report.lengthMs } : {}),
    answered: counters.answered,
    failed: counters.failed + counters.refused + counters.checkFailed,
    bytesReceived: counters.bytesReceived,
    p50Ms: percentileUs(latency, 50) / 1000,
    p99Ms: percentileUs(latency, 99) / 1000,
    p999Ms: percentileUs(latency, 99.9) / 1000,
    maxMs: latency.maxUs / 1000,
    open: report.open,
    opened: counters.opened,
    sourcePorts,
    clientCpu: threads.reduce((sum, { cpuMs, wallMs }) => sum + (wallMs > 0 ? cpuMs / wallMs : 0), 0),
    marks: marksOf(report),
  };
}
