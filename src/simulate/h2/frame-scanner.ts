/**
 * Reads the server's frames from a stream of bytes: the oracle's own reader, short and strict, sharing nothing with the
 * one of the protocol room. RFC 9113 §4.1
 */

export interface ServerFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
  /** Bytes of the server's stream up to its end. */
  readonly end: number;
}

const HEADER_BYTES = 9;

export class FrameScanner {
  readonly #onFrame: (frame: ServerFrame) => void;
  #kept = new Uint8Array(0);
  #position: number;

  /** @param position bytes that came before the first frame */
  constructor(position: number, onFrame: (frame: ServerFrame) => void) {
    this.#position = position;
    this.#onFrame = onFrame;
  }

  /** Part of a frame has come. */
  get isInFrame(): boolean {
    return this.#kept.length > 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let all = bytes.subarray(start, end);
    if (this.#kept.length > 0) all = joined(this.#kept, all);
    let at = 0;
    while (all.length - at >= HEADER_BYTES) {
      const length = (all[at]! << 16) | (all[at + 1]! << 8) | all[at + 2]!;
      const next = at + HEADER_BYTES + length;
      if (next > all.length) break;
      this.#position += next - at;
      this.#onFrame({
        type: all[at + 3]!,
        flags: all[at + 4]!,
        streamId: uint32(all, at + 5),
        payload: all.subarray(at + HEADER_BYTES, next),
        end: this.#position,
      });
      at = next;
    }
    this.#kept = all.slice(at);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

export function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
