/**
 * Frames as bytes: RFC 9113 §4 and §6. Numbers of types, flags and settings, and writers of the frames that a peer
 * makes out of nothing but numbers. Reading is frame-reader.ts's.
 *
 * Every writer writes at `at`, returns the index after, and trusts the caller to have reserved the room.
 */

export const FRAME_HEADER_BYTES = 9;

export const FRAME_DATA = 0x0;
export const FRAME_HEADERS = 0x1;
export const FRAME_PRIORITY = 0x2;
export const FRAME_RST_STREAM = 0x3;
export const FRAME_SETTINGS = 0x4;
export const FRAME_PUSH_PROMISE = 0x5;
export const FRAME_PING = 0x6;
export const FRAME_GOAWAY = 0x7;
export const FRAME_WINDOW_UPDATE = 0x8;
export const FRAME_CONTINUATION = 0x9;
/** RFC 9218 §7.1 */
export const FRAME_PRIORITY_UPDATE = 0x10;

export const FLAG_END_STREAM = 0x1;
/** On SETTINGS and PING. */
export const FLAG_ACK = 0x1;
export const FLAG_END_HEADERS = 0x4;
export const FLAG_PADDED = 0x8;
/** Five bytes of a priority that RFC 9113 §5.3.2 has deprecated stand before the field block. */
export const FLAG_PRIORITY = 0x20;

export const SETTINGS_HEADER_TABLE_SIZE = 0x1;
export const SETTINGS_ENABLE_PUSH = 0x2;
export const SETTINGS_MAX_CONCURRENT_STREAMS = 0x3;
export const SETTINGS_INITIAL_WINDOW_SIZE = 0x4;
export const SETTINGS_MAX_FRAME_SIZE = 0x5;
export const SETTINGS_MAX_HEADER_LIST_SIZE = 0x6;
/** RFC 8441 §3 */
export const SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8;
/** RFC 9218 §2.1 */
export const SETTINGS_NO_RFC7540_PRIORITIES = 0x9;

/** What holds until a peer has set it. RFC 9113 §6.5.2 */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const DEFAULT_FRAME_BYTES_MAX = 16_384;
export const DEFAULT_TABLE_BYTES = 4096;

/** RFC 9113 §6.5.2: the largest that may be asked for. */
export const FRAME_BYTES_LIMIT = 2 ** 24 - 1;
/** RFC 9113 §6.9.1 */
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
export const STREAM_ID_MAX = 2 ** 31 - 1;

export const SETTING_BYTES = 6;
export const PING_BYTES = 8;
export const RST_STREAM_BYTES = FRAME_HEADER_BYTES + 4;
export const WINDOW_UPDATE_BYTES = FRAME_HEADER_BYTES + 4;
export const PING_FRAME_BYTES = FRAME_HEADER_BYTES + PING_BYTES;
export const GOAWAY_BYTES = FRAME_HEADER_BYTES + 8;

/** @hot */
export function frameHeaderInto(
  out: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  out[at] = length >> 16;
  out[at + 1] = length >> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  return uint32Into(out, at + 5, streamId);
}

/** @param settings identifier and value, one after the other */
export function settingsInto(out: Uint8Array, at: number, settings: readonly number[]): number {
  const length = (settings.length / 2) * SETTING_BYTES;
  let p = frameHeaderInto(out, at, length, FRAME_SETTINGS, 0, 0);
  for (let i = 0; i < settings.length; i += 2) {
    const identifier = settings[i]!;
    out[p] = identifier >> 8;
    out[p + 1] = identifier;
    p = uint32Into(out, p + 2, settings[i + 1]!);
  }
  return p;
}

export function settingsAckInto(out: Uint8Array, at: number): number {
  return frameHeaderInto(out, at, 0, FRAME_SETTINGS, FLAG_ACK, 0);
}

/** @param bytes the eight bytes of the PING that is answered stand at `start` */
export function pingInto(
  out: Uint8Array,
  at: number,
  isAck: boolean,
  bytes: Uint8Array,
  start: number,
): number {
  const p = frameHeaderInto(out, at, PING_BYTES, FRAME_PING, isAck ? FLAG_ACK : 0, 0);
  for (let i = 0; i < PING_BYTES; i++) out[p + i] = bytes[start + i]!;
  return p + PING_BYTES;
}

export function resetStreamInto(out: Uint8Array, at: number, streamId: number, errorCode: number): number {
  return uint32Into(out, frameHeaderInto(out, at, 4, FRAME_RST_STREAM, 0, streamId), errorCode);
}

/** @param streamId 0 for the connection's window */
export function windowUpdateInto(out: Uint8Array, at: number, streamId: number, increment: number): number {
  return uint32Into(out, frameHeaderInto(out, at, 4, FRAME_WINDOW_UPDATE, 0, streamId), increment);
}

/** Without debug data: what is wrong is in our log. */
export function goAwayInto(out: Uint8Array, at: number, lastStreamId: number, errorCode: number): number {
  const p = frameHeaderInto(out, at, 8, FRAME_GOAWAY, 0, 0);
  return uint32Into(out, uint32Into(out, p, lastStreamId), errorCode);
}

/** @hot */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function uint32Into(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}
