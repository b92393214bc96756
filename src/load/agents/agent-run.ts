/**
 * One run on an agent, from the plan to the totals: gets ready, begins at the moment it is told, keeps what
 * it counts until the coordinator has it. Its states only go forward:
 *
 *     preparing -> ready -> running -> done
 *          \_________\_________\____-> failed
 */

import type { SecondReport } from '../measure/run-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { RefusedError } from './message-transport.ts';
import type { RunShare, ShareResult } from './run-share.ts';
import { encodeSecond, encodeTotals } from './totals-message.ts';

export const RUN_STATES = ['preparing', 'ready', 'running', 'done', 'failed'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** So long before the beginning threads are told of it: they hear of it in time unless the machine is overloaded. */
const LEAD_MS_MIN = 20;
/** In one answer; a coordinator that asks four times a second gets the rest at once. */
const SECONDS_AT_ONCE = 16;

export class AgentRun {
  readonly number: number;
  /** Settles when the run has ended, in whatever way, and its threads are gone. */
  readonly ended: Promise<void>;
  state: RunState = 'preparing';
  #engine = '';
  #reason = '';
  #failure: { readonly message: string; readonly code: string } | undefined;
  #result: ShareResult | undefined;
  readonly #abort = new AbortController();
  #startAtMs: number | undefined;
  #begin!: (atMs: number) => void;
  #callOff!: (error: Error) => void;
  /** Those that the coordinator does not have yet, and how many came before them. */
  readonly #seconds: SecondReport[] = [];
  #secondsGone = 0;

  constructor(number: number, plan: LoadPlan, runShare: RunShare) {
    this.number = number;
    const startAt = new Promise<number>((resolve, reject) => {
      this.#begin = resolve;
      this.#callOff = reject;
    });
    // It may be called off before anybody waits for it, which is no unhandled rejection.
    startAt.catch(() => {});
    const observer = {
      startAtMs: (engine: string, reason: string) => {
        [this.#engine, this.#reason] = [engine, reason];
        if (this.state === 'preparing') this.state = 'ready';
        return startAt;
      },
      onSecond: (report: SecondReport) => void this.#seconds.push(report),
    };
    this.ended = runShare(plan, observer, this.#abort.signal).then(
      (result) => {
        this.#result = result;
        this.state = 'done';
      },
      (error: unknown) => {
        const { message, code } = error as NodeJS.ErrnoException; // whatever it is, no more is read of it
        this.#failure = { message: message ?? String(error), code: String(code ?? '') };
        this.state = 'failed';
      },
    );
  }

  get answered(): number {
    const counters = this.#result?.totals.counters;
    return counters === undefined ? 0 : counters.answered + counters.answeredLate;
  }

  get failureMessage(): string | undefined {
    return this.#failure?.message;
  }

  /**
   * @param atMs by this machine's clock
   * @throws RefusedError `late` when there is not enough time left, `state` when it is not ready
   */
  start(atMs: number, nowMs: number): void {
    if (this.#startAtMs === atMs) return; // Asked again, for the answer was lost.
    if (this.state !== 'ready')
      throw new RefusedError('state', `it is ${this.state}, and not ready to begin`);
    if (atMs - nowMs < LEAD_MS_MIN)
      throw new RefusedError(
        'late',
        `the word to begin came ${Math.ceil(nowMs + LEAD_MS_MIN - atMs)} ms too late`,
      );
    this.#startAtMs = atMs;
    this.state = 'running';
    this.#begin(atMs);
  }

  /** Breaks off: it ends within a few seconds, with what there is. */
  stop(): void {
    this.#callOff(new Error('called off before it began'));
    this.#abort.abort();
  }

  /** @param seen seconds that the coordinator has: they are forgotten */
  status(seen: number): object {
    const known = Math.min(Math.max(0, seen - this.#secondsGone), this.#seconds.length);
    this.#seconds.splice(0, known);
    this.#secondsGone += known;
    return {
      state: this.state,
      engine: this.#engine,
      reason: this.#reason,
      failure: this.#failure,
      firstSecond: this.#secondsGone,
      seconds: this.#seconds.slice(0, SECONDS_AT_ONCE).map(encodeSecond),
      secondsLeft: Math.max(0, this.#seconds.length - SECONDS_AT_ONCE),
    };
  }

  /** @throws RefusedError */
  totals(): object {
    if (this.#result === undefined)
      throw new RefusedError('state', `it is ${this.state}: there are no totals`);
    return { totals: encodeTotals(this.#result.totals), facts: this.#result.facts };
  }
}
