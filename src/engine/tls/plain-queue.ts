/**
 * What a connection has written and is not encrypted yet, in order: blocks of plaintext, and ranges of files. Owns both until they
 * are dropped. Nearly always it holds one block, for the rest of a turn.
 */
import type { SendBlock } from '../descriptor/send-block.ts';
import { LARGE_BLOCK_BYTES, type SendPool } from '../descriptor/send-pool.ts';
import { FileProgress } from '../file-progress.ts';

export class PlainQueue {
  /** Bytes that wait, those of files too. */
  bytes = 0;
  readonly #segments: (SendBlock | FileProgress)[] = [];
  #head = 0;

  /** undefined when nothing waits. @hot */
  get first(): SendBlock | FileProgress | undefined {
    return this.#segments[this.#head];
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** The block that is written to next, with room for `size` bytes. @hot */
  blockFor(size: number, pool: SendPool): SendBlock {
    const count = this.#segments.length;
    const last = count === 0 ? undefined : this.#segments[count - 1]!;
    const isBlock = last !== undefined && !(last instanceof FileProgress);
    if (isBlock && last.capacity - last.filled >= size) return last;
    const block = pool.take(isBlock ? LARGE_BLOCK_BYTES : size);
    this.#segments.push(block);
    return block;
  }

  addFile(file: FileProgress): void {
    this.#segments.push(file);
    this.bytes += file.end - file.at;
  }

  /** The first segment is done with. @hot */
  dropFirst(pool: SendPool): void {
    const first = this.#segments[this.#head++]!;
    if (this.#head === this.#segments.length) {
      this.#segments.length = 0;
      this.#head = 0;
    }
    if (first instanceof FileProgress) {
      this.bytes -= first.end - first.at;
      if (first.isWhole) first.release();
      else first.giveUp();
    } else {
      this.bytes -= first.filled;
      pool.give(first);
    }
  }

  drop(pool: SendPool): void {
    while (!this.isEmpty) this.dropFirst(pool);
  }
}
