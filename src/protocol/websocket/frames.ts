/** Frames as they stand on the wire (RFC 6455 §5.2), and how those that we send begin. */

export const OPCODE_CONTINUATION = 0x0;
export const OPCODE_TEXT = 0x1;
export const OPCODE_BINARY = 0x2;
export const OPCODE_CLOSE = 0x8;
export const OPCODE_PING = 0x9;
export const OPCODE_PONG = 0xa;

export const FIN = 0x80;
/** The message is compressed. RFC 7692 §6 */
export const RSV1 = 0x40;
export const MASKED = 0x80;

/** RFC 6455 §5.5 */
export const CONTROL_BYTES_MAX = 125;
/** Two bytes, a length of eight, and the key. */
export const FRAME_HEAD_BYTES_MAX = 14;

const SHORT_MAX = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** @returns how many bytes the head of an unmasked frame takes @hot */
export function frameHeadBytes(length: number): number {
  return length <= SHORT_MAX ? 2 : length < 0x1_00_00 ? 4 : 10;
}

/**
 * Writes the head of an unmasked frame.
 * @param first FIN, RSV1 and the opcode
 * @returns the position behind it
 * @hot
 */
export function frameHeadInto(out: Uint8Array, at: number, first: number, length: number): number {
  out[at] = first;
  if (length <= SHORT_MAX) {
    out[at + 1] = length;
    return at + 2;
  }
  if (length < 0x1_00_00) {
    out[at + 1] = LENGTH_16;
    out[at + 2] = length >> 8;
    out[at + 3] = length;
    return at + 4;
  }
  out[at + 1] = LENGTH_64;
  const high = Math.floor(length / 0x1_0000_0000);
  for (let i = 0; i < 4; i++) {
    out[at + 2 + i] = high >>> (24 - 8 * i);
    out[at + 6 + i] = length >>> (24 - 8 * i);
  }
  return at + 10;
}

/** @returns the bytes of a close frame's payload before its reason @param code 1000 to 4999 */
export function closeCodeInto(out: Uint8Array, at: number, code: number): number {
  out[at] = code >> 8;
  out[at + 1] = code;
  return at + 2;
}
