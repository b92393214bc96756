/**
 * What sessions and exchanges ask of the thread that they run in, and what it asks of them. Interfaces only: nothing
 * in this room knows the server that implements them, so an exchange is tested without one.
 */
import type { CloseReason, RemoteAddress } from '../engine/engine.ts';
import type { Fault } from '../protocol/error.ts';
import type { H2Limits, H2Settings } from '../protocol/h2/server/server-settings.ts';
import type { HeadRules } from '../protocol/limits.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { ConnectionTls, FetchHandler } from '../web/context.ts';
import type { ResponseParts } from '../web/parts.ts';
import type { HoldfastRequest } from '../web/request.ts';
import type { StandingAnswers } from '../web/standing-answers.ts';
import type { UpgradeOptions } from '../web/websocket.ts';
import type { AnswerPlan } from './answer-plan.ts';
import type { AsyncScope } from './async-scope.ts';
import type { ClosingSignals } from './closing-signals.ts';
import type { AcceptedSession, ReplacedSession } from './connection-account.ts';
import type { PieceMemory } from './piece-memory.ts';
import type { UnansweredExchange } from './takeover.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/**
 * Turns what a handler threw, or returned that cannot be sent, into the answer that the client gets. Its error is the
 * hook's then: nothing is logged unless the hook fails too.
 */
export type ErrorHandler = (error: unknown, request: Request) => Response | Promise<Response>;

export interface HttpSettings {
  readonly timeouts: {
    readonly headerMs: number;
    readonly idleMs: number;
    readonly bodyMs: number;
    readonly handlerMs: number;
    readonly deadPeerMs: number;
    readonly lingerMs: number;
    readonly stallMs: number;
  };
  readonly limits: {
    readonly headBytesMax: number;
    readonly headerCountMax: number;
    readonly targetBytesMax: number;
    readonly bodyBytesMax: number;
    readonly requestsPerConnectionMax: number;
    readonly http2: H2Limits;
  };
  /** What else differs from DEFAULT_H2_SETTINGS: no option of users', for worlds in which small bounds are reached. */
  readonly h2?: Partial<H2Settings> | undefined;
}

/** How many deadlines have fired, by the option of `timeouts` that sets them. */
export type Deadlines = {
  header: number;
  idle: number;
  body: number;
  handler: number;
  linger: number;
  stall: number;
  deadPeer: number;
  drain: number;
};

/** An exchange as its host sees it: what is counted and logged of it. */
export interface ExchangeRecord {
  readonly request: HoldfastRequest;
  /** When the first byte of the request came, as far as that is known. */
  readonly startedAtMs: number;
  /** 0 until the answer begins. */
  readonly status: number;
  /** Bytes of content, written so far. */
  readonly responseBytes: number;
  /** The method as it was sent. */
  readonly methodName: string;
  /** The request target as it was sent. */
  readonly target: string;
  /** The other end of the connection. */
  readonly peerIp: string | undefined;
  /** What TLS has agreed on with it. */
  readonly tls: ConnectionTls | undefined;
}

/** A handler that writes its answers itself: what is given is an Exchange. What it throws is answered as what others throw. */
export interface DirectHandler {
  (exchange: ExchangeRecord): void;
  /** A connection has been accepted: the handler may put a session of its own in the place of `from`, or something on it. */
  accepts?(host: ExchangeHost, from: AcceptedSession): void;
  /** What it takes in heads of HTTP/1; absent, what an origin takes. */
  rules?: HeadRules;
  /** What a client of HTTP/1 is told of a fault of its own, head and all; absent, what our server tells. */
  refusal?(fault: Fault): string | undefined;
  /** A request of HTTP/1 was refused. @returns whether the connection is the handler's now, to be told of it as it likes */
  refused?(host: ExchangeHost, fault: Fault, from: ReplacedSession): boolean;
}

export interface ExchangeHost {
  readonly fetch: FetchHandler;
  /** The shorter way to `fetch`, where it has one. */
  readonly direct?: DirectHandler | undefined;
  /** Answers of `fetch` that may be asked for before it. */
  readonly standing?: StandingAnswers | undefined;
  readonly errorHandler: ErrorHandler | undefined;
  readonly settings: HttpSettings;
  /** What proxies may say of the client; undefined where none is trusted. */
  readonly proxies: TrustedProxies | undefined;
  readonly scheme: 'http' | 'https';
  /** Authority of requests that name none. */
  readonly defaultAuthority: string;
  /** Where handlers are called. */
  readonly scope: AsyncScope;
  /** What is being sent; used again for every answer, and empty of references between them. */
  readonly parts: ResponseParts;
  readonly plan: AnswerPlan;
  /** The engine's clock, read once a turn. */
  readonly nowMs: number;
  /** A moment no earlier than the arrival of what is being handed over. */
  readonly arrivalMs: number;
  readonly isDraining: boolean;
  /** How long an idle connection of a draining server may still ask. */
  readonly idleGraceMs: number;
  readonly closingSignals: ClosingSignals;
  /** Is told of what comes of bodies that are read in pieces. */
  readonly pieces: PieceMemory;
  /** Topics and their subscribers in this thread. */
  readonly hub: Hub;
  /** `context.upgrade`: @returns what the handler is to return @throws TypeError */
  upgrade(exchange: ExchangeRecord & UnansweredExchange, options: UpgradeOptions): Response;
  readonly deadlines: Deadlines;
  /**
   * Whether who has much to do for one connection is to let others have their turn.
   * @param doneCount requests or pieces of it that are done, one behind the other
   */
  shouldYield(doneCount: number): boolean;
  takeConnectionId(): number;
  exchangeBegun(exchange: ExchangeRecord): void;
  /** A request has been answered without an exchange, by an answer that stands. */
  standingAnswered(status: number, startedAtMs: number): void;
  /** A request whose head was read has been refused without an exchange. */
  requestRefused(): void;
  /** The last byte has been handed over. */
  exchangeFinished(exchange: ExchangeRecord): void;
  /** Its client went before. */
  exchangeAborted(exchange: ExchangeRecord): void;
  /** An answer without an exchange has been written. */
  countStatus(status: number): void;
  countClose(reason: CloseReason): void;
  /** By its name, be it of HTTP/1 or HTTP/2. */
  countFault(fault: { readonly code: string }): void;
  /** A client has gone beyond a deadline or a bound that is there against attacks. @param option that sets it, as `timeouts.header` */
  offended(option: string, by: RemoteAddress | undefined): void;
  logError(what: string, error: unknown, exchange: ExchangeRecord): void;
  /** The hook that should have answered for `handlerError` failed itself. */
  logHookError(error: unknown, handlerError: unknown, exchange: ExchangeRecord): void;
  /** @returns what resolves when `promise` has settled, whichever way */
  waitUntil(promise: Promise<unknown>, exchange: ExchangeRecord): Promise<void>;
}
