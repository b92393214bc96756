/**
 * Takes the mask off payloads (RFC 6455 §5.3), four bytes at a time, into memory that all connections of a thread share:
 * what it holds is valid until the next call. On its way it finds out whether all is ASCII, which is then known to be UTF-8.
 */

/** Engines hand over as much at once. */
export const UNMASKED_BYTES_MAX = 64 * 1024;

const NO_BYTES = new Uint8Array(0);

export class Unmasking {
  /** What was unmasked last. */
  readonly bytes = new Uint8Array(UNMASKED_BYTES_MAX);
  /** Whether no byte of it is above 7F. */
  isAscii = true;
  readonly #out = new DataView(this.bytes.buffer);
  #in = new DataView(NO_BYTES.buffer);

  /**
   * Unmasks from[start..end), UNMASKED_BYTES_MAX at most, to the beginning of `bytes`.
   * @param key as its four bytes read with the first one lowest, turned so that the lowest belongs to from[start]
   * @hot
   */
  take(from: Uint8Array, start: number, end: number, key: number): void {
    const { buffer, byteOffset } = from;
    if (this.#in.buffer !== buffer) this.#in = new DataView(buffer as ArrayBuffer);
    const input = this.#in;
    const output = this.#out;
    const { bytes } = this;
    const size = end - start;
    const words = size & ~3;
    const base = byteOffset + start;
    let all = 0;
    for (let i = 0; i < words; i += 4) {
      const word = input.getInt32(base + i, true) ^ key;
      all |= word;
      output.setInt32(i, word, true);
    }
    for (let i = words; i < size; i++) {
      const byte = from[start + i]! ^ ((key >>> ((i & 3) << 3)) & 0xff);
      all |= byte;
      bytes[i] = byte;
    }
    this.isAscii = (all & 0x80808080) === 0;
  }
}

/** The key for what comes behind `count` bytes of the same frame. */
export function turnedKey(key: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}
