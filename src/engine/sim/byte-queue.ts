/**
 * Bytes that wait, in order: a kernel's socket buffer, or what a connection has committed. Pieces are
 * kept as they came and copied once more when they leave, so nobody's memory is borrowed.
 */
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/bytes.ts';

export class ByteQueue {
  #length = 0;
  #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that have left. */
  #firstAt = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes a copy of bytes[start..end). */
  pushCopy(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.#pieces.push(copyBytes(bytes, start, end));
    this.#length += end - start;
  }

  /** Takes `piece` itself: the caller must not use it again. */
  pushOwned(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Takes the oldest `size` bytes out, into `out` from `at` on. */
  takeInto(out: Uint8Array, at: number, size: number): void {
    assert(size <= this.#length, 'more is taken than there is');
    this.#length -= size;
    while (size > 0) {
      const piece = this.#pieces[0]!;
      const part = Math.min(size, piece.length - this.#firstAt);
      out.set(piece.subarray(this.#firstAt, this.#firstAt + part), at);
      at += part;
      size -= part;
      this.#firstAt += part;
      if (this.#firstAt === piece.length) {
        this.#pieces.shift();
        this.#firstAt = 0;
      }
    }
  }

  /** Takes the oldest `size` bytes out. */
  take(size: number): Uint8Array {
    const first = this.#pieces[0];
    if (first !== undefined && this.#firstAt === 0 && first.length === size) {
      this.#pieces.shift();
      this.#length -= size;
      return first;
    }
    const taken = new Uint8Array(size);
    this.takeInto(taken, 0, size);
    return taken;
  }

  clear(): void {
    this.#pieces = [];
    this.#firstAt = 0;
    this.#length = 0;
  }
}
