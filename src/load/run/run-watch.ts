/**
 * What is looked at while a run lasts, beside what the threads count: source ports in use, CPU of this process and of
 * the server, segments of the network. It makes the series of seconds.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { LatencyCounts } from '../measure/latency-counts.ts';
import type { SecondSample } from '../measure/load-result.ts';
import type { MachineFacts } from '../measure/machine-facts.ts';
import {
  linkBitsPerSecond,
  type NetworkFacts,
  readSegments,
  type SegmentCounts,
  staysOnMachine,
} from '../measure/network-facts.ts';
import { PROC_FILES, type ProcFiles } from '../measure/proc-files.ts';
import type { SecondReport } from '../measure/run-totals.ts';
import { toSample } from '../measure/second-sample.ts';
import {
  findServerPids,
  readServer,
  type ServerCpu,
  type ServerReading,
  serverCpuBetween,
} from '../measure/server-process.ts';
import { countTakenPorts, type PortFacts, PortMeter, readPortFacts } from '../measure/source-ports.ts';
import { addressPairCount, type LoadPlan } from '../plan/load-plan.ts';
import type { RunObserver } from './run-on-threads.ts';

const SECOND_MS = 1000;

export interface WatchOptions {
  readonly plan: LoadPlan;
  /** The load is made on other machines: here only the server is looked for. */
  readonly isElsewhere?: boolean;
  readonly files?: ProcFiles | undefined;
  readonly descriptorsMax?: number | undefined;
  readonly onStart?: (() => void) | undefined;
  /** Told of each second, the warm-up's too. */
  readonly onSecond?: ((sample: SecondSample, report: SecondReport) => void) | undefined;
}

export class RunWatch implements RunObserver {
  readonly series: SecondSample[] = [];
  /** Latencies so far: of the warm-up, then of the measured part. */
  readonly #answers = new LatencyCounts();
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
    if (options.isElsewhere !== true)
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
    if (report.second === 0) this.#answers.clear();
    this.#answers.addData(report.latency);
    const sample = toSample(report, this.#answers.data(), sourcePorts);
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
    if (after === undefined || before === undefined || this.#options.isElsewhere === true) return;
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
