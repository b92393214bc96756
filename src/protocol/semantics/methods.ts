/**
 * Request methods as small integers, so that dispatch compares numbers. A method is case-sensitive
 * (RFC 9110 §9.1): `get` is a method of somebody else's.
 */
import { asciiBytes } from './octets.ts';

/** A token that has no number here: its text says what it is. */
export const METHOD_OTHER = 0;
export const METHOD_GET = 1;
export const METHOD_HEAD = 2;
const METHOD_POST = 3;
const METHOD_PUT = 4;
const METHOD_DELETE = 5;
export const METHOD_OPTIONS = 6;
export const METHOD_PATCH = 7;
export const METHOD_TRACE = 8;
export const METHOD_CONNECT = 9;

/** Names by number; the number 0 has none. */
export const METHOD_NAMES: readonly string[] = Object.freeze([
  '',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
]);

const HEAD = asciiBytes('HEAD');
const POST = asciiBytes('POST');
const PATCH = asciiBytes('PATCH');
const TRACE = asciiBytes('TRACE');
const DELETE = asciiBytes('DELETE');
const OPTIONS = asciiBytes('OPTIONS');
const CONNECT = asciiBytes('CONNECT');

function equals(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}

/** The number of the method that `bytes[start..end)` spells. @hot */
export function identifyMethod(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start];
  switch (end - start) {
    case 3:
      if (first === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return METHOD_GET;
      if (first === 0x50 && bytes[start + 1] === 0x55 && bytes[start + 2] === 0x54) return METHOD_PUT;
      return METHOD_OTHER;
    case 4:
      if (equals(bytes, start, POST)) return METHOD_POST;
      return equals(bytes, start, HEAD) ? METHOD_HEAD : METHOD_OTHER;
    case 5:
      if (equals(bytes, start, PATCH)) return METHOD_PATCH;
      return equals(bytes, start, TRACE) ? METHOD_TRACE : METHOD_OTHER;
    case 6:
      return equals(bytes, start, DELETE) ? METHOD_DELETE : METHOD_OTHER;
    case 7:
      if (equals(bytes, start, OPTIONS)) return METHOD_OPTIONS;
      return equals(bytes, start, CONNECT) ? METHOD_CONNECT : METHOD_OTHER;
    default:
      return METHOD_OTHER;
  }
}

/** The number of a method given as text. */
export function methodByName(name: string): number {
  const number = METHOD_NAMES.indexOf(name);
  return number > 0 ? number : METHOD_OTHER;
}
