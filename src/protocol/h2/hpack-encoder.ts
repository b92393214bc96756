/**
 * Field blocks, written: RFC 7541 §6. Without the dynamic table: the same field gives the same bytes on every
 * connection and at every moment, so that whole blocks can be kept and copied, and a peer's wish for a large table
 * costs nothing here.
 *
 * Every function writes at `at` and returns the index after; `encodedBytesMax` says how much room a field needs.
 */
import { huffmanEncodeInto, huffmanLength } from './huffman.ts';
import { STATIC_NAME_INDEX, staticIndexOf } from './static-table.ts';

const INDEXED = 0x80;
const LITERAL_WITHOUT_INDEXING = 0x00;
/** Proxies must not put it into a table of their own either: credentials. RFC 7541 §7.1.3 */
const LITERAL_NEVER_INDEXED = 0x10;
const HUFFMAN = 0x80;
/** An integer up to 2^28 takes a byte of prefix and four more. */
const INTEGER_BYTES_MAX = 5;

/** Room for a field, however it is written. */
export function encodedBytesMax(name: string, value: string): number {
  return 3 * INTEGER_BYTES_MAX + name.length + value.length;
}

/**
 * @param name in lower case, one byte a character
 * @param value one byte a character
 */
export function encodeFieldInto(
  out: Uint8Array,
  at: number,
  name: string,
  value: string,
  isSecret = false,
): number {
  const index = isSecret ? 0 : staticIndexOf(name, value);
  if (index > 0) return integerInto(out, at, INDEXED, 0x7f, index);
  const nameIndex = STATIC_NAME_INDEX.get(name) ?? 0;
  const kind = isSecret ? LITERAL_NEVER_INDEXED : LITERAL_WITHOUT_INDEXING;
  let p = integerInto(out, at, kind, 0x0f, nameIndex);
  if (nameIndex === 0) p = stringInto(out, p, name);
  return stringInto(out, p, value);
}

/**
 * The same without Huffman's code, which takes more time than it saves for a field that is written once.
 * @param isSecret see `encodeFieldInto` @hot
 */
export function encodePlainFieldInto(
  out: Uint8Array,
  at: number,
  name: string,
  value: string,
  isSecret = false,
): number {
  const index = isSecret ? 0 : staticIndexOf(name, value);
  if (index > 0) return integerInto(out, at, INDEXED, 0x7f, index);
  const nameIndex = STATIC_NAME_INDEX.get(name) ?? 0;
  const kind = isSecret ? LITERAL_NEVER_INDEXED : LITERAL_WITHOUT_INDEXING;
  let p = integerInto(out, at, kind, 0x0f, nameIndex);
  if (nameIndex === 0) p = plainStringInto(out, p, name);
  return plainStringInto(out, p, value);
}

/** What the first block after the peer has allowed a table says: that none is used. RFC 7541 §4.2, §6.3 */
export function emptyTableInto(out: Uint8Array, at: number): number {
  return integerInto(out, at, 0x20, 0x1f, 0);
}

function stringInto(out: Uint8Array, at: number, text: string): number {
  const coded = huffmanLength(text);
  if (coded < text.length) return huffmanEncodeInto(text, out, integerInto(out, at, HUFFMAN, 0x7f, coded));
  return plainStringInto(out, at, text);
}

function plainStringInto(out: Uint8Array, at: number, text: string): number {
  let p = integerInto(out, at, 0, 0x7f, text.length);
  for (let i = 0; i < text.length; i++) out[p++] = text.charCodeAt(i);
  return p;
}

/** RFC 7541 §5.1 */
function integerInto(out: Uint8Array, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    out[at] = pattern | value;
    return at + 1;
  }
  out[at] = pattern | mask;
  let p = at + 1;
  let left = value - mask;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) out[p++] = (left & 0x7f) | 0x80;
  out[p] = left;
  return p + 1;
}
