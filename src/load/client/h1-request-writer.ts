/**
 * Puts encoded requests into the memory that an engine sends from. A short one is copied at once; of a
 * long one at most WINDOW_BYTES wait unsent, and the rest follows as the server reads, in order.
 */
import { type EngineConnection, SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';

/** The contract's own high-water mark, a few times over: uploads should not wait for us. */
const WINDOW_BYTES = 4 * SEND_RESERVE_BYTES_MAX;
/** Below this a loop is faster than the call that `set` is. */
const LOOP_BYTES_MAX = 48;

export class RequestWriter {
  #conn: EngineConnection | undefined = undefined;
  /** Requests whose bytes wait, the first of them sent up to `#at`. */
  #waiting: Uint8Array[] = [];
  #at = 0;

  begin(conn: EngineConnection): void {
    this.#conn = conn;
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#at = 0;
  }

  end(): void {
    this.#conn = undefined;
    if (this.#waiting.length > 0) this.#waiting = [];
  }

  /** @hot */
  write(bytes: Uint8Array): void {
    const conn = this.#conn!; // started requests have a connection
    const size = bytes.length;
    if (size > SEND_RESERVE_BYTES_MAX || this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      if (this.#waiting.length === 1) this.#at = 0;
      this.drained();
      return;
    }
    const at = conn.reserve(size);
    const out = conn.out;
    if (size <= LOOP_BYTES_MAX) for (let i = 0; i < size; i++) out[at + i] = bytes[i]!;
    else out.set(bytes, at);
    conn.commit(size);
  }

  /** Writes on with what waits, as far as the window allows. */
  drained(): void {
    const conn = this.#conn;
    if (conn === undefined) return;
    while (this.#waiting.length > 0 && conn.isOpen && conn.unsentBytes < WINDOW_BYTES) {
      const bytes = this.#waiting[0]!;
      const size = Math.min(bytes.length - this.#at, SEND_RESERVE_BYTES_MAX);
      const at = conn.reserve(size);
      conn.out.set(bytes.subarray(this.#at, this.#at + size), at);
      conn.commit(size);
      this.#at += size;
      if (this.#at < bytes.length) continue;
      this.#waiting.shift();
      this.#at = 0;
    }
  }
}
