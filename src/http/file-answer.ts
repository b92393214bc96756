/**
 * An answer whose content is a file that the engine sends by itself: nothing passes through here. It is over when the last byte has been
 * taken by the kernel; a file that cannot be sent whole breaks its connection, which the engine does and this file reports.
 */
import type { FileRange } from '../engine/engine.ts';
import type { OpenFilePart } from '../web/open-file-part.ts';
import type { AnswerBody, AnsweredExchange } from './answer-body.ts';

export class FileAnswer implements AnswerBody, FileRange {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
  readonly #exchange: AnsweredExchange;
  readonly #part: OpenFilePart;
  #isReleased = false;
  #unsentBytes: number;
  #isOver = false;

  constructor(exchange: AnsweredExchange, part: OpenFilePart) {
    this.#exchange = exchange;
    this.#part = part;
    this.fd = part.fd;
    this.offset = part.offset;
    this.length = part.length;
    this.#unsentBytes = part.length;
  }

  get isWhole(): boolean {
    return this.#isReleased && this.#unsentBytes === 0;
  }

  get declaredLength(): number {
    return this.length;
  }

  /** All of it is the engine's from the start. */
  get committedBytes(): number {
    return this.length;
  }

  get fileBytes(): number {
    return this.length;
  }

  start(): void {
    const { sink } = this.#exchange;
    if (this.length === 0) {
      this.onReleased(0);
      this.drained();
      return;
    }
    sink.file?.(this);
    // Whoever sees that bytes are unsent is told when none are any more.
    if (sink.unsentBytes === 0) this.drained();
  }

  drained(): void {
    if (this.#isOver || !this.isWhole) return;
    this.#isOver = true;
    this.#exchange.sink.end(undefined);
    this.#exchange.finish();
  }

  cancel(): void {
    this.#isOver = true;
  }

  // FileRange

  verify(): boolean {
    return this.#part.verify?.() !== false;
  }

  onReleased(unsentBytes: number): void {
    this.#isReleased = true;
    this.#unsentBytes = unsentBytes;
    if (!this.#isOver) this.#exchange.responseBytes = this.length - unsentBytes;
    this.#part.close();
  }
}
