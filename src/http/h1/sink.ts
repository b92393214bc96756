/**
 * Answers as HTTP/1 writes them. It chooses the framing (RFC 9112 §6): Content-Length where the plan has a length, chunked
 * for HTTP/1.1 clients, the end of the connection for HTTP/1.0; and says in each head whether the connection goes on.
 *
 * One object a connection, which answers one request after the other.
 */
import { type EngineConnection, type FileRange, SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import type { Fault } from '../../protocol/error.ts';
import {
  CHUNK_END_BYTES,
  CHUNK_HEADER_BYTES_MAX,
  chunkEndInto,
  chunkHeaderInto,
  LAST_CHUNK_BYTES,
  lastChunkInto,
} from '../../protocol/h1/chunk-encoder.ts';
import {
  LENGTH_CHUNKED,
  LENGTH_NONE,
  MODE_CLOSE,
  MODE_KEEP_ALIVE,
  MODE_KEEP_ALIVE_10,
  MODE_UPGRADE,
} from '../../protocol/h1/response-head.ts';
import type { StandingAnswer } from '../../web/standing-answers.ts';
import type { AnswerPlan } from '../answer-plan.ts';
import { type AnswerSink, type FramedSink, RESPONSE_HIGH_WATER_BYTES } from '../answer-sink.ts';
import type { Trailers } from '../trailers.ts';
import { headSizeOf, type ResponseHeads } from './response-heads.ts';

const CHUNK_OVERHEAD_BYTES_MAX = CHUNK_HEADER_BYTES_MAX + CHUNK_END_BYTES;
const PIECE_BYTES_MAX = SEND_RESERVE_BYTES_MAX - CHUNK_OVERHEAD_BYTES_MAX;
/** At most so much is lent at once: where the reader has stopped, the kernel takes none of it, and all has to be copied and kept. */
const LENT_BYTES_MAX = 128 * 1024;

type TextWrite = (this: Uint8Array, text: string, start: number, size: number) => number;
const { latin1Write, utf8Write } = Buffer.prototype as unknown as Record<
  'latin1Write' | 'utf8Write',
  TextWrite
>;

const NO_TRAILERS: Trailers = { names: [], values: [] };

/** What a sink needs of its connection. */
interface SinkConnection {
  readonly engine: EngineConnection;
  readonly nowMs: number;
  /** Whether the request that is being answered is the last that is read. */
  readonly isLastRequest: boolean;
  /** Whether the client said `TE: trailers`. RFC 9110 §6.5.1 */
  readonly takesTrailers: boolean;
  bytesWritten: number;
  movedAtMs: number;
}

export class H1Sink implements AnswerSink, FramedSink {
  /** Whether the connection goes on behind the answer that is being written. */
  keepAlive = true;
  isLending = false;
  /** The minor version of the request. */
  #minor = 1;
  #isChunked = false;
  /** The answer before this one has slowed the connection down. */
  #isPaced = false;
  readonly #connection: SinkConnection;
  readonly #engine: EngineConnection;
  readonly #heads: ResponseHeads;

  constructor(connection: SinkConnection, heads: ResponseHeads) {
    this.#connection = connection;
    this.#engine = connection.engine;
    this.#heads = heads;
  }

  /** RFC 9110 §7.8: an HTTP/1.0 client's wish for another protocol is to be passed over. */
  get mayChangeProtocol(): boolean {
    return this.#minor > 0;
  }

  /** The next answer is to a request of that version. @hot */
  open(minor: number, keepAlive: boolean): void {
    this.#minor = minor;
    this.keepAlive = keepAlive;
    this.#isChunked = false;
    if (!this.#isPaced) return;
    this.#isPaced = false;
    this.#engine.setPace?.(Number.POSITIVE_INFINITY);
  }

  /** `drained` comes to the one exchange that is open. */
  yields(): void {}

  last(): void {
    this.keepAlive = false;
  }

  /** @hot */
  shortText(status: number, contentType: string | undefined, text: string): boolean {
    const connection = this.#connection;
    const size = this.#heads.shortText(
      this.#engine,
      connection.nowMs,
      status,
      contentType,
      text,
      this.#mode(),
    );
    connection.bytesWritten += size;
    return size > 0;
  }

  /** Writes an answer that stands, whole, to a request of HTTP/1.1. @returns false where it has to be written as others are @hot */
  standing(answer: StandingAnswer): boolean {
    const connection = this.#connection;
    this.open(1, true);
    const { content } = answer;
    const engine = this.#engine;
    const isLent = content !== null && content.length >= engine.borrowedBytesMin;
    const size = this.#heads.standing(engine, connection.nowMs, answer, isLent ? null : content);
    if (size === 0) return false;
    connection.bytesWritten += size;
    if (isLent) {
      connection.bytesWritten += content.length;
      engine.commitBorrowed(content);
      engine.settle();
    }
    return true;
  }

  begin(plan: AnswerPlan): boolean {
    const connection = this.#connection;
    const { bytes, contentLength } = plan;
    const stream = plan.stream ?? plan.file;
    if (plan.closes) this.keepAlive = false;
    let length = contentLength;
    if (length < 0) {
      length = LENGTH_NONE;
      if (stream !== null || plan.unsent !== null) {
        if (this.#minor > 0) length = LENGTH_CHUNKED;
        else this.keepAlive = false;
      }
    }
    const isSwitch = plan.status === 101;
    if (plan.status === 204 || plan.status === 304 || isSwitch)
      length = contentLength < 0 ? LENGTH_NONE : contentLength;
    const isOpenEnded = plan.endsWithTrailers && this.#minor > 0 && connection.takesTrailers;
    if (isOpenEnded) length = LENGTH_CHUNKED;
    this.#isChunked = length === LENGTH_CHUNKED;
    const size = headSizeOf(plan);
    const engine = this.#engine;
    const fits = bytes !== null && !isOpenEnded && bytes.length + size <= SEND_RESERVE_BYTES_MAX;
    const isLent = fits && bytes.length >= engine.borrowedBytesMin;
    connection.bytesWritten += this.#heads.begin(
      engine,
      connection.nowMs,
      plan,
      size,
      length,
      isSwitch ? MODE_UPGRADE : this.#mode(),
      fits && !isLent ? bytes : null,
    );
    if (isLent) {
      connection.bytesWritten += bytes.length;
      engine.commitBorrowed(bytes);
      engine.settle();
    }
    return stream === null && !isOpenEnded && (bytes === null || fits);
  }

  fault(fault: Fault, withContent: boolean): number {
    this.keepAlive = false;
    const size = this.#heads.fault(this.#engine, this.#connection.nowMs, fault, withContent);
    this.#connection.bytesWritten += size;
    return size;
  }

  get room(): number {
    return Math.max(0, RESPONSE_HIGH_WATER_BYTES - this.#engine.unsentBytes);
  }

  get unsentBytes(): number {
    return this.#engine.unsentBytes;
  }

  get takesBytes(): boolean {
    return this.#engine.takesBytes;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const engine = this.#engine;
    const connection = this.#connection;
    const size = Math.min(end - start, PIECE_BYTES_MAX);
    if (engine.unsentBytes === 0) connection.movedAtMs = connection.nowMs;
    const isChunked = this.#isChunked;
    const from = engine.reserve(size + (isChunked ? CHUNK_OVERHEAD_BYTES_MAX : 0));
    const out = engine.out;
    let at = isChunked ? chunkHeaderInto(out, from, size) : from;
    out.set(bytes.subarray(start, start + size), at);
    at += size;
    if (isChunked) at = chunkEndInto(out, at);
    engine.commit(at - from);
    connection.bytesWritten += at - from;
    return start + size;
  }

  lend(bytes: Uint8Array, start: number, end: number): number {
    const engine = this.#engine;
    const connection = this.#connection;
    // Where less than the high-water mark is lent, more would be pulled while it is still unsent.
    this.isLending = end - start >= Math.max(engine.borrowedBytesMin, RESPONSE_HIGH_WATER_BYTES);
    if (!this.isLending) return this.write(bytes, start, end);
    const size = Math.min(end - start, LENT_BYTES_MAX);
    if (engine.unsentBytes === 0) connection.movedAtMs = connection.nowMs;
    const lent = size === bytes.length ? bytes : bytes.subarray(start, start + size);
    connection.bytesWritten += size;
    if (!this.#isChunked) {
      engine.commitBorrowed(lent);
      engine.settle();
      return start + size;
    }
    const head = engine.reserve(CHUNK_HEADER_BYTES_MAX);
    const headBytes = chunkHeaderInto(engine.out, head, size) - head;
    engine.commit(headBytes);
    engine.commitBorrowed(lent);
    const tail = engine.reserve(CHUNK_END_BYTES);
    chunkEndInto(engine.out, tail);
    engine.commit(CHUNK_END_BYTES);
    engine.settle();
    connection.bytesWritten += headBytes + CHUNK_END_BYTES;
    return start + size;
  }

  /** Where trailers follow, content is in chunks. */
  get takesFile(): boolean {
    return !this.#isChunked;
  }

  /** `open` takes it back. */
  pace(bytesPerSecond: number): void {
    if (this.#engine.setPace?.(bytesPerSecond) === true)
      this.#isPaced = bytesPerSecond !== Number.POSITIVE_INFINITY;
  }

  file(file: FileRange): void {
    const engine = this.#engine;
    const connection = this.#connection;
    if (engine.unsentBytes === 0) connection.movedAtMs = connection.nowMs;
    connection.bytesWritten += file.length;
    engine.commitFile(file);
  }

  end(trailers: Trailers | undefined): void {
    if (!this.#isChunked) return;
    const { names, values } =
      trailers !== undefined && this.#connection.takesTrailers ? trailers : NO_TRAILERS;
    const engine = this.#engine;
    let room = LAST_CHUNK_BYTES;
    for (let i = 0; i < names.length; i++) room += names[i]!.length + values[i]!.length + 4;
    const isTooLarge = room > SEND_RESERVE_BYTES_MAX;
    const start = engine.reserve(isTooLarge ? LAST_CHUNK_BYTES : room);
    // They were checked when they were given; those that fit nowhere are left out, as RFC 9110 §6.5.1 lets anybody on the way.
    const end = isTooLarge
      ? lastChunkInto(engine.out, start)
      : lastChunkInto(engine.out, start, names, values);
    engine.commit(end - start);
    this.#connection.bytesWritten += end - start;
  }

  /** HTTP/1.0 knows none. RFC 9110 §15.2 */
  get framing(): FramedSink {
    return this;
  }

  /** @hot */
  get isLastAnswer(): boolean {
    return !this.keepAlive || this.#connection.isLastRequest;
  }

  framed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at = this.#copy(bytes, at);
  }

  #copy(bytes: Uint8Array, at: number): number {
    const engine = this.#engine;
    const size = Math.min(bytes.length - at, SEND_RESERVE_BYTES_MAX);
    if (engine.unsentBytes === 0) this.#connection.movedAtMs = this.#connection.nowMs;
    const start = engine.reserve(size);
    engine.out.set(size === bytes.length ? bytes : bytes.subarray(at, at + size), start);
    engine.commit(size);
    this.#connection.bytesWritten += size;
    return at + size;
  }

  /** @hot */
  framedText(text: string, isLatin1: boolean): number {
    // UTF-8 takes at most three bytes for a unit of UTF-16.
    const room = isLatin1 ? text.length : text.length * 3;
    if (room === 0) return 0;
    if (room > SEND_RESERVE_BYTES_MAX) {
      const bytes = Buffer.from(text, isLatin1 ? 'latin1' : 'utf8');
      this.framed(bytes);
      return bytes.length;
    }
    const engine = this.#engine;
    const connection = this.#connection;
    if (engine.unsentBytes === 0) connection.movedAtMs = connection.nowMs;
    const start = engine.reserve(room);
    const write = isLatin1 ? latin1Write : utf8Write;
    const size = write.call(engine.out, text, start, room);
    engine.commit(size);
    connection.bytesWritten += size;
    return size;
  }

  interim(status: number, fields: readonly (readonly [string, string])[]): void {
    if (this.#minor > 0) this.#connection.bytesWritten += this.#heads.interim(this.#engine, status, fields);
  }

  continue(): void {
    this.#connection.bytesWritten += this.#heads.continue(this.#engine);
  }

  /** @hot */
  #mode(): number {
    if (this.keepAlive && this.#connection.isLastRequest) this.keepAlive = false;
    if (!this.keepAlive) return MODE_CLOSE;
    return this.#minor === 0 ? MODE_KEEP_ALIVE_10 : MODE_KEEP_ALIVE;
  }
}
