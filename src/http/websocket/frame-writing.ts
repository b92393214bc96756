/**
 * Messages written as frames straight into the memory that is sent from: no object is made for one, and text is encoded where
 * it stands. What is too long for one reservation goes piece by piece, or is lent.
 */
import { SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import {
  CONTROL_BYTES_MAX,
  closeCodeInto,
  FIN,
  FRAME_HEAD_BYTES_MAX,
  frameHeadBytes,
  frameHeadInto,
  OPCODE_CLOSE,
  OPCODE_TEXT,
} from '../../protocol/websocket/frames.ts';
import type { Wire } from './wire.ts';

const TEXT = FIN | OPCODE_TEXT;

/** Up to here a loop over characters is quicker than a call into the runtime; the length takes one byte. */
const SHORT_CHARS_MAX = 120;
const CHAR_BYTES_MAX = 3;

const utf8Write = Buffer.prototype.utf8Write as unknown as (
  this: Uint8Array,
  text: string,
  at: number,
  size: number,
) => number;

/** @returns the bytes of the frame @hot */
export function writeText(wire: Wire, text: string): number {
  const { length } = text;
  if (length <= SHORT_CHARS_MAX) {
    const start = wire.reserve(2 + length);
    const { out } = wire;
    let at = start + 2;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const char = text.charCodeAt(i);
      all |= char;
      out[at++] = char;
    }
    if (all < 0x80) {
      out[start] = TEXT;
      out[start + 1] = length;
      wire.commit(2 + length);
      return 2 + length;
    }
  }
  return writeLongText(wire, text);
}

function writeLongText(wire: Wire, text: string): number {
  const isShort = text.length * CHAR_BYTES_MAX <= CONTROL_BYTES_MAX;
  const size = isShort ? text.length * CHAR_BYTES_MAX : Buffer.byteLength(text, 'utf8');
  if (size > SEND_RESERVE_BYTES_MAX - FRAME_HEAD_BYTES_MAX)
    return writeBytes(wire, TEXT, Buffer.from(text, 'utf8'));
  const headBytes = frameHeadBytes(size);
  const start = wire.reserve(headBytes + size);
  const { out } = wire;
  const written = utf8Write.call(out, text, start + headBytes, size);
  frameHeadInto(out, start, TEXT, written);
  wire.commit(headBytes + written);
  return headBytes + written;
}

/** @param first FIN, RSV1 and the opcode @returns the bytes of the frame @hot */
export function writeBytes(wire: Wire, first: number, bytes: Uint8Array): number {
  const { length } = bytes;
  const headBytes = frameHeadBytes(length);
  if (headBytes + length > SEND_RESERVE_BYTES_MAX || length >= wire.borrowedBytesMin)
    return writeLong(wire, first, bytes);
  const start = wire.reserve(headBytes + length);
  const { out } = wire;
  out.set(bytes, frameHeadInto(out, start, first, length));
  wire.commit(headBytes + length);
  return headBytes + length;
}

function writeLong(wire: Wire, first: number, bytes: Uint8Array): number {
  const headBytes = frameHeadBytes(bytes.length);
  const start = wire.reserve(headBytes);
  frameHeadInto(wire.out, start, first, bytes.length);
  wire.commit(headBytes);
  writeRaw(wire, bytes);
  return headBytes + bytes.length;
}

/** Bytes that are frames already. @hot */
export function writeRaw(wire: Wire, bytes: Uint8Array): void {
  const { length } = bytes;
  if (length >= wire.borrowedBytesMin) {
    wire.lend(bytes);
    return;
  }
  for (let at = 0; at < length; at += SEND_RESERVE_BYTES_MAX) {
    const to = Math.min(length, at + SEND_RESERVE_BYTES_MAX);
    const start = wire.reserve(to - at);
    wire.out.set(at === 0 && to === length ? bytes : bytes.subarray(at, to), start);
    wire.commit(to - at);
  }
}

/** @param bytes[start..end) the payload, CONTROL_BYTES_MAX at most */
export function writeControl(
  wire: Wire,
  opcode: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const size = end - start;
  const at = wire.reserve(2 + size);
  const { out } = wire;
  out[at] = FIN | opcode;
  out[at + 1] = size;
  for (let i = 0; i < size; i++) out[at + 2 + i] = bytes[start + i]!;
  wire.commit(2 + size);
  return 2 + size;
}

/** @param code undefined: a close frame that says nothing @param reason in UTF-8, 123 bytes at most */
export function writeClose(wire: Wire, code: number | undefined, reason: Uint8Array): void {
  if (code === undefined) {
    writeControl(wire, OPCODE_CLOSE, reason, 0, 0);
    return;
  }
  const payload = new Uint8Array(2 + reason.length);
  payload.set(reason, closeCodeInto(payload, 0, code));
  writeControl(wire, OPCODE_CLOSE, payload, 0, payload.length);
}
