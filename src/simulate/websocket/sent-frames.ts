/**
 * What a WebSocket client has sent, frame by frame with the places of each in its stream of bytes, and how it is written: RFC 6455
 * §5.2. It shares nothing with the protocol room.
 */
import type { SeededRandom } from '../../base/random.ts';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export interface FrameToSend {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Uint8Array;
  /** The close code that it has to be answered with, where it breaks a rule. */
  readonly offence?: number;
  readonly isUnmasked?: boolean;
  /** Reserved bits. */
  readonly reserved?: number;
}

interface SentFrame {
  /** Undefined for the request. */
  readonly frame: FrameToSend | undefined;
  readonly end: number;
}

export class WebSocketSent {
  readonly frames: SentFrame[] = [];
  length = 0;
  /** Its own close frame is out: nothing may follow. RFC 6455 §5.5.1 */
  hasClosed = false;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #random: SeededRandom;

  constructor(random: SeededRandom, write: (bytes: Uint8Array) => void) {
    this.#random = random;
    this.#write = write;
  }

  request(text: string): void {
    this.#push(Buffer.from(text, 'latin1'), undefined);
  }

  frame(frame: FrameToSend): void {
    if (this.hasClosed) return;
    if (frame.opcode === CLOSE) this.hasClosed = true;
    this.#push(this.#encode(frame), frame);
  }

  #push(bytes: Uint8Array, frame: FrameToSend | undefined): void {
    this.length += bytes.length;
    this.frames.push({ frame, end: this.length });
    this.#write(bytes);
  }

  #encode({ opcode, isFinal, payload, isUnmasked = false, reserved = 0 }: FrameToSend): Uint8Array {
    const size = payload.length;
    const isLong = size > 125;
    const at = (isLong ? 4 : 2) + (isUnmasked ? 0 : 4);
    const bytes = new Uint8Array(at + size);
    bytes[0] = (isFinal ? 0x80 : 0) | reserved | opcode;
    bytes[1] = (isUnmasked ? 0 : 0x80) | (isLong ? 126 : size);
    if (isLong) bytes.set([size >> 8, size & 0xff], 2);
    bytes.set(payload, at);
    if (isUnmasked) return bytes;
    for (let i = 0; i < 4; i++) bytes[at - 4 + i] = this.#random.int(256);
    for (let i = 0; i < size; i++) bytes[at + i]! ^= bytes[at - 4 + (i & 3)]!;
    return bytes;
  }
}

export function closePayload(code: number | undefined): Uint8Array {
  return code === undefined ? new Uint8Array(0) : Uint8Array.of(code >> 8, code & 0xff);
}
