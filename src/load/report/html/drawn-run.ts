/**
 * The runs of a report: the one that it is about, and those that it is compared with, each with a name and a
 * style of its own, the same in every chart and table. Also says where two runs cannot be compared as they
 * stand, because more differs between them than the server.
 */
import type { LatencySummary, LoadResult } from '../../measure/load-result.ts';
import { formatAskedRate, formatCount, formatDuration, type MsUnit, msUnitOf } from './numbers.ts';

export interface Run {
  readonly result: LoadResult;
  /** Short, for legends and the heads of columns. */
  readonly name: string;
  /** A class of the style sheet for its lines. */
  readonly style: string;
  readonly isThis: boolean;
}

/** All dashed, each in its own way, so that this run is the solid line; after the last they begin again. */
const BEFORE_STYLES = ['s2', 's3', 's4', 's6', 's5'];

export function nameRuns(result: LoadResult, before: readonly LoadResult[]): Run[] {
  const runs: Run[] = [{ result, name: 'this run', style: 's0', isThis: true }];
  for (const [index, each] of before.entries())
    runs.push({
      result: each,
      name: before.length === 1 ? 'before' : `before ${index + 1}`,
      style: BEFORE_STYLES[index % BEFORE_STYLES.length]!,
      isThis: false,
    });
  return runs;
}

/** The one unit of all latencies of a report: of what is shown of them, in charts, tables and tiles alike. */
export function latencyUnitOf(runs: readonly Run[]): MsUnit {
  return msUnitOf(
    runs.flatMap(({ result: { latency, serviceTime, limitSearch } }) => [
      latency.percentilesMs['50'],
      latency.maxMs,
      serviceTime?.percentilesMs['50'],
      serviceTime?.maxMs,
      ...limitSearch.map(({ measuredMs }) => measuredMs),
    ]),
  );
}

/** `21 Nov 2025, 18:40:12 UTC`, or what was written there when it is no time. */
export function formatMoment(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return String(iso);
  const text = time.toISOString();
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[time.getUTCMonth()];
  return `${time.getUTCDate()} ${month} ${text.slice(0, 4)}, ${text.slice(11, 19)} UTC`;
}

/** Undefined where no request was measured: a percentile of nothing is not 0. */
export function percentileOf(latency: LatencySummary | undefined, name: string): number | undefined {
  return latency === undefined || !(latency.count > 0)
    ? undefined
    : (latency.percentilesMs[name] ?? undefined);
}

export function figureOf(
  latency: LatencySummary | undefined,
  name: 'minMs' | 'meanMs' | 'stdevMs' | 'maxMs',
): number | undefined {
  return latency === undefined || !(latency.count > 0) ? undefined : (latency[name] ?? undefined);
}

/** What was asked of a run that decides how its figures come out, in words. */
const CONDITIONS: readonly (readonly [name: string, pick: (result: LoadResult) => string])[] = [
  ['URLs', ({ plan }) => plan.urls.join(', ')],
  ['method', ({ plan }) => plan.method],
  ['connections', ({ plan }) => formatCount(plan.connections)],
  ['protocol', ({ plan }) => plan.protocol],
  ['requests at once on a connection', ({ plan }) => formatCount(plan.pipeline)],
  [
    'asked rate',
    ({ plan }) => (plan.ratePerSecond === undefined ? 'none' : formatAskedRate(plan.ratePerSecond)),
  ],
  ['a new connection for each request', ({ plan }) => (plan.newConnection ? 'yes' : 'no')],
  ['think time', ({ plan }) => `${formatDuration(plan.thinkMinMs)} to ${formatDuration(plan.thinkMaxMs)}`],
  ['client engine', ({ plan }) => plan.engine],
  ['client threads', ({ plan }) => formatCount(plan.threads)],
  [
    'client machines',
    ({ machines }) => machines.map((each) => `${each.cpu}, ${each.cores} cores`).join('; '),
  ],
];

interface Difference {
  readonly run: Run;
  readonly name: string;
  readonly now: string;
  readonly earlier: string;
}

export function differencesOf(runs: readonly Run[]): Difference[] {
  const [first, ...others] = runs;
  return others.flatMap((run) =>
    CONDITIONS.map(([name, pick]) => ({
      run,
      name,
      now: pick(first!.result),
      earlier: pick(run.result),
    })).filter(({ now, earlier }) => now !== earlier),
  );
}
