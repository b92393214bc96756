/**
 * Puts the seconds of several sources (threads, machines) together: a second is passed on when all that
 * still run have told of it, in order. A source that has ended is not waited for.
 */
import { mergeSeconds, type SecondReport } from './run-totals.ts';

export class SecondGatherer {
  readonly #onSecond: (report: SecondReport) => void;
  /** Reports that wait, by source, each in order. */
  readonly #waiting: SecondReport[][];
  readonly #hasEnded: boolean[];

  constructor(sourceCount: number, onSecond: (report: SecondReport) => void) {
    this.#onSecond = onSecond;
    this.#waiting = Array.from({ length: sourceCount }, () => []);
    this.#hasEnded = new Array<boolean>(sourceCount).fill(false);
  }

  add(source: number, report: SecondReport): void {
    this.#waiting[source]!.push(report);
    this.#flush();
  }

  /** No more comes from `source`. */
  end(source: number): void {
    this.#hasEnded[source] = true;
    this.#flush();
  }

  #flush(): void {
    for (;;) {
      const isWaitedFor = this.#waiting.some((list, source) => list.length === 0 && !this.#hasEnded[source]);
      const firsts = this.#waiting.flatMap((list) => list.slice(0, 1));
      if (isWaitedFor || firsts.length === 0) return;
      const second = Math.min(...firsts.map((report) => report.second));
      const together = firsts.filter((report) => report.second === second);
      for (const list of this.#waiting) if (list[0]?.second === second) list.shift();
      this.#onSecond(mergeSeconds(together));
    }
  }
}
