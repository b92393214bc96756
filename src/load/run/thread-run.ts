/**
 * The course of one thread's run: wait for the common beginning, warm up, measure second by second, end
 * by time or by count, wait for what is under way, hand over the totals. It owns the clock of the run
 * and knows nothing of connections.
 */
import { performance } from 'node:perf_hooks';
import { SeededRandom } from '../../base/random.ts';
import type { Engine, EngineHandler } from '../../engine/engine.ts';
import { H1Client } from '../client/h1-client.ts';
import { H2Client } from '../client/h2-client.ts';
import type { RunTotals, SecondReport } from '../measure/run-totals.ts';
import { Tally } from '../measure/tally.ts';
import { type CpuReading, readThreadCpu } from '../measure/thread-cpu.ts';
import { UrlTally } from '../measure/url-tally.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { ROUNDING_MS, Schedule } from '../plan/rate-schedule.ts';
import { ClosedPacing, type Pacing, RatePacing, ThinkPacing } from './pacing.ts';
import { RequestDriver } from './request-driver.ts';
import type { RequestSource } from './request-source.ts';
import { EngineWaker, PollingWaker } from './waker.ts';

const SECOND_MS = 1000;
/** Without a ramp connections are opened this many a millisecond: no burst that an accept queue would drop. */
const OPENED_PER_MS = 64;
/**
 * What is due at the end of a constant rate and finds every connection busy may still be sent for this long: a
 * queue of some milliseconds is no failure. What waits longer would wait behind a server that does not keep up.
 */
const WAITING_MS = 1000;
/** Connections close within a turn or two; what has not by then is reset. */
const CLOSE_MS = 500;

interface ThreadRunParts {
  readonly plan: LoadPlan;
  readonly makeSource: (onCheck: (name: string, hasPassed: boolean) => void, urls: UrlTally) => RequestSource;
  readonly makeEngine: (handler: EngineHandler) => Engine | Promise<Engine>;
  readonly onSecond: (report: SecondReport) => void;
  readonly onDone: (totals: RunTotals) => void;
}

export class ThreadRun {
  readonly #parts: ThreadRunParts;
  readonly #plan: LoadPlan;
  readonly #tally: Tally;
  readonly #driver: RequestDriver;
  #engine!: Engine;
  /** When the run began; undefined until it has. */
  #startMs: number | undefined;
  #measureMs = 0;
  /** The warm-up is over. */
  #isWarm = false;
  #second = 0;
  #isEnding = false;
  #isDone = false;
  #endCpu: CpuReading | undefined;
  #endedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When the last answer was known to have come. */
  #answeredMs = 0;
  #answered = 0;

  constructor(parts: ThreadRunParts) {
    this.#parts = parts;
    const { plan } = parts;
    this.#plan = plan;
    const urls = new UrlTally();
    const source = parts.makeSource((name, hasPassed) => this.#tally.checked(name, hasPassed), urls);
    this.#tally = new Tally(plan.ratePerSecond !== undefined, readThreadCpu(performance.now()), urls);
    this.#driver = new RequestDriver({
      plan,
      tally: this.#tally,
      source,
      makeClient: (handler) => {
        const options = { depth: plan.pipeline, keepsContent: source.wantsAnswers };
        return plan.protocol === 'h2' ? new H2Client(handler, options) : new H1Client(handler, options);
      },
      onIdle: () => this.#end(),
    });
  }

  /** @throws SysError and UnavailableError, as engines do */
  async prepare(): Promise<Engine> {
    this.#engine = await this.#parts.makeEngine(this.#driver);
    return this.#engine;
  }

  /** @param startMs by `performance.now()` */
  start(startMs: number): void {
    const { plan } = this;
    this.#measureMs = startMs + plan.warmupMs;
    this.#answeredMs = startMs;
    // Whole seconds of warm-up before the measured ones, the first of them perhaps cut short.
    this.#second = -Math.ceil(plan.warmupMs / SECOND_MS);
    this.#isWarm = plan.warmupMs === 0;
    this.#at(startMs, () => {
      this.#startMs = startMs;
      this.#begin(startMs);
      this.#nextSecond();
    });
  }

  get plan(): LoadPlan {
    return this.#plan;
  }

  /** Breaks off. */
  stop(): void {
    if (this.#isDone) return;
    this.#markEnd();
    this.#driver.abandon();
    this.#finish();
  }

  #begin(startMs: number): void {
    const pacing = this.#pacing(startMs);
    this.#driver.bind(this.#engine, pacing);
    const { plan } = this;
    const isPaced = plan.ratePerSecond !== undefined;
    this.#driver.tick();
    if (isPaced && !this.#isWarm) {
      this.#driver.onMeasured = () => this.#endWarmup();
      this.#driver.measuredFromMs = this.#measureMs - ROUNDING_MS;
    }
    for (const slot of this.#driver.slots) {
      const share = slot.index / plan.connections;
      const delayMs =
        plan.rampMs > 0 && !isPaced ? plan.rampMs * share : Math.floor(slot.index / OPENED_PER_MS);
      if (isPaced) {
        if (!plan.newConnection) this.#driver.open(slot);
        for (let i = 0; i < plan.pipeline; i++) pacing.onFree(slot);
      } else if (delayMs < 1) this.#driver.begin(slot, undefined);
      else this.#driver.pause(slot, startMs + delayMs);
    }
  }

  #pacing(startMs: number): Pacing {
    const { plan } = this;
    if (plan.ratePerSecond !== undefined) {
      const schedule = new Schedule(startMs, plan.ratePerSecond, plan.phase, plan.rampMs);
      const engine = this.#engine;
      const waker = hasWakeAt(engine)
        ? new EngineWaker(engine)
        : new PollingWaker(
            () => performance.now(),
            () => this.#driver.onWake(),
          );
      this.#driver.onWoken = () => {
        if (waker instanceof EngineWaker) waker.woken();
        pacing.beginDue(this.#driver.nowMs);
      };
      const { sendDelay } = this.#tally;
      const pacing = new RatePacing(
        this.#driver,
        schedule,
        waker,
        { atMs: this.#endMs, countMax: plan.requestCount ?? Number.POSITIVE_INFINITY },
        plan.connections * plan.pipeline,
        {
          delays: sendDelay,
          onLate: () => this.#tally.counters.lateSends++,
        },
      );
      return pacing;
    }
    if (plan.thinkMaxMs > 0) {
      const random = new SeededRandom(plan.seed);
      const spanMs = plan.thinkMaxMs - plan.thinkMinMs;
      return new ThinkPacing(this.#driver, () => plan.thinkMinMs + random.nextUnit() * spanMs);
    }
    return new ClosedPacing(this.#driver);
  }

  #nextSecond(): void {
    const endMs = this.#endMs;
    const second = this.#second;
    const boundaryMs = Math.min(this.#measureMs + (second + 1) * SECOND_MS, endMs);
    this.#at(boundaryMs, () => {
      if (this.#isEnding) return;
      if (boundaryMs === endMs) {
        this.#stopAt(endMs);
        return;
      }
      // The warm-up's last second may have been ended by the first request that was due after it.
      if (second === -1) this.#endWarmup();
      else this.#endSecond();
      if (this.#isHopeless()) this.#stopAt(performance.now());
      else this.#nextSecond();
    });
  }

  /** Begins nothing more that is due later; what waits for a connection is given up after a while. */
  #stopAt(endMs: number): void {
    this.#markEnd();
    this.#at(endMs + Math.min(WAITING_MS, this.#plan.timeoutMs), () => this.#driver.giveUpWaiting());
    this.#driver.stop(endMs);
  }

  /**
   * A count of requests has no end in time: without a single answer for as long as one may take, and
   * failures instead, there will be none.
   */
  #isHopeless(): boolean {
    const { answered, failed } = this.#tally.counters;
    const nowMs = performance.now();
    if (answered !== this.#answered) {
      this.#answered = answered;
      this.#answeredMs = nowMs;
      return false;
    }
    return (
      this.#plan.durationMs === undefined && failed > 0 && nowMs - this.#answeredMs > this.#plan.timeoutMs
    );
  }

  #endSecond(): void {
    this.#readEngine();
    const waiting = this.#driver.waitingSince(this.#measureMs + this.#second * SECOND_MS);
    this.#parts.onSecond(this.#tally.endSecond(this.#second, readThreadCpu(performance.now()), waiting));
    this.#second++;
  }

  #readEngine(): void {
    const { bytesSent, receiveBufferExhaustions } = this.#engine.stats();
    const { counters } = this.#tally;
    counters.bytesSent = bytesSent - this.#bytesSentBefore;
    counters.receiveBufferExhaustions = receiveBufferExhaustions - this.#exhaustionsBefore;
  }

  #bytesSentBefore = 0;
  #exhaustionsBefore = 0;

  get #endMs(): number {
    return this.#measureMs + (this.#plan.durationMs ?? Number.POSITIVE_INFINITY);
  }

  /** Ends the last second of it. Idempotent. */
  #endWarmup(): void {
    if (this.#isWarm) return;
    this.#isWarm = true;
    this.#endSecond();
    const { bytesSent, receiveBufferExhaustions } = this.#engine.stats();
    this.#bytesSentBefore = bytesSent;
    this.#exhaustionsBefore = receiveBufferExhaustions;
    const cpu = readThreadCpu(performance.now());
    this.#tally.endWarmup(cpu, this.#plan.ratePerSecond === undefined ? undefined : this.#measureMs);
  }

  /** The measured part ends now: what is reported of CPU and time ends here, also when answers follow. */
  #markEnd(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#endedMs = performance.now();
    this.#endCpu = readThreadCpu(this.#endedMs);
    if (this.#startMs === undefined) this.#measureMs = this.#endedMs;
    else {
      // Broken off in the warm-up: what there is of it is better than nothing.
      if (this.#endedMs < this.#measureMs) this.#measureMs = this.#startMs;
      this.#endSecond();
    }
  }

  /** Nothing is under way any more. */
  #end(): void {
    if (this.#isDone) return;
    this.#markEnd();
    // Not from inside of a callback of the engine.
    setImmediate(() => this.#finish());
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#driver.abandon();
    const totals = this.#tally.totals(
      this.#engine.name,
      this.#endedMs - this.#measureMs,
      Math.max(this.#tally.lateAnswerMs, this.#endedMs) - this.#measureMs,
      this.#endCpu ?? readThreadCpu(this.#endedMs),
    );
    void this.#close().then(() => this.#parts.onDone(totals));
  }

  /** Lets FIN leave before the engine closes, which would reset. */
  async #close(): Promise<void> {
    if (this.#startMs !== undefined) this.#driver.closeConnections();
    const endMs = performance.now() + CLOSE_MS;
    while (this.#engine.connectionCount > 0 && performance.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await this.#engine.close();
  }

  /** Timers are cut to whole milliseconds: one that fires early waits on. */
  #at(momentMs: number, what: () => void): void {
    const leftMs = momentMs - performance.now();
    this.#timer = setTimeout(
      () => {
        if (performance.now() < momentMs - 0.5 || leftMs > TIMER_MS_MAX) this.#at(momentMs, what);
        else what();
      },
      Math.min(Math.max(0, leftMs), TIMER_MS_MAX),
    );
  }
}

function hasWakeAt(engine: Engine): engine is Engine & { wakeAt(atMs: number): void } {
  return engine.wakeAt !== undefined;
}

/** `setTimeout` fires at once beyond 2^31-1. */
const TIMER_MS_MAX = 2 ** 30;
