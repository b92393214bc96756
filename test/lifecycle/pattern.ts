/** Bytes that tell their own position, so that one lost, doubled or swapped is seen: made and checked by offset. */

/** A prime next to 64 KiB: no buffer size of anybody's is a multiple of it. */
const PERIOD_BYTES = 65521;
const PIECE_BYTES_MAX = 64 * 1024;

const pattern = Buffer.alloc(PERIOD_BYTES + PIECE_BYTES_MAX);
for (let i = 0; i < pattern.length; i++) pattern[i] = Math.imul(i % PERIOD_BYTES, 0x9e3779b1) >>> 24;

/** At most `size` bytes, and at most 64 KiB, of the content from `offset` on. Borrowed: not to be written to. */
export function patternAt(offset: number, size: number): Uint8Array {
  const start = offset % PERIOD_BYTES;
  return pattern.subarray(start, start + Math.min(size, PIECE_BYTES_MAX));
}

/** Whether `bytes` is the content from `offset` on. */
export function isPattern(bytes: Uint8Array, offset: number): boolean {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
    const piece = bytes.subarray(at, at + PIECE_BYTES_MAX);
    if (Buffer.compare(piece, patternAt(offset + at, piece.length)) !== 0) return false;
  }
  return true;
}

/** Says where `bytes` is not the content from `offset` on, how far, and of which place it is the content, if of any. */
export function faultIn(bytes: Uint8Array, offset: number): string {
  const expected = Buffer.alloc(bytes.length);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX)
    expected.set(patternAt(offset + at, bytes.length - at), at);
  const from = bytes.findIndex((byte, i) => byte !== expected[i]);
  let to = bytes.length - 1;
  while (to > from && bytes[to] === expected[to]) to--;
  const sample = bytes.subarray(from, from + 32);
  const source = pattern.indexOf(sample);
  const where =
    source === -1
      ? `no content (${Buffer.from(sample).toString('latin1')})`
      : `content of ${source} modulo ${PERIOD_BYTES}`;
  return `bytes ${offset + from} to ${offset + to} are wrong (piece of ${bytes.length} at ${offset}): ${where} instead of ${(offset + from) % PERIOD_BYTES}`;
}
