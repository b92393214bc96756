/**
 * What a thread measures where somebody will look, because there is an admin port: how long requests take, how
 * late its event loop is, and which addresses go beyond deadlines and bounds. Without one nothing here exists.
 */
import { DurationHistogram } from '../observe/duration-histogram.ts';
import { Offenders } from '../observe/offenders.ts';

/** Ten times a second is as often as it can wake an idle process unnoticed, and sees a stall of 100 ms surely. */
const LOOK_EVERY_MS = 100;
const RESOLVED = Promise.resolve();

export class Measures {
  readonly durations = new DurationHistogram();
  readonly loopLag = new DurationHistogram();
  readonly offenders = new Offenders();
  readonly #timer: ReturnType<typeof setInterval>;
  #turnMs = 0;
  #answeredInTurn = 0;

  constructor() {
    let dueMs = performance.now() + LOOK_EVERY_MS;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.loopLag.record(nowMs - dueMs);
      // From now, not from when it was due: one stall is one late look.
      dueMs = nowMs + LOOK_EVERY_MS;
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /**
   * The last byte of an answer was handed over. One that was answered in the turn in which it came leaves at the end
   * of that turn, together with the others: they take as long as the turn, and the clock is read once for all of them.
   * @param nowMs the engine's clock, which stands still within a turn
   * @hot
   */
  answered(startedAtMs: number, nowMs: number): void {
    if (nowMs !== startedAtMs) {
      this.durations.record(nowMs - startedAtMs);
      return;
    }
    if (this.#answeredInTurn > 0 && nowMs !== this.#turnMs) this.#turnOver();
    if (this.#answeredInTurn++ > 0) return;
    this.#turnMs = nowMs;
    RESOLVED.then(this.#turnOver);
  }

  readonly #turnOver = (): void => {
    const count = this.#answeredInTurn;
    if (count === 0) return;
    this.#answeredInTurn = 0;
    this.durations.record(performance.now() - this.#turnMs, count);
  };

  stop(): void {
    clearInterval(this.#timer);
  }
}
