/** A message as hooks get it. Text has been decoded, bytes are a copy or were gathered for it: both are the hook's to keep. */
import type { WebSocketMessage } from '../../web/websocket.ts';

export class Message implements WebSocketMessage {
  readonly data: string | Uint8Array<ArrayBuffer>;

  constructor(data: string | Uint8Array<ArrayBuffer>) {
    this.data = data;
  }

  get rawData(): string | Uint8Array<ArrayBuffer> {
    return this.data;
  }

  get isText(): boolean {
    return typeof this.data === 'string';
  }

  text(): string {
    const { data } = this;
    return typeof data === 'string' ? data : new TextDecoder().decode(data);
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  uint8Array(): Uint8Array<ArrayBuffer> {
    const { data } = this;
    return typeof data === 'string' ? new TextEncoder().encode(data) : data;
  }

  arrayBuffer(): ArrayBuffer {
    const bytes = this.uint8Array();
    return bytes.byteLength === bytes.buffer.byteLength
      ? bytes.buffer
      : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }

  toString(): string {
    return this.text();
  }
}
