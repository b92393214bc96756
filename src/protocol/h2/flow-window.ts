/**
 * A flow-control window as its sender keeps it: RFC 9113 §5.2 and §6.9. One for the connection, one for each stream;
 * DATA takes from both. A window may be below zero, after the peer has made its initial size smaller.
 */
import { WINDOW_BYTES_MAX } from './frames.ts';

export class FlowWindow {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** What may be sent now, never below zero. */
  get available(): number {
    return Math.max(0, this.#bytes);
  }

  /** DATA of `bytes`, padding included, goes out or has come in. */
  take(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** WINDOW_UPDATE. @returns false when the window would be beyond 2^31-1, which is a fault (§6.9.1) */
  give(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= WINDOW_BYTES_MAX;
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE has changed by `bytes`. @returns as `give` (§6.9.2) */
  shift(bytes: number): boolean {
    return this.give(bytes);
  }
}

/**
 * A window as its receiver keeps it: what the peer may still send, and what has been read and is to be given back. It
 * is given back when half of it is spent, so that a quick peer never waits and a slow one costs no frame a piece.
 */
export class ReceiveWindow {
  readonly #size: number;
  #left: number;
  #spent = 0;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** @returns false when the peer sends more than it may: FLOW_CONTROL_ERROR (§6.9.1) */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** `bytes` have been read, or dropped. @returns the increment to announce now, 0 for none yet */
  spend(bytes: number): number {
    this.#spent += bytes;
    if (this.#spent < this.#size / 2) return 0;
    const increment = this.#spent;
    this.#spent = 0;
    this.#left += increment;
    return increment;
  }
}
