/**
 * One request and its answer: calls the handler, takes what it returns or throws, and sees the answer
 * to its last byte. Knows nothing of sockets beyond its connection.
 *
 * The answer begins at most once: `#settled` is set by whoever comes first, the handler, its deadline,
 * a fault in the request's body or the client's going. What comes later is discarded, never sent.
 */

import type { CloseReason } from '../engine/engine.ts';
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
  type OutgoingBody,
  type ResponseParts,
  responseParts,
  shortText,
} from '../web/parts.ts';
import { createRequest, type HoldfastRequest } from '../web/request.ts';
import type { Response } from '../web/response.ts';
import type { HttpConnection } from './connection.ts';
import { ServerContext } from './context.ts';
import { HandlerTimeoutError, RequestFaultError } from './errors.ts';
import type { RequestBody } from './request-body.ts';
import { FRAMING_CLOSE, ResponseStream } from './response-stream.ts';

const NEVER = Number.POSITIVE_INFINITY;
/** A head ends with an empty line (RFC 9112 §2.1), which is no field. */
const EMPTY_LINE_BYTES = 2;

export class Exchange {
  readonly connection: HttpConnection;
  readonly id: number;
  readonly method: number;
  readonly minor: number;
  keepAlive: boolean;
  expectsContinue: boolean;
  body: RequestBody | null = null;
  bodyBytes = 0;
  /** For the access log; 0 until the answer begins. */
  status = 0;
  responseBytes = 0;
  readonly startedAtMs: number;
  /** Not a number until there is one: a double would be allocated with every exchange. */
  handlerDeadlineMs: number | undefined = undefined;
  bodyDeadlineMs: number | undefined = undefined;
  closeReason: CloseReason = 'answered';
  readonly request: HoldfastRequest;
  isFinished = false;
  /** Why the client did not get its answer whole. */
  goneError: Error | undefined = undefined;
  #settled = false;
  #stream: ResponseStream | null = null;
  #controller: AbortController | null = null;
  #context: ServerContext | null = null;

  constructor(
    connection: HttpConnection,
    id: number,
    parser: RequestHeadParser,
    text: string,
    textAt: number,
    url: string | undefined,
  ) {
    this.connection = connection;
    this.id = id;
    this.method = parser.method;
    this.minor = parser.minor;
    this.keepAlive = parser.keepAlive;
    this.expectsContinue = parser.expectContinue;
    this.startedAtMs = connection.thread.nowMs;
    const host = parser.hostStart;
    this.request = createRequest(
      connection,
      id,
      text,
      textAt + parser.methodStart,
      parser.method,
      textAt + parser.methodEnd,
      textAt + parser.targetStart,
      textAt + parser.targetEnd,
      host === -1 ? -1 : textAt + host,
      host === -1 ? -1 : textAt + parser.hostEnd,
      textAt + parser.fieldsStart,
      textAt + parser.headBytes - EMPTY_LINE_BYTES,
      parser.contentLength > 0 || parser.chunked,
      url,
    );
  }

  /** The request target as it was sent. */
  get target(): string {
    const { request } = this;
    return request._text.slice(request._targetStart, request._targetEnd);
  }

  /** The earlier of its deadlines. */
  get deadlineMs(): number {
    return Math.min(this.bodyDeadlineMs ?? NEVER, this.handlerDeadlineMs ?? NEVER);
  }

  get isHead(): boolean {
    return this.method === METHOD_HEAD;
  }

  /** Aborts when the client goes before the last byte was handed over. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** Calls the handler. @hot */
  run(): void {
    const thread = this.connection.thread;
    const context = new ServerContext(this);
    this.#context = context;
    const { fetch } = thread;
    let result: unknown;
    try {
      result = fetch(this.request as unknown as Request, context, context);
    } catch (error) {
      this.#handlerFailed(error);
      return;
    }
    if (isLightResponse(result)) {
      if (!this.#sendShort(result)) this.#respond(result);
    } else if (isThenable(result)) this.#awaitHandler(result);
    else this.#respond(result);
  }

  /** The commonest answer takes no detour. @returns false when it is not as simple as that. @hot */
  #sendShort(response: Response): boolean {
    const text = shortText(response);
    if (text === undefined || this.isHead || this.body !== null || this.#settled) return false;
    const { thread, engine } = this.connection;
    if (thread.isDraining || this.id >= thread.settings.limits.requestsPerConnectionMax)
      this.keepAlive = false;
    if (!thread.writer.shortText(engine, this, response._status, response._contentType, text)) return false;
    response._used = true;
    this.#settled = true;
    this.status = response._status;
    this.finish();
    return true;
  }

  #awaitHandler(promise: PromiseLike<unknown>): void {
    const { thread } = this.connection;
    const { handlerMs } = thread.settings.timeouts;
    // No deadline but the handler's own while it works: keep-alive idle time is not charged to it.
    if (handlerMs !== NEVER) this.handlerDeadlineMs = thread.nowMs + handlerMs;
    this.connection.updateExchangeDeadline();
    promise.then(
      (response) => this.#respond(response),
      (error) => this.#handlerFailed(error),
    );
  }

  /** @param fromHook from the error hook, whose own failures have no second hook */
  #respond(response: unknown, fromHook = false): void {
    if (this.#settled) {
      discardResponse(response);
      return;
    }
    const { parts } = this.connection.thread;
    try {
      responseParts(response, parts);
    } catch (error) {
      if (fromHook) this.#errorHookFailed(error);
      else this.#handlerFailed(error);
      return;
    }
    this.#send(parts);
  }

  #send(parts: ResponseParts): void {
    const { connection } = this;
    const { thread } = connection;
    this.#settled = true;
    this.handlerDeadlineMs = undefined;
    this.status = parts.status;
    if (this.body !== null && !this.body.complete) this.keepAlive = false;
    if (thread.isDraining || this.id >= thread.settings.limits.requestsPerConnectionMax)
      this.keepAlive = false;
    if (this.expectsContinue) this.#settleExpectation(parts);
    let stream: OutgoingBody | null;
    try {
      stream = thread.writer.begin(connection.engine, this, parts);
    } catch (error) {
      // Nothing has been committed: a name or value that is not legal in a head.
      this.#settled = false;
      this.#handlerFailed(error);
      return;
    }
    if (stream === null) {
      this.finish();
      return;
    }
    this.#stream = new ResponseStream(this, stream, thread.writer.framing, thread.writer.declaredLength);
    connection.updateExchangeDeadline();
    this.#stream.start();
  }

  /**
   * Nothing interim may follow the head of the final answer (RFC 9110 §15.2). An answer that streams the
   * request's own body needs it, so the client is told to send it now or never.
   */
  #settleExpectation(parts: ResponseParts): void {
    this.expectsContinue = false;
    const isStream =
      typeof parts.body === 'object' && parts.body !== null && !(parts.body instanceof Uint8Array);
    if (isStream && this.request.bodyUsed && this.body?.complete === false)
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
  breakOff(error: unknown, reason: CloseReason, framing: number): void {
    const { thread } = this.connection;
    thread.logError('response body failed', error, this);
    // Where the end of the connection is the end of the body, only a reset tells the two apart.
    if (framing === FRAMING_CLOSE) this.connection.reset(reason);
    else this.connection.close(reason);
  }

  /** The handler threw or rejected, or what it returned is no Response. */
  #handlerFailed(error: unknown): void {
    if (this.#settled) return;
    const { thread } = this.connection;
    thread.logError('handler failed', error, this);
    if (thread.errorHandler === undefined) {
      this.#answerFailure();
      return;
    }
    let result: unknown;
    try {
      result = thread.errorHandler(error, this.request as unknown as Request);
    } catch (second) {
      this.#errorHookFailed(second);
      return;
    }
    if (isThenable(result)) {
      result.then(
        (response) => this.#respond(response, true),
        (second) => this.#errorHookFailed(second),
      );
    } else this.#respond(result, true);
  }

  #errorHookFailed(error: unknown): void {
    if (this.#settled) return;
    this.connection.thread.logError('error hook failed', error, this);
    this.#answerFailure();
  }

  /** The bare 500. It keeps the connection: the client has done nothing wrong. */
  #answerFailure(): void {
    const { parts } = this.connection.thread;
    parts.status = FAULT_HANDLER_FAILED.status;
    parts.statusText = '';
    parts.contentType = 'text/plain;charset=UTF-8';
    parts.names = [];
    parts.values = [];
    parts.body = `${FAULT_HANDLER_FAILED.status} Internal Server Error: ${FAULT_HANDLER_FAILED.sentence}\n`;
    this.#send(parts);
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
    this.#controller?.abort(error);
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
    } else return false;
    return true;
  }

  #handlerTimeout(fault: Fault): void {
    if (this.#settled) return;
    const error = new HandlerTimeoutError(this.connection.thread.settings.timeouts.handlerMs);
    this.connection.thread.countFault(fault);
    this.keepAlive = false;
    this.closeReason = fault.code;
    this.#answerFault(fault);
    this.#controller?.abort(error);
    this.body?.fail(error);
  }

  /** The connection ended before the last byte was handed over. */
  clientGone(error: Error): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.#settled = true;
    this.body?.fail(error);
    this.#stream?.cancel(error);
    this.#controller?.abort(error);
    this.goneError = error;
    this.connection.thread.exchangeAborted(this);
    this.#context?.settle(error);
  }

  /** Only the end of the connection will tell the end of the answer: FIN would pass for it. RFC 9112 §6.3 */
  get endsByClose(): boolean {
    return this.#stream?.framing === FRAMING_CLOSE;
  }

  drained(): void {
    this.#stream?.drained();
  }

  /** The connection lets go of it. */
  release(): void {
    this.#stream = null;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** An answer that came too late: its stream is told, so that producers and handles are released. */
function discardResponse(response: unknown): void {
  const body = (response as { body?: { cancel?: (reason?: unknown) => Promise<void> } | null } | null)?.body;
  body?.cancel?.(new Error('the answer came after the exchange had ended'))?.catch(() => {});
}
