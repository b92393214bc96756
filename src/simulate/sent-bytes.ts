/** Bytes that the server committed and the client has not yet read: compared and let go as they come. */
import { ByteQueue } from '../engine/sim/byte-queue.ts';

export class SentBytes {
  /** All that were ever committed. */
  length = 0;
  readonly #waiting = new ByteQueue();

  /** Not read by the client so far. */
  get unreadBytes(): number {
    return this.#waiting.length;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    this.#waiting.pushCopy(bytes, start, end);
    this.length += end - start;
  }

  /** The client has read `bytes`. @returns what is wrong with them */
  read(bytes: Uint8Array): string | undefined {
    if (bytes.length > this.#waiting.length)
      return `${bytes.length - this.#waiting.length} bytes more than the server wrote`;
    const wanted = this.#waiting.take(bytes.length);
    return Buffer.compare(wanted, bytes) === 0 ? undefined : 'other bytes than the server wrote';
  }
}
