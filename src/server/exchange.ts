/**
 * One request and its answer: calls the handler, takes what it returns or throws, and sees the answer
 * to its last byte. Knows nothing of sockets beyond its connection.
 *
 * The answer begins at most once: `#settled` is set by whoever comes first, the handler, its deadline,
 * a fault in the request's body or the client's going. What comes later is discarded, never sent.
 *
 * Nothing that a handler throws, gives back or lets happen leaves this file as an exception: it costs the
 * handler's own request and nobody else's.
 */

import type { CloseReason } from '../engine/engine.ts';
import { discardResponse } from '../http/discard.ts';
import {
  ClientGoneError,
  HandlerTimeoutError,
  LateAnswerError,
  RequestFaultError,
  RequestOverError,
} from '../http/errors.ts';
import { promised, whenSettled } from '../http/promised.ts';
import type { RequestBody } from '../http/request-body.ts';
import { plainAddress } from '../http/trusted-proxies.ts';
import {
  FAULT_BODY_TIMEOUT,
  FAULT_HANDLER_FAILED,
  FAULT_HANDLER_TIMEOUT,
  type Fault,
} from '../protocol/error.ts';
import type { RequestHeadParser } from '../protocol/h1/request-head.ts';
import { METHOD_HEAD } from '../protocol/semantics/methods.ts';
import {
  isLightResponse,
  isOutgoing,
  type OutgoingBody,
  ResponseParts,
  responseParts,
  shortText,
} from '../web/parts.ts';
import {
  createRequest,
  type ExchangePort,
  type ForwardedClient,
  type HoldfastRequest,
  type IncomingBody,
  sentMethod,
  sentTarget,
} from '../web/request.ts';
import type { Response } from '../web/response.ts';
import type { HttpConnection } from './connection.ts';
import { ServerContext } from './context.ts';
import { ResponseStream } from './response-stream.ts';

const NEVER = Number.POSITIVE_INFINITY;
/** A head ends with an empty line (RFC 9112 §2.1), which is no field. */
const EMPTY_LINE_BYTES = 2;

export class Exchange implements ExchangePort {
  readonly connection: HttpConnection;
  readonly id: number;
  readonly method: number;
  readonly minor: number;
  keepAlive: boolean;
  /** The client has said that it sends nothing behind this request. RFC 9112 §9.6 */
  readonly isClientsLast: boolean;
  expectsContinue: boolean;
  body: RequestBody | null = null;
  bodyBytes = 0;
  /** For the access log; 0 until the answer begins. */
  status = 0;
  responseBytes = 0;
  /** When the first byte of the request came, as far as that is known. */
  readonly startedAtMs: number;
  /** Not a number until there is one: a double would be allocated with every exchange. */
  handlerDeadlineMs: number | undefined = undefined;
  bodyDeadlineMs: number | undefined = undefined;
  /** The client has sent FIN, and its stream has had nothing to send: when it is given up. */
  quietDeadlineMs: number | undefined = undefined;
  closeReason: CloseReason = 'answered';
  readonly request: HoldfastRequest;
  isFinished = false;
  /** Why the client did not get its answer whole. */
  goneError: Error | undefined = undefined;
  #settled = false;
  #stream: ResponseStream | null = null;
  #controller: AbortController | null = null;
  #abortReason: Error | undefined = undefined;
  #context: ServerContext | null = null;
  #handlerError: unknown = undefined;

  constructor(
    connection: HttpConnection,
    id: number,
    startedAtMs: number,
    parser: RequestHeadParser,
    text: string,
    url: string | undefined,
  ) {
    this.connection = connection;
    this.id = id;
    this.method = parser.method;
    this.minor = parser.minor;
    this.keepAlive = parser.keepAlive;
    this.isClientsLast = !parser.keepAlive;
    this.expectsContinue = parser.expectContinue;
    this.startedAtMs = startedAtMs;
    this.request = createRequest(
      this,
      id,
      text,
      parser.methodStart,
      parser.method,
      parser.methodEnd,
      parser.targetStart,
      parser.targetEnd,
      parser.hostStart,
      parser.hostEnd,
      parser.fieldsStart,
      parser.headBytes - EMPTY_LINE_BYTES,
      parser.contentLength > 0 || parser.chunked,
      url,
    );
  }

  /** The method as it was sent: the properties of the Request are the handler's to redefine. */
  get methodName(): string {
    return sentMethod(this.request);
  }

  /** The request target as it was sent. */
  get target(): string {
    return sentTarget(this.request);
  }

  /** The earliest of its deadlines. */
  get deadlineMs(): number {
    return Math.min(
      this.bodyDeadlineMs ?? NEVER,
      this.handlerDeadlineMs ?? NEVER,
      this.quietDeadlineMs ?? NEVER,
    );
  }

  get isHead(): boolean {
    return this.method === METHOD_HEAD;
  }

  // ExchangePort: what the Request asks for, also when the exchange is over.

  get exchangeId(): number {
    return this.id;
  }

  get scheme(): 'http' | 'https' {
    return this.connection.thread.scheme;
  }

  get defaultAuthority(): string {
    return this.connection.thread.defaultAuthority;
  }

  get peerIp(): string | undefined {
    return plainAddress(this.connection.engine.remoteAddress());
  }

  forwarded(request: HoldfastRequest): ForwardedClient | undefined {
    const { engine, thread } = this.connection;
    return thread.proxies?.clientOf(engine.remoteAddress(), request.headers);
  }

  abortSignal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      // A client that has finished sending had done so before the handler began, when requests were pipelined.
      if (this.connection.hasPeerEnded && !this.isFinished)
        this.#abortReason ??= new ClientGoneError('client-closed');
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  requestBody(): IncomingBody | undefined {
    return this.body ?? undefined;
  }

  // The handler.

  /** Calls the handler, in an async context of its own. @hot */
  run(): void {
    this.connection.thread.scope.run(this.callHandler, this);
  }

  /** @hot */
  callHandler(): void {
    const context = new ServerContext(this);
    this.#context = context;
    // No method call: `this` would be an object of ours.
    const { fetch } = this.connection.thread;
    let result: unknown;
    let isLight: boolean;
    let promise: Promise<unknown> | undefined;
    try {
      result = fetch(this.request as unknown as Request, context, context);
      isLight = isLightResponse(result);
      promise = isLight ? undefined : promised(result);
      if (promise !== undefined) this.#await(promise, false);
    } catch (error) {
      this.#handlerFailed(error);
      return;
    }
    if (promise === undefined && !(isLight && this.#sendShort(result as Response)))
      this.#respond(result, false);
  }

  /** The commonest answer takes no detour. @returns false when it is not as simple as that @hot */
  #sendShort(response: Response): boolean {
    const text = shortText(response);
    if (text === undefined || this.isHead || this.body !== null || this.#settled) return false;
    const { thread, engine } = this.connection;
    if (thread.isDraining || this.id >= thread.settings.limits.requestsPerConnectionMax)
      this.keepAlive = false;
    try {
      // Throws, before anything is written, where it is frozen.
      response._used = true;
      if (!thread.writer.shortText(engine, this, response._status, response._contentType, text)) {
        response._used = false;
        return false;
      }
    } catch (error) {
      this.#handlerFailed(error);
      return true;
    }
    this.#settled = true;
    this.status = response._status;
    this.finish();
    return true;
  }

  /**
   * @param fromHook from the error hook, whose own failures have no second hook
   * @throws for what only looks like a promise
   */
  #await(promise: Promise<unknown>, fromHook: boolean): void {
    whenSettled(
      promise,
      (response) => this.#respond(response, fromHook),
      (error) => this.#failed(error, fromHook),
    );
    const { thread } = this.connection;
    const { handlerMs } = thread.settings.timeouts;
    // No deadline but the handler's own while it works: keep-alive idle time is not charged to it.
    if (handlerMs !== NEVER) this.handlerDeadlineMs ??= thread.nowMs + handlerMs;
    this.connection.updateExchangeDeadline();
  }

  #respond(response: unknown, fromHook: boolean): void {
    if (this.#settled) {
      discardResponse(response, this.#abortReason ?? new LateAnswerError());
      return;
    }
    const { parts } = this.connection.thread;
    try {
      responseParts(response, parts);
    } catch (error) {
      discardResponse(response, error);
      this.#failed(error, fromHook);
      return;
    }
    const { body } = parts;
    if (isOutgoing(body) && body.look !== undefined) this.#look(body.look(), fromHook);
    else this.#send(parts, fromHook);
  }

  /** How long the body is will be known in a moment. */
  #look(looking: Promise<ResponseParts['body']>, fromHook: boolean): void {
    const parts = Object.assign(new ResponseParts(), this.connection.thread.parts);
    void looking.then((body) => {
      parts.body = body;
      if (!this.#settled) this.#send(parts, fromHook);
      else if (isOutgoing(body)) body.cancel(this.#abortReason ?? new LateAnswerError());
    });
    this.connection.updateExchangeDeadline();
  }

  #send(parts: ResponseParts, fromHook: boolean): void {
    const { connection } = this;
    const { thread } = connection;
    const { body } = parts;
    this.#settled = true;
    this.status = parts.status;
    if (this.body !== null && !this.body.complete) this.keepAlive = false;
    if (thread.isDraining || this.id >= thread.settings.limits.requestsPerConnectionMax)
      this.keepAlive = false;
    let stream: OutgoingBody | null;
    try {
      if (this.expectsContinue) this.#settleExpectation(parts);
      stream = thread.writer.begin(connection.engine, this, parts);
    } catch (error) {
      // Nothing has been committed: a name or value that is not legal in a head.
      this.#settled = false;
      this.status = 0;
      if (isOutgoing(body)) body.cancel(error);
      this.#failed(error, fromHook);
      return;
    }
    this.handlerDeadlineMs = undefined;
    if (stream === null) {
      this.finish();
      return;
    }
    this.#stream = new ResponseStream(this, stream, thread.writer.framing, thread.writer.declaredLength);
    connection.updateExchangeDeadline();
    this.#stream.start();
    if (connection.hasPeerEnded) this.watchQuiet();
  }

  /**
   * Nothing interim may follow the head of the final answer (RFC 9110 §15.2). An answer that streams the
   * request's own body needs it, so the client is told to send it now or never.
   */
  #settleExpectation(parts: ResponseParts): void {
    this.expectsContinue = false;
    if (isOutgoing(parts.body) && this.request.bodyUsed && this.body?.complete === false)
      this.connection.thread.writeContinue(this.connection.engine);
  }

  /** The last byte has been handed over. */
  finish(): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.connection.thread.exchangeFinished(this);
    this.#context?.settle(undefined);
    this.connection.exchangeFinished(this);
  }

  /** The answer cannot be completed: the client must see that, so the connection breaks. */
  breakOff(error: unknown, reason: CloseReason): void {
    this.connection.thread.logError('response body failed', error, this);
    this.connection.close(reason);
  }

  #failed(error: unknown, inHook: boolean): void {
    if (inHook) this.#errorHookFailed(error);
    else this.#handlerFailed(error);
  }

  /** The handler threw or rejected, or what it returned cannot be sent. */
  #handlerFailed(error: unknown): void {
    if (this.#settled) return;
    const { thread } = this.connection;
    const { errorHandler } = thread;
    this.#handlerError = error;
    if (errorHandler === undefined) {
      thread.logError('handler failed', error, this);
      this.#answerFailure();
      return;
    }
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      result = errorHandler(error, this.request as unknown as Request);
      promise = promised(result);
      if (promise !== undefined) this.#await(promise, true);
    } catch (second) {
      this.#errorHookFailed(second);
      return;
    }
    if (promise === undefined) this.#respond(result, true);
  }

  #errorHookFailed(error: unknown): void {
    if (this.#settled) return;
    this.connection.thread.logHookError(error, this.#handlerError, this);
    this.#answerFailure();
  }

  /** The bare 500. It keeps the connection: the client has done nothing wrong. */
  #answerFailure(): void {
    const { parts } = this.connection.thread;
    const { status, sentence } = FAULT_HANDLER_FAILED;
    parts.setText(status, `${status} Internal Server Error: ${sentence}\n`);
    this.#send(parts, true);
  }

  /** Our own short answer, the last on this connection. */
  #answerFault(fault: Fault): void {
    this.#settled = true;
    this.status = fault.status;
    this.handlerDeadlineMs = undefined;
    this.keepAlive = false;
    this.responseBytes = this.connection.thread.writer.fault(this.connection.engine, this, fault);
    this.finish();
  }

  /** The body broke a rule, a limit or its deadline. */
  requestFault(fault: Fault, error: RequestFaultError): void {
    this.body?.fail(error);
    this.keepAlive = false;
    this.closeReason = fault.code;
    if (this.#settled) {
      // The answer is under way: let it end, then close.
      if (this.isFinished) this.connection.linger(fault.code);
      return;
    }
    this.connection.thread.countFault(fault);
    this.#abort(error);
    this.#answerFault(fault);
  }

  /** @returns false when neither of its deadlines has come */
  deadline(nowMs: number): boolean {
    const { deadlines } = this.connection.thread;
    if (nowMs >= (this.handlerDeadlineMs ?? NEVER)) {
      this.handlerDeadlineMs = undefined;
      deadlines.handler++;
      this.#handlerTimeout(FAULT_HANDLER_TIMEOUT);
    } else if (nowMs >= (this.bodyDeadlineMs ?? NEVER)) {
      deadlines.body++;
      this.requestFault(FAULT_BODY_TIMEOUT, new RequestFaultError(FAULT_BODY_TIMEOUT));
    } else if (nowMs >= (this.quietDeadlineMs ?? NEVER)) {
      deadlines.linger++;
      this.connection.close('client-closed');
    } else return false;
    return true;
  }

  #handlerTimeout(fault: Fault): void {
    if (this.#settled) return;
    const error = new HandlerTimeoutError(this.connection.thread.settings.timeouts.handlerMs);
    this.connection.thread.countFault(fault);
    this.keepAlive = false;
    this.closeReason = fault.code;
    this.#abortReason ??= error;
    this.#answerFault(fault);
    this.#abort(error);
  }

  /**
   * The client has sent FIN. Most that do have gone, so who works for it is told; one that has only finished
   * sending (RFC 9112 §9.6) gets the answer all the same.
   */
  peerEnded(): void {
    this.#abort(new ClientGoneError('client-closed'));
    this.watchQuiet();
  }

  /** A stream that has nothing to send never learns whether anybody is left to read it: it gets a deadline. */
  watchQuiet(): void {
    if (this.#stream === null || this.isFinished) return;
    const { engine, thread } = this.connection;
    // While something waits to be sent, a call of `drained` is owed.
    this.quietDeadlineMs =
      engine.unsentBytes > 0 ? undefined : thread.nowMs + thread.settings.timeouts.lingerMs;
    this.connection.armExchange(this);
  }

  /** The connection ended before the last byte was handed over. */
  clientGone(error: Error): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.#settled = true;
    this.goneError = error;
    this.#abortReason ??= error;
    this.body?.fail(this.#abortReason);
    this.#stream?.cancel(this.#abortReason);
    this.#abort(error);
    this.connection.thread.exchangeAborted(this);
    this.#context?.settle(error);
  }

  /** The first reason stands. Listeners are the handler's, and run in a context of their own as it did. */
  #abort(reason: Error): void {
    this.#abortReason ??= reason;
    if (this.#controller !== null && !this.#controller.signal.aborted)
      this.connection.thread.scope.run(this.abortNow, this);
  }

  abortNow(): void {
    this.#controller?.abort(this.#abortReason);
  }

  /** Were the connection to end now, its client would have half an answer, for the whole of which FIN may pass: it has to be reset. */
  get isCutShort(): boolean {
    return this.#stream !== null && !this.#stream.isWhole;
  }

  drained(): void {
    this.#stream?.drained();
    if (this.connection.hasPeerEnded) this.watchQuiet();
  }

  /** The connection lets go of it. What has come of the body as a whole can still be read. */
  release(): void {
    this.#stream = null;
    if (this.body !== null && !this.body.complete)
      this.body.fail(this.#abortReason ?? new RequestOverError());
  }
}
