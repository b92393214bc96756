/** What a request line is compared with: the version that nearly all send, the preface of HTTP/2, line ends that do not belong there. */
import { FAULT_BARE_LF, FAULT_REQUEST_LINE, type Fault } from '../error.ts';
import { asciiBytes, CR, LF } from '../semantics/octets.ts';

// Little-endian words, for comparing four bytes at once.
const HTTP_WORD = 0x50545448; // `HTTP`
const VERSION_11_WORD = 0x312e312f; // `/1.1`
const LINE_END_WORD = 0x0a0d;

const PREFACE = asciiBytes('PRI '); // the one message that asks this of an asterisk, RFC 9113 §3.4

/** Whether the ten bytes from `at` are `HTTP/1.1` and a line end. */
export function isHttp11(view: DataView, at: number): boolean {
  return (
    view.getInt32(at, true) === HTTP_WORD &&
    view.getInt32(at + 4, true) === VERSION_11_WORD &&
    view.getInt16(at + 8, true) === LINE_END_WORD
  );
}

/** Whether the line that begins at `start` has no more than the method of the preface before `targetStart`. */
export function isPreface(bytes: Uint8Array, start: number, targetStart: number): boolean {
  if (targetStart - start !== PREFACE.length) return false;
  for (let i = 0; i < PREFACE.length; i++) if (bytes[start + i] !== PREFACE[i]) return false;
  return true;
}

/** A stray line end has its own fault; any other byte is what the caller says. */
export function lineFault(byte: number, otherwise: Fault): Fault {
  if (byte === LF) return FAULT_BARE_LF;
  return byte === CR ? FAULT_REQUEST_LINE : otherwise;
}
