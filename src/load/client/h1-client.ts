/**
 * HTTP/1.1 as a client, with pipelining. One instance a thread: its links share the head parser, for a
 * head nearly always comes whole; a link whose head came in pieces keeps that parser and what it stands
 * in until the head is whole. Every head is parsed in full; bodies with a length are skipped by count,
 * untouched.
 */
import { concatBytes, copyBytes } from '../../base/bytes.ts';
import type { EngineConnection } from '../../engine/engine.ts';
import type { Fault } from '../../protocol/error.ts';
import {
  CHUNKED_DATA,
  CHUNKED_END,
  CHUNKED_MORE,
  CHUNKED_REFUSED,
  ChunkedDecoder,
} from '../../protocol/h1/chunked.ts';
import { HEAD_MORE, HEAD_REFUSED } from '../../protocol/h1/field-section.ts';
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  ResponseHeadParser,
} from '../../protocol/h1/response-parser.ts';
import { DEFAULT_LIMITS } from '../../protocol/limits.ts';
import { methodByName } from '../../protocol/semantics/methods.ts';
import { latin1Text } from '../../protocol/semantics/octets.ts';
import type { AnswerHandler, Client, ClientLink, ClientOptions, EncodedRequest } from './client.ts';
import { FAILURE_NAMES, garbageName } from './failure-names.ts';
import { RequestWriter } from './h1-request-writer.ts';
import { KeptContent } from './kept-content.ts';

const PHASE_HEAD = 0;
const PHASE_LENGTH = 1;
const PHASE_CHUNKED = 2;
const PHASE_UNTIL_CLOSE = 3;
/** Garbage came, or nobody listens: what is received is dropped. */
const PHASE_OVER = 4;

/**
 * Servers such as Node's say 408 to a connection that has been idle for too long, and close it: that answers
 * nothing, and is no fault. RFC 9110 §15.5.9
 */
const FAREWELLS = ['HTTP/1.1 408', 'HTTP/1.0 408'];

/** A load generator reads what it is sent, however large. */
const CHUNKED_LIMITS = { ...DEFAULT_LIMITS, bodyBytesMax: Number.POSITIVE_INFINITY };

export class H1Client implements Client {
  readonly handler: AnswerHandler;
  readonly options: ClientOptions;
  /** For heads that come whole. */
  parser = new ResponseHeadParser();

  constructor(handler: AnswerHandler, options: ClientOptions) {
    this.handler = handler;
    this.options = options;
  }

  createLink(index: number): H1Link {
    return new H1Link(this, index);
  }
}

/** The beginning of a head, and the parser that stands in it. */
interface PartialHead {
  readonly parser: ResponseHeadParser;
  bytes: Uint8Array;
}

export class H1Link implements ClientLink {
  readonly index: number;
  underWay = 0;
  isSpent = false;
  readonly #client: H1Client;
  readonly #depth: number;
  readonly #writer = new RequestWriter();
  /** METHOD_ numbers of requests under way, by ticket: a HEAD is answered without a body. */
  readonly #methods: Uint8Array;
  /** Started last, and its method's number: mostly it is the same again. */
  #request: EncodedRequest | undefined = undefined;
  #method = 0;
  #first = 0;
  /** How many of those under way were begun before the bytes came that are being received: only they can be answered by these. */
  #awaited = 0;
  #phase = PHASE_OVER;
  /** Counts connections: what is left of a chunk must not be read as the next connection's. */
  #epoch = 0;
  #status = 0;
  #keepAlive = true;
  /** Body bytes that have not come yet, in PHASE_LENGTH. */
  #remaining = 0;
  #partial: PartialHead | undefined = undefined;
  /** Interim answers have come, and the final one has not. */
  #hasInterim = false;
  #chunked: ChunkedDecoder | undefined = undefined;
  readonly #content: KeptContent | undefined;

  constructor(client: H1Client, index: number) {
    this.#client = client;
    this.index = index;
    this.#depth = client.options.depth;
    this.#methods = new Uint8Array(this.#depth);
    this.#content = client.options.keepsContent ? new KeptContent() : undefined;
  }

  get isMidAnswer(): boolean {
    if (this.#partial !== undefined || this.#hasInterim) return true;
    return this.#phase !== PHASE_HEAD && this.#phase !== PHASE_OVER;
  }

  get mayStart(): boolean {
    return this.underWay < this.#depth && this.#phase !== PHASE_OVER && !this.isSpent;
  }

  attach(conn: EngineConnection): void {
    this.#writer.begin(conn);
    this.#epoch++;
    this.#phase = PHASE_HEAD;
    this.#partial = undefined;
    this.#hasInterim = false;
    this.underWay = 0;
    this.#first = 0;
    this.isSpent = false;
  }

  detach(): void {
    this.#writer.end();
    this.#phase = PHASE_OVER;
    this.#partial = undefined;
    this.underWay = 0;
  }

  /** @hot */
  start(request: EncodedRequest): number {
    let ticket = this.#first + this.underWay;
    if (ticket >= this.#depth) ticket -= this.#depth;
    if (request !== this.#request) {
      this.#request = request;
      this.#method = methodByName(request.method);
    }
    this.#methods[ticket] = this.#method;
    this.underWay++;
    this.#writer.write(request.bytes);
    return ticket;
  }

  drained(): void {
    this.#writer.drained();
  }

  abandon(): boolean {
    return false;
  }

  eachUnderWay(each: (ticket: number) => void): void {
    const { underWay } = this;
    const first = this.#first;
    for (let i = 0; i < underWay; i++) each((first + i) % this.#depth);
  }

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    const epoch = this.#epoch;
    this.#awaited = this.underWay;
    let p = start;
    while (p < end && this.#epoch === epoch) {
      const phase = this.#phase;
      if (phase === PHASE_HEAD) {
        if (this.#partial !== undefined) p = this.#resumeHead(this.#partial, bytes, p, end);
        else p = this.#readHead(bytes, p, end);
      } else if (phase === PHASE_LENGTH) {
        const count = Math.min(end - p, this.#remaining);
        this.#content?.addBody(bytes, p, p + count);
        this.#remaining -= count;
        p += count;
        if (this.#remaining === 0) this.#answered();
      } else if (phase === PHASE_CHUNKED) {
        p = this.#readChunked(bytes, p, end);
      } else {
        if (phase === PHASE_UNTIL_CLOSE) this.#content?.addBody(bytes, p, end);
        return;
      }
    }
  }

  peerEnded(): void {
    if (this.#phase === PHASE_UNTIL_CLOSE) this.#answered();
  }

  #readHead(bytes: Uint8Array, start: number, end: number): number {
    if (this.#awaited === 0) return this.#unsolicited(bytes, start, end);
    const parser = this.#client.parser;
    parser.reset(this.#methods[this.#first]!);
    const status = parser.parse(bytes, start, end);
    if (status === HEAD_REFUSED) return this.#garbage(parser.fault!, end);
    if (status === HEAD_MORE) {
      this.#partial = { parser, bytes: copyBytes(bytes, start, end) };
      this.#client.parser = new ResponseHeadParser();
      return end;
    }
    const headEnd = start + parser.headBytes;
    this.#headDone(parser, bytes, start, headEnd);
    return headEnd;
  }

  /** Goes on with a head whose beginning is kept. @returns the index in `bytes` after what was taken */
  #resumeHead(partial: PartialHead, bytes: Uint8Array, start: number, end: number): number {
    const kept = partial.bytes.length;
    const joined = concatBytes(partial.bytes, 0, kept, bytes, start, end);
    const status = partial.parser.parse(joined, 0, joined.length);
    if (status === HEAD_REFUSED) return this.#garbage(partial.parser.fault!, end);
    if (status === HEAD_MORE) {
      partial.bytes = joined;
      return end;
    }
    this.#partial = undefined;
    const { headBytes } = partial.parser;
    this.#headDone(partial.parser, joined, 0, headBytes);
    return start + headBytes - kept;
  }

  #headDone(parser: ResponseHeadParser, bytes: Uint8Array, start: number, end: number): void {
    // Another head follows an interim answer. RFC 9110 §15.2
    if (parser.isInterim) {
      this.#hasInterim = true;
      return;
    }
    this.#hasInterim = false;
    this.#status = parser.status;
    this.#keepAlive = parser.keepAlive;
    this.#content?.begin(parser.status, latin1Text(bytes, start, end));
    const framing = parser.bodyFraming;
    if (framing === BODY_LENGTH && parser.contentLength > 0) {
      this.#remaining = parser.contentLength;
      this.#phase = PHASE_LENGTH;
    } else if (framing === BODY_NONE || framing === BODY_LENGTH) this.#answered();
    else if (framing === BODY_CHUNKED) {
      this.#chunked ??= new ChunkedDecoder(CHUNKED_LIMITS);
      this.#chunked.reset();
      this.#phase = PHASE_CHUNKED;
    } else if (framing === BODY_UNTIL_CLOSE) this.#phase = PHASE_UNTIL_CLOSE;
  }

  #readChunked(bytes: Uint8Array, start: number, end: number): number {
    const decoder = this.#chunked!; // made when the phase was entered
    const p = decoder.decode(bytes, start, end);
    switch (decoder.event) {
      case CHUNKED_DATA:
        this.#content?.addBody(bytes, decoder.dataStart, decoder.dataEnd);
        return p;
      case CHUNKED_END:
        this.#answered();
        return p;
      case CHUNKED_REFUSED:
        return this.#garbage(decoder.fault!, end);
      case CHUNKED_MORE:
        return p;
      default:
        return p;
    }
  }

  /** The oldest request has its whole answer. */
  #answered(): void {
    const ticket = this.#first;
    this.#first = ticket + 1 === this.#depth ? 0 : ticket + 1;
    this.underWay--;
    this.#awaited--;
    this.#phase = PHASE_HEAD;
    if (!this.#keepAlive) {
      this.isSpent = true;
      this.#phase = PHASE_OVER;
    }
    const content = this.#content?.take();
    this.#client.handler.onAnswer(this, ticket, this.#status, content);
  }

  /**
   * Bytes behind the last answer that was due, or on an idle connection, can be the answer to nothing: neither
   * to a request that is begun now, which has not been sent. RFC 9112 §9.2
   * @returns `end`
   */
  #unsolicited(bytes: Uint8Array, start: number, end: number): number {
    this.#phase = PHASE_OVER;
    this.isSpent = true;
    const beginning = latin1Text(bytes, start, Math.min(end, start + FAREWELLS[0]!.length));
    const isFarewell = FAREWELLS.includes(beginning);
    this.#client.handler.onBroken(this, isFarewell ? FAILURE_NAMES.closedEarly : FAILURE_NAMES.unsolicited);
    return end;
  }

  /** @returns `end`: nothing that follows can be understood */
  #garbage(fault: Fault, end: number): number {
    this.#phase = PHASE_OVER;
    this.isSpent = true;
    this.#client.handler.onBroken(this, garbageName(fault));
    return end;
  }
}
