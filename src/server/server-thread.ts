/**
 * Everything that one thread shares among its connections: the handler, the settings, the parsers and
 * the encoder, the counters. It is the engine's handler, so the calls from the engine stay monomorphic.
 */
import type { SysError } from '../base/errors.ts';
import type {
  CloseReason,
  Engine,
  EngineConnection,
  EngineHandler,
  HandshakeRules,
  RemoteAddress,
} from '../engine/engine.ts';
import { AnswerPlan } from '../http/answer-plan.ts';
import { AsyncScope } from '../http/async-scope.ts';
import { ClosingSignals } from '../http/closing-signals.ts';
import { STATE_ACCEPTED } from '../http/connection-account.ts';
import { directOf, HandlerRules } from '../http/direct.ts';
import { ErrorLog } from '../http/error-log.ts';
import type { Deadlines, ErrorHandler, ExchangeHost, ExchangeRecord } from '../http/exchange-host.ts';
import { H1Session } from '../http/h1/session.ts';
import { H1Thread } from '../http/h1/thread.ts';
import type { H2Session } from '../http/h2/session.ts';
import type { H2SessionThread } from '../http/h2/thread.ts';
import { PendingWork } from '../http/pending-work.ts';
import { PieceMemory } from '../http/piece-memory.ts';
import type { ProtocolSwitch, ReplacedSession, RequestSoFar, Session } from '../http/session.ts';
import type { TrustedProxies } from '../http/trusted-proxies.ts';
import type { WebSocketCounts } from '../http/websocket/counts.ts';
import type { WebSocketSettings } from '../http/websocket/settings.ts';
import type { AskingExchange } from '../http/websocket/upgrade.ts';
import type { AccessRecord } from '../observe/access-log.ts';
import { sectionReports } from '../observe/admin-section.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import { emptyCounts, type HistogramCounts } from '../observe/duration-histogram.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { NO_OFFENDERS } from '../observe/offenders.ts';
import { type CostBound, countsByBound } from '../protocol/h2/error-codes.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { FetchHandler } from '../web/context.ts';
import { ResponseParts } from '../web/parts.ts';
import { type StandingAnswers, standingOf } from '../web/standing-answers.ts';
import type { UpgradeOptions } from '../web/websocket.ts';
import { accessRecordOf } from './access-record.ts';
import { Admission } from './admission.ts';
import { type ConnectionStates, connectionRows, countStates } from './connection-table.ts';
import { guardedLogger } from './guarded-logger.ts';
import { LateCode } from './late-code.ts';
import type { Measures } from './measures.ts';
import type { Settings } from './options.ts';
import { createHub } from './thread-hub.ts';
import { type ThreadObservation, TRANSFER_ROWS_MAX } from './thread-observation.ts';
import { TlsCounts, type TlsNumbers } from './tls-counts.ts';
import { TransferTable } from './transfer-table.ts';
import { WebSocketSeat } from './websocket-seat.ts';
import { openYoungCollector } from './young-collector.ts';

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
  /** HTTP/2 connections and streams that were ended for what they cost, by the option that bounds it. */
  http2Limits: Record<CostBound, number>;
  /** Handshakes, how they ended, and what broke them and connections. */
  tls: TlsNumbers;
  /** Deadlines that fired, by the option of `timeouts` that sets them. */
  deadlines: Deadlines;
  /** Connections that became WebSockets, and their messages. */
  websocket: WebSocketCounts;
  /** Published messages that missed other threads or machines, which did not take them. */
  pubsubDropped: { thread: number; machine: number };
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

/**
 * Requests of one connection behind each other, or pieces of a stream, before it is asked whether others wait. Powers of
 * two. Within a turn the engine bounds what all have together. In the promises of async handlers, between turns, each of
 * many connections has its share before anybody else is looked at: 24 of them took 2 ms for 16 requests each.
 */
const SHARE_IN_TURN = 16;
const SHARE_BETWEEN_TURNS = 4;

type Http2Code = typeof import('./http2.ts');

export class ServerThread implements EngineHandler, ExchangeHost, ProtocolSwitch {
  fetch: FetchHandler;
  direct: ReturnType<typeof directOf>;
  standing: StandingAnswers | undefined;
  errorHandler: ErrorHandler | undefined;
  readonly settings: Settings;
  /** What is being sent; used again for every answer, and empty of references between them. */
  readonly parts = new ResponseParts();
  readonly plan = new AnswerPlan();
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
  readonly pieces = new PieceMemory(openYoungCollector, () => performance.now());
  readonly hub: Hub;
  readonly deadlines: Deadlines = {
    header: 0,
    idle: 0,
    body: 0,
    handler: 0,
    linger: 0,
    stall: 0,
    deadPeer: 0,
    drain: 0,
  };
  /** What handlers gave to `waitUntil`. */
  readonly work = new PendingWork();
  /** What its HTTP/1 connections share. */
  readonly h1: H1Thread;
  readonly http2 = new LateCode<Http2Code>('./http2.js', () => import('./http2.ts'));
  readonly websockets: WebSocketSeat;
  readonly tls = new TlsCounts();
  /** Made for the first client that speaks HTTP/2. */
  #h2: H2SessionThread | undefined = undefined;
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
  /** Made when somebody looks. */
  #transfers: TransferTable | undefined = undefined;
  readonly measures: Measures | undefined;
  readonly #statusClasses = new Float64Array(6);
  readonly #closeReasons = new Map<string, number>();
  readonly #faults = new Map<string, number>();

  constructor(options: ServerThreadOptions) {
    this.websockets = new WebSocketSeat(options.settings.websocket);
    this.fetch = this.websockets.handlerOf(options.fetch);
    this.direct = directOf(this.fetch);
    // A line of the access log is written of an exchange.
    this.standing = options.accessLog === undefined ? standingOf(this.fetch) : undefined;
    this.errorHandler = options.error;
    this.settings = options.settings;
    this.scheme = options.scheme;
    this.proxies = options.settings.proxies;
    this.hub = createHub(options.settings.pubsub, options.logger);
    this.measures = options.measures;
    this.#logger = guardedLogger(options.logger);
    this.#errorLog = new ErrorLog(this.#logger);
    this.#accessLog = options.accessLog;
    this.h1 = new H1Thread(
      options.settings,
      options.settings.http2 ? this : undefined,
      new HandlerRules(this),
    );
    this.admission = new Admission(
      options.settings.limits,
      () => this.#engine!,
      (address, option) => this.offendedFrom(address, option),
    );
    this.#isLimited = this.admission.isLimited;
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

  // ProtocolSwitch

  toHttp2(from: ReplacedSession, bytes: Uint8Array, start: number, end: number): void {
    const session = this.#http2Session(from);
    from.engine.user = session;
    session.begin();
    session.receive(bytes, start, end);
  }

  upgradeToHttp2(from: ReplacedSession, settings: Uint8Array, request: RequestSoFar): boolean {
    return this.#http2Session(from).beginUpgraded(settings, request);
  }

  #http2Session(from: ReplacedSession): H2Session {
    const { H2Session, H2SessionThread } = this.http2.loaded;
    this.#h2 ??= new H2SessionThread(this.#h2Settings(), this.#engine!);
    return new H2Session(this, this.#h2, from.engine, from);
  }

  upgrade(exchange: AskingExchange, options: UpgradeOptions): Response {
    return this.websockets.upgrade(exchange, options) as unknown as Response;
  }

  /** What requests get from now on. */
  serve(fetch: FetchHandler, websocket?: WebSocketSettings): void {
    if (websocket !== undefined) this.websockets.use(websocket);
    this.fetch = this.websockets.handlerOf(fetch);
    this.direct = directOf(this.fetch);
    this.standing = this.#accessLog === undefined ? standingOf(this.fetch) : undefined;
  }

  /** Clients that see extended CONNECT offered (RFC 8441) open their WebSockets so. */
  #h2Settings(): Settings {
    const { settings } = this;
    return { ...settings, h2: { ...settings.h2, extendedConnect: settings.websocket.isOffered } };
  }

  // EngineHandler

  onAccept(engine: EngineConnection): void {
    const session = new H1Session(this, this.h1, engine);
    engine.user = session;
    // One that resets has no address any more when its line is written.
    if (this.#accessLog !== undefined || this.proxies !== undefined) engine.remoteAddress();
    if (this.#isLimited) this.admission.accepted(engine);
    if (session.state === STATE_ACCEPTED) this.direct?.accepts?.(this, session);
  }

  onReceive(engine: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    (engine.user as Session).receive(bytes, start, end);
  }

  onDrained(engine: EngineConnection): void {
    const session = engine.user as Session;
    try {
      session.drained();
    } catch (error) {
      session.broken();
      throw error;
    }
  }

  onPeerEnd(engine: EngineConnection): void {
    const session = engine.user as Session;
    try {
      session.peerEnded();
    } catch (error) {
      session.broken();
      throw error;
    }
  }

  onPeerEndSeen(engine: EngineConnection): void {
    (engine.user as Session).peerEndSeen();
  }

  onDeadline(engine: EngineConnection): void {
    const session = engine.user as Session;
    try {
      session.deadline();
    } catch (error) {
      session.broken();
      throw error;
    }
  }

  onClosed(engine: EngineConnection, reason: CloseReason): void {
    const session = engine.user as Session;
    try {
      session.closed(reason);
    } finally {
      if (this.#isLimited) this.admission.closed(engine);
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

  takeConnectionId(): number {
    return ++this.#connectionId;
  }

  exchangeBegun(_exchange: ExchangeRecord): void {
    this.#requests++;
    this.#openExchanges++;
  }

  standingAnswered(status: number, startedAtMs: number): void {
    this.#requests++;
    this.measures?.answered(startedAtMs, this.nowMs);
    this.countStatus(status);
  }

  requestRefused(): void {
    this.#requests++;
  }

  countStatus(status: number): void {
    this.#statusClasses[(status / 100) | 0]!++;
  }

  exchangeFinished(exchange: ExchangeRecord): void {
    this.#openExchanges--;
    this.measures?.answered(exchange.startedAtMs, this.nowMs);
    this.countStatus(exchange.status);
    if (this.#accessLog !== undefined) this.#logAccess(exchange, exchange.status);
  }

  /** 499 is what nginx logs for a client that closed the request; nothing is sent. */
  exchangeAborted(exchange: ExchangeRecord): void {
    this.#openExchanges--;
    this.#aborted++;
    if (this.#accessLog !== undefined)
      this.#logAccess(exchange, exchange.status === 0 ? 499 : exchange.status);
  }

  #logAccess(exchange: ExchangeRecord, status: number): void {
    const log = this.#accessLog!;
    log(accessRecordOf(exchange, status));
  }

  logError(what: string, error: unknown, exchange: ExchangeRecord): void {
    if (!this.#errorLog.mayTell(this.nowMs)) return;
    this.#errorLog.tell(`${what}: ${exchange.methodName} ${exchange.target}`, error);
  }

  /** The hook that should have answered for `handlerError` failed itself: nobody else has heard of either. */
  logHookError(error: unknown, handlerError: unknown, exchange: ExchangeRecord): void {
    this.logError('handler failed', handlerError, exchange);
    this.logError('error hook failed', error, exchange);
  }

  countClose(reason: CloseReason): void {
    this.#closeReasons.set(reason, (this.#closeReasons.get(reason) ?? 0) + 1);
  }

  countFault(fault: { readonly code: string }): void {
    this.#faults.set(fault.code, (this.#faults.get(fault.code) ?? 0) + 1);
  }

  offended(option: string, by: RemoteAddress | undefined): void {
    this.offendedFrom(by?.address ?? '', option);
  }

  /** @param address empty where it is not known */
  offendedFrom(address: string, option: string): void {
    this.measures?.offenders.count(address, option, this.nowMs);
  }

  /** What the engine is to hold handshakes to. */
  handshakeRules(): HandshakeRules {
    const { timeouts, limits } = this.settings;
    return {
      timeoutMs: timeouts.headerMs,
      needsAddress:
        Math.min(limits.connectionsPerAddressMax, limits.handshakesPerAddressMax) !==
        Number.POSITIVE_INFINITY,
      mayBegin: (address) => this.admission.mayBegin(address),
      onEnd: (address) => this.admission.handshakeEnded(address),
      onTimeout: (address) => {
        this.deadlines.header++;
        this.offendedFrom(address, 'timeouts.header');
      },
      onEvent: (event, code) => this.tls.note(event, code),
    };
  }

  /** @returns what resolves when `promise` has settled, whichever way */
  waitUntil(promise: Promise<unknown>, exchange: ExchangeRecord): Promise<void> {
    return this.work.add(promise, (error) => this.logError('waitUntil failed', error, exchange));
  }

  /** Reports work of a request that came through no socket. */
  workFailed(error: unknown, request: Request): void {
    if (this.#errorLog.mayTell(this.nowMs))
      this.#errorLog.tell(`waitUntil failed: ${request.method} ${request.url}`, error);
  }

  get openConnections(): number {
    return this.#engine?.connectionCount ?? 0;
  }

  *connections(): IterableIterator<Session> {
    if (this.#engine === undefined) return;
    for (const { user } of this.#engine.connections()) if (user !== undefined) yield user as Session;
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

  /** What it tells whoever looks at the page, beside its counters. */
  observe(): ThreadObservation {
    this.#transfers ??= new TransferTable();
    return {
      transfers: this.#transfers.look(this.connections(), this.nowMs, TRANSFER_ROWS_MAX),
      offenders: this.measures?.offenders.report(this.nowMs) ?? NO_OFFENDERS,
      sections: sectionReports(this.fetch),
    };
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
      http2Limits: countsByBound((code) => this.#faults.get(code) ?? 0),
      tls: this.tls.snapshot(),
      deadlines: { ...this.deadlines },
      websocket: { ...this.websockets.counts },
      pubsubDropped: { ...this.hub.dropped },
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
