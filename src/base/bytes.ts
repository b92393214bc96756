/** Copies of byte ranges. `slice` of a Buffer shares memory, that of a Uint8Array copies: here it always copies. */

/** A new array with bytes[start..end). */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/** A new array with the ranges of both, one after the other. */
export function concatBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): Uint8Array {
  const joined = new Uint8Array(aEnd - aStart + bEnd - bStart);
  joined.set(a.subarray(aStart, aEnd));
  joined.set(b.subarray(bStart, bEnd), aEnd - aStart);
  return joined;
}
