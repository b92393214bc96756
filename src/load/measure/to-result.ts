/**
 * Makes the result of a run: what the threads counted, what was seen of the machine and the server, and
 * the judgement, put together in the shape that outlives the run.
 */
import type { ConnectTarget } from '../../engine/engine.ts';
import { unixText } from '../../engine/unix-path.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { withLostWaits } from './latency-counts.ts';
import type { HistogramLibrary } from './latency-summary.ts';
import { latencyFigures, summarizeLatencies } from './latency-summary.ts';
import {
  type CpuSummary,
  type LimitStep,
  LOAD_RESULT_VERSION,
  type LoadResult,
  type MachineSummary,
  type PlanSummary,
  type SecondSample,
  type ThresholdResult,
  type UrlFigures,
  type Verdict,
} from './load-result.ts';
import type { RunTotals } from './run-totals.ts';
import type { UrlCounts } from './url-totals.ts';

/** What is known beside the totals. */
interface RunFacts {
  readonly holdfastVersion: string;
  readonly startedAt: string;
  readonly plan: LoadPlan;
  readonly totals: RunTotals;
  readonly machines: readonly MachineSummary[];
  readonly interrupted: boolean;
  readonly series: readonly SecondSample[];
  readonly cpu: CpuSummary;
  readonly verdict: Verdict;
  readonly thresholds: readonly ThresholdResult[];
  readonly sourcePortsMax: number | undefined;
  readonly sourcePortsAvailable: number | undefined;
  readonly limitSearch: readonly LimitStep[];
}

export function toResult(library: HistogramLibrary, facts: RunFacts): LoadResult {
  const { totals, plan } = facts;
  const { counters } = totals;
  const answered = counters.answered + counters.answeredLate;
  return {
    version: LOAD_RESULT_VERSION,
    holdfastVersion: facts.holdfastVersion,
    startedAt: facts.startedAt,
    plan: summarizePlan(plan, totals),
    machines: facts.machines,
    durationMs: totals.measuredMs,
    settledMs: totals.settledMs,
    interrupted: facts.interrupted,
    requests: {
      sent: counters.sent,
      answered,
      succeeded: answered - counters.refused - counters.checkFailed,
      failed: counters.refused + counters.checkFailed + counters.failed + counters.notSent,
      unfinished: counters.unfinished,
      notSent: counters.notSent,
      waitingAtEnd: counters.waitingAtEnd,
      resent: counters.resent,
      answeredPerSecond: perSecond(answered, totals.settledMs),
    },
    statuses: totals.statuses,
    errors: totals.errors,
    bytesReceived: counters.bytesReceived,
    bytesSent: counters.bytesSent,
    latency: summarizeLatencies(library, withLostWaits(totals.latency, totals.lost)),
    serviceTime:
      plan.ratePerSecond === undefined ? undefined : summarizeLatencies(library, totals.serviceTime),
    connectTime: totals.connectTime.count === 0 ? undefined : summarizeLatencies(library, totals.connectTime),
    ...handshakeFigures(library, plan, totals),
    ...urlFigures(library, totals.urls),
    connections: {
      opened: counters.opened,
      reused: counters.reused,
      refused: counters.connectRefused,
      reset: counters.reset,
      timedOut: counters.connectTimedOut,
      closedEarly: counters.closedEarly,
      unsolicited: counters.unsolicited,
      failed: counters.connectFailed,
      openMax: counters.openMax,
      sourcePortsMax: facts.sourcePortsMax,
      sourcePortsAvailable: facts.sourcePortsAvailable,
    },
    series: facts.series,
    cpu: facts.cpu,
    verdict: facts.verdict,
    thresholds: facts.thresholds,
    checks: totals.checks,
    limitSearch: facts.limitSearch,
  };
}

function handshakeFigures(
  library: HistogramLibrary,
  plan: LoadPlan,
  { counters, handshakeTime, handshakes }: RunTotals,
): Pick<LoadResult, 'handshakes' | 'handshakeTime'> {
  if (plan.tls === undefined) return {};
  return {
    handshakeTime: handshakeTime.count === 0 ? undefined : summarizeLatencies(library, handshakeTime),
    handshakes: {
      full: counters.handshakesFull,
      resumed: counters.handshakesResumed,
      failed: counters.handshakesFailed,
      spoken: handshakes,
    },
  };
}

/** A single URL needs none: its figures are the run's own. */
function urlFigures(
  library: HistogramLibrary,
  { rows, others }: RunTotals['urls'],
): Pick<LoadResult, 'byUrl' | 'otherUrls'> {
  if (rows.length < 2) return { byUrl: [], otherUrls: undefined };
  const figures = ({ latency, ...counts }: UrlCounts): UrlFigures => ({
    ...counts,
    latency: latencyFigures(library, latency),
  });
  return { byUrl: rows.map(figures), otherUrls: others === undefined ? undefined : figures(others) };
}

function summarizePlan(plan: LoadPlan, { engine, threads }: RunTotals): PlanSummary {
  const urls = [...new Set(plan.requests.map(({ url }) => url))];
  const methods = [...new Set(plan.requests.map(({ method }) => method))];
  return {
    urls: urls.length > 0 ? urls : plan.targets.map(({ origin }) => origin),
    method: methods.length > 0 ? methods.join(', ') : 'script',
    connections: plan.connections,
    threads: threads.length || Math.min(plan.threads, plan.connections),
    protocol: plan.protocol,
    pipeline: plan.pipeline,
    engine,
    ratePerSecond: plan.ratePerSecond,
    durationMs: plan.durationMs,
    requestCount: plan.requestCount,
    warmupMs: plan.warmupMs,
    rampMs: plan.rampMs,
    thinkMinMs: plan.thinkMinMs,
    thinkMaxMs: plan.thinkMaxMs,
    timeoutMs: plan.timeoutMs,
    newConnection: plan.newConnection,
    sourceAddresses: plan.sourceAddresses,
    addresses: [...new Set(plan.targets.flatMap(({ connects }) => connects.map(addressText)))],
    script: plan.script?.name,
  };
}

function addressText(target: ConnectTarget): string {
  if ('unix' in target) return `unix:${unixText(target.unix)}`;
  return `${target.family === 'IPv6' ? `[${target.address}]` : target.address}:${target.port}`;
}

function perSecond(count: number, ms: number): number {
  return ms > 0 ? (count * 1000) / ms : 0;
}
