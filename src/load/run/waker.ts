/**
 * Calls back at a moment, more exactly than the event loop's timers, which count whole milliseconds: a
 * request that is sent half a millisecond late looks half a millisecond slower than it was.
 */

export interface Waker {
  /** One moment at a time: an earlier one replaces it, a later one is ignored until it has come. */
  wakeAt(atMs: number): void;
  stop(): void;
}

/** What a waker needs of an engine that has exact timers. */
interface WakingEngine {
  wakeAt(atMs: number): void;
}

/**
 * The kernel wakes the thread at the moment, and what is then sent leaves in that very turn: lateness of
 * some 50 µs, at the price of a wake-up a request when nothing else wakes the thread.
 */
export class EngineWaker implements Waker {
  readonly #engine: WakingEngine;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(engine: WakingEngine) {
    this.#engine = engine;
  }

  /** @hot */
  wakeAt(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    this.#engine.wakeAt(atMs);
  }

  /** The engine has called: the moment has come. */
  woken(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  stop(): void {
    this.#atMs = Number.NEGATIVE_INFINITY;
  }
}

/** Timers fire up to this much after their moment, rounding included. */
const TIMER_SLACK_MS = 1.2;

/**
 * For engines without: sleeps by timer until shortly before the moment, and for the rest looks at the
 * clock once a turn of the event loop, which then uses a core whole at more than some 800 requests a second.
 */
export class PollingWaker implements Waker {
  readonly #now: () => number;
  readonly #onWake: () => void;
  #atMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined = undefined;
  #immediate: NodeJS.Immediate | undefined = undefined;

  constructor(now: () => number, onWake: () => void) {
    this.#now = now;
    this.#onWake = onWake;
  }

  wakeAt(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    this.#arm(this.#now());
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  #arm(nowMs: number): void {
    const delayMs = this.#atMs - nowMs;
    if (delayMs > TIMER_SLACK_MS) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#look, Math.max(1, Math.floor(delayMs - TIMER_SLACK_MS)));
    } else this.#immediate ??= setImmediate(this.#look);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    this.#immediate = undefined;
    if (this.#atMs === Number.POSITIVE_INFINITY) return;
    const nowMs = this.#now();
    if (nowMs < this.#atMs) {
      this.#arm(nowMs);
      return;
    }
    this.#atMs = Number.POSITIVE_INFINITY;
    this.#onWake();
  };
}
