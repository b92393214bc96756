/**
 * Bytes of one connection that wait for the next ones: a head that is not whole, or requests behind the one that is
 * being answered. They are copied when they come and not again for each byte that follows or each request that is
 * read, so a drip, and a piece full of small requests, cost time in their bytes, once.
 */
import { copyBytes } from '../../base/bytes.ts';

/** Memory below that is not worth giving back. */
const SHRINK_BYTES_MIN = 1024;

export class KeptBytes {
  /** They are bytes[start..end); the rest is room. */
  bytes: Uint8Array;
  start = 0;
  end: number;

  /** Copies bytes[start..end). */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = copyBytes(bytes, start, end);
    this.end = end - start;
  }

  /** Copies bytes[start..end) behind the others, which may move. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.end + size > this.bytes.length) this.#makeRoom(size);
    this.bytes.set(bytes.subarray(start, end), this.end);
    this.end += size;
  }

  /** Lets go of what is before `at`. */
  dropUntil(at: number): void {
    this.start = at;
    const length = this.end - at;
    const capacity = this.bytes.length;
    // At most a fourth is left, so this copy costs less than copying in what has been dropped did.
    if (capacity > SHRINK_BYTES_MIN && length * 4 <= capacity) this.#moveTo(new Uint8Array(length));
  }

  #makeRoom(size: number): void {
    const wanted = this.end - this.start + size;
    const capacity = this.bytes.length;
    // The bytes move to the front of the same memory only if half of it is free then; else they would soon have to move again.
    const isRoomy = wanted * 2 <= capacity;
    this.#moveTo(isRoomy ? this.bytes : new Uint8Array(Math.max(wanted, capacity * 2)));
  }

  #moveTo(target: Uint8Array): void {
    target.set(this.bytes.subarray(this.start, this.end));
    this.end -= this.start;
    this.start = 0;
    this.bytes = target;
  }
}
