/**
 * The forms of a request target, RFC 9112 §3.2, and where the authority stands in an absolute one. The
 * bytes given here have passed as target bytes; the path and the query are nobody's business here.
 */
import { asciiBytes, spells } from '../semantics/octets.ts';

/** `/path?query`, RFC 9112 §3.2.1 */
export const TARGET_ORIGIN = 1;
/** `http://host/path?query`, RFC 9112 §3.2.2 */
export const TARGET_ABSOLUTE = 2;
/** `host:port`, of CONNECT only. RFC 9112 §3.2.3 */
export const TARGET_AUTHORITY = 3;
/** `*`, of OPTIONS only. RFC 9112 §3.2.4 */
export const TARGET_ASTERISK = 4;

const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const ASTERISK = 0x2a;

const SCHEME_HTTP = asciiBytes('http://');
const SCHEME_HTTPS = asciiBytes('https://');

export function isAsterisk(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && bytes[start] === ASTERISK;
}

/** The first byte after `http://` or `https://`, in any case; `end` when the target begins with neither. */
export function absoluteAuthorityStart(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > SCHEME_HTTP.length && spells(bytes, start, SCHEME_HTTP)) return start + SCHEME_HTTP.length;
  if (length > SCHEME_HTTPS.length && spells(bytes, start, SCHEME_HTTPS)) return start + SCHEME_HTTPS.length;
  return end;
}

/** Where the authority that begins at `start` gives way to a path or a query. */
export function absoluteAuthorityEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && bytes[p] !== SLASH && bytes[p] !== QUESTION_MARK) p++;
  return p;
}
