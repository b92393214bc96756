/**
 * One request and its answer: calls the handler, takes what it returns or throws, and sees the answer
 * to its last byte. Knows no protocol and no socket: who carries it is its owner, and its answer goes to a sink.
 *
 * The answer begins at most once: `#settled` is set by whoever comes first, the handler, its deadline,
 * a fault in the request's body or the client's going. What comes later is discarded, never sent.
 *
 * Nothing that a handler throws, gives back or lets happen leaves this file as an exception: it costs the
 * handler's own request and nobody else's.
 */
import type { CloseReason } from '../engine/engine.ts';
import {
  FAULT_BODY_TIMEOUT,
  FAULT_HANDLER_FAILED,
  FAULT_HANDLER_TIMEOUT,
  type Fault,
} from '../protocol/error.ts';
import { isLightResponse, isOutgoing, ResponseParts, responseParts, shortText } from '../web/parts.ts';
import type { RequestHead } from '../web/request.ts';
import type { Response } from '../web/response.ts';
import type { AnswerBody } from './answer-body.ts';
import type { AnswerSink } from './answer-sink.ts';
import { AskedExchange } from './asked-exchange.ts';
import { NEVER } from './connection-deadline.ts';
import { contentOf } from './content-of.ts';
import { ServerContext } from './context.ts';
import { discardResponse } from './discard.ts';
import {
  ClientGoneError,
  HandlerTimeoutError,
  LateAnswerError,
  RequestFaultError,
  RequestOverError,
} from './errors.ts';
import type { DirectHandler, ExchangeHost } from './exchange-host.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { promised, whenSettled } from './promised.ts';
import { beginAnswer, type Takeover } from './takeover.ts';
import { abortChannel, beginChannel, finishChannel, traceExchange } from './trace.ts';
import type { Trailers } from './trailers.ts';

export class Exchange extends AskedExchange {
  readonly sink: AnswerSink;
  /** The client waits for `100 Continue` before it sends the body. RFC 9110 §10.1.1 */
  expectsContinue: boolean;
  /** It expects something else, which its handler has said that it takes. */
  expectsOther = false;
  bodyBytes = 0;
  /** For the access log; 0 until the answer begins. */
  status = 0;
  responseBytes = 0;
  trailers: Trailers | undefined = undefined;
  paceBytesPerSecond: number | undefined = undefined;
  /** What takes the connection over if the answer is 101. */
  takeover: Takeover | undefined = undefined;
  /** Undefined until a deadline is set: a field that holds a double from the start would cost each exchange an allocation. */
  handlerDeadlineMs: number | undefined = undefined;
  bodyDeadlineMs: number | undefined = undefined;
  /** The client has sent FIN and the stream has nothing to send: at this moment it is given up. */
  quietDeadlineMs: number | undefined = undefined;
  closeReason: CloseReason = 'answered';
  isHandlerBusy = false;
  /** Why the client did not get its answer whole. */
  goneError: Error | undefined = undefined;
  #settled = false;
  content: AnswerBody | null = null;
  /** Writes the answer, where no Response tells it. */
  #writer: AnswerBody | null = null;
  #context: ServerContext | null = null;
  #handlerError: unknown = undefined;

  /**
   * @param head read now, and not kept
   * @param url of the request, where it is known already
   * @hot
   */
  constructor(
    host: ExchangeHost,
    owner: ExchangeOwner,
    sink: AnswerSink,
    startedAtMs: number,
    head: RequestHead,
    text: string,
    url: string | undefined,
    expectsContinue: boolean,
  ) {
    super(host, owner, startedAtMs, head, text, url);
    this.sink = sink;
    this.expectsContinue = expectsContinue;
  }

  /** The earliest of its deadlines. */
  get deadlineMs(): number {
    return Math.min(
      this.bodyDeadlineMs ?? NEVER,
      this.handlerDeadlineMs ?? NEVER,
      this.quietDeadlineMs ?? NEVER,
    );
  }

  /** Calls the handler, in an async context of its own. @hot */
  run(): void {
    if (beginChannel.hasSubscribers) traceExchange(beginChannel, this);
    this.host.scope.run(this.callHandler, this);
  }

  /** @hot */
  callHandler(): void {
    const { direct } = this.host;
    if (direct !== undefined) {
      this.#callDirect(direct);
      return;
    }
    const context = new ServerContext(this);
    this.#context = context;
    // No method call: `this` would be an object of ours.
    const { fetch } = this.host;
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

  /** Calls a handler that writes its answer itself. @hot */
  #callDirect(direct: DirectHandler): void {
    try {
      direct(this);
    } catch (error) {
      this.failed(error);
    }
  }

  // What a handler that writes its answer itself tells.

  /** @param writer hears from now on what becomes of it: `cancel` when nobody takes its answer any more, be that begun or not */
  writtenBy(writer: AnswerBody): void {
    this.#writer = writer;
  }

  /** The answer is not there yet when the handler returns. @hot */
  awaited(): void {
    this.isHandlerBusy = true;
    this.#waitForHandler();
  }

  /** Its head is being written. @returns false where another answer has gone out, or nobody is left to read it @hot */
  begins(status: number): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.status = status;
    this.isHandlerBusy = false;
    this.handlerDeadlineMs = undefined;
    this.content = this.#writer;
    if (this.owner.hasPeerEnded) this.watchQuiet();
    return true;
  }

  /** The handler has failed, before or after its answer began. */
  failed(error: unknown): void {
    if (this.isFinished) return;
    if (this.#settled) this.breakOff(error, 'response-failed');
    else this.#handlerFailed(error);
  }

  /** Its answer is whole and its content is not: that may go on as long as a handler's waiting for it may. */
  lingersForBody(): void {
    this.quietDeadlineMs = this.host.nowMs + this.host.settings.timeouts.bodyMs;
    this.owner.armExchange(this);
  }

  report(what: string, error: unknown): void {
    this.host.logError(what, error, this);
  }

  /** The commonest answer takes no detour. @returns false when it is not as simple as that @hot */
  #sendShort(response: Response): boolean {
    const text = shortText(response);
    if (
      text === undefined ||
      this.isHead ||
      this.body !== null ||
      this.#settled ||
      this.trailers !== undefined
    )
      return false;
    try {
      // Throws, before anything is written, where it is frozen.
      response._used = true;
      if (!this.sink.shortText(response._status, response._contentType, text)) {
        response._used = false;
        return false;
      }
    } catch (error) {
      this.#handlerFailed(error);
      return true;
    }
    this.#settled = true;
    this.status = response._status;
    this.responseBytes = text.length;
    this.finish();
    return true;
  }

  /**
   * @param fromHook from the error hook, whose own failures have no second hook
   * @throws for what only looks like a promise
   */
  #await(promise: Promise<unknown>, fromHook: boolean): void {
    this.isHandlerBusy = true;
    whenSettled(
      promise,
      (response) => {
        this.#handlerEnded();
        this.#respond(response, fromHook);
      },
      (error) => {
        this.#handlerEnded();
        this.#failed(error, fromHook);
      },
    );
    this.#waitForHandler();
  }

  #waitForHandler(): void {
    const { host } = this;
    const { handlerMs } = host.settings.timeouts;
    // No deadline but the handler's own while it works: keep-alive idle time is not charged to it.
    if (handlerMs !== NEVER) this.handlerDeadlineMs ??= host.nowMs + handlerMs;
    this.owner.exchangeWaits(this);
  }

  #handlerEnded(): void {
    this.isHandlerBusy = false;
    if (this.goneError !== undefined) this.owner.handlerEnded();
  }

  #respond(response: unknown, fromHook: boolean): void {
    if (this.#settled) {
      discardResponse(response, this.abortReason ?? new LateAnswerError());
      return;
    }
    const { parts } = this.host;
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
    const parts = Object.assign(new ResponseParts(), this.host.parts);
    void looking.then((body) => {
      parts.body = body;
      if (!this.#settled) this.#send(parts, fromHook);
      else if (isOutgoing(body)) body.cancel(this.abortReason ?? new LateAnswerError());
    });
    this.owner.exchangeWaits(this);
  }

  #send(parts: ResponseParts, fromHook: boolean): void {
    const { owner } = this;
    const { plan } = this.host;
    const { body } = parts;
    this.#settled = true;
    this.status = parts.status;
    if (this.body !== null && !this.body.complete) this.sink.last();
    let isWhole: boolean;
    try {
      if (this.expectsContinue) this.#settleExpectation(parts);
      plan.decide(parts, this.isHead);
      plan.endsWithTrailers = this.trailers !== undefined && plan.mayHaveContent;
      isWhole = beginAnswer(this, plan);
    } catch (error) {
      // Nothing has been committed: a name or value that is not legal in a head.
      this.#settled = false;
      this.status = 0;
      if (isOutgoing(body)) body.cancel(error);
      this.#failed(error, fromHook);
      return;
    }
    this.handlerDeadlineMs = undefined;
    const { unsent, bytes } = plan;
    const content = isWhole ? null : contentOf(this, plan);
    plan.forget();
    unsent?.cancel();
    if (content === null) {
      if (bytes !== null) this.responseBytes = bytes.length;
      this.finish();
    } else {
      this.content = content;
      owner.exchangeWaits(this);
      this.content.start();
      if (owner.hasPeerEnded) this.watchQuiet();
    }
  }

  /**
   * Nothing interim may follow the head of the final answer (RFC 9110 §15.2). An answer that streams the
   * request's own body needs it, so the client is told to send it now or never.
   */
  #settleExpectation(parts: ResponseParts): void {
    this.expectsContinue = false;
    if (isOutgoing(parts.body) && this.request.bodyUsed && this.body?.complete === false)
      this.sink.continue();
  }

  /** The last byte has been handed over. */
  finish(): void {
    if (this.isFinished) return;
    this.isFinished = true;
    if (finishChannel.hasSubscribers) traceExchange(finishChannel, this);
    this.host.exchangeFinished(this);
    this.#context?.settle(undefined);
    this.owner.exchangeFinished(this);
  }

  /** The answer cannot be completed: the client must see that, so the connection breaks. */
  breakOff(error: unknown, reason: CloseReason): void {
    this.host.logError('response body failed', error, this);
    this.owner.exchangeBroken(this, reason);
  }

  #failed(error: unknown, inHook: boolean): void {
    if (inHook) this.#errorHookFailed(error);
    else this.#handlerFailed(error);
  }

  /** The handler threw or rejected, or what it returned cannot be sent. */
  #handlerFailed(error: unknown): void {
    if (this.#settled) return;
    const { errorHandler } = this.host;
    this.#handlerError = error;
    if (errorHandler === undefined) {
      this.host.logError('handler failed', error, this);
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
    this.host.logHookError(error, this.#handlerError, this);
    this.#answerFailure();
  }

  /** The bare 500. It keeps the connection: the client has done nothing wrong. */
  #answerFailure(): void {
    const { parts } = this.host;
    const { status, sentence } = FAULT_HANDLER_FAILED;
    parts.setText(status, `${status} Internal Server Error: ${sentence}\n`);
    this.#send(parts, true);
    this.#writer?.cancel(this.#handlerError);
  }

  /** Our own short answer, the last on this connection. */
  #answerFault(fault: Fault): void {
    this.#settled = true;
    this.status = fault.status;
    this.handlerDeadlineMs = undefined;
    this.sink.last();
    this.responseBytes = this.sink.fault(fault, !this.isHead);
    this.finish();
  }

  /** The body broke a rule, a limit or its deadline. */
  requestFault(fault: Fault, error: RequestFaultError): void {
    this.body?.fail(error);
    this.sink.last();
    this.closeReason = fault.code;
    // An answer that is under way goes on to its end.
    if (this.#settled) return;
    this.host.countFault(fault);
    this.abort(error);
    this.#answerFault(fault);
    this.#writer?.cancel(error);
  }

  /** @returns false when neither of its deadlines has come */
  deadline(nowMs: number): boolean {
    const { deadlines } = this.host;
    if (nowMs >= (this.handlerDeadlineMs ?? NEVER)) {
      this.handlerDeadlineMs = undefined;
      deadlines.handler++;
      this.#handlerTimeout(FAULT_HANDLER_TIMEOUT);
    } else if (nowMs >= (this.bodyDeadlineMs ?? NEVER)) {
      deadlines.body++;
      this.host.offended('timeouts.body', this.owner.remoteAddress());
      this.requestFault(FAULT_BODY_TIMEOUT, new RequestFaultError(FAULT_BODY_TIMEOUT));
    } else if (nowMs >= (this.quietDeadlineMs ?? NEVER)) {
      deadlines.linger++;
      this.owner.exchangeBroken(this, 'client-closed');
    } else return false;
    return true;
  }

  #handlerTimeout(fault: Fault): void {
    if (this.#settled) return;
    const error = new HandlerTimeoutError(this.host.settings.timeouts.handlerMs);
    this.host.countFault(fault);
    this.closeReason = fault.code;
    this.abortReason ??= error;
    this.#answerFault(fault);
    this.abort(error);
    this.#writer?.cancel(error);
  }

  /**
   * The client has sent FIN. Most that do have gone, so who works for it is told; one that has only finished
   * sending (RFC 9112 §9.6) gets the answer all the same.
   */
  peerEnded(): void {
    this.abort(new ClientGoneError('client-closed'));
    this.#writer?.peerEnded?.();
    this.watchQuiet();
  }

  /** A stream that has nothing to send never learns whether anybody is left to read it: it gets a deadline. */
  watchQuiet(): void {
    if (this.content === null || this.isFinished) return;
    const { host } = this;
    // While something waits to be sent, a call of `drained` is owed.
    this.quietDeadlineMs =
      this.sink.unsentBytes > 0 ? undefined : host.nowMs + host.settings.timeouts.lingerMs;
    this.owner.armExchange(this);
  }

  /** The connection ended before the last byte was handed over. */
  clientGone(error: Error): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.#settled = true;
    this.goneError = error;
    this.abortReason ??= error;
    this.body?.fail(this.abortReason);
    (this.content ?? this.#writer)?.cancel(this.abortReason);
    // A writer that has been told is through with it.
    if (this.#writer !== null && this.isHandlerBusy) this.#handlerEnded();
    this.abort(error);
    if (abortChannel.hasSubscribers) traceExchange(abortChannel, this);
    this.host.exchangeAborted(this);
    this.#context?.settle(error);
  }

  /** Were the connection to end now, its client would have half an answer, for the whole of which FIN may pass: it has to be reset. */
  get isCutShort(): boolean {
    return this.content !== null && !this.content.isWhole;
  }

  drained(): void {
    this.content?.drained();
    if (this.owner.hasPeerEnded) this.watchQuiet();
  }

  /** The connection lets go of it. What has come of the body as a whole can still be read. */
  release(): void {
    this.content = null;
    if (this.body !== null && !this.body.complete) this.body.fail(this.abortReason ?? new RequestOverError());
  }
}
