/**
 * Field blocks of answers. No dynamic table is used, so a block is the same on every connection and at every moment:
 * whoever answers the same twice makes it once. Its changing parts, the date and the length, have a fixed place or
 * stand at the end, so that they can be put in anew.
 */
import { asciiBytes } from '../../semantics/octets.ts';
import { encodedBytesMax, encodeFieldInto } from '../hpack-encoder.ts';

/** `Sun, 06 Nov 1994 08:49:37 GMT`. RFC 9110 §5.6.7 */
const DATE_TEXT_BYTES = 29;
/** A literal with the name of the static table, not in Huffman's code: `date` takes its value three bytes further. */
const DATE_BEGINNING = [0x0f, 0x12, DATE_TEXT_BYTES] as const; // 15 + 18 = 33, date
export const DATE_FIELD_BYTES = DATE_BEGINNING.length + DATE_TEXT_BYTES;
const LENGTH_BEGINNING = [0x0f, 0x0d] as const; // 15 + 13 = 28, content-length
const LENGTH_DIGITS_MAX = 16;
/** Room for `contentLengthInto`. */
export const LENGTH_FIELD_BYTES_MAX = LENGTH_BEGINNING.length + 1 + LENGTH_DIGITS_MAX;
const STATUS_ROOM = 16;

/**
 * The block of a status and its fields.
 * @param names in lower case, one byte a character, as values are
 */
export function responseBlock(
  status: number,
  names: readonly string[],
  values: readonly string[],
): Uint8Array {
  let room = STATUS_ROOM;
  for (let i = 0; i < names.length; i++) room += encodedBytesMax(names[i]!, values[i]!);
  const block = new Uint8Array(room);
  let at = encodeFieldInto(block, 0, ':status', String(status));
  for (let i = 0; i < names.length; i++) at = encodeFieldInto(block, at, names[i]!, values[i]!);
  return block.slice(0, at);
}

/** The block of fields that follow the content. */
export function trailerBlock(names: readonly string[], values: readonly string[]): Uint8Array {
  let room = 1;
  for (let i = 0; i < names.length; i++) room += encodedBytesMax(names[i]!, values[i]!);
  const block = new Uint8Array(room);
  let at = 0;
  for (let i = 0; i < names.length; i++) at = encodeFieldInto(block, at, names[i]!, values[i]!);
  return block.slice(0, at);
}

/** The block of 100 (Continue), which says nothing else. */
export const CONTINUE_BLOCK: Uint8Array = Uint8Array.of(0x08, 3, ...asciiBytes('100'));

/** @param text of DATE_TEXT_BYTES @returns the index after, DATE_FIELD_BYTES further */
export function dateFieldInto(out: Uint8Array, at: number, text: string): number {
  let p = at;
  for (const byte of DATE_BEGINNING) out[p++] = byte;
  for (let i = 0; i < DATE_TEXT_BYTES; i++) out[p++] = text.charCodeAt(i);
  return p;
}

/** @returns the index after @hot */
export function contentLengthInto(out: Uint8Array, at: number, bytes: number): number {
  out[at] = LENGTH_BEGINNING[0];
  out[at + 1] = LENGTH_BEGINNING[1];
  let digits = 1;
  for (let left = bytes; left >= 10; left = Math.floor(left / 10)) digits++;
  out[at + 2] = digits;
  const end = at + 3 + digits;
  let left = bytes;
  for (let p = end - 1; p >= at + 3; p--) {
    const tens = Math.floor(left / 10);
    out[p] = 0x30 + (left - tens * 10);
    left = tens;
  }
  return end;
}
