/**
 * What one thread counts while it runs: counters, statuses, errors by name, latencies. The present
 * second's latencies are recorded once; at its end they are handed out and added to the whole, so that
 * the hot path records each but once.
 */
import { performance } from 'node:perf_hooks';
import type { EngineConnection } from '../../engine/engine.ts';
import { FAILURE_NAMES } from '../client/failure-names.ts';
import { ROUNDING_MS } from '../plan/rate-schedule.ts';
import { recordDifference } from './counts-by-name.ts';
import { LatencyCounts, type LatencyData } from './latency-counts.ts';
import {
  type CheckCounts,
  type Counters,
  counterDifference,
  type RunTotals,
  type SecondReport,
  zeroCounters,
} from './run-totals.ts';
import { type CpuReading, cpuBetween } from './thread-cpu.ts';
import { UrlTally } from './url-tally.ts';

type Secure = NonNullable<EngineConnection['secure']>;

/** Status codes have three digits. */
const STATUS_COUNT = 1000;
const FIRST_FAILURE_STATUS = 400;

export class Tally {
  counters: Counters = zeroCounters();
  /** Requests begun that have not ended. */
  underWay = 0;
  open = 0;
  /** The run is over; what is still answered counts as late. */
  isOver = false;
  /** When the last of those came. */
  lateAnswerMs = 0;
  /** At a constant rate: what was due before is the warm-up's, whenever it ends. */
  measuredFromMs = Number.NEGATIVE_INFINITY;
  readonly connectTime = new LatencyCounts();
  readonly handshakeTime = new LatencyCounts();
  readonly #handshakes = new Map<string, number>();
  readonly sendDelay = new LatencyCounts();
  readonly urls: UrlTally;
  readonly #statuses = new Float64Array(STATUS_COUNT);
  readonly #errors = new Map<string, number>();
  readonly #checks = new Map<string, { passed: number; failed: number }>();
  readonly #second = new LatencyCounts();
  readonly #latency = new LatencyCounts();
  readonly #serviceTime = new LatencyCounts();
  /** What requests waited for that failed otherwise than by the time limit: in the present second, and in all. */
  readonly #secondLost = new LatencyCounts();
  readonly #lost = new LatencyCounts();
  readonly #recordsService: boolean;

  #startCpu: CpuReading;
  #secondCpu: CpuReading;
  #secondCounters: Counters = zeroCounters();
  #secondErrors: Record<string, number> = {};

  /** @param recordsService whether service time differs from latency and is kept too */
  constructor(recordsService: boolean, cpu: CpuReading, urls = new UrlTally()) {
    this.urls = urls;
    this.#recordsService = recordsService;
    this.#startCpu = cpu;
    this.#secondCpu = cpu;
  }

  /**
   * A whole answer, with the times that its request took: whole numbers, which are passed without a box.
   * @param url its row (url-tally.ts), as below
   * @hot
   */
  answered(status: number, latencyUs: number, serviceUs: number, url: number): void {
    const counters = this.counters;
    if (this.isOver) {
      counters.answeredLate++;
      this.lateAnswerMs = performance.now();
    } else counters.answered++;
    this.underWay--;
    this.#statuses[status]!++;
    if (status >= FIRST_FAILURE_STATUS) counters.refused++;
    this.#second.recordUs(latencyUs);
    if (this.#recordsService) this.#serviceTime.recordUs(serviceUs);
    if (this.urls.isOn) this.urls.answered(url, status, latencyUs);
  }

  /** A request of the warm-up has ended: no figure is for it. */
  endedUnmeasured(): void {
    this.underWay--;
  }

  /** An answer below 400 that a script did not accept. */
  checkFailed(url: number): void {
    this.counters.checkFailed++;
    this.urls.failed(url);
  }

  failed(error: string, waitedMs: number, url: number): void {
    this.underWay--;
    this.#secondLost.recordMs(waitedMs);
    this.#failed(error);
    this.urls.failed(url);
  }

  /**
   * Something came that answers no request. Where none waits that would fail of it, it fails alone: the answer
   * before it may have been another's.
   * @param url of the request before
   */
  unsolicited(isAwaited: boolean, url: number): void {
    this.counters.unsolicited++;
    if (isAwaited) return;
    this.#failed(FAILURE_NAMES.unsolicited);
    this.urls.failed(url);
  }

  #failed(error: string): void {
    this.counters.failed++;
    this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1);
  }

  /** It took at least that: leaving it out would flatter the percentiles just where they matter. */
  timedOut(error: string, latencyMs: number, serviceMs: number, url: number): void {
    this.underWay--;
    this.#failed(error);
    this.urls.waitedFor(url, latencyMs);
    this.#second.recordMs(latencyMs);
    if (this.#recordsService) this.#serviceTime.recordMs(serviceMs);
  }

  /** Due, and never sent: whoever was to send it has waited as long, and in vain. */
  unsent(waitedMs: number, times: number): void {
    this.counters.notSent += times;
    this.#errors.set(FAILURE_NAMES.notSent, (this.#errors.get(FAILURE_NAMES.notSent) ?? 0) + times);
    this.#second.recordUsTimes(Math.round(waitedMs * 1000), times);
  }

  connectionOpened(connectMs: number): void {
    this.counters.opened++;
    this.open++;
    if (this.open > this.counters.openMax) this.counters.openMax = this.open;
    this.connectTime.recordMs(connectMs);
  }

  /** A connection stands, over TLS. */
  shookHands({ version, cipher, resumed }: Secure, tookMs: number): void {
    if (resumed) this.counters.handshakesResumed++;
    else this.counters.handshakesFull++;
    const name = `${version} ${cipher}`;
    this.#handshakes.set(name, (this.#handshakes.get(name) ?? 0) + 1);
    this.handshakeTime.recordMs(tookMs);
  }

  connectFailed(code: string): void {
    const { counters } = this;
    if (code === 'ECONNREFUSED') counters.connectRefused++;
    else if (code === 'ECONNRESET') counters.reset++;
    else if (code === 'ETIMEDOUT' || code === FAILURE_NAMES.connectTimeout) counters.connectTimedOut++;
    else counters.connectFailed++;
  }

  checked(name: string, hasPassed: boolean): void {
    let entry = this.#checks.get(name);
    if (entry === undefined) this.#checks.set(name, (entry = { passed: 0, failed: 0 }));
    if (hasPassed) entry.passed++;
    else entry.failed++;
  }

  /**
   * Forgets what was counted so far; what is under way or open counts as begun and opened in the measured part.
   * @param dueFromMs at a constant rate: what is due from then on counts, and nothing of before
   */
  endWarmup(cpu: CpuReading, dueFromMs: number | undefined): void {
    if (dueFromMs !== undefined) this.measuredFromMs = dueFromMs - ROUNDING_MS;
    const sent = dueFromMs === undefined ? this.underWay : 0;
    const { handshakesFull, handshakesResumed, handshakesFailed } = this.counters;
    this.counters = {
      ...zeroCounters(),
      sent,
      opened: this.open,
      openMax: this.open,
      handshakesFull,
      handshakesResumed,
      handshakesFailed,
    };
    this.#secondCounters = { ...this.counters };
    this.#statuses.fill(0);
    this.#errors.clear();
    this.#checks.clear();
    this.urls.clear();
    this.#secondErrors = {};
    // Connecting times stay, and what handshakes came to: most connections of most runs were made in the warm-up.
    for (const counts of [this.#second, this.#latency, this.#serviceTime, this.#secondLost, this.#lost])
      counts.clear();
    this.sendDelay.clear();
    this.#startCpu = cpu;
    this.#secondCpu = cpu;
  }

  /**
   * The second is over: its figures, and a new one begins.
   * @param waiting what has waited through all of it
   */
  endSecond(second: number, cpu: CpuReading, waiting: LatencyData): SecondReport {
    const latency = this.#second.data();
    const lost = this.#secondLost.data();
    this.#takeSecond();
    const errors = Object.fromEntries(this.#errors);
    const report: SecondReport = {
      second,
      lengthMs: cpu.atMs - this.#secondCpu.atMs,
      counters: counterDifference(this.counters, this.#secondCounters),
      open: this.open,
      latency,
      lost,
      waiting,
      errors: recordDifference(errors, this.#secondErrors),
      threads: [cpuBetween(this.#secondCpu, cpu)],
    };
    this.#secondCounters = { ...this.counters };
    this.#secondErrors = errors;
    this.#secondCpu = cpu;
    return report;
  }

  /** Adds the present second's times to the whole. */
  #takeSecond(): void {
    this.#latency.addData(this.#second.data());
    this.#second.clear();
    this.#lost.addData(this.#secondLost.data());
    this.#secondLost.clear();
  }

  /**
   * @param measuredMs from the end of the warm-up to the end of the run
   * @param settledMs from the end of the warm-up to the last answer, and at least `measuredMs`
   */
  totals(engine: string, measuredMs: number, settledMs: number, cpu: CpuReading): RunTotals {
    this.#takeSecond();
    const statuses: Record<string, number> = {};
    for (let status = 0; status < STATUS_COUNT; status++)
      if (this.#statuses[status]! > 0) statuses[String(status)] = this.#statuses[status]!;
    return {
      engine,
      measuredMs,
      settledMs,
      counters: { ...this.counters, unfinished: this.underWay },
      statuses,
      errors: Object.fromEntries(this.#errors),
      checks: Object.fromEntries(this.#checks) satisfies CheckCounts,
      urls: this.urls.totals(),
      latency: this.#latency.data(),
      lost: this.#lost.data(),
      serviceTime: this.#serviceTime.data(),
      connectTime: this.connectTime.data(),
      handshakeTime: this.handshakeTime.data(),
      handshakes: Object.fromEntries(this.#handshakes),
      sendDelay: this.sendDelay.data(),
      threads: [cpuBetween(this.#startCpu, cpu)],
    };
  }
}
