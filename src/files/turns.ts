/** Turns at something of which only so many may go on at once: who comes later waits, in order. */
export class Turns {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #takenCount = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Does `work` when its turn has come. */
  async of<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#takenCount >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#takenCount++;
    try {
      return await work();
    } finally {
      // The turn is handed on, so that nobody comes between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#takenCount--;
      else next();
    }
  }
}
