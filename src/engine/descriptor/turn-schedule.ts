/**
 * When the next turn comes that the kernel does not call for: after the microtasks of whoever wrote, or when libuv has had
 * its turn. Knows no engine. One turn is on its way at most.
 */
import type { TurnTime } from './turn-time.ts';

export class TurnSchedule {
  readonly #time: TurnTime;
  readonly #takeTurn: (isChained: boolean) => void;
  #isScheduled = false;
  /** A turn is to be scheduled when the promises that wait now have run. */
  #isBehindPromises = false;
  readonly #now = Promise.resolve();

  constructor(time: TurnTime, takeTurn: (isChained: boolean) => void) {
    this.#time = time;
    this.#takeTurn = takeTurn;
  }

  get isPending(): boolean {
    return this.#isScheduled || this.#isBehindPromises;
  }

  /**
   * After the microtasks of whoever wrote, so that all their bytes leave together, or when libuv has had its turn, if
   * that has waited long enough.
   */
  soon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (this.#time.isChainSpent) setImmediate(this.#laterTurn);
    else process.nextTick(this.#chainedTurn);
  }

  /** When libuv has had its turn. */
  later(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#laterTurn);
  }

  /** When the promises that wait now have run. Not by `nextTick` alone, which in a callback of libuv comes before them. */
  behindPromises(): void {
    if (this.#isBehindPromises) return;
    this.#isBehindPromises = true;
    void this.#now.then(this.#afterPromises);
  }

  readonly #afterPromises = (): void => {
    this.#isBehindPromises = false;
    this.soon();
  };

  readonly #laterTurn = (): void => {
    this.#isScheduled = false;
    this.#takeTurn(false);
  };

  readonly #chainedTurn = (): void => {
    this.#isScheduled = false;
    this.#takeTurn(true);
  };
}
