/**
 * Whether something is worth trying that spares time when it succeeds, costs time when it fails, and shows which only when
 * it is tried: to stay in the kernel for a moment before the thread goes to sleep, since clients may ask again soon, or to
 * receive at once from a connection that has just been accepted. Where too many tries fail, trying rests for a while.
 */

const CREDIT_MAX = 8;
/** A failure costs about as much time as two successes spare. */
const CREDIT_LOST = 2;
/** Occasions that are let pass before it is tried again. */
const OCCASIONS_RESTED = 64;

export class WorthTrying {
  #credit = CREDIT_MAX;
  #restLeft = 0;

  /** @returns whether to try on this occasion. @hot */
  isDue(): boolean {
    if (this.#restLeft === 0) return true;
    this.#restLeft--;
    return false;
  }

  /** @hot */
  ended(hasSucceeded: boolean): void {
    if (hasSucceeded) {
      if (this.#credit < CREDIT_MAX) this.#credit++;
      return;
    }
    this.#credit -= CREDIT_LOST;
    if (this.#credit > 0) return;
    this.#restLeft = OCCASIONS_RESTED;
    // After the rest one failure is enough to rest again.
    this.#credit = 1;
  }
}
