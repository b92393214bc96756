/**
 * One agent as the coordinator sees it: asked four times a second for news, which tells it that the
 * coordinator lives and the coordinator that it does. A message that is lost is asked for again; an agent
 * that stays silent for a bounded time is lost, and whoever waits for it goes on without.
 */

import type { KeptSeconds } from '../measure/kept-seconds.ts';
import type { RunTotals, SecondReport } from '../measure/run-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { RUN_STATES, type RunState } from './agent-run.ts';
import { bestOffset, type ClockOffset, type ClockRound } from './clock-offset.ts';
import { type MachineKind, readMachineFacts } from './facts-message.ts';
import { Fields } from './fields.ts';
import { WireError } from './frame.ts';
import { LinkError } from './link.ts';
import { type Answer, type MessageTransport, RefusedError } from './message-transport.ts';
import type { ShareResult } from './run-share.ts';
import { readSecond, readTotals } from './totals-message.ts';

const POLL_MS = 250;
/** While it gets ready, and in its last moments: nobody should wait for the next look. */
const POLL_SOON_MS = 50;
/** A message that is lost must be noticed and asked again several times before silence counts. */
const ASK_MS_MAX = 1000;
const ASKS_IN_SILENCE = 5;
/** The word to begin is repeated sooner: there is not much time. */
const START_ASK_MS = 250;
/** Its connection to NATS has ended: a restart of the server looks the same, and takes less. */
const ABSENT_MS_MAX = 2000;
/** An agent is lost only when so many questions in a row have had no answer: this process itself may have been held up. */
const MISSES_MIN = 3;
const CLOCK_ROUNDS = 16;
const SECONDS_AT_ONCE_MAX = 64;

interface RemoteAgentInfo {
  readonly id: string;
  /** No other agent of this fleet has the same. */
  readonly name: string;
  readonly subject: string;
  readonly machine: MachineKind;
}

interface RemoteAgentParts {
  readonly transport: MessageTransport;
  readonly session: string;
  readonly silenceMs: number;
  readonly nowMs: () => number;
}

/** Its present run, as it has told. */
export interface RemoteRun {
  readonly number: number;
  readonly plan: LoadPlan;
  readonly kept: KeptSeconds;
  readonly onSecond: (report: SecondReport) => void;
  state: RunState | 'idle';
  engine: string;
  reason: string;
  failure: { readonly message: string; readonly code: string } | undefined;
  /** Seconds that have come. */
  seen: number;
  /** When the last of them came. */
  newsMs: number;
  /** When it was told to stop. */
  stoppedMs: number | undefined;
}

export class RemoteAgent {
  readonly kind: RemoteAgentInfo;
  /** Known since `measureClock` has been called. */
  clock: ClockOffset = { offsetMs: 0, delayMs: 0, uncertaintyMs: 0 };
  run: RemoteRun | undefined;
  /** Why it takes no part any more. Once set, it stays. */
  lost: string | undefined;
  /** Why it is leaving: its own operator ends it. */
  leaving: string | undefined;
  readonly #parts: RemoteAgentParts;
  #isClosed = false;
  #heardMs: number;
  #misses = 0;
  #absentSinceMs: number | undefined;
  readonly #sleepers = new Set<() => void>();
  readonly #waiting = new Set<() => void>();
  #loop: Promise<void> = Promise.resolve();

  constructor(kind: RemoteAgentInfo, parts: RemoteAgentParts) {
    this.kind = kind;
    this.#parts = parts;
    this.#heardMs = parts.nowMs();
  }

  /** @throws RefusedError `busy`, LinkError, WireError */
  async reserve(): Promise<void> {
    const { session, silenceMs } = this.#parts;
    await this.#ask({ type: 'reserve', session, silenceMs });
    this.#loop = this.#keepInTouch();
  }

  /** @throws LinkError, WireError, RefusedError */
  async measureClock(): Promise<void> {
    const rounds: ClockRound[] = [];
    for (let i = 0; i < CLOCK_ROUNDS; i++) {
      try {
        rounds.push(await this.#askTime());
      } catch (error) {
        // A lost round does no harm, unless it is the last one and none before it was answered.
        if (!(error instanceof LinkError) || (i === CLOCK_ROUNDS - 1 && rounds.length === 0)) throw error;
      }
    }
    this.clock = bestOffset(rounds)!; // there are rounds
  }

  async #askTime(): Promise<ClockRound> {
    const askedMs = this.#parts.nowMs();
    const { fields } = await this.#ask({ type: 'clock' });
    return {
      askedMs,
      receivedMs: fields.number('receivedMs', 0, Number.MAX_SAFE_INTEGER),
      repliedMs: fields.number('repliedMs', 0, Number.MAX_SAFE_INTEGER),
      answeredMs: this.#parts.nowMs(),
    };
  }

  /**
   * @param plan as it travels
   * @throws RefusedError `target` and others, LinkError, WireError
   */
  async prepare(run: RemoteRun, plan: object, threads: number | undefined): Promise<void> {
    this.run = run;
    const { session } = this.#parts;
    const question = { type: 'prepare', session, run: run.number, plan, threads };
    await this.#askFirmly(question);
    if (run.state === 'idle') run.state = 'preparing';
    this.#wake();
  }

  /**
   * @param atMs by this machine's clock
   * @param untilMs confirmed by then, or an error
   * @throws RefusedError `late`, LinkError, WireError
   */
  async start(atMs: number, untilMs: number): Promise<void> {
    const { transport, session, nowMs } = this.#parts;
    const run = this.run!.number; // it has been prepared
    const question = { type: 'start', session, run, atMs: atMs + this.clock.offsetMs };
    for (;;) {
      const leftMs = untilMs - nowMs();
      try {
        await transport.ask(this.kind.subject, question, Math.min(START_ASK_MS, leftMs));
        return;
      } catch (error) {
        if (!(error instanceof LinkError) || untilMs - nowMs() < START_ASK_MS / 4) throw error;
        await this.#sleep(START_ASK_MS / 10);
      }
    }
  }

  /** Breaks its run off; asked again until it has. */
  stop(): void {
    if (this.run === undefined) return;
    this.run.stoppedMs ??= this.#parts.nowMs();
    this.#wake();
  }

  /** @throws LinkError, WireError, RefusedError */
  async fetch(): Promise<ShareResult> {
    const { fields } = await this.#askFirmly({
      type: 'fetch',
      session: this.#parts.session,
      run: this.run!.number,
    });
    const totals: RunTotals = readTotals(fields.object('totals'));
    return { totals, facts: readMachineFacts(fields.object('facts')) };
  }

  /** Resolves when `isTrue`, which is looked at after each piece of news, or it is lost. */
  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isTrue() && this.lost === undefined) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  lose(reason: string): void {
    if (this.lost !== undefined) return;
    this.lost = reason;
    this.#wake();
    this.#tell();
    void this.#farewell();
  }

  /** Gives the agent back. Bounded. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#loop;
    if (this.lost === undefined) await this.#farewell();
  }

  async #farewell(): Promise<void> {
    try {
      await this.#ask({ type: 'release', session: this.#parts.session });
    } catch {
      // Not there, or not ours any more. If it lives, our silence frees it.
    }
  }

  #ask(question: object): Promise<Answer> {
    const timeoutMs = Math.min(ASK_MS_MAX, this.#parts.silenceMs / ASKS_IN_SILENCE);
    return this.#parts.transport.ask(this.kind.subject, question, timeoutMs);
  }

  /** Asks until it answers, or is lost. */
  async #askFirmly(question: object): Promise<Answer> {
    for (;;) {
      try {
        return await this.#ask(question);
      } catch (error) {
        if (!(error instanceof LinkError) || this.lost !== undefined || this.#isClosed) throw error;
        await this.#sleep(POLL_SOON_MS);
      }
    }
  }

  async #keepInTouch(): Promise<void> {
    while (!this.#isClosed && this.lost === undefined) {
      let isMore = false;
      try {
        isMore = await this.#poll();
      } catch (error) {
        this.#missed(error);
      }
      this.#tell();
      if (!isMore) await this.#sleep(this.#isHurried() ? POLL_SOON_MS : POLL_MS);
    }
  }

  #isHurried(): boolean {
    const { state, stoppedMs } = this.run ?? {};
    return state === 'preparing' || (state === 'running' && stoppedMs !== undefined);
  }

  /** @returns whether there is more to fetch at once */
  async #poll(): Promise<boolean> {
    const { run } = this;
    const { fields } = await this.#ask({
      type: 'poll',
      session: this.#parts.session,
      run: run?.number ?? 0,
      seen: run?.seen ?? 0,
      stop: run?.stoppedMs !== undefined,
    });
    const leaving = fields.maybe('leaving', (name) => fields.text(name, 200));
    const state = fields.choice('state', [...RUN_STATES, 'idle']);
    this.#heardMs = this.#parts.nowMs();
    this.#misses = 0;
    this.#absentSinceMs = undefined;
    this.leaving = leaving;
    // Another run may have begun since the question, or the agent may not have heard of this one yet.
    if (run === undefined || this.run !== run || state === 'idle') return false;
    return this.#takeNews(run, state, fields);
  }

  #takeNews(run: RemoteRun, state: RunState, fields: Fields): boolean {
    run.engine = fields.text('engine', 100);
    run.reason = fields.text('reason', 1000);
    run.failure = fields.maybe('failure', (name) => {
      const failure = fields.object(name);
      return { message: failure.text('message', 10_000), code: failure.text('code', 200) };
    });
    const first = fields.integer('firstSecond', 0, Number.MAX_SAFE_INTEGER);
    const reports = fields.list('seconds', SECONDS_AT_ONCE_MAX, (value, path) =>
      readSecond(new Fields(value, path)),
    );
    if (first !== run.seen) throw new WireError('malformed', 'seconds that were not asked for');
    for (const report of reports) {
      run.seen++;
      run.kept.add(report);
      run.onSecond(report);
    }
    if (reports.length > 0 || run.state !== state) run.newsMs = this.#parts.nowMs();
    const isMore = fields.integer('secondsLeft', 0, Number.MAX_SAFE_INTEGER) > 0;
    // Whoever waits for the end gets all seconds before it.
    if (!isMore) run.state = state;
    return isMore;
  }

  #missed(error: unknown): void {
    if (error instanceof RefusedError || error instanceof WireError) {
      this.lose(error.message);
      return;
    }
    const nowMs = this.#parts.nowMs();
    const { silenceMs } = this.#parts;
    this.#misses++;
    if (error instanceof LinkError && error.code === 'nobody') this.#absentSinceMs ??= nowMs;
    else this.#absentSinceMs = undefined;
    if (this.#misses < MISSES_MIN) return;
    if (nowMs - (this.#absentSinceMs ?? nowMs) >= Math.min(ABSENT_MS_MAX, silenceMs))
      this.lose('it has gone: its connection to NATS has ended');
    else if (nowMs - this.#heardMs > silenceMs)
      this.lose(`nothing was heard from it for ${((nowMs - this.#heardMs) / 1000).toFixed(1)} s`);
  }

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#sleepers.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#sleepers]) wake();
  }
}
