/** A message, or a control frame, that comes in parts: its memory doubles as it comes, and never goes beyond what it may have in all. */

/** What a part of one is put into first: small messages that were split are the most. */
const FIRST_BYTES = 1024;

export class GatheredMessage {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;

  /** Adds part[0..size). @param bytesMax as much as there may be in all: whoever calls sees to that */
  add(part: Uint8Array, size: number, bytesMax: number): void {
    const wanted = this.length + size;
    if (wanted > this.bytes.length) {
      const roomy = Math.max(wanted, Math.min(bytesMax, Math.max(FIRST_BYTES, this.bytes.length * 2)));
      const grown = new Uint8Array(roomy);
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(part.subarray(0, size), this.length);
    this.length = wanted;
  }
}
