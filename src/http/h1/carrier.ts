/**
 * A connection as the carrier of the one exchange that is open on it: what the exchange asks and tells of its
 * connection, its request's body, and the deadline that holds meanwhile. What lies between exchanges is the session's.
 */
import type { CloseReason, EngineConnection, RemoteAddress } from '../../engine/engine.ts';
import type { ConnectionRow } from '../../observe/connection-row.ts';
import type { Fault } from '../../protocol/error.ts';
import type { RequestHeadParser } from '../../protocol/h1/request-head.ts';
import type { StandingAnswers } from '../../web/standing-answers.ts';
import { STATE_CLOSED, STATE_EXCHANGE, STATE_IDLE } from '../connection-account.ts';
import { ConnectionEnds } from '../connection-ends.ts';
import { ClientGoneError, FileAnswerError, isOfFile, RequestFaultError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import type { ExchangeOwner } from '../exchange-owner.ts';
import { BODY_HIGH_WATER_BYTES, type BodyOwner, type RequestBody } from '../request-body.ts';
import type { ExchangeVisitor, Session } from '../session.ts';
import { rowOf } from '../session-row.ts';
import type { Successor } from '../takeover.ts';
import { isWatched } from '../trace.ts';
import type { ResponseHeads } from './response-heads.ts';
import { H1Sink } from './sink.ts';

/** RFC 9110 §10.1.4 */
const TE_TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

/** No fault that is answered. */
const HEAD_CUT = {
  code: 'client-closed-in-head',
  blame: 'peer',
  status: 400,
  section: 'RFC 9112 §8',
  sentence: 'the connection has ended inside of a request head',
} as const satisfies Fault;

export abstract class H1Carrier extends ConnectionEnds implements ExchangeOwner, BodyOwner {
  /** Requests begun, the one that is open included. */
  requests = 0;
  exchange: Exchange | null = null;
  /** The client has sent FIN, as far as we have seen. */
  hasPeerEnded = false;
  protected readonly sink: H1Sink;
  readonly #heads: ResponseHeads;

  constructor(host: ExchangeHost, engine: EngineConnection, heads: ResponseHeads) {
    super(host, engine);
    this.#heads = heads;
    this.sink = new H1Sink(this, heads);
  }

  abstract exchangeFinished(record: ExchangeRecord): void;

  row(nowMs: number): ConnectionRow {
    const { exchange } = this;
    return rowOf(this, nowMs, this.requests, this.state === STATE_EXCHANGE ? exchange : null);
  }

  visitExchanges(visit: ExchangeVisitor): void {
    if (this.exchange !== null && this.state === STATE_EXCHANGE) visit(this.exchange, this);
  }

  /** CarryingConnection */
  get isShared(): boolean {
    return false;
  }

  protected get isCutShort(): boolean {
    return this.exchange?.isCutShort === true;
  }

  protected clientGone(reason: CloseReason): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.exchange = null;
    if (isOfFile(reason))
      this.host.logError(
        'response body failed',
        new FileAnswerError(reason, this.engine.errorCode),
        exchange,
      );
    exchange.clientGone(new ClientGoneError(String(reason)));
  }

  get connectionId(): number {
    return this.id;
  }

  get secure(): EngineConnection['secure'] {
    return this.engine.secure;
  }

  get proxied(): EngineConnection['proxied'] {
    return this.engine.proxied;
  }

  remoteAddress(): RemoteAddress | undefined {
    return this.engine.remoteAddress();
  }

  localAddress(): RemoteAddress | undefined {
    return this.engine.localAddress();
  }

  abandon(reason: CloseReason): void {
    const { user } = this.engine;
    if (user === this) this.close(reason);
    else (user as Session).reset(reason);
  }

  /** FIN would pass for the end of an answer that it cuts short: `close` sees to that. */
  exchangeBroken(record: ExchangeRecord, reason: CloseReason): void {
    if (this.exchange === record) this.close(reason);
  }

  /** Each connection has one handler, or has ended. */
  handlerEnded(): void {}

  exchangeWaits(record: ExchangeRecord): void {
    if (this.exchange === record) this.updateExchangeDeadline();
  }

  armExchange(record: ExchangeRecord): void {
    if (this.exchange === record && this.state === STATE_EXCHANGE) this.arm(this.exchange.deadlineMs);
  }

  /**
   * Answers a request of which nothing has to be asked but its head: no exchange is made of it. Whoever watches exchanges sees
   * all of them, so then there is one.
   * @returns false where it has to be answered in the usual way @hot
   */
  protected answersAgain(
    standing: StandingAnswers,
    parser: RequestHeadParser,
    text: string,
    startedAtMs: number,
  ): boolean {
    const { host } = this;
    const isUsual = parser.keepAlive && parser.minor > 0 && parser.contentLength <= 0 && !parser.chunked;
    if (!isUsual || parser.hasConnectionUpgrade || isWatched()) return false;
    if (host.isDraining || this.requests + 1 >= host.settings.limits.requestsPerConnectionMax) return false;
    const answer = standing(text);
    if (answer === undefined || !this.sink.standing(answer)) return false;
    this.requests++;
    this.state = STATE_IDLE;
    const { nowMs } = host;
    this.stateSinceMs = nowMs;
    this.arm(nowMs + host.settings.timeouts.idleMs);
    host.standingAnswered(answer.fields.status, startedAtMs);
    return true;
  }

  /** Sets the deadline that holds while an exchange is open: the handler's or the body's, or none. */
  protected updateExchangeDeadline(): void {
    const exchange = this.exchange;
    if (exchange === null || this.state !== STATE_EXCHANGE) return;
    const { bodyMs } = this.host.settings.timeouts;
    exchange.bodyDeadlineMs = exchange.body?.isWaited === true ? this.host.nowMs + bodyMs : undefined;
    this.arm(exchange.deadlineMs);
  }

  /** SinkConnection: whether no request is read behind the one that is being answered. */
  get isLastRequest(): boolean {
    const { host } = this;
    return host.isDraining || this.requests >= host.settings.limits.requestsPerConnectionMax;
  }

  /** SinkConnection */
  get takesTrailers(): boolean {
    try {
      return TE_TRAILERS.test(this.exchange?.request.headers.get('te') ?? '');
    } catch {
      // The handler has redefined it.
      return false;
    }
  }

  /** Refuses a connection before its first byte, and does not wait for it longer than lingering lasts. */
  turnAway(fault: Fault): void {
    const { host } = this;
    this.isTurnedAway = true;
    this.isRefused = true;
    host.countStatus(fault.status);
    this.bytesWritten += this.#heads.faultHead(this.engine, host.nowMs, fault);
    host.countFault(fault);
    this.linger(fault.code);
  }

  /**
   * Answers `fault` and closes without losing the answer.
   * @param isHead the answer to HEAD has no content; false also where nobody knows the method
   */
  protected refuse(fault: Fault, isHead: boolean): void {
    const { host } = this;
    if (host.direct?.refused?.(host, fault, this) === true) {
      host.countFault(fault);
      this.forgetInput();
      this.enter(STATE_CLOSED);
      return;
    }
    this.isRefused = this.bytesWritten === 0;
    host.countStatus(fault.status);
    this.bytesWritten += this.#heads.fault(this.engine, host.nowMs, fault, !isHead);
    host.countFault(fault);
    this.linger(fault.code);
  }

  /** The client has sent FIN in the middle of a head. Nobody is left to be answered, but some want to hear of it. */
  protected headCut(): void {
    const { host } = this;
    if (host.direct?.refused?.(host, HEAD_CUT, this) !== true) {
      this.close(HEAD_CUT.code);
      return;
    }
    this.forgetInput();
    this.enter(STATE_CLOSED);
    (this.engine.user as Session).peerEnded();
  }

  /** @returns the session that the exchange has been answered for; null when there is none after all, and the connection ends */
  protected succeededBy(exchange: Exchange): Successor | null {
    try {
      const successor = exchange.takeover!.succeed(this);
      this.engine.user = successor;
      successor.begin();
      return successor;
    } catch (error) {
      this.host.logError('upgrade failed', error, exchange);
      (this.engine.user as Session).broken();
      this.engine.reset('internal-error');
      return null;
    }
  }

  // The request's body.

  /** Calls the handler while its request's body lies in what the engine has lent. @hot */
  protected runLent(exchange: Exchange, body: RequestBody): void {
    try {
      exchange.run();
    } finally {
      body.keepLent();
    }
  }

  /** Takes what belongs to the body. @returns the position after it */
  protected feedBody(
    exchange: Exchange,
    body: RequestBody,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): number {
    const next = body.feed(bytes, at, end);
    exchange.bodyBytes += next - at;
    if (body.isInPieces) this.host.pieces.came(next - at);
    if (body.fault !== undefined) {
      exchange.requestFault(body.fault, new RequestFaultError(body.fault));
      return end;
    }
    // Chunked and behind its head, before the handler is called: no deadline of the exchange holds yet.
    if (body.complete && exchange.bodyDeadlineMs === undefined) return next;
    if (body.memoryBytes > BODY_HIGH_WATER_BYTES && !body.complete) this.engine.pauseReading();
    this.updateExchangeDeadline();
    return next;
  }

  bodyWanted(body: RequestBody): void {
    const exchange = this.exchange;
    if (exchange === null || exchange.body !== body) return;
    if (exchange.expectsContinue) {
      exchange.expectsContinue = false;
      this.sink.continue();
    }
    this.engine.resumeReading();
    this.updateExchangeDeadline();
  }

  takeReceived(bytes: Uint8Array): boolean {
    return this.engine.takeReceived?.(bytes) === true;
  }

  bodyCancelled(body: RequestBody): void {
    const exchange = this.exchange;
    // One that is whole has nothing to wait for, and requests behind it may wait.
    if (exchange === null || exchange.body !== body || body.complete) return;
    // The rest is counted, not kept; whether the connection survives is decided when the answer is whole.
    this.engine.resumeReading();
    this.updateExchangeDeadline();
  }
}
