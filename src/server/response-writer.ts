/**
 * Turns what a handler answered into bytes in the engine's memory. It decides the framing (RFC 9112
 * §6): Content-Length where the length is known, chunked for HTTP/1.1 clients, the end of the
 * connection for HTTP/1.0. Framing fields are the server's: what a handler set for them is only a hint.
 *
 * One object a thread; `framing` and `declaredLength` speak of the last `begin`.
 */
import { type EngineConnection, SEND_RESERVE_BYTES_MAX } from '../engine/engine.ts';
import type { Fault } from '../protocol/error.ts';
import {
  continueBytes,
  FAULT_RESPONSE_BYTES_MAX,
  LENGTH_CHUNKED,
  LENGTH_NONE,
  MODE_CLOSE,
  MODE_KEEP_ALIVE,
  MODE_KEEP_ALIVE_10,
  ResponseHeadEncoder,
  SIMPLE_HEAD_BYTES_MAX,
} from '../protocol/h1/response-head.ts';
import type { OutgoingBody, ResponseParts } from '../web/parts.ts';
import type { HttpConnection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { FRAMING_CHUNKED, FRAMING_CLOSE, FRAMING_LENGTH } from './response-stream.ts';

/** What a head takes beside the fields that a handler gave: status line, Date, framing, Connection. */
const HEAD_OWN_BYTES_MAX = 512;

export class ResponseWriter {
  framing = FRAMING_LENGTH;
  /** The Content-Length that was sent, -1 for none. */
  declaredLength = -1;
  readonly #encoder: ResponseHeadEncoder;
  /** On the engine's clock: when the Date field is stale. */
  #nextDateMs = Number.NEGATIVE_INFINITY;

  constructor(idleMs: number) {
    const seconds = Math.floor(idleMs / 1000);
    this.#encoder = new ResponseHeadEncoder({
      keepAliveText: Number.isFinite(idleMs) && seconds > 0 ? `timeout=${seconds}` : undefined,
    });
  }

  /**
   * Writes the head, and the body where it is in memory and short.
   * @returns what remains to be streamed, or null when the answer is whole
   * @throws TypeError, RangeError when a field cannot be sent; nothing is committed then
   * @hot
   */
  begin(engine: EngineConnection, exchange: Exchange, parts: ResponseParts): OutgoingBody | null {
    return this.#general(engine, exchange, parts);
  }

  /**
   * The commonest answer: a short ASCII text with at most a content type.
   * @returns false when it is not ASCII, or the type cannot be sent or is too long: nothing is committed then. @hot
   */
  shortText(
    engine: EngineConnection,
    exchange: Exchange,
    status: number,
    contentType: string | undefined,
    text: string,
  ): boolean {
    this.#refreshDate(exchange.connection.thread.nowMs);
    const length = text.length;
    const size = HEAD_OWN_BYTES_MAX + (contentType === undefined ? 0 : contentType.length) + length;
    if (size > SEND_RESERVE_BYTES_MAX) return false;
    const start = engine.reserve(size);
    const out = engine.out;
    let at = this.#encoder.encodeSimpleInto(out, start, status, contentType, length, modeOf(exchange));
    if (at < 0) return false;
    for (let i = 0; i < length; i++) {
      const char = text.charCodeAt(i);
      if (char > 0x7f) return false;
      out[at++] = char;
    }
    this.#commit(engine, at - start);
    exchange.responseBytes = length;
    return true;
  }

  #general(engine: EngineConnection, exchange: Exchange, parts: ResponseParts): OutgoingBody | null {
    const { status } = parts;
    const body = parts.body;
    let bytes: Uint8Array | null = null;
    if (typeof body === 'string') bytes = Buffer.from(body, 'utf8');
    else if (body instanceof Uint8Array) bytes = body;
    const hint = readHints(parts, exchange);
    // RFC 9110 §6.4.1: these have no content, whatever the handler gave.
    const noContent = status === 204 || status === 304 || exchange.isHead;
    this.declaredLength = -1;
    this.framing = FRAMING_LENGTH;
    if (bytes !== null) this.declaredLength = bytes.length;
    else if (body === null) this.declaredLength = noContent ? hint : 0;
    else {
      const known = (body as OutgoingBody).contentLength;
      this.declaredLength = known ?? hint;
      if (this.declaredLength < 0) {
        this.framing = exchange.minor === 0 ? FRAMING_CLOSE : FRAMING_CHUNKED;
        if (exchange.minor === 0) exchange.keepAlive = false;
      }
    }
    // RFC 9110 §8.6: no Content-Length with 204; with 304 only what a 200 would have had.
    if (status === 204 || (status === 304 && hint < 0)) this.declaredLength = -1;
    const headBytes = this.#head(engine, exchange, parts);
    if (noContent) {
      if (bytes === null && body !== null) (body as OutgoingBody).cancel();
      return null;
    }
    if (bytes !== null) return this.#bytes(engine, exchange, bytes, headBytes);
    return body as OutgoingBody | null;
  }

  /** Writes the head. @returns its size */
  #head(engine: EngineConnection, exchange: Exchange, parts: ResponseParts): number {
    const { names, values } = parts;
    let size = HEAD_OWN_BYTES_MAX + parts.statusText.length + (parts.contentType?.length ?? 0);
    for (let i = 0; i < names.length; i++) size += names[i]!.length + values[i]!.length + 4;
    if (size > SEND_RESERVE_BYTES_MAX)
      throw new RangeError(`the response's header fields take ${size} bytes; at most 64 KiB can be sent`);
    this.#refreshDate(exchange.connection.thread.nowMs);
    const encoder = this.#encoder;
    const length =
      this.framing === FRAMING_CHUNKED
        ? LENGTH_CHUNKED
        : this.declaredLength >= 0
          ? this.declaredLength
          : LENGTH_NONE;
    const start = engine.reserve(size);
    const out = engine.out;
    let at: number;
    if (names.length === 0 && parts.statusText === '') {
      at = checked(
        encoder.encodeSimpleInto(out, start, parts.status, parts.contentType, length, modeOf(exchange)),
        'content-type',
      );
    } else {
      at =
        parts.statusText === ''
          ? encoder.beginInto(out, start, parts.status, modeOf(exchange))
          : checked(
              encoder.beginWithReasonInto(out, start, parts.status, parts.statusText, modeOf(exchange)),
              'statusText',
            );
      if (parts.contentType !== undefined)
        at = checked(encoder.fieldInto(out, at, 'Content-Type', parts.contentType), 'content-type');
      for (let i = 0; i < names.length; i++) {
        if (!isOurs(names[i]!)) at = checked(encoder.fieldInto(out, at, names[i]!, values[i]!), names[i]!);
      }
      at = encoder.endInto(out, at, length);
    }
    this.#commit(engine, at - start);
    return at - start;
  }

  /** A body in memory: short ones leave with the head, the rest is paced by the reader. */
  #bytes(
    engine: EngineConnection,
    exchange: Exchange,
    bytes: Uint8Array,
    headBytes: number,
  ): OutgoingBody | null {
    if (bytes.length === 0) return null;
    if (bytes.length + headBytes > SEND_RESERVE_BYTES_MAX) return new BytesBody(bytes);
    const start = engine.reserve(bytes.length);
    engine.out.set(bytes, start);
    this.#commit(engine, bytes.length);
    exchange.responseBytes = bytes.length;
    return null;
  }

  /** A short answer of our own to an open exchange, after which the connection ends. @returns its bytes */
  fault(engine: EngineConnection, exchange: Exchange, fault: Fault): number {
    this.#refreshDate(exchange.connection.thread.nowMs);
    const start = engine.reserve(FAULT_RESPONSE_BYTES_MAX);
    const at = this.#encoder.encodeFaultInto(engine.out, start, fault, !exchange.isHead);
    this.#commit(engine, at - start);
    return at - start;
  }

  /** The last answer on a connection whose request could not be read. */
  faultAndClose(engine: EngineConnection, fault: Fault, withBody: boolean, nowMs: number): void {
    this.#refreshDate(nowMs);
    const start = engine.reserve(FAULT_RESPONSE_BYTES_MAX);
    const at = this.#encoder.encodeFaultInto(engine.out, start, fault, withBody);
    this.#commit(engine, at - start);
  }

  /** The last answer on a connection of whose request nothing is known: it has no content. */
  faultHead(engine: EngineConnection, fault: Fault, nowMs: number): void {
    this.#refreshDate(nowMs);
    const start = engine.reserve(SIMPLE_HEAD_BYTES_MAX);
    const at = this.#encoder.encodeSimpleInto(engine.out, start, fault.status, undefined, 0, MODE_CLOSE);
    this.#commit(engine, at - start);
  }

  continue(engine: EngineConnection): void {
    const start = engine.reserve(continueBytes.length);
    engine.out.set(continueBytes, start);
    this.#commit(engine, continueBytes.length);
  }

  /**
   * An interim answer.
   * @throws TypeError when a field cannot be sent
   */
  interim(engine: EngineConnection, status: number, fields: readonly (readonly [string, string])[]): void {
    let size = HEAD_OWN_BYTES_MAX;
    for (const [name, value] of fields) size += name.length + value.length + 4;
    if (size > SEND_RESERVE_BYTES_MAX) throw new RangeError('an interim answer takes more than 64 KiB');
    const start = engine.reserve(size);
    const names = fields.map(([name]) => name);
    const values = fields.map(([, value]) => value);
    const at = checked(
      this.#encoder.encodeInterimInto(engine.out, start, status, names, values),
      names.join(', '),
    );
    this.#commit(engine, at - start);
  }

  /** @hot */
  #commit(engine: EngineConnection, size: number): void {
    engine.commit(size);
    (engine.user as HttpConnection).bytesWritten += size;
  }

  /** The Date field has a resolution of one second: it is rendered anew when the next one begins. @hot */
  #refreshDate(nowMs: number): void {
    if (nowMs < this.#nextDateMs) return;
    const epochMs = Date.now();
    this.#nextDateMs = nowMs + 1000 - (epochMs % 1000);
    this.#encoder.setDate(epochMs);
  }
}

/** Bytes that are all here, in the shape of a stream, so that they leave at the reader's pace. */
class BytesBody implements OutgoingBody {
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

function modeOf(exchange: Exchange): number {
  return exchange.keepAlive ? (exchange.minor === 0 ? MODE_KEEP_ALIVE_10 : MODE_KEEP_ALIVE) : MODE_CLOSE;
}

/** Fields that the server writes itself. RFC 9110 §7.6.1, RFC 9112 §6 */
function isOurs(name: string): boolean {
  return (
    name === 'content-length' ||
    name === 'date' ||
    name === 'connection' ||
    name === 'transfer-encoding' ||
    name === 'keep-alive' ||
    name === 'proxy-connection'
  );
}

/** What the handler's own framing fields ask for. @returns the Content-Length it gave, -1 for none. */
function readHints(parts: ResponseParts, exchange: Exchange): number {
  let length = -1;
  for (let i = 0; i < parts.names.length; i++) {
    const name = parts.names[i]!;
    if (name === 'connection' && /(?:^|,)\s*close\s*(?:,|$)/i.test(parts.values[i]!))
      exchange.keepAlive = false;
    else if (name === 'content-length' && /^\d{1,15}$/.test(parts.values[i]!))
      length = Number(parts.values[i]);
  }
  return length;
}

function checked(at: number, name: string): number {
  if (at < 0)
    throw new TypeError(
      `the response's field ${JSON.stringify(name)} has a name or value that cannot be sent`,
    );
  return at;
}
