/**
 * A run from beginning to end, as a command makes it: lets a plan run, looks meanwhile at what limits it
 * (source ports, the server's CPU, the network), and puts result and judgement together. Where the plan
 * runs, on threads here or on other machines, is a function that is given.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { LATENCY_US_MAX, LatencyCounts, type LatencyData, meanUs, percentileUs } from './latency-counts.ts';
import { loadHistogramLibrary } from './latency-summary.ts';
import { describeMachine } from './machine.ts';
import type { MachineFacts, MachineShare, RunElsewhere } from './machine-facts.ts';
import { marksOf } from './marks.ts';
import { linkBitsPerSecond, readSegments, type SegmentCounts, staysOnMachine } from './network-facts.ts';
import { addressPairCount, type LoadPlan } from './plan.ts';
import { PROC_FILES, type ProcFiles } from './proc-files.ts';
import { asksForClose } from './request-encoder.ts';
import type { CpuSummary, LoadResult, SecondSample } from './result.ts';
import { type RunObserver, runPlan } from './run-plan.ts';
import { Schedule } from './schedule.ts';
import {
  findServerPids,
  readServer,
  type ServerCpu,
  type ServerReading,
  serverCpuBetween,
} from './server-process.ts';
import { countTakenPorts, type PortFacts, PortMeter, readPortFacts } from './source-ports.ts';
import { judgeThresholds, type LatencyThreshold } from './thresholds.ts';
import { toResult } from './to-result.ts';
import { type Counters, mergeTotals, type RunTotals, type SecondReport } from './totals.ts';
import { judge, type NetworkFacts, type VerdictInput } from './verdict.ts';

export interface ConductOptions {
  readonly plan: LoadPlan;
  readonly holdfastVersion: string;
  readonly signal?: AbortSignal;
  readonly latencyThresholds?: readonly LatencyThreshold[];
  readonly errorShareMax?: number | undefined;
  /** Told of each second, the warm-up's too. */
  readonly onSecond?: (sample: SecondSample, report: SecondReport) => void;
  readonly onStart?: () => void;
  readonly descriptorsMax?: number | undefined;
  /** Where the plan runs. @default on threads of this machine */
  readonly run?: typeof runPlan;
  /** When it ran on other machines: what they tell, asked for when the run is over. */
  readonly elsewhere?: () => RunElsewhere;
  readonly files?: ProcFiles;
}

/** @throws LoadThreadError when a thread cannot begin */
export async function conductRun(options: ConductOptions): Promise<LoadResult> {
  const { plan } = options;
  // Loads while the threads make their engines.
  const library = loadHistogramLibrary();
  const watch = new RunWatch(options);
  const startedAt = new Date().toISOString();
  const parts = await (options.run ?? runPlan)(plan, watch, options.signal);
  watch.end();
  const totals = mergeTotals(parts);
  const elsewhere = options.elsewhere?.();
  const facts = mergeFacts(watch.facts(), elsewhere?.shares);
  const answered = totals.counters.answered + totals.counters.answeredLate;
  const waits = thresholdWaits(totals, plan.timeoutMs);
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
      percentileMs: (percentile) => (waits.count > 0 ? percentileUs(waits, percentile) / 1000 : null),
      meanMs: waits.count > 0 ? meanUs(waits) / 1000 : null,
      maxMs: waits.count > 0 ? waits.maxUs / 1000 : null,
      answered,
      unanswered: unansweredCount(totals),
      errorShare: errorShare(totals),
    }),
    sourcePortsMax: facts.portsMax,
    sourcePortsAvailable: facts.ports?.available,
    limitSearch: [],
  });
}

/** Of a run; `elsewhere` says that the client is not on this machine, so that only the server is looked for. */
type WatchOptions = Pick<
  ConductOptions,
  'plan' | 'files' | 'descriptorsMax' | 'onStart' | 'onSecond' | 'elsewhere'
>;

/** What is looked at while a run lasts. */
export class RunWatch implements RunObserver {
  readonly series: SecondSample[] = [];
  readonly #ports: PortFacts | undefined;
  #server: ServerCpu | undefined;
  #network: NetworkFacts | undefined;
  readonly #options: WatchOptions;
  readonly #files: ProcFiles;
  readonly #meter: PortMeter | undefined;
  readonly #pids: readonly number[];
  #serverBefore: ServerReading;
  #usageBefore = process.cpuUsage();
  #usage = { user: 0, system: 0 };
  #segmentsBefore: SegmentCounts | undefined;
  #hasEnded = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#files = options.files ?? PROC_FILES;
    const target = options.plan.targets[0]!.connects[0]!;
    if (options.elsewhere === undefined)
      this.#ports = readPortFacts(target, addressPairCount(options.plan), this.#files);
    if (this.#ports !== undefined)
      this.#meter = new PortMeter(this.#ports, countTakenPorts(target, this.#files) ?? 0, this.#files);
    this.#pids = [
      ...new Set(
        options.plan.targets
          .flatMap(({ connects }) => connects)
          .flatMap((connect) => findServerPids(connect, this.#files)),
      ),
    ];
    this.#serverBefore = readServer(this.#pids, this.#files, performance.now());
    this.#segmentsBefore = readSegments(this.#files);
  }

  facts(): MachineFacts {
    return {
      cores: availableParallelism(),
      userMs: this.#usage.user / 1000,
      systemMs: this.#usage.system / 1000,
      server: this.#server,
      ports: this.#ports,
      portsMax: this.#meter?.max,
      descriptorsMax: this.#options.descriptorsMax,
      network: this.#network,
    };
  }

  onStart(): void {
    this.#begin();
    this.#options.onStart?.();
  }

  onSecond(report: SecondReport): void {
    const sourcePorts = this.#meter?.sample(performance.now(), report.open, report.counters.closedHere);
    const sample = toSample(report, sourcePorts);
    if (report.second >= 0) this.series.push(sample);
    else if (report.second === -1) this.#begin();
    // Answers that are awaited afterwards, and threads that end, belong to no measured second.
    const { durationMs } = this.#options.plan;
    if (durationMs !== undefined && (report.second + 1) * SECOND_MS >= durationMs) this.end();
    this.#options.onSecond?.(sample, report);
  }

  /** The measured part begins. */
  #begin(): void {
    this.#usageBefore = process.cpuUsage();
    this.#serverBefore = readServer(this.#pids, this.#files, performance.now());
    this.#segmentsBefore = readSegments(this.#files);
  }

  /** The measured part is over. Idempotent. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#usage = process.cpuUsage(this.#usageBefore);
    this.#server = serverCpuBetween(
      this.#serverBefore,
      readServer(this.#pids, this.#files, performance.now()),
    );
    const after = readSegments(this.#files);
    const before = this.#segmentsBefore;
    if (after === undefined || before === undefined || this.#options.elsewhere !== undefined) return;
    const target = this.#options.plan.targets[0]!.connects[0]!;
    this.#network = {
      segmentsSent: after.sent - before.sent,
      segmentsRetransmitted: after.retransmitted - before.retransmitted,
      isLoopback: staysOnMachine(target),
      linkBitsPerSecond: linkBitsPerSecond(target, this.#files),
      bytesMoved: this.series.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
    };
  }
}

/** Sums over the machines that made the load, where there are such; the server may be on any, or here. */
function mergeFacts(here: MachineFacts, shares: readonly MachineShare[] | undefined): MachineFacts {
  if (shares === undefined) return here;
  const all = shares.map(({ facts }) => facts);
  const fullest = all.reduce<MachineFacts | undefined>(
    (most, facts) => ((facts.portsMax ?? -1) > (most?.portsMax ?? -1) ? facts : most),
    undefined,
  );
  return {
    cores: all.reduce((sum, { cores }) => sum + cores, 0),
    userMs: all.reduce((sum, { userMs }) => sum + userMs, 0),
    systemMs: all.reduce((sum, { systemMs }) => sum + systemMs, 0),
    server: here.server ?? all.find(({ server }) => server !== undefined)?.server,
    ports: fullest?.ports,
    portsMax: fullest?.portsMax,
    descriptorsMax: undefined,
    network: undefined,
  };
}

function shareInput({ plan, totals, facts }: MachineShare, merged: MachineFacts): VerdictInput {
  return verdictInput(plan, totals, { ...facts, server: merged.server }, []);
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

const SECOND_MS = 1000;
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

function verdictInput(
  plan: LoadPlan,
  totals: RunTotals,
  facts: MachineFacts,
  series: readonly SecondSample[],
): VerdictInput {
  const { counters } = totals;
  const service = plan.ratePerSecond === undefined ? totals.latency : totals.serviceTime;
  return {
    measuredMs: totals.measuredMs,
    connections: plan.connections,
    pipeline: plan.pipeline,
    newConnection: plan.newConnection,
    hasSourceAddresses: plan.sourceAddresses.length > 0,
    serverCloses: plan.requests.every(({ bytes }) => asksForClose(bytes)),
    ratePerSecond: plan.ratePerSecond,
    dueCount: dueCount(plan, totals.measuredMs),
    thinkMs: (plan.thinkMinMs + plan.thinkMaxMs) / 2,
    requestCount: plan.requestCount,
    answered: counters.answered,
    ended: endedCount(counters),
    failedWithoutAnswer: counters.failed + counters.notSent,
    refused: counters.refused + counters.checkFailed,
    notRepeated: counters.notRepeated,
    statuses: totals.statuses,
    errors: totals.errors,
    meanServiceMs: meanUs(service) / 1000,
    connectionsOpened: counters.opened,
    closedHere: counters.closedHere,
    threads: totals.threads,
    cores: facts.cores,
    server: facts.server,
    ports: facts.ports,
    portsMax: facts.portsMax,
    descriptorsMax: facts.descriptorsMax,
    network: facts.network,
    series,
    sendDelayP99Ms: percentileUs(totals.sendDelay, 99) / 1000,
  };
}

/** Of the measured part; the schedule begins with the warm-up. */
function dueCount(plan: LoadPlan, measuredMs: number): number | undefined {
  if (plan.ratePerSecond === undefined) return undefined;
  const schedule = new Schedule(0, plan.ratePerSecond, 0, plan.rampMs);
  const lengthMs = Math.min(measuredMs, plan.durationMs ?? Number.POSITIVE_INFINITY);
  const due = schedule.countBefore(plan.warmupMs + lengthMs) - schedule.countBefore(plan.warmupMs);
  return Math.min(due, plan.requestCount ?? Number.POSITIVE_INFINITY);
}

/** Everything that was due and has had its end, for better or worse. */
function endedCount(counters: Counters): number {
  return counters.answered + counters.answeredLate + counters.failed + counters.notSent;
}

/** Requests that came to no answer, whatever they were told instead. */
function unansweredCount({ counters }: RunTotals): number {
  return counters.failed + counters.notSent;
}

/**
 * What thresholds are held against: every request that was due. One that failed without an answer, by a reset
 * for instance, has not been answered within the time limit, and counts as if it had waited for it.
 */
export function thresholdWaits(totals: RunTotals, timeoutMs: number): LatencyData {
  const answered = totals.counters.answered + totals.counters.answeredLate;
  const recorded = totals.latency.count - answered;
  const missing = unansweredCount(totals) - recorded;
  // Without one latency there is nothing to tell, and no threshold is kept.
  if (missing <= 0 || totals.latency.count === 0) return totals.latency;
  const all = new LatencyCounts();
  all.addData(totals.latency);
  all.recordUsTimes(Math.round(Math.min(timeoutMs * 1000, LATENCY_US_MAX)), missing);
  return all.data();
}

function errorShare({ counters }: RunTotals): number {
  const ended = endedCount(counters);
  const failed = counters.failed + counters.refused + counters.checkFailed + counters.notSent;
  return ended === 0 ? 1 : failed / ended;
}
