/**
 * The chunked transfer coding, written: RFC 9112 §7.1. Sizes without leading zeros, no extensions.
 * Every function writes at `at`, returns the index after, and trusts the caller to have the room.
 */
import { CR, LF } from '../semantics/octets.ts';
import { isForbiddenTrailer } from '../semantics/trailers.ts';
import { writeField } from './field-encoder.ts';

/** Room for `chunkHeaderInto`: 14 digits hold any safe integer, then CRLF. */
export const CHUNK_HEADER_BYTES_MAX = 16;
/** Room for `chunkEndInto`. */
export const CHUNK_END_BYTES = 2;
/** Room for `lastChunkInto` without trailers. */
export const LAST_CHUNK_BYTES = 5;

const ZERO = 0x30;
/** From a digit's value to the letters: `a` is 10. */
const LETTER_OFFSET = 0x61 - 10;

/**
 * The line before a chunk of `length` bytes, which must be more than 0: a chunk of 0 ends the body. @hot
 */
export function chunkHeaderInto(out: Uint8Array, at: number, length: number): number {
  let digits = 1;
  for (let rest = length; rest >= 16; rest = Math.floor(rest / 16)) digits++;
  const end = at + digits;
  let rest = length;
  for (let p = end - 1; p >= at; p--) {
    const digit = rest % 16;
    out[p] = digit < 10 ? ZERO + digit : LETTER_OFFSET + digit;
    rest = Math.floor(rest / 16);
  }
  out[end] = CR;
  out[end + 1] = LF;
  return end + 2;
}

/** The line end after a chunk's data. @hot */
export function chunkEndInto(out: Uint8Array, at: number): number {
  out[at] = CR;
  out[at + 1] = LF;
  return at + 2;
}

/**
 * The last chunk with the trailer section. Room needed: LAST_CHUNK_BYTES and, for each trailer, both
 * lengths and 4.
 * @returns -1 when a trailer's name or value is not legal, or its name forbidden there (RFC 9110 §6.5.1)
 */
export function lastChunkInto(
  out: Uint8Array,
  at: number,
  names: readonly string[] = [],
  values: readonly string[] = [],
): number {
  out[at] = ZERO;
  out[at + 1] = CR;
  out[at + 2] = LF;
  let p = at + 3;
  for (let i = 0; i < names.length; i++) {
    if (isForbiddenTrailer(names[i]!.toLowerCase())) return -1;
    p = writeField(out, p, names[i]!, values[i]!);
    if (p < 0) return -1;
  }
  return chunkEndInto(out, p);
}
