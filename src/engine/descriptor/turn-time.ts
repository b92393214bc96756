/**
 * How long a turn of an engine may take, so that nobody on its thread starves whatever the connections do.
 * Knows no engine: it is told when turns begin, and asked at the places where one can stop.
 *
 * A turn that has had its time leaves the rest to one that libuv begins (`setImmediate`), behind timers,
 * signals and other I/O. It may take as long as these, and promises, took before it, within narrow bounds. Turns that
 * follow each other by `process.nextTick`, as answers of async handlers and pieces of streams make them do, keep libuv
 * out just as well: a chain of them has the same time, then the next is `setImmediate`'s. Within a turn the kernel is
 * asked for news each LOOK_MS, as far as callbacks let us: what one connection has much of waits behind what others
 * have just sent. A turn that has asked handlers which answer by promises ends there and goes on behind these, so that
 * answers leave before more is asked. What promises do between turns no turn can bound: there those who have much to do ask
 * `shouldYield`.
 */

/** One round of libuv's loop costs some 5 us beside that. */
const TURN_MS_MIN = 1;
/**
 * A turn makes a timer late by this time at most and by one callback, and a chain of turns by as much again. It is not much
 * more than TURN_MS_MIN, because promises of our own handlers, which nobody can tell from others, count as the rest of the loop.
 */
export const TURN_MS_MAX = 2;
const LOOK_MS = 0.25;
/** What a turn may take beyond its time for deadlines, and to send what was written in it. */
const SEND_MS = 1;
/** The clock is read once for so many callbacks, as long as these are quick. */
const CALLBACKS_PER_READING = 16;
/** What is longer is taken for a piece of a body, for which nobody is owed an answer. */
const REQUEST_BYTES_LIKELY = 4096;

export class TurnTime {
  /** When the kernel was last asked for news. */
  #lookedMs = 0;
  #endMs = 0;
  #callbacksLeft = CALLBACKS_PER_READING;
  #readMs = 0;
  /** Turns by `process.nextTick` since libuv last began one, and when the first of them began. */
  #chained = 0;
  #chainBeganMs = 0;
  #chainIsSpent = false;
  #hasUnanswered = false;

  /** A turn that libuv begins. @hot */
  begin(nowMs: number): void {
    this.#chained = 0;
    this.#chainIsSpent = false;
    // Where the rest of the loop has much to do, a millisecond in each round would be too small a share.
    const othersMs = nowMs - this.#lookedMs;
    this.#begin(nowMs, nowMs + Math.min(Math.max(othersMs, TURN_MS_MIN), TURN_MS_MAX));
  }

  /** A turn by `process.nextTick`. @hot */
  beginChained(nowMs: number): void {
    if (this.#chained++ === 0) this.#chainBeganMs = nowMs;
    const endMs = this.#chainBeganMs + TURN_MS_MIN;
    this.#chainIsSpent = nowMs >= endMs;
    this.#begin(nowMs, Math.max(endMs, nowMs + LOOK_MS));
  }

  #begin(nowMs: number, endMs: number): void {
    this.#lookedMs = nowMs;
    this.#readMs = nowMs;
    this.#endMs = endMs;
    this.#hasUnanswered = false;
    this.#callbacksLeft = CALLBACKS_PER_READING;
  }

  /** A handler has been given `size` bytes and has written nothing in return. @hot */
  noteUnanswered(size: number): void {
    if (size < REQUEST_BYTES_LIKELY) this.#hasUnanswered = true;
  }

  /** Somebody has asked something in this turn that is answered later, most likely by a promise. */
  get hasUnanswered(): boolean {
    return this.#hasUnanswered;
  }

  /** The next turn is to be begun by libuv, which has waited long enough. */
  get isChainSpent(): boolean {
    return this.#chainIsSpent;
  }

  /** The kernel is to be asked for news at `nowMs`. @returns false when the turn has had its time. @hot */
  mayLook(nowMs: number): boolean {
    if (nowMs >= this.#endMs) return false;
    this.#lookedMs = nowMs;
    return true;
  }

  /** To be asked after each callback. @returns whether the turn has had its time. @hot */
  isSpent(): boolean {
    return --this.#callbacksLeft <= 0 && this.#read() >= this.#endMs;
  }

  /** The same as `isSpent`, asked after each deadline, and each connection for which something is sent or ended. @hot */
  isWhollySpent(): boolean {
    return --this.#callbacksLeft <= 0 && this.#read() >= this.#endMs + SEND_MS;
  }

  /** Where callbacks take long, the clock is read for each. */
  #read(): number {
    const nowMs = performance.now();
    this.#callbacksLeft = nowMs - this.#readMs < LOOK_MS ? CALLBACKS_PER_READING : 1;
    this.#readMs = nowMs;
    return nowMs;
  }

  /** What is being done, in a turn or outside of one, has kept others waiting for LOOK_MS. */
  get shouldYield(): boolean {
    return performance.now() - this.#lookedMs >= LOOK_MS;
  }
}
