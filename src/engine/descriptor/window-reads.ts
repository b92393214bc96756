/**
 * Windows of files that are not in memory, and are read into it off the loop, some at a time; the rest wait in the order in which
 * they came. What is read goes to memory that nobody looks at and that all reads share: what counts is what the kernel keeps of it.
 * How it is read is the engine's.
 */
import { readCachedBytes } from '../../sys/page-cache.ts';
import type { QueuedFile } from './queued-file.ts';

export class WindowReads {
  readonly #countMax: number;
  readonly #begin: (file: QueuedFile) => boolean;
  readonly #waiting: QueuedFile[] = [];
  #firstWaiting = 0;
  #underWay = 0;

  /**
   * @param countMax how many are under way at once
   * @param begin reads the rest of a window, `ended` is to be called in any case; false when it cannot now
   */
  constructor(countMax: number, begin: (file: QueuedFile) => boolean) {
    this.#countMax = countMax;
    this.#begin = begin;
  }

  /** Reads that the system has not answered yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** `fileReadEnded` follows, unless the file is given up. */
  add(file: QueuedFile): void {
    file.isReading = true;
    this.#waiting.push(file);
  }

  /** Begins what may be begun: once a turn, and when a read has ended. */
  beginWaiting(): void {
    while (this.#firstWaiting < this.#waiting.length && this.#underWay < this.#countMax) {
      const file = this.#waiting[this.#firstWaiting]!;
      // Others read the same file: one of them may have brought it meanwhile.
      if (file.isGivenUp || (this.#underWay > 0 && readCachedBytes(file.fd, file.at, file.windowEnd) === 1)) {
        this.#shift();
        this.#settle(file, 0);
      } else {
        this.#underWay++;
        if (!this.#begin(file)) {
          this.#underWay--;
          return;
        }
        this.#shift();
      }
    }
  }

  /** @param result bytes, or a negative errno */
  ended(file: QueuedFile, result: number): void {
    this.#underWay--;
    this.#settle(file, result < 0 ? -result : 0);
  }

  #settle(file: QueuedFile, errno: number): void {
    if (errno === 0) file.readEnd = file.windowEnd;
    const { isGivenUp } = file;
    file.readEnded();
    if (!isGivenUp) file.owner.fileReadEnded(errno);
  }

  #shift(): void {
    this.#firstWaiting++;
    if (this.#firstWaiting < this.#waiting.length) return;
    this.#waiting.length = 0;
    this.#firstWaiting = 0;
  }
}
