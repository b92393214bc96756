/**
 * A streamed answer on its way out: pulls a piece when, and only when, the connection has room for it,
 * so a reader that stops costs one piece and the high-water mark, however fast the source is. There is
 * no progress timer: the reader sets the pace.
 *
 * The source is the handler's code, and runs in the async context in which the answer was given.
 */
import type { AsyncResource } from 'node:async_hooks';
import { SEND_RESERVE_BYTES_MAX } from '../engine/engine.ts';
import { currentContext } from '../http/async-scope.ts';
import { ResponseLengthError, ResponsePieceError } from '../http/errors.ts';
import {
  CHUNK_END_BYTES,
  CHUNK_HEADER_BYTES_MAX,
  chunkEndInto,
  chunkHeaderInto,
  LAST_CHUNK_BYTES,
  lastChunkInto,
} from '../protocol/h1/chunk-encoder.ts';
import type { OutgoingBody } from '../web/parts.ts';
import type { Exchange } from './exchange.ts';

/** How the end of the body is told. */
export const FRAMING_LENGTH = 0;
export const FRAMING_CHUNKED = 1;
export const FRAMING_CLOSE = 2;

/** Unsent bytes above which the source is not pulled. */
export const RESPONSE_HIGH_WATER_BYTES = 64 * 1024;
const CHUNK_OVERHEAD_BYTES_MAX = CHUNK_HEADER_BYTES_MAX + CHUNK_END_BYTES;
const PIECE_BYTES_MAX = SEND_RESERVE_BYTES_MAX - CHUNK_OVERHEAD_BYTES_MAX;

export class ResponseStream {
  readonly #exchange: Exchange;
  readonly #body: OutgoingBody;
  /** One of the FRAMING_ numbers. */
  readonly framing: number;
  readonly #declaredLength: number;
  readonly #context: AsyncResource;
  #sent = 0;
  #piece: Uint8Array | null = null;
  #pieceBytes = 0;
  #pieceAt = 0;
  #pulls = 0;
  #pulling = false;
  #ended = false;

  /** @param declaredLength the Content-Length sent, -1 for none */
  constructor(exchange: Exchange, body: OutgoingBody, framing: number, declaredLength: number) {
    this.#exchange = exchange;
    this.#body = body;
    this.framing = framing;
    this.#declaredLength = declaredLength;
    this.#context = currentContext();
  }

  /** All that was promised has been written, though the source may not have said that it is the end. */
  get isWhole(): boolean {
    return this.#sent === this.#declaredLength;
  }

  start(): void {
    this.#advance();
  }

  drained(): void {
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
    const { engine } = this.#exchange.connection;
    try {
      // One that takes no bytes has failed, and what is written to it never adds up: `cancel` follows.
      while (this.#piece !== null && engine.unsentBytes < RESPONSE_HIGH_WATER_BYTES && engine.takesBytes) {
        if (!this.#writeSome(this.#piece)) return;
      }
      if (this.#piece === null && !this.#pulling && engine.takesBytes && !this.#mustWait(engine.unsentBytes))
        this.#pull();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Until the reader has taken what is unsent, or because small pieces that are ready at once keep others waiting. */
  #mustWait(unsentBytes: number): boolean {
    if (unsentBytes === 0) return false;
    if (unsentBytes >= RESPONSE_HIGH_WATER_BYTES) return true;
    return this.#exchange.connection.thread.shouldYield(++this.#pulls);
  }

  #pull(): void {
    this.#pulling = true;
    this.#body.read().then(
      (piece) => {
        this.#pulling = false;
        if (this.#ended) return;
        if (piece === undefined) this.#end();
        else {
          this.#piece = piece.length === 0 ? null : piece;
          this.#pieceBytes = piece.length;
          this.#pieceAt = 0;
          this.#advance();
          if (this.#exchange.connection.hasPeerEnded) this.#exchange.watchQuiet();
        }
      },
      (error) => {
        this.#pulling = false;
        if (this.#ended) return;
        this.#ended = true;
        this.#exchange.breakOff(error, 'response-failed');
      },
    );
  }

  #fail(error: unknown): void {
    this.cancel(error);
    this.#exchange.breakOff(error, 'response-failed');
  }

  /** @returns false when the answer has been broken off. */
  #writeSome(piece: Uint8Array): boolean {
    const { connection } = this.#exchange;
    const { engine } = connection;
    // It is the handler's memory: while it waits for a slow reader, it may be transferred away.
    if (piece.length < this.#pieceBytes) throw new ResponsePieceError(this.#pieceBytes, piece.length);
    const size = Math.min(this.#pieceBytes - this.#pieceAt, PIECE_BYTES_MAX);
    if (this.#declaredLength >= 0 && this.#sent + size > this.#declaredLength) {
      const error = new ResponseLengthError(
        this.#declaredLength,
        `has more (${this.#sent + size} or beyond)`,
      );
      this.#fail(error);
      return false;
    }
    if (engine.unsentBytes === 0) connection.movedAtMs = connection.thread.nowMs;
    const chunked = this.framing === FRAMING_CHUNKED;
    const start = engine.reserve(size + (chunked ? CHUNK_OVERHEAD_BYTES_MAX : 0));
    const out = engine.out;
    let at = chunked ? chunkHeaderInto(out, start, size) : start;
    out.set(piece.subarray(this.#pieceAt, this.#pieceAt + size), at);
    at += size;
    if (chunked) at = chunkEndInto(out, at);
    engine.commit(at - start);
    connection.bytesWritten += at - start;
    this.#sent += size;
    this.#exchange.responseBytes += size;
    this.#pieceAt += size;
    if (this.#pieceAt === this.#pieceBytes) this.#piece = null;
    return true;
  }

  #end(): void {
    this.#ended = true;
    if (this.#declaredLength >= 0 && this.#sent !== this.#declaredLength) {
      const error = new ResponseLengthError(this.#declaredLength, `ended after ${this.#sent}`);
      this.#exchange.breakOff(error, 'response-failed');
      return;
    }
    if (this.framing === FRAMING_CHUNKED) {
      const { connection } = this.#exchange;
      const start = connection.engine.reserve(LAST_CHUNK_BYTES);
      connection.engine.commit(lastChunkInto(connection.engine.out, start) - start);
      connection.bytesWritten += LAST_CHUNK_BYTES;
    }
    this.#exchange.finish();
  }
}
