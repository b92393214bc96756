/**
 * The moments that slots wait for: two each, one for time limits and one for pauses (think time, ramp,
 * backing off). A timing wheel of 1 ms ticks and one `setTimeout` for the earliest: nothing here needs
 * to be more exact than the event loop's own timers.
 */
import { TimingWheel } from '../../base/timing-wheel.ts';

const TICK_MS = 1;
/** `setTimeout` fires at once beyond 2^31-1; looking too early does no harm. */
const TIMER_MS_MAX = 2 ** 30;

export interface SlotTimerHandler {
  onTimeLimit(slot: number): void;
  onPauseOver(slot: number): void;
}

export class SlotTimers {
  readonly #wheel: TimingWheel;
  readonly #handler: SlotTimerHandler;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined = undefined;
  #armedMs = Number.POSITIVE_INFINITY;

  constructor(slotCount: number, handler: SlotTimerHandler, now: () => number) {
    this.#wheel = new TimingWheel(TICK_MS, now(), slotCount * 2);
    this.#handler = handler;
    this.#now = now;
  }

  /** The time limit of `slot` is looked at then, once. */
  limitAt(slot: number, atMs: number): void {
    this.#set(slot * 2, atMs);
  }

  /** The pause of `slot` ends then. */
  pauseUntil(slot: number, atMs: number): void {
    this.#set(slot * 2 + 1, atMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #set(key: number, atMs: number): void {
    const nowMs = this.#now();
    // An empty wheel stands still; moving it on costs nothing while it is empty.
    if (this.#wheel.linkedCount === 0) this.#wheel.advance(nowMs, this.#onExpired);
    this.#wheel.set(key, atMs);
    if (atMs < this.#armedMs) this.#arm(atMs, nowMs);
  }

  readonly #onExpired = (key: number): void => {
    if ((key & 1) === 0) this.#handler.onTimeLimit(key >> 1);
    else this.#handler.onPauseOver(key >> 1);
  };

  readonly #onTimer = (): void => {
    this.#armedMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#now();
    this.#wheel.advance(nowMs, this.#onExpired);
    const nextMs = this.#wheel.nextMs();
    if (nextMs < this.#armedMs) this.#arm(nextMs, nowMs);
  };

  #arm(atMs: number, nowMs: number): void {
    clearTimeout(this.#timer);
    this.#armedMs = atMs;
    this.#timer = setTimeout(this.#onTimer, Math.min(Math.max(Math.ceil(atMs - nowMs), 1), TIMER_MS_MAX));
  }
}
