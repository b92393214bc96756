/**
 * What a connection has written and is not encrypted yet, in order: blocks of plaintext, and ranges of files. Owns both until they
 * are dropped. Nearly always it holds one block, for the rest of a turn, and that costs two stores: a list is kept only behind it.
 *
 * @hot
 */
import type { SendBlock } from '../descriptor/send-block.ts';
import { LARGE_BLOCK_BYTES, type SendPool } from '../descriptor/send-pool.ts';
import { FileProgress } from '../file-progress.ts';

type Segment = SendBlock | FileProgress;

export class PlainQueue {
  /** Bytes that wait, those of files too. */
  bytes = 0;
  /** null when nothing waits. */
  first: Segment | null = null;
  /** Where the next bytes go, if there is room; null where a file is last, or nothing waits. */
  #lastBlock: SendBlock | null = null;
  /** What waits behind `first`. */
  #others: Segment[] | null = null;

  get isEmpty(): boolean {
    return this.first === null;
  }

  /** The block that is written to next, with room for `size` bytes. @hot */
  blockFor(size: number, pool: SendPool): SendBlock {
    const last = this.#lastBlock;
    if (last !== null && last.capacity - last.filled >= size) return last;
    const block = pool.take(last === null ? size : LARGE_BLOCK_BYTES);
    this.#lastBlock = block;
    if (this.first === null) this.first = block;
    else (this.#others ??= []).push(block);
    return block;
  }

  addFile(file: FileProgress): void {
    if (this.first === null) this.first = file;
    else (this.#others ??= []).push(file);
    this.#lastBlock = null;
    this.bytes += file.end - file.at;
  }

  /** The first segment is done with. @hot */
  dropFirst(pool: SendPool): void {
    const first = this.first!;
    if (this.#others === null) {
      this.first = null;
      this.#lastBlock = null;
    } else this.#advance(this.#others);
    if (first instanceof FileProgress) {
      this.bytes -= first.end - first.at;
      if (first.isWhole) first.release();
      else first.giveUp();
    } else {
      this.bytes -= first.filled;
      pool.give(first);
    }
  }

  #advance(others: Segment[]): void {
    this.first = others.shift()!;
    if (others.length === 0) this.#others = null;
  }

  drop(pool: SendPool): void {
    while (!this.isEmpty) this.dropFirst(pool);
  }
}
