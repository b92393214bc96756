/**
 * Everything that one thread shares among its connections: the handler, the settings, the parsers and
 * the encoder, the counters. It is the engine's handler, so the calls from the engine stay monomorphic.
 */

import type { SysError } from '../base/errors.ts';
import type { CloseReason, Engine, EngineConnection, EngineHandler } from '../engine/engine.ts';
import { AsyncScope } from '../http/async-scope.ts';
import { ClosingSignals } from '../http/closing-signals.ts';
import { ErrorLog } from '../http/error-log.ts';
import { HeadMemory, type RememberedHead } from '../http/h1/head-memory.ts';
import { PendingWork } from '../http/pending-work.ts';
import type { TrustedProxies } from '../http/trusted-proxies.ts';
import type { AccessRecord } from '../observe/access-log.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import { emptyCounts, type HistogramCounts } from '../observe/duration-histogram.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { Fault } from '../protocol/error.ts';
import { RequestHeadParser } from '../protocol/h1/request-head.ts';
import { DEFAULT_LIMITS, type ProtocolLimits } from '../protocol/limits.ts';
import type { FetchHandler } from '../web/context.ts';
import { ResponseParts } from '../web/parts.ts';
import type { HoldfastRequest } from '../web/request.ts';
import { Admission } from './admission.ts';
import { HttpConnection } from './connection.ts';
import { type ConnectionStates, connectionRows, countStates } from './connection-table.ts';
import { Exchange } from './exchange.ts';
import { guardedLogger } from './guarded-logger.ts';
import type { Measures } from './measures.ts';
import type { ErrorHandler, Settings } from './options.ts';
import { ResponseWriter } from './response-writer.ts';

export interface ServerThreadOptions {
  readonly fetch: FetchHandler;
  readonly error: ErrorHandler | undefined;
  readonly settings: Settings;
  readonly logger: LoggerLike;
  readonly accessLog: ((record: AccessRecord) => void) | undefined;
  readonly scheme: 'http' | 'https';
  /** undefined where nobody will look. */
  readonly measures?: Measures | undefined;
}

export interface ServerThreadStats {
  requests: number;
  /** Answers begun, by the first digit of the status. */
  statusClasses: { '1xx': number; '2xx': number; '3xx': number; '4xx': number; '5xx': number };
  /** Exchanges whose client went before the last byte was handed over. */
  aborted: number;
  /** Why connections ended, and the faults that were answered, by name. */
  closeReasons: Record<string, number>;
  faults: Record<string, number>;
  /** Deadlines that fired, by the option of `timeouts` that sets them. */
  deadlines: Deadlines;
  /** Open connections, by state. */
  states: ConnectionStates;
  /** Bytes of answers that wait for their readers. */
  unsentBytes: number;
  /** How long answered requests took. Measured where there is an admin port. */
  durations: HistogramCounts;
  /** By the index of the worker; `'0'` without workers. */
  byWorker: Record<string, WorkerNumbers>;
}

export interface WorkerNumbers {
  readonly requests: number;
  /** How late timers of the thread's event loop were. Measured where there is an admin port. */
  readonly loopLag: HistogramCounts;
}

export type Deadlines = {
  header: number;
  idle: number;
  body: number;
  handler: number;
  linger: number;
  deadPeer: number;
  drain: number;
};

/**
 * Requests of one connection behind each other, or pieces of a stream, before it is asked whether others wait. Powers of
 * two. Within a turn the engine bounds what all have together. In the promises of async handlers, between turns, each of
 * many connections has its share before anybody else is looked at: 24 of them took 2 ms for 16 requests each.
 */
const SHARE_IN_TURN = 16;
const SHARE_BETWEEN_TURNS = 4;

export class ServerThread implements EngineHandler {
  fetch: FetchHandler;
  errorHandler: ErrorHandler | undefined;
  readonly settings: Settings;
  readonly protocolLimits: ProtocolLimits;
  readonly writer: ResponseWriter;
  /** What is being sent; used again for every answer, and empty of references between them. */
  readonly parts = new ResponseParts();
  readonly scheme: 'http' | 'https';
  /** Authority of requests that name none; known once the server listens. */
  defaultAuthority = 'localhost';
  /** Where handlers are called. */
  readonly scope = new AsyncScope();
  readonly proxies: TrustedProxies | undefined;
  isDraining = false;
  /** How long an idle connection of a draining server may still ask. */
  idleGraceMs = 0;
  readonly closingSignals = new ClosingSignals();
  readonly deadlines: Deadlines = {
    header: 0,
    idle: 0,
    body: 0,
    handler: 0,
    linger: 0,
    deadPeer: 0,
    drain: 0,
  };
  /** What handlers gave to `waitUntil`. */
  readonly work = new PendingWork();
  parser: RequestHeadParser;
  readonly heads: HeadMemory;
  readonly #logger: LoggerLike;
  readonly #errorLog: ErrorLog;
  readonly #accessLog: ((record: AccessRecord) => void) | undefined;
  #engine: Engine | undefined;
  #requests = 0;
  /** Begun, and neither finished nor aborted. */
  #openExchanges = 0;
  #connectionId = 0;
  #aborted = 0;
  readonly admission: Admission;
  readonly #isLimited: boolean;
  readonly measures: Measures | undefined;
  readonly #statusClasses = new Float64Array(6);
  readonly #closeReasons = new Map<string, number>();
  readonly #faults = new Map<string, number>();

  constructor(options: ServerThreadOptions) {
    this.fetch = options.fetch;
    this.errorHandler = options.error;
    this.settings = options.settings;
    this.scheme = options.scheme;
    this.proxies = options.settings.proxies;
    this.measures = options.measures;
    this.#logger = guardedLogger(options.logger);
    this.#errorLog = new ErrorLog(this.#logger);
    this.#accessLog = options.accessLog;
    const { headBytesMax, headerCountMax, targetBytesMax, bodyBytesMax } = options.settings.limits;
    this.protocolLimits = { ...DEFAULT_LIMITS, headBytesMax, headerCountMax, targetBytesMax, bodyBytesMax };
    this.parser = new RequestHeadParser(this.protocolLimits);
    this.heads = new HeadMemory(this.protocolLimits);
    this.admission = new Admission(options.settings.limits, () => this.#engine!);
    this.#isLimited = this.admission.isLimited;
    this.writer = new ResponseWriter(options.settings.timeouts.idleMs);
  }

  attach(engine: Engine): void {
    this.#engine = engine;
  }

  /** The engine's clock, read once a turn. @hot */
  get nowMs(): number {
    return this.#engine!.nowMs;
  }

  get arrivalMs(): number {
    return this.#engine!.arrivalMs;
  }

  /**
   * Whoever has much to do for one connection is to let others have their turn.
   * @param doneCount requests or pieces of it that are done, one behind the other
   * @hot
   */
  shouldYield(doneCount: number): boolean {
    const engine = this.#engine!;
    const share = engine.isInTurn ? SHARE_IN_TURN : SHARE_BETWEEN_TURNS;
    return (doneCount & (share - 1)) === 0 && engine.shouldYield;
  }

  // EngineHandler

  onAccept(engine: EngineConnection): void {
    const connection = new HttpConnection(this, engine);
    engine.user = connection;
    // One that resets has no address any more when its line is written.
    if (this.#accessLog !== undefined || this.proxies !== undefined) engine.remoteAddress();
    if (this.#isLimited) this.admission.accepted(connection);
  }

  onReceive(engine: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    (engine.user as HttpConnection).receive(bytes, start, end);
  }

  onDrained(engine: EngineConnection): void {
    const connection = engine.user as HttpConnection;
    try {
      connection.drained();
    } catch (error) {
      connection.broken();
      throw error;
    }
  }

  onPeerEnd(engine: EngineConnection): void {
    const connection = engine.user as HttpConnection;
    try {
      connection.peerEnded();
    } catch (error) {
      connection.broken();
      throw error;
    }
  }

  onPeerEndSeen(engine: EngineConnection): void {
    (engine.user as HttpConnection).peerEndSeen();
  }

  onDeadline(engine: EngineConnection): void {
    const connection = engine.user as HttpConnection;
    try {
      connection.deadline();
    } catch (error) {
      connection.broken();
      throw error;
    }
  }

  onClosed(engine: EngineConnection, reason: CloseReason): void {
    const connection = engine.user as HttpConnection;
    try {
      connection.closed(reason);
    } finally {
      if (this.#isLimited) this.admission.closed(connection);
    }
  }

  onAcceptPaused(error: SysError | undefined): void {
    if (error === undefined) this.#logger.info('accepting connections again');
    else this.#logger.warn(`accepting is paused: ${error.message}`);
  }

  /** Answers that handlers or streams still owe, and what was given to `waitUntil`. @hot */
  get hasOpenWork(): boolean {
    return this.#openExchanges > 0 || this.work.size > 0;
  }

  // What connections and exchanges share.

  /**
   * The parser for the next head of a connection that stands in none. Reset here and not when it has done its
   * work: an exception on the way leaves nothing for the next head to be read with. @hot
   */
  freshParser(): RequestHeadParser {
    const { parser } = this;
    parser.reset();
    return parser;
  }

  /** The parser stays with a connection whose head is not whole; the thread makes itself another. */
  giveAwayParser(parser: RequestHeadParser): RequestHeadParser {
    this.parser = new RequestHeadParser(this.protocolLimits);
    return parser;
  }

  /** The head that `parser` has read whole may come again on the connection `id`. */
  rememberHead(id: number, requests: number, bytes: Uint8Array, at: number): void {
    this.parser = this.heads.remember(id, requests, this.parser, bytes, at);
  }

  /** @returns undefined where it depends on who sent the head, too @hot */
  urlOf(head: RememberedHead): string | undefined {
    if (this.proxies !== undefined) return undefined;
    return (head.url ??= head.urlFor(this.scheme, this.defaultAuthority));
  }

  takeConnectionId(): number {
    return ++this.#connectionId;
  }

  takeExchange(
    connection: HttpConnection,
    id: number,
    startedAtMs: number,
    parser: RequestHeadParser,
    text: string,
    url: string | undefined,
  ): Exchange {
    this.#requests++;
    this.#openExchanges++;
    return new Exchange(connection, id, startedAtMs, parser, text, url);
  }

  /** It has been refused in the handler's place. */
  exchangeRefused(): void {
    this.#openExchanges--;
  }

  /** @param withBody false for an answer to HEAD */
  writeFault(engine: EngineConnection, fault: Fault, withBody: boolean): void {
    this.#statusClasses[(fault.status / 100) | 0]!++;
    this.writer.faultAndClose(engine, fault, withBody, this.nowMs);
  }

  /** An answer that fits every method, HEAD included: without content. */
  writeFaultHead(engine: EngineConnection, fault: Fault): void {
    this.#statusClasses[(fault.status / 100) | 0]!++;
    this.writer.faultHead(engine, fault, this.nowMs);
  }

  writeContinue(engine: EngineConnection): void {
    this.writer.continue(engine);
  }

  exchangeFinished(exchange: Exchange): void {
    this.#openExchanges--;
    this.measures?.answered(exchange.startedAtMs, this.nowMs);
    this.#statusClasses[(exchange.status / 100) | 0]!++;
    if (this.#accessLog !== undefined) this.#logAccess(exchange, exchange.status);
  }

  /** 499 is what nginx logs for a client that closed the request; nothing is sent. */
  exchangeAborted(exchange: Exchange): void {
    this.#openExchanges--;
    this.#aborted++;
    if (this.#accessLog !== undefined)
      this.#logAccess(exchange, exchange.status === 0 ? 499 : exchange.status);
  }

  #logAccess(exchange: Exchange, status: number): void {
    const { request } = exchange;
    const log = this.#accessLog!;
    const record = {
      method: exchange.methodName,
      target: exchange.target,
      status,
      bytes: exchange.responseBytes,
      // The clock of the engines; not the moment of the turn, which is older than what a handler has done in it.
      durationMs: performance.now() - exchange.startedAtMs,
      ip: clientOf(exchange),
      userAgent: fieldOf(request, 'user-agent'),
      referer: fieldOf(request, 'referer'),
    };
    log(record);
  }

  logError(what: string, error: unknown, exchange: Exchange): void {
    if (!this.#errorLog.mayTell(this.nowMs)) return;
    this.#errorLog.tell(`${what}: ${exchange.methodName} ${exchange.target}`, error);
  }

  /** The hook that should have answered for `handlerError` failed itself: nobody else has heard of either. */
  logHookError(error: unknown, handlerError: unknown, exchange: Exchange): void {
    this.logError('handler failed', handlerError, exchange);
    this.logError('error hook failed', error, exchange);
  }

  countClose(reason: CloseReason): void {
    this.#closeReasons.set(reason, (this.#closeReasons.get(reason) ?? 0) + 1);
  }

  countFault(fault: Fault): void {
    this.#faults.set(fault.code, (this.#faults.get(fault.code) ?? 0) + 1);
  }

  /** @returns what resolves when `promise` has settled, whichever way */
  waitUntil(promise: Promise<unknown>, exchange: Exchange): Promise<void> {
    return this.work.add(promise, (error) => this.logError('waitUntil failed', error, exchange));
  }

  /** Of a request that came through no socket. */
  workFailed(error: unknown, request: Request): void {
    if (this.#errorLog.mayTell(this.nowMs))
      this.#errorLog.tell(`waitUntil failed: ${request.method} ${request.url}`, error);
  }

  get openConnections(): number {
    return this.#engine?.connectionCount ?? 0;
  }

  *connections(): IterableIterator<HttpConnection> {
    if (this.#engine === undefined) return;
    for (const conn of this.#engine.connections()) yield conn.user as HttpConnection;
  }

  /** Idle connections are closed after `idleGraceMs`, the others after the answer that is under way. */
  drain(idleGraceMs: number): void {
    this.isDraining = true;
    this.idleGraceMs = idleGraceMs;
    for (const connection of this.connections()) connection.drain(idleGraceMs);
    // Last, so that whatever listens finds a server that drains.
    this.closingSignals.abortAll();
  }

  /** The end of all that is still open, at once. */
  resetAll(reason: CloseReason): void {
    for (const connection of [...this.connections()]) connection.reset(reason);
  }

  /** One row a connection, at most `countMax`: those at work first. */
  connectionRows(countMax: number): ConnectionRow[] {
    return connectionRows(this.connections(), this.nowMs, countMax);
  }

  stats(): ServerThreadStats {
    const classes = this.#statusClasses;
    return {
      requests: this.#requests,
      statusClasses: {
        '1xx': classes[1]!,
        '2xx': classes[2]!,
        '3xx': classes[3]!,
        '4xx': classes[4]!,
        '5xx': classes[5]!,
      },
      aborted: this.#aborted,
      closeReasons: Object.fromEntries(this.#closeReasons),
      faults: Object.fromEntries(this.#faults),
      deadlines: { ...this.deadlines },
      ...countStates(this.connections()),
      durations: this.measures?.durations.snapshot() ?? emptyCounts(),
      byWorker: {
        '0': {
          requests: this.#requests,
          loopLag: this.measures?.loopLag.snapshot() ?? emptyCounts(),
        },
      },
    };
  }
}

function clientOf(exchange: Exchange): string | undefined {
  try {
    return exchange.request.ip;
  } catch {
    // The handler has redefined it.
    return exchange.peerIp;
  }
}

function fieldOf(request: HoldfastRequest, name: string): string | null {
  try {
    return request.headers.get(name);
  } catch {
    // The handler has redefined it.
    return null;
  }
}
