/**
 * A body as pieces that are pulled: what the server sends from, and what `text()` and its like collect
 * when a body is not in memory as a whole. Nothing is read before it is asked for, so a slow reader
 * holds its producer back. Cancelling reaches the producer exactly once, and never after the end.
 */
import { types } from 'node:util';
import { ByteQueue } from '../base/byte-queue.ts';
import { show } from '../base/errors.ts';
import type { OpenFilePart } from './open-file-part.ts';
import { cancelRead, cancelUnread } from './stream-cancel.ts';

/** Whom `readTo` tells, once a call. */
export interface PieceTaker {
  /** Borrowed until the next read, never empty. */
  pieceCame(piece: Uint8Array): void;
  piecesEnded(): void;
  piecesFailed(error: unknown): void;
}

export interface PieceReader {
  /**
   * The next piece, never empty, borrowed until the next `read`; undefined at the end.
   * Rejects with the producer's error. One read at a time.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Does what `read` does, with fewer promises. The answer comes later, never from within the call. */
  readTo?(taker: PieceTaker): void;
  /** Each piece is memory of its own, and given away: it may be kept beyond the next `read`. */
  readonly givesPieces?: boolean;
  /** Everything, before anything was read: given away to the caller, in memory that nothing else uses. */
  readAll?(): Promise<Uint8Array>;
  /** No more is wanted. Idempotent; a no-op after the end or an error. Never throws. */
  cancel(reason?: unknown): void;
}

/** A body that the server sends piece by piece. */
export interface OutgoingBody extends PieceReader {
  /** In bytes; undefined when only the end will tell. */
  readonly contentLength: number | undefined;
  /**
   * Its length may turn out in a moment: to be asked before the head is written.
   * @returns all of it, or what is left to stream. Never rejects
   */
  look?(): Promise<Uint8Array | OutgoingBody>;
  /** It is a part of a file, and nothing has been read of it: whoever takes it sends it and closes it. */
  takeFile?(): OpenFilePart;
  /** So much of it is to leave in a second at most. */
  readonly paceBytesPerSecond?: number | undefined;
}

/**
 * From a stream of the platform's, which it locks. Whoever reads a body by `text()` and its like gets the Fetch
 * standard's rule: a stream of Uint8Array and nothing else. A body that is sent may be of text too, which
 * leaves as UTF-8, since Bun, srvx and Hono's server send it and programs rely on that.
 * @throws TypeError when the stream is locked
 */
export class StreamPieces implements OutgoingBody {
  readonly contentLength: number | undefined;
  readonly #empties = new EmptyPieces();
  /** Text and other views of memory are pieces too: for bodies that are sent. */
  isLenient = false;
  readonly #stream: ReadableStream;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  #hasRead = false;
  #taker: PieceTaker | undefined;
  /** Nothing has come of its first read. */
  #isFirst = true;
  #ended = false;

  constructor(stream: ReadableStream, contentLength?: number) {
    this.contentLength = contentLength;
    this.#stream = stream;
    this.#reader = stream.getReader();
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.readTo({ pieceCame: resolve, piecesEnded: () => resolve(undefined), piecesFailed: reject });
    });
  }

  readTo(taker: PieceTaker): void {
    if (this.#ended) {
      queueMicrotask(() => taker.piecesEnded());
      return;
    }
    this.#hasRead = true;
    this.#taker = taker;
    this.#reader.read().then(this.#onResult, this.#onError);
  }

  readonly #onResult = (result: { readonly done: boolean; readonly value?: unknown }): void => {
    this.#isFirst = false;
    if (this.#ended || result.done) {
      this.#ended = true;
      this.#taker!.piecesEnded();
      return;
    }
    const piece = result.value;
    const bytes = this.isLenient || types.isUint8Array(piece) ? bytesOf(piece) : undefined;
    if (bytes === undefined) {
      const fault = new TypeError(`Received non-Uint8Array chunk: a body stream gave ${shown(piece)}`);
      this.cancel(fault);
      this.#taker!.piecesFailed(fault);
    } else if (bytes.byteLength > 0) this.#taker!.pieceCame(bytes);
    else if (this.#empties.areMany()) setImmediate(() => this.readTo(this.#taker!));
    else this.readTo(this.#taker!);
  };

  readonly #onError = (error: unknown): void => {
    this.#ended = true;
    this.#taker!.piecesFailed(error);
  };

  cancel(reason?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#hasRead) cancelRead(this.#stream, this.#reader, this.#isFirst, reason);
    else {
      this.#reader.releaseLock();
      cancelUnread(this.#stream, reason);
    }
  }
}

/** From an async iterable of bytes or text: a generator, or a Readable of Node's. */
export class IterablePieces implements OutgoingBody {
  readonly contentLength = undefined;
  readonly #empties = new EmptyPieces();
  readonly #iterable: AsyncIterable<unknown>;
  #iterator: AsyncIterator<unknown> | undefined;
  #ended = false;

  constructor(iterable: AsyncIterable<unknown>) {
    this.#iterable = iterable;
    listenToErrors(iterable);
  }

  async read(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      let piece: unknown;
      try {
        this.#iterator ??= this.#iterable[Symbol.asyncIterator]();
        const result = await this.#iterator.next();
        if (this.#ended || result.done === true) break;
        piece = result.value;
      } catch (error) {
        this.#ended = true;
        throw error;
      }
      const bytes = bytesOf(piece);
      if (bytes === undefined) {
        const fault = new TypeError(
          `A body's async iterable gave ${shown(piece)}; text or bytes are allowed`,
        );
        this.cancel(fault);
        throw fault;
      }
      if (bytes.byteLength > 0) return bytes;
      if (this.#empties.areMany()) await turn();
    }
    this.#ended = true;
    return undefined;
  }

  cancel(_reason?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    endIteration(this.#iterable, this.#iterator).catch(ignore);
  }
}

/** Reads to the end. @returns memory of its own */
export async function collect(reader: PieceReader): Promise<Uint8Array> {
  if (reader.readAll !== undefined) return reader.readAll();
  // Not a list of the pieces: a client may send each byte by itself.
  const queue = new ByteQueue();
  for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
    // A producer may fill the same memory again, or transfer it, once it is asked for more.
    if (reader.givesPieces === true) queue.give(piece);
    else queue.push(piece, 0, piece.length);
  }
  return queue.takeAll();
}

/** Empty pieces behind each other before the rest of the loop has its turn. */
const EMPTIES_BETWEEN_TURNS = 16;

/** Nothing holds back a producer of empty pieces, which are never sent: those that are ready at once would be all that happens. */
class EmptyPieces {
  #count = 0;

  /** To be asked for each. */
  areMany(): boolean {
    return ++this.#count % EMPTIES_BETWEEN_TURNS === 0;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const encoder = new TextEncoder();

/** @returns undefined for what is neither text nor bytes, and for bytes whose memory is gone */
function bytesOf(piece: unknown): Uint8Array | undefined {
  if (typeof piece === 'string') return encoder.encode(piece);
  try {
    const bytes = types.isUint8Array(piece)
      ? piece
      : ArrayBuffer.isView(piece)
        ? new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
        : types.isAnyArrayBuffer(piece)
          ? new Uint8Array(piece)
          : undefined;
    // Transferred, or cut off, since it was given: it looks empty then, and this alone tells (ECMA-262, ValidateTypedArray).
    if (bytes?.byteLength === 0) fill.call(bytes, 0);
    return bytes;
  } catch {
    return undefined;
  }
}

const { fill } = Uint8Array.prototype;

function shown(piece: unknown): string {
  const isMemory = ArrayBuffer.isView(piece) || types.isAnyArrayBuffer(piece);
  return isMemory ? 'bytes whose memory has been transferred or cut off since' : show(piece);
}

/** What the producer does in return is nobody's business: a rejection covers all that it throws. */
async function endIteration(
  iterable: AsyncIterable<unknown>,
  iterator: AsyncIterator<unknown> | undefined,
): Promise<void> {
  const { destroy } = iterable as { destroy?: unknown };
  // A Readable's own iterator hears `return` only after the next data. Without an error, because whoever
  // listens for one would take a client that has left for a fault.
  if (typeof destroy === 'function') destroy.call(iterable);
  else await (iterator ?? iterable[Symbol.asyncIterator]()).return?.();
}

/** A Readable may fail before it is read or after it was cancelled, and an 'error' that nobody hears ends the process. */
export function listenToErrors(iterable: AsyncIterable<unknown>): void {
  try {
    const { on, destroy } = iterable as { on?: unknown; destroy?: unknown };
    if (typeof on === 'function' && typeof destroy === 'function') on.call(iterable, 'error', ignore);
  } catch {
    // It will fail again when it is read, and be told then.
  }
}

function ignore(): void {}
