/** Head and body of one answer, gathered piece by piece for a script that checks it. */
import { copyBytes } from '../../base/bytes.ts';
import type { AnswerContent } from './client.ts';

export class KeptContent {
  #status = 0;
  #head = '';
  #pieces: Uint8Array[] = [];
  #bodyBytes = 0;

  begin(status: number, head: string): void {
    this.#status = status;
    this.#head = head;
    this.#pieces = [];
    this.#bodyBytes = 0;
  }

  /** Copies: the bytes are the engine's. */
  addBody(bytes: Uint8Array, start: number, end: number): void {
    this.#pieces.push(copyBytes(bytes, start, end));
    this.#bodyBytes += end - start;
  }

  take(): AnswerContent {
    const body = new Uint8Array(this.#bodyBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    return { status: this.#status, head: this.#head, body };
  }
}
