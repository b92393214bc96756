/**
 * Which bytes may stand where: one table of 256 bit sets, so that a scan is one load and one test a
 * byte. Each bit cites its rule. Nothing else in the protocol layer spells out a character set.
 */

/** `token` characters. RFC 9110 §5.6.2 */
export const OCTET_TOKEN = 1;
/** What a field value may hold: HTAB, SP, VCHAR and obs-text. RFC 9110 §5.5 */
export const OCTET_FIELD_VALUE = 2;
/**
 * What a request target may hold: VCHAR except `#`. Wider than RFC 3986 on purpose: browsers send `|`,
 * `"` and `^` raw, and none of them moves the end of the target.
 */
export const OCTET_TARGET = 4;
/** `unreserved` and `sub-delims`, the characters of a reg-name. RFC 3986 §3.2.2 */
export const OCTET_REG_NAME = 8;
export const OCTET_DIGIT = 16;
export const OCTET_HEX = 32;
/** Inside a quoted string, unescaped. RFC 9110 §5.6.4 */
export const OCTET_QUOTED_TEXT = 64;

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const COLON = 0x3a;

const DIGITS = '0123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

function mark(octets: Uint8Array, characters: string, bit: number): void {
  for (let i = 0; i < characters.length; i++) octets[characters.charCodeAt(i)]! |= bit;
}

function markRange(octets: Uint8Array, from: number, to: number, bit: number): void {
  for (let octet = from; octet <= to; octet++) octets[octet]! |= bit;
}

function buildOctets(): Uint8Array {
  const octets = new Uint8Array(256);
  mark(octets, `!#$%&'*+-.^_\`|~${DIGITS}${LETTERS}`, OCTET_TOKEN);
  mark(octets, '\t', OCTET_FIELD_VALUE | OCTET_QUOTED_TEXT);
  markRange(octets, 0x20, 0x7e, OCTET_FIELD_VALUE | OCTET_QUOTED_TEXT);
  markRange(octets, 0x80, 0xff, OCTET_FIELD_VALUE | OCTET_QUOTED_TEXT);
  octets[0x22]! &= ~OCTET_QUOTED_TEXT;
  octets[0x5c]! &= ~OCTET_QUOTED_TEXT;
  markRange(octets, 0x21, 0x7e, OCTET_TARGET);
  octets[0x23]! &= ~OCTET_TARGET;
  mark(octets, `-._~!$&'()*+,;=${DIGITS}${LETTERS}`, OCTET_REG_NAME);
  mark(octets, DIGITS, OCTET_DIGIT);
  mark(octets, `${DIGITS}abcdefABCDEF`, OCTET_HEX);
  return octets;
}

/** Bit set of each byte. Read only; a typed array cannot be frozen. */
export const OCTETS: Uint8Array = buildOctets();

/** Value of a hexadecimal digit that OCTET_HEX admits: a letter has bit 6 and is 9 above its low nibble. */
export function hexValue(octet: number): number {
  return (octet & 0x0f) + (octet >> 6) * 9;
}

/** ASCII text as bytes, for constants. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Bytes as text, one character a byte. For cold paths: a head's text is made by the platform's decoder. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/**
 * Whether the bytes from `start` spell `lower`, in any case. The caller has checked the length and that
 * the bytes are visible: setting bit 5 then maps exactly the two cases of a letter onto one.
 */
export function spells(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((bytes[start + i]! | 0x20) !== lower[i]) return false;
  }
  return true;
}
