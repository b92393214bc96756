/**
 * One request of a node:http listener and its answer: core's own IncomingMessage and ServerResponse, and how they hang
 * together with the exchange that carries them. The exchange has the deadlines, the client's going and the log; this file has
 * the order in which a listener is told of things, which is node:http's.
 *
 * Invariant: the exchange is over exactly once, by `finish` when the answer is whole, or by whoever gave it up.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { CloseReason } from '../engine/engine.ts';
import type { AnswerBody } from '../http/answer-body.ts';
import type { FramedSink } from '../http/answer-sink.ts';
import { ResponseLengthError } from '../http/errors.ts';
import { type AnswerWriter, FramedWriter, PlannedWriter } from './answer-writer.ts';
import type { ConnectionSocket } from './connection-socket.ts';
import { ANSWER, type CoreRequest, type CoreResponse, coreFinish, coreStoreHeader } from './core.ts';
import type { NodeExchange } from './node-exchange.ts';
import { RequestReader } from './request-reader.ts';

type Callback = (error?: Error | null) => void;

const finishChannel: Channel = channel('http.server.response.finish');

export class NodeAnswer implements AnswerBody {
  readonly exchange: NodeExchange;
  readonly request: CoreRequest;
  readonly response: CoreResponse;
  readonly socket: ConnectionSocket;
  readonly reader: RequestReader;
  declaredLength = -1;
  readonly fileBytes = 0;
  committedBytes = 0;
  /** It has been given up, and whoever reads it will know that it is not whole. */
  isVisiblyCut = false;
  #isWhole = false;
  /** The listener asks for `Expect: 100-continue` itself and has not sent the 100. */
  owesContinue = false;
  readonly #framing: FramedSink | undefined;
  readonly #writer: AnswerWriter;
  readonly #needDrain: symbol | undefined;
  #isCalling = false;
  #isBegun = false;
  /** The listener writes to its socket, past the response. */
  #isRaw = false;
  #isEnded = false;
  #isToldFinished = false;
  /** Nobody takes it any more. */
  #isOver = false;
  /** Of writes that wait for room. */
  #callbacks: Callback[] | null = null;

  constructor(
    exchange: NodeExchange,
    request: CoreRequest,
    response: CoreResponse,
    socket: ConnectionSocket,
    needDrain: symbol | undefined,
  ) {
    const { sink } = exchange;
    this.exchange = exchange;
    this.request = request;
    this.response = response;
    this.socket = socket;
    this.#needDrain = needDrain;
    this.#framing = sink.framing;
    this.#writer =
      this.#framing === undefined
        ? new PlannedWriter(sink, exchange.host.plan)
        : new FramedWriter(this.#framing, sink);
    this.reader = new RequestReader(request, exchange.body, this);
    request[ANSWER] = this;
    request._read = readRequest;
    response[ANSWER] = this;
    response._storeHeader = storeHeader;
    response._finish = finishResponse;
  }

  /** Calls the listener. What it throws costs its own request. */
  run(listen: (answer: NodeAnswer) => void): void {
    this.#isCalling = true;
    try {
      listen(this);
    } catch (error) {
      this.failed(error);
    } finally {
      this.#isCalling = false;
    }
    if (!this.#isBegun && !this.#isOver) this.exchange.awaited();
  }

  /** The listener has failed. Nobody knows what it has left undone, so the connection ends behind what the client is told. */
  failed(error: unknown): void {
    if (this.#isOver || this.exchange.isFinished) {
      this.exchange.report('handler failed', error);
      return;
    }
    this.#framing?.last();
    this.exchange.failed(error);
  }

  /** AnswerBody */
  get isWhole(): boolean {
    return this.#isWhole || this.isVisiblyCut;
  }

  // The head.

  get mustBeLast(): boolean {
    const framing = this.#framing;
    if (framing === undefined || framing.isLastAnswer) return true;
    return this.owesContinue && this.exchange.body?.complete === false;
  }

  get isFramed(): boolean {
    return this.#framing !== undefined;
  }

  #begin(): boolean {
    const { exchange, response } = this;
    if (!exchange.begins(response.statusCode)) return false;
    this.#isBegun = true;
    const { _contentLength: length, _hasBody: hasBody } = response;
    if (hasBody && response.chunkedEncoding !== true && typeof length === 'number')
      this.declaredLength = length;
    this.#writer.begin(response);
    return true;
  }

  // What core writes to the socket.

  get hasRoom(): boolean {
    return this.#writer.hasRoom;
  }

  get unsentBytes(): number {
    return this.exchange.sink.unsentBytes;
  }

  get bodyBytes(): number {
    return this.exchange.bodyBytes;
  }

  /** @hot */
  write(data: string | Uint8Array, encoding: BufferEncoding | null, done: Callback | null): boolean {
    if (this.#isOver || this.#isWhole) {
      if (done !== null) process.nextTick(done);
      return false;
    }
    if (this.#isRaw) this.committedBytes += (this.#writer as FramedWriter).raw(data, encoding);
    else if (!this.#isBegun && !this.response._headerSent) this.#writeBefore(data, encoding);
    else if (this.#isBegun || this.#begin()) this.#writeContent(data, encoding);
    return this.#taken(done);
  }

  #writeContent(data: string | Uint8Array, encoding: BufferEncoding | null): void {
    if (data.length === 0) return;
    try {
      this.committedBytes += this.#writer.write(data, encoding);
    } catch (error) {
      // A field that this protocol cannot send.
      this.exchange.breakOff(error, 'response-failed');
      return;
    }
    if (this.#framing === undefined || !(this.#writer as FramedWriter).isOverfull) return;
    (this.#writer as FramedWriter).isOverfull = false;
    this.exchange.report('response body failed', new ResponseLengthError(this.declaredLength, 'has more'));
  }

  #taken(done: Callback | null): boolean {
    const { hasRoom } = this.#writer;
    // Core's own for writes that nobody waits for.
    if (done !== null && done.name !== 'nop') {
      if (hasRoom) process.nextTick(done);
      else if (this.#callbacks === null) this.#callbacks = [done];
      else this.#callbacks.push(done);
    }
    return hasRoom;
  }

  /** Bytes that come before any head: an interim answer, or what a listener writes to its socket by itself. */
  #writeBefore(data: string | Uint8Array, encoding: BufferEncoding | null): void {
    const text = typeof data === 'string' ? data : Buffer.from(data.subarray(0, 16)).toString('latin1');
    const status = /^HTTP\/1\.[01] ([1-5]\d\d)/.exec(text)?.[1];
    if (status?.startsWith('1') === true && status !== '101' && typeof data === 'string') {
      if (status === '100') this.owesContinue = false;
      this.#writer.interim(data);
      return;
    }
    // Only HTTP/1 is bytes that a listener could write.
    if (this.#framing === undefined || data.length === 0 || !this.exchange.begins(Number(status ?? 200)))
      return;
    this.#isBegun = true;
    this.#isRaw = true;
    this.#framing.last();
    this.committedBytes += (this.#writer as FramedWriter).raw(data, encoding);
  }

  /** The listener ends the connection itself. */
  endsConnection(): void {
    if (this.#isOver) return;
    this.#framing?.last();
    if (this.#isRaw) this.#complete();
    else if (!this.#isWhole) {
      // Where nothing else tells how long it is, this is its end.
      this.isVisiblyCut = this.#isBegun;
      this.abandon('closed-by-handler');
    }
    // The connection has been kept for another request.
    else if (this.exchange.isFinished) this.exchange.owner.abandon('closed-by-handler');
  }

  get isFinishing(): boolean {
    return this.#isWhole && !this.#isToldFinished;
  }

  /** Core has written all of it. */
  ended(): void {
    if (this.#isOver || this.#isEnded || !this.#isBegun) return;
    this.#isEnded = true;
    const { declaredLength, committedBytes } = this;
    if (declaredLength > committedBytes) {
      this.exchange.breakOff(
        new ResponseLengthError(declaredLength, `ended after ${committedBytes}`),
        'response-failed',
      );
      return;
    }
    if (this.#writer.end(this.response)) this.#complete();
  }

  #complete(): void {
    this.#isWhole = true;
    const { body } = this.exchange;
    // Node ends a connection that is not kept before it emits 'finish'.
    if (this.response._last) this.socket.writable = false;
    // Where the listener answers before it returns, pipelined requests follow in the same turn.
    if (this.#isCalling && this.#framing !== undefined && (body === null || body.complete)) this.#finish();
    // Behind 'finish', which core emits by the callback of its last write.
    if (this.#callbacks === null) process.nextTick(afterFinish, this);
    else this.#callbacks.push(() => this.finished());
  }

  #finish(): void {
    const { exchange, socket } = this;
    if (exchange.isFinished) return;
    exchange.responseBytes = this.committedBytes;
    if (!this.isFramed && socket.answer === this) socket.answer = null;
    exchange.finish();
  }

  /** 'finish' has been emitted. */
  finished(): void {
    const { request, response, socket, exchange } = this;
    this.#isToldFinished = true;
    if (finishChannel.hasSubscribers)
      finishChannel.publish({ request, response, socket, server: socket.server });
    this.guard(() => this.reader.passOver());
    if (socket._httpMessage === response) response.detachSocket(socket);
    process.nextTick(tellClosed, this);
    if (exchange.isFinished) this.#leave();
    else if (this.isFramed && !this.mustBeLast && exchange.body?.complete === false) {
      // The client was told that its connection is kept: the rest of its content is heard out.
      exchange.lingersForBody();
      this.reader.whenOver(() => this.#over());
    } else this.#over();
    if (socket.isGone) process.nextTick(tellLost, this);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#leave();
  }

  #leave(): void {
    if (this.socket.answer !== this) return;
    this.socket.answer = null;
    this.socket.rests();
  }

  // What happens to it.

  /** AnswerBody */
  start(): void {}

  /**
   * AnswerBody: node:http takes FIN for the client's going, unless it is told otherwise. There it is an event of its own behind
   * the request's, so an answer that waits for nothing but promises is sent before it.
   */
  peerEnded(): void {
    if (this.#isDone || this.socket.server.httpAllowHalfOpen === true) return;
    setImmediate(() => {
      if (!this.#isDone) this.abandon('client-closed');
    });
  }

  get #isDone(): boolean {
    return this.#isWhole || this.#isOver || this.exchange.isFinished;
  }

  /** Ends the connection: by FIN, where its client sees that something is missing. */
  abandon(reason: CloseReason): void {
    if (this.response.chunkedEncoding === true || this.declaredLength > this.committedBytes)
      this.isVisiblyCut = true;
    this.exchange.owner.abandon(reason);
  }

  /** ReaderOwner */
  moved(): void {
    this.socket.moved();
    if (this.#isWhole && !this.exchange.isFinished) this.exchange.lingersForBody();
  }

  drained(): void {
    this.socket.moved();
    const isEnded = this.#writer.drained();
    if (isEnded && !this.#isWhole) this.#complete();
    if (!this.#writer.hasRoom && !this.#isWhole) return;
    this.guard(() => this.#tellRoom());
  }

  #tellRoom(): void {
    const callbacks = this.#callbacks;
    this.#callbacks = null;
    if (callbacks !== null) for (const call of callbacks) call();
    const { response } = this;
    const state = response as unknown as Record<symbol, boolean>;
    if (this.#needDrain === undefined || !state[this.#needDrain] || this.#isWhole) return;
    state[this.#needDrain] = false;
    response.emit('drain');
  }

  /** AnswerBody: the client is gone, or another answer has been given in this one's place. */
  cancel(): void {
    if (this.#isOver || (this.exchange.isFinished && this.#isWhole)) return;
    this.#isOver = true;
    this.#callbacks = null;
    this.guard(() => this.socket.lost());
  }

  /** Before 'close' of the socket, as node:http has it. */
  abortRequest(): void {
    const { request } = this;
    if (this.#isWhole || request.destroyed) return;
    request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
  }

  /** The socket has been silent for the time that somebody set. @returns whether anybody listens for that */
  emitTimeout(): boolean {
    const { request, response, socket } = this;
    const isHeard = !request.complete && request.emit('timeout', socket);
    return response.emit('timeout', socket) || isHeard;
  }

  /** Calls what listeners have laid down, in a context of its own. What they throw is theirs. */
  guard(work: () => void): void {
    try {
      this.exchange.host.scope.run(work, undefined);
    } catch (error) {
      this.failed(error);
    }
  }
}

function tellClosed(answer: NodeAnswer): void {
  const { response } = answer;
  if (response._closed) return;
  response.destroyed = true;
  response._closed = true;
  answer.guard(() => response.emit('close'));
}

function tellLost(answer: NodeAnswer): void {
  answer.guard(() => answer.socket.lost());
}

function afterFinish(answer: NodeAnswer): void {
  answer.finished();
}

function readRequest(this: CoreRequest): void {
  this[ANSWER].reader.read();
}

/** `_storeHeader` of a response: the head is decided. */
function storeHeader(this: CoreResponse, firstLine: string, headers: unknown): void {
  const answer = this[ANSWER];
  if (answer.mustBeLast) this.shouldKeepAlive = false;
  coreStoreHeader.call(this, firstLine, headers);
  // Other protocols frame by themselves.
  if (!answer.isFramed) this.chunkedEncoding = false;
}

/** `_finish` of a response: core has written all of it. */
function finishResponse(this: CoreResponse): void {
  coreFinish.call(this);
  this[ANSWER].ended();
}
