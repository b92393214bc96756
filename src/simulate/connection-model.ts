/**
 * The oracle for one connection: the table "The life of a connection" as a model of its own. It is told
 * what is handed to the server before the server is, sees every byte and every call that the server
 * gives back, and says what may, must and must not happen at each moment. It knows the client's plan, so
 * it reads no request; responses it reads with a reader of its own.
 *
 * What is owed "at once" is owed before the clock moves; a deadline is met in the first turn of the
 * engine at or after its tick, and never before it.
 */
import type { SimConnection } from '../engine/sim/connection.ts';
import type { SimPeer } from '../engine/sim/peer.ts';
import { ResponseReader, type ResponseSink } from '../prove/wire/response-reader.ts';
import {
  answerComplaint,
  contentComplaint,
  faultComplaint,
  fileComplaint,
  interimComplaint,
  mustClose,
  wholeComplaint,
} from './answer-rules.ts';
import * as bounds from './bounds.ts';
import type { ClientPlan } from './client-plan.ts';
import {
  breaksFile,
  type ClosingPhase,
  closeComplaint,
  countedComplaint,
  isBreak,
  lateDeathComplaint,
  type PeerFacts,
  peerFacts,
} from './close-table.ts';
import type { ConnectionOracle } from './connection-oracle.ts';
import { Debt } from './debt.ts';
import { ExchangeRecord } from './exchange-record.ts';
import { hasContent, isPulled, throws } from './expected-answer.ts';
import type { RequestPlan } from './request-plan.ts';
import { SentBytes } from './sent-bytes.ts';
import { count } from './totals.ts';
import type { World } from './world.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class ConnectionModel implements ConnectionOracle, ResponseSink {
  readonly plan: ClientPlan;
  readonly acceptedMs: number;
  readonly exchanges: ExchangeRecord[] = [];
  /** What the server committed, for the client to compare. */
  readonly sent = new SentBytes();
  phase: ClosingPhase = 'accepted';
  /** Bytes of the client's stream that the server was handed. */
  deliveredBytes = 0;
  /** Committed bytes at the end of each final response, and how many interim ones there were. */
  readonly responseEnds: number[] = [];
  readonly interimEnds: number[] = [];
  /** Why the server said that it ends the connection: the first call's reason. */
  reason: string | undefined = undefined;
  /** And the last one's: after FIN and lingering comes the close. */
  lastReason = '';
  /** The server broke it off: by a reset of its own, or at the engine's end. */
  wasReset = false;
  isPeerEnded = false;
  isOverLimit = false;
  isClosed = false;
  exchange: ExchangeRecord | undefined = undefined;
  /** The request that is being read or answered. */
  requestIndex = 0;
  /** Status of a fault that was answered last. */
  faultStatus = 0;
  readonly #world: World;
  readonly #name: string;
  readonly #conn: SimConnection;
  readonly #reader = new ResponseReader(this);
  /** When the phase's own deadline is due. */
  dueMs: number;
  #lingerEndMs = NEVER;
  /** All that it was sent is a refusal: it is not waited for while it does not take that. */
  #isRefused = false;
  readonly #debt = new Debt();
  #isPeerLeaving = false;
  #announcesClose = false;
  #bodyAt = 0;
  #finals = 0;
  #hasContinued = false;
  /** Bytes that are being committed: the connection does not count them yet. */
  #committingBytes = 0;
  /** The response that is being written has a Content-Length. */
  #hasLength = false;

  constructor(world: World, plan: ClientPlan, conn: SimConnection) {
    this.#world = world;
    this.plan = plan;
    this.acceptedMs = world.nowMs;
    this.#conn = conn;
    this.#name = `connection ${conn.link.id} (${plan.kind})`;
    this.dueMs = world.nowMs + world.settings.timeouts.headerMs;
    if (world.isDraining) this.drainBegins();
  }

  get peer(): PeerFacts {
    return peerFacts(this.#conn.link, this.#world.deadPeerMs);
  }

  get request(): RequestPlan | undefined {
    return this.plan.requests[this.requestIndex];
  }

  find(what: string): void {
    this.#world.find(`${this.#name}: ${what}`);
  }

  #complain(complaint: string | undefined): void {
    if (complaint !== undefined) this.find(complaint);
  }

  // What the server is about to be told.

  /** `size` bytes are handed to the server. */
  delivering(size: number): void {
    this.check();
    const now = this.#world.nowMs;
    this.deliveredBytes += size;
    if (this.isPeerEnded) this.find('bytes after FIN');
    this.exchange?.bodyArrived(now, this.deliveredBytes >= this.exchange.plan.bodyEnd);
    // Whoever sends on after the last answer is heard out for a while.
    if (this.phase === 'linger' && !this.isOverLimit)
      this.dueMs = Math.min(now + this.#world.settings.timeouts.lingerMs, this.#lingerEndMs);
    this.#progress();
  }

  peerEnding(): void {
    this.check();
    this.isPeerEnded = true;
    this.#peerLeaves();
    if (['accepted', 'idle', 'head', 'linger'].includes(this.phase)) {
      this.#owe('a close, for the peer has sent FIN');
    } else if (this.phase === 'exchange' && this.#isBodyOpen && !this.#endsUnread) {
      this.#owe('a reset, for the peer has sent FIN within a body');
    }
  }

  peerEndSeen(): void {
    this.check();
    this.#peerLeaves();
  }

  #peerLeaves(): void {
    this.#isPeerLeaving = true;
    this.exchange?.peerLeaves();
    this.#quietBegins();
  }

  /** Something was written or has left, or the client has ended: from now on nothing may wait to be sent. */
  #quietBegins(): void {
    const { nowMs, settings } = this.#world;
    const isQuiet = this.#conn.unsent.length + this.#committingBytes === 0;
    this.exchange?.quietBegins(isQuiet ? nowMs + settings.timeouts.lingerMs : NEVER);
  }

  /** It is one connection too many. */
  exceedsLimit(): void {
    this.isOverLimit = true;
    this.#owe('a 503, for there are too many connections');
  }

  drainBegins(): void {
    this.check();
    const { nowMs, idleGraceMs } = this.#world;
    if (this.phase === 'idle') {
      if (idleGraceMs === 0) this.#owe('a close, for the server drains');
      else this.dueMs = Math.min(this.dueMs, nowMs + idleGraceMs);
    } else if (this.phase === 'accepted')
      this.dueMs = Math.min(this.dueMs, this.#world.nowMs + bounds.DRAIN_ACCEPTED_MS);
  }

  /** The engine tells of a deadline. Lingering goes on for a reader that has not taken its answer yet. */
  deadlineFires(): void {
    this.check();
    const now = this.#world.nowMs;
    if ((this.phase !== 'linger' && this.phase !== 'idle') || now < this.dueMs || this.#isRefused) return;
    const { unsent, link, failure } = this.#conn;
    // The kernel tells nothing of a socket that has failed already.
    if (unsent.length > 0 || (failure === undefined && link.down.outstandingBytes > 0))
      this.dueMs = now + this.#world.settings.timeouts[this.phase === 'idle' ? 'idleMs' : 'lingerMs'];
  }

  /** The kernel has taken all that was written. */
  drained(): void {
    this.check();
    this.#quietBegins();
    if (this.phase !== 'held') return;
    this.phase = 'idle';
    this.dueMs = this.#world.nowMs + this.#world.settings.timeouts.idleMs;
    this.#progress();
  }

  /** The body of the current request is not whole. */
  get #isBodyOpen(): boolean {
    const request = this.request;
    return request !== undefined && this.deliveredBytes < request.bodyEnd;
  }

  /** The answer is out and the connection ends anyway. */
  get #endsUnread(): boolean {
    return this.exchange?.isFinished === true;
  }

  /** Bytes have come or an answer has ended: where does that lead? */
  #progress(): void {
    const request = this.request;
    const now = this.#world.nowMs;
    const hasBegun = this.deliveredBytes > (request?.lineStart ?? this.#start);
    if (this.phase === 'accepted' && hasBegun) this.phase = 'head';
    else if (this.phase === 'idle' && this.deliveredBytes > this.#start) {
      if (this.#conn.unsent.length + this.#committingBytes >= bounds.HIGH_WATER_BYTES) {
        this.phase = 'held';
        this.dueMs = NEVER;
        return;
      }
      if (!hasBegun) return;
      this.phase = 'head';
      this.dueMs = now + this.#world.settings.timeouts.headerMs;
    }
    if (this.phase !== 'head' || request === undefined) return;
    if (this.deliveredBytes < request.headEnd) return;
    if (request.refusal !== undefined) {
      this.#owe(`a ${request.refusal}`);
      return;
    }
    this.phase = 'exchange';
    this.dueMs = NEVER;
    if (request.bodyRefusal === undefined || this.deliveredBytes < request.bodyRefusal.fromBytes) {
      this.#owe('a call of the handler');
    } else if (this.deliveredBytes >= request.bodyRefusal.atBytes) this.#owe('a refusal of the body');
  }

  /** Where in the client's stream the next request begins. */
  get #start(): number {
    const before = this.plan.requests[this.requestIndex - 1];
    return this.request?.start ?? before?.bodyEnd ?? 0;
  }

  // What the handler does.

  handlerCalled(plan: RequestPlan): ExchangeRecord {
    const { timeouts } = this.#world.settings;
    const isComplete = this.deliveredBytes >= plan.bodyEnd;
    const exchange = new ExchangeRecord(
      plan,
      this.#world.nowMs,
      timeouts.handlerMs,
      timeouts.bodyMs,
      isComplete,
    );
    if (this.#isPeerLeaving) exchange.peerEnd = 'before';
    this.exchanges.push(exchange);
    if (this.phase !== 'exchange' || plan !== this.request || this.exchange !== undefined) {
      this.find(`the handler is called for request ${plan.id} in the phase ${this.phase}`);
    }
    this.#debt.settle();
    this.exchange = exchange;
    return exchange;
  }

  /** The handler has answered, and the server must do so at once. */
  handlerAnswered(exchange: ExchangeRecord): void {
    exchange.settledMs = this.#world.nowMs;
    if (this.exchange === exchange && !exchange.isAnswered && this.phase === 'exchange') {
      this.#owe(`the answer to request ${exchange.plan.id}`);
    }
  }

  // ConnectionTap: what the server does.

  committed(bytes: Uint8Array, start: number, end: number): void {
    this.check();
    if (this.reason !== undefined) this.find('bytes after the end');
    this.sent.push(bytes, start, end);
    const unsent = this.#conn.unsent.heldBytes + end - start;
    if (unsent > bounds.HIGH_WATER_BYTES + bounds.LENT_BYTES_MAX + bounds.HEADS_BYTES_MAX)
      this.find(`${unsent} bytes wait for a slow reader`);
    this.#writes(bytes, start, end);
  }

  fileCommitted(bytes: Uint8Array, start: number, end: number): void {
    this.check();
    this.sent.push(bytes, start, end);
    this.#writes(bytes, start, end);
  }

  #writes(bytes: Uint8Array, start: number, end: number): void {
    this.#committingBytes = this.#conn.takesBytes ? end - start : 0;
    this.#quietBegins();
    this.#reader.feed(bytes, start, end);
    this.#committingBytes = 0;
  }

  called(call: 'close' | 'reset' | 'shutdownWrite', reason: string): void {
    this.check();
    this.#world.network.trace?.(
      `peer ${this.#conn.link.id}: server calls ${call} (${reason}) in ${this.phase}`,
    );
    if (call !== 'reset' && this.#reader.isUntilClose && !this.#reader.isBetween) this.#reader.finish();
    const complaint = closeComplaint(this, this.#world, call, reason);
    if (complaint !== undefined) this.find(`${call} (${reason}) in the phase ${this.phase}: ${complaint}`);
    // FIN would pass for the end of what was cut short.
    if (call !== 'reset' && !this.#reader.isBetween) this.find(`${call} (${reason}) within a response`);
    this.#ends(call, reason);
    if (call === 'reset') this.wasReset = true;
    this.#debt.settle();
    if (call === 'shutdownWrite') {
      this.phase = 'linger';
      this.#lingerEndMs = this.#world.nowMs + bounds.LINGER_MS_MAX;
      this.dueMs = this.#world.nowMs + this.#world.settings.timeouts.lingerMs;
    } else this.#end();
  }

  /** The engine is done with it. */
  closed(reason: string): void {
    this.check();
    if (isBreak(reason)) this.wasReset = true;
    if (breaksFile(reason) && !this.#conn.isAborting) this.find('FIN passes for the end of a file');
    this.#complain(lateDeathComplaint(this.#conn, this.#world));
    if (this.isClosed) this.find('closed twice');
    this.isClosed = true;
    const complaint =
      this.phase === 'ended' ? undefined : closeComplaint(this, this.#world, 'closed', reason);
    if (complaint !== undefined) this.find(`closed (${reason}) in the phase ${this.phase}: ${complaint}`);
    if (this.reason === undefined || this.phase === 'linger') this.#ends('closed', reason);
    this.#debt.settle();
    this.#end();
  }

  /** The server has been told, and has counted. */
  counted(reasons: readonly string[]): void {
    this.#complain(countedComplaint(reasons, this.reason ?? '', this.faultStatus));
    for (const reason of reasons) count(this.#world.totals.closes, reason);
  }

  #ends(call: string, reason: string): void {
    this.reason ??= reason;
    this.lastReason = reason;
    count(this.#world.totals.endings, `${this.phase}: ${call}`);
  }

  #end(): void {
    this.phase = 'ended';
    this.dueMs = NEVER;
    if (this.exchange !== undefined && !this.exchange.isFinished) this.exchange.isGone = true;
  }

  // ResponseSink

  get answersHead(): boolean {
    if (this.request?.method !== 'HEAD') return false;
    return (
      this.phase === 'exchange' ||
      (this.phase === 'head' && this.deliveredBytes >= this.request.lineStart + bounds.HEAD_METHOD_BYTES)
    );
  }

  onHead(status: number, _minor: number, fields: ReadonlyMap<string, string>): void {
    const { exchange } = this;
    count(this.#world.totals.statuses, status);
    if (status < 200) {
      this.#onInterim(status);
      return;
    }
    this.#finals++;
    this.#bodyAt = 0;
    this.#announcesClose = /(^|, ?)close($|,)/i.test(fields.get('connection') ?? '');
    this.#hasLength = fields.has('content-length');
    const id = fields.get('x-id');
    this.faultStatus = id === undefined ? status : 0;
    // A body that is too long by its length makes a request.
    if (id === undefined && this.phase !== 'exchange' && status !== 413) this.#world.totals.refusedHeads++;
    this.#isRefused = id === undefined && this.phase !== 'exchange' && this.#finals === 1;
    if (this.#finals !== this.requestIndex + 1)
      this.find(`response ${this.#finals} to request ${this.requestIndex + 1}`);
    const complaint = id === undefined ? faultComplaint(this, status) : answerComplaint(exchange, id, status);
    if (complaint !== undefined) this.find(`a ${status} in the phase ${this.phase}: ${complaint}`);
    if (exchange !== undefined) {
      exchange.isAnswered = true;
      // The 500 of a handler that threw is its answer.
      exchange.isFault = id === undefined && !(status === 500 && throws(exchange.plan));
    }
    this.#debt.settle();
    if (mustClose(this, this.#world, this.#finals, status) !== this.#announcesClose) {
      this.find(`response ${this.#finals} announces ${this.#announcesClose ? 'the end' : 'that it goes on'}`);
    }
  }

  #onInterim(status: number): void {
    this.interimEnds.push(this.sent.length);
    this.#complain(interimComplaint(this.exchange, status, this.#hasContinued));
    if (status === 100) this.#hasContinued = true;
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    const { exchange } = this;
    if (this.faultStatus === 0 && exchange !== undefined) {
      this.#complain(contentComplaint(exchange.plan, this.#bodyAt, bytes, start, end));
    }
    this.#bodyAt += end - start;
  }

  onEnd(): void {
    const { exchange } = this;
    this.#world.totals.responses++;
    this.responseEnds.push(this.sent.length);
    const isHandlers = this.faultStatus === 0 && exchange !== undefined && hasContent(exchange.plan);
    if (isHandlers) this.#complain(wholeComplaint(exchange.plan, this.#bodyAt));
    // The last byte is written, but that it was the last a stream says only when it is read once more.
    if (isHandlers && this.#hasLength && isPulled(exchange.plan)) this.phase = 'ending';
    else this.#finish();
  }

  /** The server has seen the end of the answer: of one that it streams, nothing else tells when. */
  exchangeFinished(): void {
    if (this.phase === 'ending') this.#finish();
  }

  /** The answer is out: what follows? */
  #finish(): void {
    const { exchange } = this;
    if (exchange !== undefined) {
      exchange.isFinished = true;
      if (this.faultStatus === 0) this.#complain(fileComplaint(exchange.plan));
    }
    if (this.#announcesClose) {
      this.phase = 'finishing';
      this.#owe('FIN after the last answer');
      return;
    }
    this.exchange = undefined;
    this.phase = 'idle';
    this.requestIndex++;
    this.dueMs = this.#world.nowMs + this.#world.settings.timeouts.idleMs;
    this.#progress();
    // The compiler does not see that `#progress` moves the phase.
    if (this.phase !== ('idle' as ClosingPhase) && this.phase !== ('head' as ClosingPhase)) return;
    if (this.isPeerEnded) this.#owe('a close, for the peer has sent FIN');
    else if (this.#world.isDraining && this.phase === ('idle' as ClosingPhase)) {
      const { idleGraceMs, nowMs } = this.#world;
      if (idleGraceMs === 0) this.#owe('an end, for the server drains');
      else this.dueMs = Math.min(this.dueMs, nowMs + idleGraceMs);
    }
  }

  onNonsense(what: string): void {
    this.find(`the server sends ${what}`);
  }

  // Time.

  readonly deadlineComplaint = (dueMs: number): string | undefined => this.#world.deadlineComplaint(dueMs);

  #owe(what: string): void {
    this.#debt.owe(what, this.#world.nowMs);
  }

  /** Held at each event: nothing owed is overdue, no deadline has been missed. */
  check(): void {
    const now = this.#world.nowMs;
    this.#complain(this.#debt.overdue(now));
    const { exchange } = this;
    const isOpen = exchange !== undefined && (this.phase === 'exchange' || this.phase === 'ending');
    const dueMs = isOpen ? exchange.dueMs : this.dueMs;
    if (this.#conn.isReleased) return; // Failed, and not yet told.
    if (this.#world.isMissed(dueMs)) {
      this.find(`the deadline of ${dueMs.toFixed(2)} ms in the phase ${this.phase} has been missed`);
      if (exchange === undefined) this.dueMs = NEVER;
    }
  }

  exchangeOf(plan: RequestPlan): ExchangeRecord | undefined {
    return this.exchange?.plan === plan ? this.exchange : undefined;
  }

  judge(): void {
    this.check();
    if (!this.isClosed) this.find('was never closed');
    for (const exchange of this.exchanges)
      for (const complaint of exchange.complaints()) this.find(complaint);
  }

  /** It had said that it would send no more, and was closed at once for that. RFC 9112 §9.6 */
  mayLose(peer: SimPeer): boolean {
    const { request } = this;
    return request?.persists === false && peer.writtenBytes > request.bodyEnd;
  }
}
