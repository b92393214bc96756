/**
 * The body of one request on its way from the connection to the handler. It owns what has arrived and
 * has not been read; the connection stops reading the socket while the memory of that is over the
 * high-water mark. Framing (Content-Length or chunked) is the protocol's; this file only counts and queues.
 */
import { ByteQueue } from '../base/byte-queue.ts';
import type { Fault } from '../protocol/error.ts';
import { CHUNKED_DATA, CHUNKED_END, CHUNKED_REFUSED, type ChunkedDecoder } from '../protocol/h1/chunked.ts';
import { decodedRange } from '../web/consume.ts';
import { type Headers, headersOfHead } from '../web/headers.ts';
import type { IncomingBody } from '../web/request.ts';
import { ownBytes, unclearedBytes, WholeBody } from './body-memory.ts';
import { AwaitedTrailers } from './trailers.ts';

/** Memory of unread bytes above which the socket is no longer read: as much as a response may have unsent. */
export const BODY_HIGH_WATER_BYTES = 64 * 1024;

/** Below this a copy costs less than memory of its own for what comes next. */
const TAKEN_BYTES_MIN = 16 * 1024;

/** What the body tells its connection. */
export interface BodyOwner {
  /** The handler waits for bytes: read the socket, and start the body deadline. */
  bodyWanted(body: RequestBody): void;
  /** The handler wants no more of it. */
  bodyCancelled(body: RequestBody): void;
  /** Whether the memory of the bytes that are being fed is the body's from now on: all of it is filled then. */
  takeReceived(bytes: Uint8Array): boolean;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export class RequestBody implements IncomingBody {
  readonly contentLength: number | undefined;
  readonly givesPieces = true;
  /** Every byte has arrived (and, when chunked, the trailers too). */
  complete = false;
  fault: Fault | undefined = undefined;
  #remaining: number;
  readonly #decoder: ChunkedDecoder | null;
  readonly #owner: BodyOwner;
  /** Made when something has to wait in it: most bodies come in one piece. */
  #queue: ByteQueue | undefined = undefined;
  /** The whole body, where it came in one piece while nobody waited. */
  #only: Uint8Array | undefined = undefined;
  /** The whole body, from `#lentAt` on in the engine's memory: only while the handler is being called. */
  #lent: Uint8Array | undefined = undefined;
  #lentAt = 0;
  #waiting: Waiting<Uint8Array | undefined> | undefined = undefined;
  /** Waits for the whole body, which is put together in `#whole` if its length is known. */
  #waitingForAll: Waiting<Uint8Array> | undefined = undefined;
  #whole: WholeBody | undefined = undefined;
  #failure: { readonly reason: unknown } | undefined = undefined;
  #discarding = false;
  /** The trailers: known when the body is whole, or made then of what the decoder has kept. */
  #fields: Headers | undefined = undefined;
  #awaited: AwaitedTrailers | undefined = undefined;

  /** @param contentLength -1 when it is not known: the body is chunked, and `decoder` is given, or it is framed */
  constructor(owner: BodyOwner, contentLength: number, decoder: ChunkedDecoder | null) {
    this.#owner = owner;
    this.contentLength = contentLength < 0 ? undefined : contentLength;
    this.#remaining = contentLength;
    this.#decoder = decoder;
  }

  /** The memory of bytes that nobody has read. Where the whole body is being waited for, its bytes count as read. */
  get memoryBytes(): number {
    if (this.#only !== undefined) return this.#only.length;
    return this.#waitingForAll === undefined && this.#queue !== undefined ? this.#queue.memoryBytes : 0;
  }

  /** It is given out piece by piece, as far as anybody has asked. */
  get isInPieces(): boolean {
    return this.#waitingForAll === undefined && !this.#discarding;
  }

  get isWaited(): boolean {
    return this.#waiting !== undefined || this.#waitingForAll !== undefined;
  }

  /**
   * Takes a body that lies whole in bytes[at..end), as most do behind their heads, without copying it: who asks for its text
   * while the bytes are lent gets it from there. `keepLent` has to follow before they are gone.
   * @returns the position after it; -1 where it is not whole, or is chunked, and nothing was taken. @hot
   */
  lend(bytes: Uint8Array, at: number, end: number): number {
    const length = this.#remaining;
    if (this.#decoder !== null || length > end - at) return -1;
    this.#lent = bytes;
    this.#lentAt = at;
    this.#remaining = 0;
    this.complete = true;
    return at + length;
  }

  /** The bytes that were lent are gone after this call: what nobody has taken of them is copied. @hot */
  keepLent(): void {
    if (this.#lent !== undefined) this.#only = this.#takeLent(this.#lent);
  }

  #takeLent(lent: Uint8Array): Uint8Array {
    this.#lent = undefined;
    return ownBytes(lent, this.#lentAt, this.#lentAt + this.contentLength!);
  }

  /**
   * Takes what belongs to the body from bytes[at..end), copying it.
   * @returns the position after it; look at `complete` and `fault` then
   */
  feed(bytes: Uint8Array, at: number, end: number): number {
    const decoder = this.#decoder;
    if (decoder === null) {
      const size = Math.min(this.#remaining, end - at);
      if (size === this.contentLength && !this.#discarding && !this.isWaited) {
        this.#only = ownBytes(bytes, at, at + size);
        this.#remaining = 0;
        this.#completed();
        return at + size;
      }
      if (!this.#take(bytes, size)) this.#push(bytes, at, at + size);
      this.#remaining -= size;
      if (this.#remaining === 0) this.#completed();
      this.#handOver();
      return at + size;
    }
    while (at < end && !this.complete) {
      at = decoder.decode(bytes, at, end);
      if (decoder.event === CHUNKED_DATA) this.#push(bytes, decoder.dataStart, decoder.dataEnd);
      else if (decoder.event === CHUNKED_END) this.#completed();
      else if (decoder.event === CHUNKED_REFUSED) {
        this.fault = decoder.fault;
        return at;
      }
    }
    this.#handOver();
    return at;
  }

  /**
   * Content whose end frames tell: `finish` follows. Copied, into one piece however many frames it came in.
   * @param places where parts of it begin and end in `bytes`
   */
  feedFramed(bytes: Uint8Array, places: readonly number[]): void {
    let size = 0;
    for (let i = 0; i < places.length; i += 2) size += places[i + 1]! - places[i]!;
    this.#remaining -= size;
    const isOnePiece = this.#whole === undefined && !this.#discarding && this.#failure === undefined;
    if (isOnePiece && places.length > 2 && size >= TAKEN_BYTES_MIN)
      this.#queued().give(joined(bytes, places, size));
    else for (let i = 0; i < places.length; i += 2) this.#push(bytes, places[i]!, places[i + 1]!);
    if (this.#waiting !== undefined) this.#handOver();
  }

  /** The frames have told that it is whole. @param fields behind it */
  finish(fields: Headers | undefined): void {
    this.#fields = fields;
    this.#completed();
    this.#handOver();
  }

  #completed(): void {
    this.complete = true;
    this.#awaited?.come(this.#trailerFields());
  }

  #trailerFields(): Headers {
    if (this.#fields === undefined) {
      const text = this.#decoder?.trailerText() ?? '';
      this.#fields = headersOfHead(text, 0, text.length);
    }
    return this.#fields;
  }

  /** The lines behind the content, when all of it has come in HTTP/1. */
  get trailerText(): string | undefined {
    return this.complete ? this.#decoder?.trailerText() : undefined;
  }

  /** The fields behind the content, when all of it has come. RFC 9110 §6.5 */
  trailers(): Promise<Headers> {
    if (this.complete) return Promise.resolve(this.#trailerFields());
    if (this.#awaited === undefined) {
      this.#awaited = new AwaitedTrailers();
      if (this.#failure !== undefined) this.#awaited.fail(this.#failure.reason);
    }
    return this.#awaited.promise;
  }

  /** Nothing more will come: whoever reads gets `reason`. What is buffered already is dropped. */
  fail(reason: unknown): void {
    if (this.complete || this.#failure !== undefined) return;
    this.#failure = { reason };
    this.#queue?.clear();
    this.#whole = undefined;
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
    this.#waitingForAll?.reject(reason);
    this.#waitingForAll = undefined;
    this.#awaited?.fail(reason);
  }

  // What the handler's side asks: IncomingBody.

  takeBuffered(): Uint8Array | undefined {
    if (!this.complete || this.#failure !== undefined) return undefined;
    return this.#takeAll();
  }

  takeText(): string | undefined {
    if (!this.complete || this.#failure !== undefined) return undefined;
    const lent = this.#lent;
    if (lent === undefined) {
      const bytes = this.#takeAll();
      return decodedRange(bytes, 0, bytes.length);
    }
    this.#lent = undefined;
    return decodedRange(lent, this.#lentAt, this.#lentAt + this.contentLength!);
  }

  #takeAll(): Uint8Array {
    return this.#takeOnly() ?? this.#queue?.takeAll() ?? new Uint8Array(0);
  }

  #takeOnly(): Uint8Array | undefined {
    if (this.#lent !== undefined) return this.#takeLent(this.#lent);
    const only = this.#only;
    this.#only = undefined;
    return only;
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    const piece = this.#takeOnly() ?? this.#queue?.shift();
    if (piece !== undefined) {
      if (!this.complete && this.#queue?.length === 0) this.#owner.bodyWanted(this);
      return Promise.resolve(piece);
    }
    if (this.complete) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#owner.bodyWanted(this);
    });
  }

  /** Each byte is copied once, into the array that the caller gets, where the length is known. */
  readAll(): Promise<Uint8Array> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (this.complete) return Promise.resolve(this.#takeAll());
    return new Promise((resolve, reject) => {
      if (this.contentLength !== undefined) {
        const queue = this.#queue;
        this.#whole = new WholeBody((queue?.length ?? 0) + this.#remaining);
        for (let piece = queue?.shift(); piece !== undefined; piece = queue?.shift())
          this.#whole.append(piece, 0, piece.length);
      }
      this.#waitingForAll = { resolve, reject };
      this.#owner.bodyWanted(this);
    });
  }

  cancel(_reason?: unknown): void {
    if (this.#discarding) return;
    this.discard();
    this.#owner.bodyCancelled(this);
  }

  /** Bytes are counted from now on, not kept. */
  discard(): void {
    this.#discarding = true;
    this.#only = undefined;
    this.#lent = undefined;
    this.#queue?.clear();
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  /** Where all that has come is the body's and will be given away as a piece, it need not be copied. */
  #take(bytes: Uint8Array, size: number): boolean {
    if (size !== bytes.length || size < TAKEN_BYTES_MIN) return false;
    if (this.#discarding || this.#failure !== undefined || this.#whole !== undefined) return false;
    if (!this.#owner.takeReceived(bytes)) return false;
    // Not a Buffer, whatever the engine uses.
    const isPlain = Object.getPrototypeOf(bytes) === Uint8Array.prototype;
    const piece = isPlain ? bytes : new Uint8Array(bytes.buffer);
    if (this.#waiting === undefined) this.#queued().give(piece);
    else {
      // Whoever waits has been given all that came before.
      this.#waiting.resolve(piece);
      this.#waiting = undefined;
    }
    return true;
  }

  #queued(): ByteQueue {
    return (this.#queue ??= new ByteQueue(unclearedBytes));
  }

  #push(bytes: Uint8Array, from: number, to: number): void {
    if (this.#discarding || this.#failure !== undefined) return;
    if (this.#whole === undefined) {
      this.#queued().push(bytes, from, to);
      return;
    }
    try {
      this.#whole.append(bytes, from, to);
    } catch (error) {
      // No memory for so much. The rest is counted, and whoever reads decides what becomes of the request.
      this.fail(error);
    }
  }

  /** Whoever waits gets what has come, small chunks as one piece, or learns of the end. */
  #handOver(): void {
    if (this.#waitingForAll !== undefined) this.#handOverAll(this.#waitingForAll);
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const piece = this.#queue?.shift();
    if (piece === undefined && !this.complete) return;
    this.#waiting = undefined;
    waiting.resolve(piece);
  }

  #handOverAll(waiting: Waiting<Uint8Array>): void {
    if (!this.complete) return;
    const bytes = this.#whole?.bytes ?? this.#takeAll();
    this.#whole = undefined;
    this.#waitingForAll = undefined;
    waiting.resolve(bytes);
  }
}

function joined(bytes: Uint8Array, places: readonly number[], size: number): Uint8Array {
  const piece = unclearedBytes(size);
  let at = 0;
  for (let i = 0; i < places.length; i += 2) {
    piece.set(bytes.subarray(places[i]!, places[i + 1]!), at);
    at += places[i + 1]! - places[i]!;
  }
  return piece;
}
