/** A published message as a frame: encoded once, and the same bytes for every subscriber. */
import {
  FIN,
  frameHeadBytes,
  frameHeadInto,
  OPCODE_BINARY,
  OPCODE_TEXT,
} from '../../protocol/websocket/frames.ts';

export class EncodedMessage {
  readonly frame: Uint8Array;

  constructor(data: string | Uint8Array) {
    const isText = typeof data === 'string';
    const payload = isText ? Buffer.from(data, 'utf8') : data;
    const first = FIN | (isText ? OPCODE_TEXT : OPCODE_BINARY);
    this.frame = new Uint8Array(frameHeadBytes(payload.length) + payload.length);
    this.frame.set(payload, frameHeadInto(this.frame, 0, first, payload.length));
  }
}
