/**
 * Load results as real runs would leave them, for tests of the report and for looking at it: made from a seed,
 * so that the same result comes out each time. Latencies are drawn from long-tailed distributions and counted
 * in histograms, and all sums agree with one another, as they do in a run.
 */
import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { SeededRandom } from '../../../base/random.ts';
import type {
  ConnectionCounts,
  LatencySummary,
  LoadResult,
  PlanSummary,
  SecondMark,
  SecondSample,
} from '../../measure/load-result.ts';

/** Values drawn for the latencies of a whole run; each stands for one request or for some. */
const DRAWS_A_RUN = 120_000;
const PERCENTILES = ['50', '75', '90', '95', '99', '99.9', '99.99'];

/** One second of a run that is to be made. */
interface SecondShape {
  readonly answered: number;
  readonly failed?: number;
  readonly latencyMs: (random: SeededRandom) => number;
  readonly serviceMs?: (random: SeededRandom) => number;
  readonly open: number;
  readonly opened?: number;
  readonly sourcePorts?: number;
  readonly clientCpu: number;
  readonly marks?: readonly SecondMark[];
}

interface RunShape {
  readonly seed: number;
  readonly seconds: number;
  readonly second: (second: number, random: SeededRandom) => SecondShape;
  readonly plan?: Partial<PlanSummary>;
  readonly result: (sums: Sums) => Partial<LoadResult> & Pick<LoadResult, 'verdict'>;
}

type Counts = Pick<Sums, 'answered' | 'failed' | 'opened'>;

interface Sums {
  readonly answered: number;
  readonly failed: number;
  readonly opened: number;
  /** 99 % were within these, from the intended and from the actual sending. */
  readonly p99Ms: number;
  readonly serviceP99Ms: number;
}

/** A latency around `medianMs`; the tail is the longer the larger `spread` is. */
export function longTailed(random: SeededRandom, medianMs: number, spread: number): number {
  // Box and Muller: two even draws make one of the normal distribution.
  const normal = Math.sqrt(-2 * Math.log(1 - random.nextUnit())) * Math.cos(2 * Math.PI * random.nextUnit());
  return medianMs * Math.exp(spread * normal);
}

function summarize(histogram: Histogram): LatencySummary {
  const count = histogram.totalCount;
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000;
  const curve: [number, number][] = [];
  for (let step = 0; count > 0 && step <= Math.log10(count) * 12; step++) {
    const percentile = 100 * (1 - 10 ** (-step / 12));
    curve.push([percentile, at(percentile)]);
  }
  if (count > 0) curve.push([100, at(100)]);
  return {
    count,
    minMs: count > 0 ? histogram.minNonZeroValue / 1000 : 0,
    meanMs: count > 0 ? histogram.mean / 1000 : 0,
    stdevMs: count > 0 ? histogram.stdDeviation / 1000 : 0,
    maxMs: count > 0 ? histogram.maxValue / 1000 : 0,
    percentilesMs: Object.fromEntries(PERCENTILES.map((name) => [name, count > 0 ? at(Number(name)) : 0])),
    histogram: encodeIntoCompressedBase64(histogram),
    curve,
  };
}

const newHistogram = () =>
  build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  });

/** Records `count` latencies by `drawsMax` draws at most. */
function record(into: readonly Histogram[], count: number, drawsMax: number, drawMs: () => number): void {
  const draws = Math.min(count, drawsMax);
  for (let draw = 0; draw < draws; draw++) {
    const share = Math.floor((count * (draw + 1)) / draws) - Math.floor((count * draw) / draws);
    const us = Math.max(1, Math.round(drawMs() * 1000));
    for (const histogram of into) histogram.recordValueWithCount(us, share);
  }
}

export function makeResult(shape: RunShape): LoadResult {
  const random = new SeededRandom(shape.seed);
  const all = newHistogram();
  const service = newHistogram();
  const series: SecondSample[] = [];
  const sums = { answered: 0, failed: 0, opened: 0 };
  const drawsMax = Math.ceil(DRAWS_A_RUN / Math.max(20, shape.seconds));
  for (let second = 0; second < shape.seconds; second++) {
    const made = shape.second(second, random);
    const own = newHistogram();
    record([all, own], made.answered, drawsMax, () => made.latencyMs(random));
    if (made.serviceMs !== undefined)
      record([service], made.answered, drawsMax, () => made.serviceMs!(random));
    sums.answered += made.answered;
    sums.failed += made.failed ?? 0;
    sums.opened += made.opened ?? 0;
    const at = (percentile: number) => (own.totalCount > 0 ? own.getValueAtPercentile(percentile) / 1000 : 0);
    series.push({
      second,
      answered: made.answered,
      failed: made.failed ?? 0,
      bytesReceived: made.answered * 151,
      p50Ms: at(50),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: at(100),
      open: made.open,
      opened: made.opened ?? 0,
      sourcePorts: made.sourcePorts,
      clientCpu: made.clientCpu,
      marks: made.marks ?? [],
    });
  }
  const latency = summarize(all);
  const result = {
    ...restOf(shape, sums, series),
    latency,
    serviceTime: service.totalCount > 0 ? summarize(service) : undefined,
  };
  const p99Ms = latency.percentilesMs['99']!;
  const serviceP99Ms = result.serviceTime?.percentilesMs['99'] ?? p99Ms;
  return { ...result, ...shape.result({ ...sums, p99Ms, serviceP99Ms }) };
}

/** What follows from the sums alone. */
function restOf(shape: RunShape, sums: Counts, series: readonly SecondSample[]) {
  const durationMs = shape.seconds * 1000;
  return {
    version: 2 as const,
    holdfastVersion: '0.1.0',
    startedAt: '2025-11-21T18:40:12.000Z',
    plan: { ...PLAN, durationMs, ...shape.plan },
    machines: [{ ...MACHINE, answered: sums.answered }],
    durationMs,
    settledMs: durationMs,
    interrupted: false,
    byUrl: [],
    otherUrls: undefined,
    requests: {
      sent: sums.answered + sums.failed,
      answered: sums.answered,
      succeeded: sums.answered,
      failed: sums.failed,
      unfinished: 0,
      notSent: 0,
      waitingAtEnd: 0,
      resent: 0,
      answeredPerSecond: durationMs > 0 ? sums.answered / (durationMs / 1000) : 0,
    },
    statuses: (sums.answered > 0 ? { '200': sums.answered } : {}) as Record<string, number>,
    errors: {} as Record<string, number>,
    bytesReceived: sums.answered * 151,
    bytesSent: (sums.answered + sums.failed) * 44,
    connectTime: undefined,
    connections: connectionsOf(shape, sums, series),
    series,
    cpu: {
      clientUserMs: sums.answered * 0.0021,
      clientSystemMs: sums.answered * 0.0104,
      clientWaitedMs: durationMs * 0.011,
      serverUserMs: sums.answered * 0.0046,
      serverSystemMs: sums.answered * 0.0161,
    },
    thresholds: [],
    checks: {},
    limitSearch: [],
  };
}

function connectionsOf(shape: RunShape, sums: Counts, series: readonly SecondSample[]): ConnectionCounts {
  const portsMax = series.reduce<number | undefined>(
    (most, { sourcePorts }) => (sourcePorts === undefined ? most : Math.max(most ?? 0, sourcePorts)),
    undefined,
  );
  return {
    opened: sums.opened,
    reused: shape.plan?.newConnection === true ? 0 : Math.max(0, sums.answered - sums.opened),
    refused: 0,
    reset: 0,
    timedOut: 0,
    closedEarly: 0,
    unsolicited: 0,
    failed: 0,
    openMax: series.reduce((most, { open }) => Math.max(most, open), 0),
    sourcePortsMax: portsMax,
    sourcePortsAvailable: portsMax === undefined ? undefined : 28_232,
  };
}

const PLAN: PlanSummary = {
  urls: ['http://127.0.0.1:8080/'],
  method: 'GET',
  connections: 64,
  threads: 1,
  protocol: 'http/1.1',
  pipeline: 1,
  engine: 'iouring',
  ratePerSecond: undefined,
  durationMs: 30_000,
  requestCount: undefined,
  warmupMs: 2000,
  rampMs: 0,
  thinkMinMs: 0,
  thinkMaxMs: 0,
  timeoutMs: 30_000,
  newConnection: false,
  sourceAddresses: [],
  addresses: ['127.0.0.1:8080'],
  script: undefined,
};

const MACHINE = {
  name: 'local',
  os: 'Linux 6.12.48',
  cpu: 'AMD EPYC 9R14',
  cores: 8,
  memoryBytes: 16 * 1024 ** 3,
  node: 'v24.11.1',
};
