/**
 * How far one range of a file has been sent, and who may close its descriptor when. Knows neither sockets nor disks.
 *
 * Invariant: `onReleased` is called once, when the range is sent or given up and nobody reads of its descriptor any more.
 */
import { assert } from '../base/assert.ts';
import { FILE_WINDOW_BYTES, type FileRange } from './engine.ts';

export class FileProgress {
  readonly fd: number;
  /** Where the next byte is. */
  at: number;
  readonly end: number;
  /** Until there it may be sent: it was found in memory, and what it was. */
  openEnd: number;
  /** Until there it has been read into memory. */
  readEnd: number;
  /** It is being read, or waits for that. */
  isReading = false;
  isGivenUp = false;
  readonly #range: FileRange;

  constructor(range: FileRange) {
    const { offset, length } = range;
    assert(Number.isSafeInteger(offset) && offset >= 0, 'a file is sent from an offset of 0 or more');
    assert(Number.isSafeInteger(offset + length) && length >= 0, 'a file is sent by a length of 0 or more');
    this.#range = range;
    this.fd = range.fd;
    this.at = offset;
    this.end = offset + length;
    this.openEnd = offset;
    this.readEnd = offset;
  }

  /** Where the window ends that the next byte is in. Windows lie at the same places for all who send a file. */
  get windowEnd(): number {
    return Math.min(this.end, this.at - (this.at % FILE_WINDOW_BYTES) + FILE_WINDOW_BYTES);
  }

  get isWhole(): boolean {
    return this.at === this.end;
  }

  isUnchanged(): boolean {
    try {
      return this.#range.verify?.() !== false;
    } catch {
      return false;
    }
  }

  /** Nothing of it is sent any more. */
  giveUp(): void {
    this.isGivenUp = true;
    if (!this.isReading) this.release();
  }

  readEnded(): void {
    this.isReading = false;
    if (this.isGivenUp) this.release();
  }

  /** What the owner of the descriptor throws is nobody else's. */
  release(): void {
    try {
      this.#range.onReleased(this.end - this.at);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
