/**
 * All deadlines of an engine: a timing wheel and one `setTimeout` for the earliest. The timer is never
 * the reason that the process stays alive, sockets are.
 */
import { TimingWheel } from '../../base/timing-wheel.ts';
import { DEADLINE_TICK_MS } from '../engine.ts';

/** `setTimeout` fires at once beyond 2^31-1; waking before any deadline does no harm. */
const TIMER_MS_MAX = 2 ** 30;

export class DeadlineTimer {
  readonly #wheel: TimingWheel;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined = undefined;
  #behindPoll: ReturnType<typeof setImmediate> | undefined;
  /** When the timer fires; Infinity when it is not armed. */
  #armedMs = Number.POSITIVE_INFINITY;

  /** @param wake called when `expire` is due; called too early now and then, never too late by design */
  constructor(nowMs: number, wake: () => void) {
    this.#wheel = new TimingWheel(DEADLINE_TICK_MS, nowMs);
    this.#wake = wake;
  }

  /** Sets, moves or (Infinity) clears the deadline of `slot`. @hot */
  set(slot: number, atMs: number, nowMs: number): void {
    const wheel = this.#wheel;
    // An idle wheel stands still; moving it on is free while it is empty.
    if (wheel.linkedCount === 0) wheel.advance(nowMs, ignoreSlot);
    wheel.set(slot, atMs);
    if (atMs < this.#armedMs) this.#arm(atMs, nowMs);
  }

  remove(slot: number): void {
    this.#wheel.remove(slot);
  }

  /** Reports what is due, then arms the timer for what comes next. */
  expire(nowMs: number, expired: (slot: number) => void): void {
    this.#armedMs = Number.POSITIVE_INFINITY;
    try {
      this.#wheel.advance(nowMs, expired);
    } finally {
      const nextMs = this.#wheel.nextMs();
      if (nextMs < this.#armedMs) this.#arm(nextMs, nowMs);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#behindPoll);
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  /** libuv calls timers before it polls: what came while the loop was blocked is to be handed over first. */
  readonly #passed = (): void => {
    this.#behindPoll = setImmediate(this.#wake);
  };

  #arm(atMs: number, nowMs: number): void {
    clearTimeout(this.#timer);
    this.#armedMs = atMs;
    const delayMs = Math.min(Math.max(Math.ceil(atMs - nowMs), 1), TIMER_MS_MAX);
    this.#timer = setTimeout(this.#passed, delayMs);
    this.#timer.unref();
  }
}

function ignoreSlot(_slot: number): void {}
