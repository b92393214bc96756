/**
 * Which protocol a connection speaks, from its first bytes: the HTTP/2 preface (prior knowledge, RFC
 * 9113 §3.3), a TLS record where none was expected, or else HTTP/1. Decides at the first byte that
 * tells, which for HTTP/1 is the first or second: the preface's `PRI` shares only its P with PUT.
 */
import { asciiBytes } from './semantics/octets.ts';

/** So far the bytes begin like something else than HTTP/1. */
export const DETECT_MORE = 0;
export const DETECT_HTTP1 = 1;
export const DETECT_HTTP2 = 2;
/** A TLS handshake record: a client that speaks https to a plain port. */
export const DETECT_TLS = 3;

/** RFC 9113 §3.4 */
export const HTTP2_PREFACE: Uint8Array = asciiBytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const TLS_HANDSHAKE = 0x16; // RFC 8446 §5.1, ContentType handshake
const TLS_MAJOR = 0x03; // legacy_record_version is 3.x in every version of TLS

/**
 * @param bytes what came since the connection opened, in `bytes[start..end)`
 */
export function detectProtocol(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return DETECT_MORE;
  if (bytes[start] === TLS_HANDSHAKE) {
    if (length === 1) return DETECT_MORE;
    return bytes[start + 1] === TLS_MAJOR ? DETECT_TLS : DETECT_HTTP1;
  }
  const known = HTTP2_PREFACE.length;
  for (let i = 0; i < known; i++) {
    if (i === length) return DETECT_MORE;
    if (bytes[start + i] !== HTTP2_PREFACE[i]) return DETECT_HTTP1;
  }
  return DETECT_HTTP2;
}
