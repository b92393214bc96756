/** Bytes that are all here, in the shape of a stream, so that they leave at the reader's pace. */
import type { OutgoingBody } from '../web/parts.ts';

export class BytesBody implements OutgoingBody {
  readonly contentLength: number;
  #bytes: Uint8Array | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.contentLength = bytes.length;
  }

  read(): Promise<Uint8Array | undefined> {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    return Promise.resolve(bytes);
  }

  cancel(): void {
    this.#bytes = undefined;
  }
}
