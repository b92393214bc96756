/**
 * How late this process itself may have been in seeing an event: what a client measures of a server is
 * too long by its own delay, and on two cores that are busy the delay is the larger part.
 */
export class LoopLag {
  #turnMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => (this.#turnMs = performance.now()), 1);
  }

  /**
   * The most that an event seen now can have waited for us: the loop was at its timers `lagMs()` ago, and
   * looked for events after that.
   */
  lagMs(nowMs: number): number {
    return nowMs - this.#turnMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
