/**
 * A run from beginning to end, as a command makes it: lets a plan run, looks meanwhile at what limits it
 * (source ports, the server's CPU, the network), and puts result and judgement together. Where the plan
 * runs, on threads here or on other machines, is a function that is given.
 */
import { thresholdWaits } from '../judge/threshold-waits.ts';
import { judgeThresholds, type LatencyThreshold } from '../judge/thresholds.ts';
import { judge } from '../judge/verdict.ts';
import { type LatencyData, meanUs, percentileUs } from '../measure/latency-counts.ts';
import { loadHistogramLibrary } from '../measure/latency-summary.ts';
import type { CpuSummary, LoadResult } from '../measure/load-result.ts';
import { describeMachine } from '../measure/machine.ts';
import { type MachineFacts, mergeFacts, type RunElsewhere } from '../measure/machine-facts.ts';
import { errorShare, mergeTotals, type RunTotals, unansweredCount } from '../measure/run-totals.ts';
import { toResult } from '../measure/to-result.ts';
import { runOnThreads } from './run-on-threads.ts';
import { RunWatch, type WatchOptions } from './run-watch.ts';
import { shareInput, verdictInput } from './verdict-input.ts';

export interface LoadRunOptions extends Omit<WatchOptions, 'isElsewhere'> {
  readonly holdfastVersion: string;
  readonly signal?: AbortSignal;
  readonly latencyThresholds?: readonly LatencyThreshold[];
  readonly errorShareMax?: number | undefined;
  /** Where the plan runs. @default on threads of this machine */
  readonly run?: typeof runOnThreads;
  /** When it ran on other machines: what they tell, asked for when the run is over. */
  readonly elsewhere?: () => RunElsewhere;
}

/** @throws LoadThreadError when a thread cannot begin */
export async function coordinateRun(options: LoadRunOptions): Promise<LoadResult> {
  const { plan } = options;
  // Loads while the threads make their engines.
  const library = loadHistogramLibrary();
  const watch = new RunWatch({ ...options, isElsewhere: options.elsewhere !== undefined });
  const startedAt = new Date().toISOString();
  const parts = await (options.run ?? runOnThreads)(plan, watch, options.signal);
  watch.end();
  const totals = mergeTotals(parts);
  const elsewhere = options.elsewhere?.();
  const facts = mergeFacts(watch.facts(), elsewhere?.shares);
  const answered = totals.counters.answered + totals.counters.answeredLate;
  return toResult(await library, {
    holdfastVersion: options.holdfastVersion,
    startedAt,
    plan,
    totals,
    machines: elsewhere?.machines ?? [describeMachine('local', answered)],
    interrupted: options.signal?.aborted === true,
    series: watch.series,
    cpu: cpuSummary(facts, totals),
    verdict: judge(
      verdictInput(plan, totals, facts, watch.series),
      elsewhere?.shares.map((share) => ({ ...shareInput(share, facts), machine: share.name })),
    ),
    thresholds: judgeThresholds(options.latencyThresholds ?? [], options.errorShareMax, {
      ...figuresOf(thresholdWaits(totals, plan.timeoutMs)),
      answered,
      unanswered: unansweredCount(totals.counters),
      errorShare: errorShare(totals.counters),
    }),
    sourcePortsMax: facts.portsMax,
    sourcePortsAvailable: facts.ports?.available,
    limitSearch: [],
  });
}

function figuresOf(waits: LatencyData) {
  const isEmpty = waits.count === 0;
  return {
    percentileMs: (percentile: number) => (isEmpty ? null : percentileUs(waits, percentile) / 1000),
    meanMs: isEmpty ? null : meanUs(waits) / 1000,
    maxMs: isEmpty ? null : waits.maxUs / 1000,
  };
}

function cpuSummary(facts: MachineFacts, { threads }: RunTotals): CpuSummary {
  return {
    clientUserMs: facts.userMs,
    clientSystemMs: facts.systemMs,
    clientWaitedMs: threads.reduce<number | undefined>(
      (sum, { waitedMs }) => (sum === undefined || waitedMs === undefined ? undefined : sum + waitedMs),
      0,
    ),
    serverUserMs: facts.server?.userMs,
    serverSystemMs: facts.server?.systemMs,
  };
}
