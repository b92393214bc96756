/**
 * A merge sort whose work is done in slices: there may be a hundred thousand things, and whoever else is served by this
 * thread waits for about a millisecond at a time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What is sorted in one go. */
export const RUN_LENGTH = 512;

/** Things that are merged in one go: half a millisecond. */
const MERGE_SLICE = 4096;

export class SortedRuns<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #runs: T[][] = [];
  #run: T[] = [];
  #mergedCount = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  add(item: T): void {
    this.#run.push(item);
    if (this.#run.length === RUN_LENGTH) this.#endRun();
  }

  /** All of them; what compares as equal stays in the order in which it was added. */
  async merged(): Promise<T[]> {
    this.#endRun();
    let runs = this.#runs;
    while (runs.length > 1) {
      const longer: T[][] = [];
      for (let i = 0; i < runs.length; i += 2) longer.push(await this.#mergeTwo(runs[i]!, runs[i + 1] ?? []));
      runs = longer;
    }
    return runs[0] ?? [];
  }

  #endRun(): void {
    if (this.#run.length > 0) this.#runs.push(this.#run.sort(this.#compare));
    this.#run = [];
  }

  async #mergeTwo(a: readonly T[], b: readonly T[]): Promise<T[]> {
    const out: T[] = [];
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      const takesFirst = j >= b.length || (i < a.length && this.#compare(a[i]!, b[j]!) <= 0);
      out.push(takesFirst ? a[i++]! : b[j++]!);
      if (++this.#mergedCount % MERGE_SLICE === 0) await nextTurn();
    }
    return out;
  }
}
