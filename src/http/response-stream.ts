/**
 * A streamed answer on its way out: pulls a piece when, and only when, the connection has room for it,
 * so a reader that stops costs one piece and the high-water mark, however fast the source is. There is
 * no progress timer: the reader sets the pace.
 *
 * The source is the handler's code, and runs in the async context in which the answer was given.
 */
import type { AsyncResource } from 'node:async_hooks';
import type { OutgoingBody } from '../web/parts.ts';
import type { PieceTaker } from '../web/pieces.ts';
import type { AnswerBody, AnsweredExchange } from './answer-body.ts';
import type { AnswerSink } from './answer-sink.ts';
import { currentContext } from './async-scope.ts';
import { ResponseLengthError, ResponsePieceError } from './errors.ts';

/**
 * What is lent piece behind piece before a turn comes between, as long as the kernel takes each whole: 0.1 to 0.2 ms. A turn
 * after each piece would cost as much as pulling it does.
 */
const LENT_IN_A_ROW_BYTES = 256 * 1024;

export class ResponseStream implements AnswerBody, PieceTaker {
  readonly fileBytes = 0;
  readonly #exchange: AnsweredExchange;
  readonly #sink: AnswerSink;
  readonly #body: OutgoingBody;
  /** The Content-Length sent, -1 for none. */
  readonly declaredLength: number;
  readonly #context: AsyncResource;
  #sent = 0;
  #piece: Uint8Array | null = null;
  #pieceBytes = 0;
  #pieceAt = 0;
  /** Nothing is written or pulled before that. */
  #isDrainAwaited = false;
  #lentInARowBytes = 0;
  #pulls = 0;
  #pulling = false;
  #ended = false;

  /** @param declaredLength the Content-Length sent, -1 for none */
  constructor(exchange: AnsweredExchange, body: OutgoingBody, declaredLength: number) {
    this.#exchange = exchange;
    this.#sink = exchange.sink;
    this.#body = body;
    this.declaredLength = declaredLength;
    this.#context = currentContext();
  }

  get isWhole(): boolean {
    return this.#sent === this.declaredLength;
  }

  get committedBytes(): number {
    return this.#sent;
  }

  start(): void {
    this.#advance();
  }

  drained(): void {
    this.#isDrainAwaited = false;
    this.#lentInARowBytes = 0;
    if (!this.#ended) this.#context.runInAsyncScope(this.#advance, this);
  }

  /** The client is gone: the source is told, once. */
  cancel(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#piece = null;
    this.#context.runInAsyncScope(this.#body.cancel, this.#body, reason);
  }

  /** Writes what there is room for, then pulls more. */
  #advance(): void {
    if (this.#ended) return;
    const sink = this.#sink;
    try {
      // One that takes no bytes has failed, and what is written to it never adds up: `cancel` follows.
      while (this.#piece !== null && !this.#isDrainAwaited && sink.room > 0 && sink.takesBytes) {
        if (!this.#writeSome(this.#piece)) return;
      }
      if (this.#piece === null && !this.#pulling && sink.takesBytes && !this.#mustWait()) this.#pull();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Until the reader has taken what is unsent, or because small pieces that are ready at once keep others waiting. */
  #mustWait(): boolean {
    const sink = this.#sink;
    if (this.#isDrainAwaited || sink.room === 0) return true;
    // Where nothing is on its way, nobody would call when others have had their turn.
    if (sink.unsentBytes === 0 || !this.#exchange.host.shouldYield(++this.#pulls)) return false;
    sink.yields();
    return true;
  }

  #pull(): void {
    this.#pulling = true;
    const body = this.#body;
    if (body.readTo !== undefined) body.readTo(this);
    else
      body.read().then(
        (piece) => (piece === undefined ? this.piecesEnded() : this.pieceCame(piece)),
        (error) => this.piecesFailed(error),
      );
  }

  pieceCame(piece: Uint8Array): void {
    this.#pulling = false;
    if (this.#ended) return;
    this.#piece = piece.length === 0 ? null : piece;
    this.#pieceBytes = piece.length;
    this.#pieceAt = 0;
    this.#advance();
    if (this.#exchange.owner.hasPeerEnded) this.#exchange.watchQuiet();
  }

  piecesEnded(): void {
    this.#pulling = false;
    if (!this.#ended) this.#end();
  }

  piecesFailed(error: unknown): void {
    this.#pulling = false;
    if (this.#ended) return;
    this.#ended = true;
    this.#exchange.breakOff(error, 'response-failed');
  }

  #fail(error: unknown): void {
    this.cancel(error);
    this.#exchange.breakOff(error, 'response-failed');
  }

  /** @returns false when the answer has been broken off. */
  #writeSome(piece: Uint8Array): boolean {
    // It is the handler's memory: while it waits for a slow reader, it may be transferred away.
    if (piece.length < this.#pieceBytes) throw new ResponsePieceError(this.#pieceBytes, piece.length);
    const left = this.#pieceBytes - this.#pieceAt;
    if (this.declaredLength >= 0 && this.#sent + left > this.declaredLength) {
      const error = new ResponseLengthError(this.declaredLength, `has more (${this.#sent + left} or beyond)`);
      this.#fail(error);
      return false;
    }
    const sink = this.#sink;
    const from = this.#pieceAt;
    const end = this.#pieceBytes;
    const size =
      (sink.lend === undefined ? sink.write(piece, from, end) : sink.lend(piece, from, end)) - from;
    if (sink.isLending === true) {
      this.#lentInARowBytes += size;
      this.#isDrainAwaited = sink.unsentBytes > 0 || this.#lentInARowBytes >= LENT_IN_A_ROW_BYTES;
    }
    this.#sent += size;
    this.#exchange.responseBytes += size;
    this.#pieceAt += size;
    if (this.#pieceAt === this.#pieceBytes) this.#piece = null;
    return true;
  }

  #end(): void {
    this.#ended = true;
    if (this.declaredLength >= 0 && this.#sent !== this.declaredLength) {
      const error = new ResponseLengthError(this.declaredLength, `ended after ${this.#sent}`);
      this.#exchange.breakOff(error, 'response-failed');
      return;
    }
    this.#sink.end(this.#exchange.trailers);
    this.#exchange.finish();
  }
}
