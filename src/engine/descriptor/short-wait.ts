/**
 * Whether a turn that has found nothing more to do is to stay in the kernel for a moment before the thread goes to sleep
 * in libuv. News that comes meanwhile costs one system call; a wake-up through libuv costs four, and some microseconds
 * of Node's own. That is worth it while clients ask again soon, which only trying tells: a wait that comes to nothing costs
 * as much as it could have spared, so waiting rests where it does not pay.
 *
 * The thread is held for less than a turn may take in any case (turn-time.ts), and not at all while the handler has work
 * under way that goes on elsewhere (`EngineHandler.hasOpenWork`).
 */

/** A client on the same host asks again in 10 to 30 us. The kernel may be late by its timer slack, 50 us more. */
export const SHORT_WAIT_US = 50;

const CREDIT_MAX = 8;
/** A wait in vain costs about what two others spare. */
const CREDIT_LOST = 2;
/** Occasions that are let pass before it is tried again. */
const OCCASIONS_RESTED = 64;

export class ShortWait {
  #credit = CREDIT_MAX;
  #restLeft = 0;

  /** @returns whether to wait on this occasion. @hot */
  isDue(): boolean {
    if (this.#restLeft === 0) return true;
    this.#restLeft--;
    return false;
  }

  /** @hot */
  ended(hasNews: boolean): void {
    if (hasNews) {
      if (this.#credit < CREDIT_MAX) this.#credit++;
      return;
    }
    this.#credit -= CREDIT_LOST;
    if (this.#credit > 0) return;
    this.#restLeft = OCCASIONS_RESTED;
    // One more in vain, and it rests again.
    this.#credit = 1;
  }
}
