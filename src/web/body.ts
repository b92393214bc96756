/**
 * The life of a body, for requests and responses alike: unread, handed out as a stream, or read. A body
 * that is in memory as a whole is given out without a stream; the stream exists only where a program
 * asks for `body`, and even then it reads nothing before it is pulled, so that the server can take an
 * untouched stream apart again and send what lies behind it.
 *
 * Invariant: a body is opened once, by whoever comes first, and from then on `isUsed` holds.
 */
import { Readable } from 'node:stream';
import type { UnderlyingByteSource } from 'node:stream/web';
import { aloneInMemory, BodyIterator, type IteratedSource } from './body-iterator.ts';
import { IterablePieces, type PieceReader, StreamPieces } from './pieces.ts';

/** What a body turns out to be when it is opened. */
export type OpenedBody = null | string | Uint8Array | PieceReader;

/** A Request or a Response, as this file sees it. */
export interface BodyOwner {
  /** The body was opened without a stream. */
  _used: boolean;
  /** What `body` has given out, or what the program gave. */
  _stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** Whether there is a body at all: without one, reading gives nothing and uses nothing up. */
  _hasBody(): boolean;
  /** What lies behind, for one consumer. Whoever gets a reader owns it. @throws TypeError when it is gone */
  _open(): OpenedBody;
}

/** Marks the streams that are made here with what they are made of. */
const BEHIND = Symbol('holdfast body');

type MarkedStream = ReadableStream<Uint8Array<ArrayBuffer>> & { [BEHIND]?: LazyBody };

export function isUsed(owner: BodyOwner): boolean {
  return owner._used || (owner._stream !== undefined && isDisturbed(owner._stream));
}

/** @returns whether the body may still be read */
export function isReadable(owner: BodyOwner): boolean {
  return !owner._used && (owner._stream === undefined || isStreamReadable(owner._stream));
}

export function isStreamReadable(stream: ReadableStream): boolean {
  return !stream.locked && !isDisturbed(stream);
}

/**
 * Opens the body for the one who calls.
 * @throws TypeError when it has been read, or somebody else reads it
 */
export function claimBody(owner: BodyOwner): OpenedBody {
  if (!owner._hasBody()) return null;
  if (owner._used) throw new TypeError('Body is unusable: Body has already been read');
  if (owner._stream !== undefined) return claimStream(owner._stream);
  owner._used = true;
  return owner._open();
}

/** Does what `claimBody` does, for a stream: one of ours, untouched, is taken apart. @param length in bytes, where it is known */
export function claimStream(stream: MarkedStream, length?: number): OpenedBody {
  if (!isStreamReadable(stream))
    throw new TypeError('Body is unusable: its stream is locked or has been read');
  const behind = stream[BEHIND];
  if (behind === undefined) return new StreamPieces(stream, length);
  const opened = behind.release();
  // Closed and disturbed: whoever else holds the stream sees that it was read.
  void stream.cancel();
  return opened;
}

/** `body` of the Fetch standard. */
export function streamOf(owner: BodyOwner): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (owner._stream !== undefined) return owner._stream;
  if (!owner._hasBody()) return null;
  const lazy = new LazyBody(owner._used ? undefined : owner);
  // A byte stream gives memory of its own away, never shared memory, which the declarations leave open.
  const stream = new ReadableStream(lazy) as MarkedStream;
  if (owner._used) {
    // Read as a whole before anyone asked for a stream: the platform shows a locked one.
    void stream.cancel();
    stream.getReader();
  } else {
    stream[BEHIND] = lazy;
    Object.defineProperty(stream, Symbol.asyncIterator, ITERATED);
  }
  owner._stream = stream;
  return stream;
}

/** Like the method of the class, which it stands before. */
const ITERATED: PropertyDescriptor = {
  value: iterate,
  writable: true,
  enumerable: false,
  configurable: true,
};

function iterate(this: MarkedStream): AsyncIterator<unknown> {
  const behind = this[BEHIND];
  if (behind === undefined || !isStreamReadable(this)) return ReadableStream.prototype.values.call(this);
  return new BodyIterator(this, behind);
}

/** The byte source behind a stream of ours; its high-water mark is 0, so it reads when it is read. */
class LazyBody implements UnderlyingByteSource, IteratedSource {
  readonly type = 'bytes';
  #reader: PieceReader | undefined;
  #controller: ReadableByteStreamController | undefined;
  /** Until the body is opened. */
  #owner: BodyOwner | undefined;

  constructor(owner: BodyOwner | undefined) {
    this.#owner = owner;
  }

  /** What lies behind, once: for this stream, or for whoever takes it apart while it is untouched. */
  release(): OpenedBody {
    const owner = this.#owner;
    this.#owner = undefined;
    return owner === undefined ? null : owner._open();
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    const isWhole = this.#owner !== undefined;
    const piece = await this.readPiece();
    if (piece !== undefined) controller.enqueue(aloneInMemory(piece));
    // What was in memory is one piece, and nothing follows.
    if (piece === undefined || (isWhole && this.#reader === undefined)) close(controller);
  }

  readPiece(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const reader = this.#reader;
    // A promise a piece, and no more. What the server receives is never shared memory.
    if (reader?.givesPieces === true) return reader.read() as Promise<Uint8Array<ArrayBuffer> | undefined>;
    return this.#readOther();
  }

  async #readOther(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#owner !== undefined) {
      const body = this.release();
      if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
        const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
        // Copied, because whoever reads may take the memory away and a clone may share it.
        return bytes !== null && bytes.byteLength > 0 ? new Uint8Array(bytes) : undefined;
      }
      this.#reader = body;
    }
    const reader = this.#reader;
    const piece = await reader?.read();
    if (piece === undefined) return undefined;
    // A program's own buffers must not be detached under it.
    return reader instanceof IterablePieces ? new Uint8Array(piece) : (piece as Uint8Array<ArrayBuffer>);
  }

  begin(): void {
    if (this.#owner !== undefined) this.#owner._used = true;
  }

  end(): void {
    this.#controller?.close();
  }

  fail(error: unknown): void {
    this.#controller?.error(error);
  }

  cancel(reason: unknown): void {
    let body: OpenedBody = this.#reader ?? null;
    try {
      body ??= this.release();
    } catch {
      // Gone with its exchange: nothing is left to cancel, and a late cancel must not fail.
    }
    if (body !== null && typeof body === 'object' && 'cancel' in body) body.cancel(reason);
  }
}

function close(controller: ReadableByteStreamController): void {
  controller.close();
  // A reader that brought its own buffer waits for it even at the end.
  (controller.byobRequest as { respond(bytes: number): void } | null)?.respond(0);
}

function isDisturbed(stream: ReadableStream): boolean {
  // Node's types leave the web streams out, which its documentation names.
  return Readable.isDisturbed(stream as unknown as Readable);
}
