/**
 * What the server says of errors in the user's code, with a bound on how much: a handler that throws at
 * every request must not cost more than one that answers. Telling an error takes 30 to 50 us, most of it
 * for the text of its stack, where an answer takes 2 (measured: a server that logged every one of them kept
 * a fifteenth of its throughput). So a burst is told whole, then a few each second, and how many were not.
 * `options.error` sees every one, and those that it answers are its own to tell.
 */
import type { LoggerLike } from '../observe/logger-like.ts';

/** Told at once when there were none for a while: each of a handful of broken routes, many times over. */
const BURST = 50;
/** 10 a second and thread are more than anybody reads, and half a thousandth of the thread's time. */
const PER_SECOND = 10;
/** After this long without another chance to, the number of those not told is told by itself. */
const TELL_AFTER_MS = 1000;

export class ErrorLog {
  readonly #logger: LoggerLike;
  #allowance = BURST;
  #lastMs = 0;
  #untold = 0;

  constructor(logger: LoggerLike) {
    this.#logger = logger;
  }

  /**
   * Whether one more may be told; it is counted as told or as not told. Asked first, so that not even the
   * text is made in vain.
   */
  mayTell(nowMs: number): boolean {
    this.#allowance = Math.min(BURST, this.#allowance + ((nowMs - this.#lastMs) * PER_SECOND) / 1000);
    this.#lastMs = nowMs;
    if (this.#allowance >= 1) {
      this.#allowance--;
      return true;
    }
    if (this.#untold++ === 0) setTimeout(() => this.#tellUntold(), TELL_AFTER_MS).unref();
    return false;
  }

  tell(text: string, error: unknown): void {
    this.#logger.error(text, error);
  }

  #tellUntold(): void {
    const count = this.#untold;
    this.#untold = 0;
    this.#logger.error(
      `${count} more error${count === 1 ? '' : 's'} of handlers in the last second ${count === 1 ? 'was' : 'were'} not logged`,
    );
  }
}
