/**
 * How large the records of an answer are. A record is of use to its reader when it is whole, and one of 16 KiB is more than
 * fits the first window of a connection (10 segments, RFC 6928 §2): a browser would wait a round trip longer for its first
 * bytes. So the first flight of a large answer, after a pause, goes in records of a segment each, then come full ones,
 * which cost least. Cloudflare's patch for nginx does so with these sizes, and Go's crypto/tls in a like manner.
 */
import type { TlsConnection } from './tls-connection.ts';
import type { TlsTiming } from './tls-timing.ts';

/** The most plaintext of one record. RFC 8446 §5.1 */
export const RECORD_BYTES = 16 * 1024;
/** With its header and tag it fits a segment: 1,500 of Ethernet, less 40 of IPv6, 20 of TCP, 40 of options, 29 of TLS 1.2. */
const SEGMENT_BYTES = 1369;
const FIRST_FLIGHT_BYTES = 10 * SEGMENT_BYTES;
/** What fits three segments leaves as one record: it arrives as a whole, and costs one. */
export const LITTLE_BYTES = 4 * 1024;
/** Behind such a pause TCP begins with a small window again (RFC 5681 §4.1: a retransmission timeout, 1 s and less). */
const PAUSE_MS = 1000;

/**
 * @param size more than LITTLE_BYTES
 * @returns how much of a run of `size` bytes that begins now goes in records of a segment each
 */
export function segmentBytesOf(conn: TlsConnection, size: number, timing: TlsTiming): number {
  const nowMs = timing.nowMs();
  if (nowMs - conn.wroteMuchMs > PAUSE_MS) conn.firstFlightBytes = FIRST_FLIGHT_BYTES;
  conn.wroteMuchMs = nowMs;
  const bytes = Math.min(size, conn.firstFlightBytes);
  conn.firstFlightBytes -= bytes;
  return bytes;
}

/** @param isFirst whether it goes in records of a segment. @hot */
export function recordBytesOf(isFirst: boolean): number {
  return isFirst ? SEGMENT_BYTES : RECORD_BYTES;
}
