/**
 * Writes field lines and numbers as bytes. The gate against header injection: a name that is no token
 * or a value that a parser would not accept is not written. RFC 9110 §5.1, §5.5
 */
import * as octet from '../semantics/octets.ts';

// Bound here because an imported constant is a load and a check at every use; see field-section.ts.
const OCTETS = octet.OCTETS;
const TOKEN = octet.OCTET_TOKEN;
const FIELD_VALUE = octet.OCTET_FIELD_VALUE;
const COLON = octet.COLON;
const CR = octet.CR;
const LF = octet.LF;
const SP = octet.SP;

const ZERO = 0x30;

/** Whether `name` may be sent as a field name. */
export function isFieldName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff || (OCTETS[code]! & TOKEN) === 0) return false;
  }
  return name.length > 0;
}

/** Whether `value` may be sent as a field value: no control characters, nothing beyond latin1. */
export function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff || (OCTETS[code]! & FIELD_VALUE) === 0) return false;
  }
  return true;
}

/**
 * Writes `name: value` and its line end; needs room for both and FIELD_EXTRA_BYTES. @hot
 * @returns the index after, or -1 when one of them is not legal: what was written then is to be dropped
 */
export function writeField(out: Uint8Array, at: number, name: string, value: string): number {
  const octets = OCTETS;
  const nameLength = name.length;
  if (nameLength === 0) return -1;
  let p = at;
  for (let i = 0; i < nameLength; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff || (octets[code]! & TOKEN) === 0) return -1;
    out[p++] = code;
  }
  out[p] = COLON;
  out[p + 1] = SP;
  p += 2;
  const valueLength = value.length;
  for (let i = 0; i < valueLength; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff || (octets[code]! & FIELD_VALUE) === 0) return -1;
    out[p++] = code;
  }
  out[p] = CR;
  out[p + 1] = LF;
  return p + 2;
}

/** Writes ASCII text that is known to be legal. */
export function writeText(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** Writes a whole number of 0 to 2^53 - 1. @hot */
export function writeDecimal(out: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    out[at] = ZERO + value;
    return at + 1;
  }
  if (value < 100) {
    const tens = (value / 10) | 0;
    out[at] = ZERO + tens;
    out[at + 1] = ZERO + value - tens * 10;
    return at + 2;
  }
  if (value > 0x7fffffff) return writeText(out, at, String(value));
  let digits = 3;
  for (let bound = 1000; bound <= value; bound *= 10) digits++;
  const end = at + digits;
  let rest = value | 0;
  for (let p = end - 1; p >= at; p--) {
    const tens = (rest / 10) | 0;
    out[p] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return end;
}
