/**
 * The values of the few fields that decide where a message ends and whether its connection lives on:
 * Content-Length, Transfer-Encoding, Connection. Requests and responses read them alike. Each reader
 * takes a value without its surrounding white space, in bytes that the field grammar has passed.
 */
import * as octet from '../semantics/octets.ts';
import { asciiBytes, spells } from '../semantics/octets.ts';

// Bound here because an imported constant is a load and a check at every use; see field-section.ts.
const OCTETS = octet.OCTETS;
const TOKEN = octet.OCTET_TOKEN;
const DIGIT = octet.OCTET_DIGIT;
const COMMA = octet.COMMA;
const HTAB = octet.HTAB;
const SP = octet.SP;

/** 2^53 - 1 has 16 digits: anything longer, leading zeros aside, is over. */
const CONTENT_LENGTH_MAX = Number.MAX_SAFE_INTEGER;

/**
 * `1*DIGIT`, RFC 9110 §8.6. A list of equal lengths, which the RFC allows to be folded, is refused:
 * it only arises when something on the way has already misread the message.
 * @returns the length, or -1 when the value is none
 */
export function readContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return -1;
  let length = 0;
  for (let p = start; p < end; p++) {
    const byte = bytes[p]!;
    if ((OCTETS[byte]! & DIGIT) === 0) return -1;
    length = length * 10 + (byte - 0x30);
    // At most ten times 2^53 is ever held, where a double may be off by one, but not back below the bound.
    if (length > CONTENT_LENGTH_MAX) return -1;
  }
  return length;
}

/** The last coding so far is `chunked`, and it is the only one of that name. */
export const CODING_CHUNKED_LAST = 1;
/** A coding other than `chunked` was named. */
export const CODING_OTHER = 2;
/** Something followed `chunked`, or an element is empty or no token: no reading of this is safe. */
export const CODING_BROKEN = 4;

const CHUNKED = asciiBytes('chunked');

/**
 * Adds one Transfer-Encoding line to what earlier lines said. Parameters and empty elements are broken
 * here: `chunked` has no parameters, and a coding that has some is none that we could decode.
 * RFC 9112 §6.1, §7
 * @param soFar bits of the earlier lines, 0 at first
 */
export function readTransferCodings(bytes: Uint8Array, start: number, end: number, soFar: number): number {
  let bits = soFar;
  let p = start;
  for (;;) {
    while (p < end && isSpace(bytes[p]!)) p++;
    const tokenStart = p;
    while (p < end && (OCTETS[bytes[p]!]! & TOKEN) !== 0) p++;
    if (p === tokenStart || (bits & CODING_CHUNKED_LAST) !== 0) return bits | CODING_BROKEN;
    bits |=
      p - tokenStart === CHUNKED.length && spells(bytes, tokenStart, CHUNKED)
        ? CODING_CHUNKED_LAST
        : CODING_OTHER;
    while (p < end && isSpace(bytes[p]!)) p++;
    if (p === end) return bits;
    if (bytes[p] !== COMMA) return bits | CODING_BROKEN;
    p++;
  }
}

export const CONNECTION_CLOSE = 1;
export const CONNECTION_KEEP_ALIVE = 2;
export const CONNECTION_UPGRADE = 4;

const CLOSE = asciiBytes('close');
const KEEP_ALIVE = asciiBytes('keep-alive');
const UPGRADE = asciiBytes('upgrade');

/**
 * The options that one Connection line names. Unknown ones name hop-by-hop fields, which an end point
 * has no use for, and malformed ones name nothing: neither moves the end of the message, so neither
 * is refused. RFC 9110 §7.6.1
 */
export function readConnectionOptions(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0;
  let p = start;
  while (p < end) {
    const byte = bytes[p]!;
    if (byte === COMMA || isSpace(byte)) {
      p++;
      continue;
    }
    const elementStart = p;
    while (p < end && bytes[p] !== COMMA) p++;
    const elementEnd = trimmedEnd(bytes, elementStart, p);
    const length = elementEnd - elementStart;
    if (length === CLOSE.length && spells(bytes, elementStart, CLOSE)) bits |= CONNECTION_CLOSE;
    else if (length === KEEP_ALIVE.length && spells(bytes, elementStart, KEEP_ALIVE))
      bits |= CONNECTION_KEEP_ALIVE;
    else if (length === UPGRADE.length && spells(bytes, elementStart, UPGRADE)) bits |= CONNECTION_UPGRADE;
  }
  return bits;
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  let to = end;
  while (to > start && isSpace(bytes[to - 1]!)) to--;
  return to;
}
