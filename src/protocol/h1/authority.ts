/**
 * `uri-host [ ":" port ]`, the value of Host and the authority of an absolute target: RFC 9110 §7.2,
 * RFC 3986 §3.2.2. The host must not be empty, since an http URI has none without (RFC 9110 §4.2.1),
 * and user information is refused, since it only serves to mislead (RFC 9110 §4.2.4).
 */
import * as octet from '../semantics/octets.ts';

// Bound here because an imported constant is a load and a check at every use; see field-section.ts.
const OCTETS = octet.OCTETS;
const REG_NAME = octet.OCTET_REG_NAME;
const DIGIT = octet.OCTET_DIGIT;
const HEX = octet.OCTET_HEX;
const COLON = octet.COLON;

const PERCENT = 0x25;
const DOT = 0x2e;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const PORT_MAX = 65_535;

/**
 * Whether `bytes[start..end)` is a host with an optional port.
 * @param view looks at the same bytes, index by index @hot
 */
export function isAuthority(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  if (start === end) return false;
  if (bytes[start] === OPEN_BRACKET) return isBracketed(bytes, start, end);
  const octets = OCTETS;
  let p = start;
  for (const wordEnd = end - 4; p <= wordEnd; p += 4) {
    const word = view.getInt32(p, true);
    const classes =
      octets[word & 0xff]! &
      octets[(word >> 8) & 0xff]! &
      octets[(word >> 16) & 0xff]! &
      octets[word >>> 24]!;
    if ((classes & REG_NAME) === 0) break;
  }
  while (p < end) {
    const byte = bytes[p]!;
    if ((octets[byte]! & REG_NAME) !== 0) {
      p++;
    } else if (byte === COLON) {
      return p > start && isPort(bytes, p + 1, end);
    } else if (byte === PERCENT && p + 2 < end && isHex(bytes[p + 1]!) && isHex(bytes[p + 2]!)) {
      p += 3;
    } else {
      return false;
    }
  }
  return true;
}

/** `*DIGIT`: an empty port is the scheme's own (RFC 3986 §3.2.3). */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  let port = 0;
  for (let p = start; p < end; p++) {
    if ((OCTETS[bytes[p]!]! & DIGIT) === 0) return false;
    port = port * 10 + (bytes[p]! - 0x30);
    if (port > PORT_MAX) return false;
  }
  return true;
}

function isHex(byte: number): boolean {
  return (OCTETS[byte]! & HEX) !== 0;
}

/** `"[" IPv6address "]" [ ":" port ]`. IPvFuture has no version assigned, so it names no host. */
function isBracketed(bytes: Uint8Array, start: number, end: number): boolean {
  let close = start + 1;
  while (close < end && bytes[close] !== CLOSE_BRACKET) close++;
  if (close === end || !isIPv6(bytes, start + 1, close)) return false;
  if (close + 1 === end) return true;
  return bytes[close + 1] === COLON && isPort(bytes, close + 2, end);
}

/** Eight groups of 16 bits, one run of zero groups written `::`, the last two groups perhaps as IPv4. */
function isIPv6(bytes: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let elided = false;
  let p = start;
  if (p + 1 < end && bytes[p] === COLON && bytes[p + 1] === COLON) {
    elided = true;
    p += 2;
  }
  while (p < end) {
    const groupStart = p;
    while (p < end && isHex(bytes[p]!)) p++;
    if (p < end && bytes[p] === DOT) {
      groups += 2;
      return isIPv4(bytes, groupStart, end) && (elided ? groups <= 7 : groups === 8);
    }
    const digits = p - groupStart;
    if (digits === 0 || digits > 4) return false;
    groups++;
    if (p === end) break;
    if (bytes[p] !== COLON) return false;
    p++;
    if (p === end) return false;
    if (bytes[p] === COLON) {
      if (elided) return false;
      elided = true;
      p++;
    }
  }
  return elided ? groups <= 7 : groups === 8;
}

/** Four numbers of 0 to 255 without leading zeros. */
function isIPv4(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0) {
      if (p >= end || bytes[p] !== DOT) return false;
      p++;
    }
    const partStart = p;
    let value = 0;
    while (p < end && (OCTETS[bytes[p]!]! & DIGIT) !== 0 && p - partStart < 3) {
      value = value * 10 + (bytes[p]! - 0x30);
      p++;
    }
    if (p === partStart || value > 255 || (bytes[partStart] === 0x30 && p - partStart > 1)) return false;
  }
  return p === end;
}
