/** A published message as a frame: encoded once, compressed once, and the same bytes for every subscriber. */
import {
  FIN,
  frameHeadBytes,
  frameHeadInto,
  OPCODE_BINARY,
  OPCODE_TEXT,
  RSV1,
} from '../../protocol/websocket/frames.ts';
import { COMPRESSED_BYTES_MIN, type MessageCompressor } from './compressor.ts';

/** Its compressor is made when it is first asked for. */
interface CompressingThread {
  readonly compressor: MessageCompressor;
}

export class EncodedMessage {
  /** Not compressed: many have not agreed on that. */
  readonly frame: Uint8Array;
  readonly #payload: Uint8Array;
  readonly #first: number;
  /** By the bits of the window. */
  readonly #compressed: (Uint8Array | undefined)[] = [];

  constructor(data: string | Uint8Array) {
    const isText = typeof data === 'string';
    this.#payload = isText ? Buffer.from(data, 'utf8') : data;
    this.#first = FIN | (isText ? OPCODE_TEXT : OPCODE_BINARY);
    this.frame = frameOf(this.#first, this.#payload);
  }

  /** @param windowBits 0 where nothing is compressed @hot */
  frameFor(windowBits: number, thread: CompressingThread): Uint8Array {
    if (windowBits === 0 || this.#payload.length < COMPRESSED_BYTES_MIN) return this.frame;
    return (this.#compressed[windowBits] ??= this.#compress(windowBits, thread.compressor));
  }

  #compress(windowBits: number, compressor: MessageCompressor): Uint8Array {
    const payload = compressor.compress(this.#payload, windowBits);
    return payload.length < this.#payload.length ? frameOf(this.#first | RSV1, payload) : this.frame;
  }
}

function frameOf(first: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeadBytes(payload.length) + payload.length);
  frame.set(payload, frameHeadInto(frame, 0, first, payload.length));
  return frame;
}
