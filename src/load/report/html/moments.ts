/**
 * A run's seconds, ready to be drawn: rates instead of counts, nothing where there was nothing to measure, and
 * no more of them than a chart has room for. In a long run several seconds become one moment: rates are their
 * mean, latencies and numbers of sockets those of the worst second, so that a bad second is never lost.
 */
import type { LoadResult, SecondMark, SecondSample } from '../../measure/load-result.ts';

export interface Moment {
  /** Seconds since the start; where the last one ends. */
  readonly from: number;
  readonly to: number;
  readonly answeredPerSecond: number;
  readonly failedPerSecond: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly p999Ms: number | undefined;
  readonly maxMs: number | undefined;
  readonly open: number;
  readonly openedPerSecond: number;
  readonly sourcePorts: number | undefined;
  readonly clientCpu: number;
  readonly marks: readonly SecondMark[];
}

/** A chart is some 1000 pixels wide at most, and a page of many thousand rows helps nobody. */
const MOMENTS_MAX = 900;
/** What is left of the last second says little when it is shorter than this. */
const COVERED_SECONDS_MIN = 0.2;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** How many seconds one moment of this run is. */
export function secondsAMoment(result: LoadResult): number {
  const last = result.series.reduce((most, sample) => Math.max(most, sample.second + 1), 0);
  return STEPS.find((step) => last / step <= MOMENTS_MAX) ?? Math.ceil(last / MOMENTS_MAX);
}

/** Rising in time. A moment without any sample is left out, so there may be holes. */
export function momentsOf(result: LoadResult): Moment[] {
  const step = secondsAMoment(result);
  const groups = new Map<number, SecondSample[]>();
  for (const sample of result.series) {
    if (coveredSeconds(sample, result.durationMs) < COVERED_SECONDS_MIN) continue;
    const index = Math.floor(sample.second / step);
    const group = groups.get(index);
    if (group === undefined) groups.set(index, [sample]);
    else group.push(sample);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => a - b)
    .map(([index, samples]) => momentOf(index * step, step, samples, result.durationMs));
}

function momentOf(from: number, step: number, samples: readonly SecondSample[], durationMs: number): Moment {
  const covered = samples.reduce((sum, sample) => sum + coveredSeconds(sample, durationMs), 0);
  const perSecond = (pick: (sample: SecondSample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / covered;
  const most = (pick: (sample: SecondSample) => number | undefined) => {
    const values = samples.map(pick).filter((value) => value !== undefined && Number.isFinite(value));
    return values.length === 0 ? undefined : Math.max(...(values as number[]));
  };
  // A second without an answer has no latency of 0, whatever stands there: only the waits of it are latencies.
  const latency = (pick: (sample: SecondSample) => number | null) =>
    most((sample) => (sample.answered > 0 ? pick(sample) : pick(sample) || undefined) ?? undefined);
  return {
    from,
    to: Math.min(from + step, Math.max(durationMs / 1000, from + COVERED_SECONDS_MIN)),
    answeredPerSecond: perSecond((sample) => sample.answered),
    failedPerSecond: perSecond((sample) => sample.failed),
    p50Ms: latency((sample) => sample.p50Ms),
    p99Ms: latency((sample) => sample.p99Ms),
    p999Ms: latency((sample) => sample.p999Ms),
    maxMs: latency((sample) => sample.maxMs),
    open: most((sample) => sample.open) ?? 0,
    openedPerSecond: perSecond((sample) => sample.opened),
    sourcePorts: most((sample) => sample.sourcePorts),
    clientCpu: most((sample) => sample.clientCpu) ?? 0,
    marks: [...new Set(samples.flatMap((sample) => sample.marks))],
  };
}

/** The last second is rarely a whole one: its counts are those of the part that was measured. */
function coveredSeconds(sample: SecondSample, durationMs: number): number {
  return Math.min(1, Math.max(0, durationMs / 1000 - sample.second));
}
