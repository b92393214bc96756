/**
 * The oracle for one connection of HTTP/2. It is told what is handed to the server before the server is, knows from the
 * client's own list which frames that was, and reads what the server writes with a reader of its own. What may, must and
 * must not happen on streams and to the connection is in rules.ts and stream-model.ts; here is when it is asked.
 *
 * What is owed "at once" is owed before the server returns from what it was told, or else before the clock moves; a
 * deadline is met in the first turn of the engine at or after its tick, and never before it.
 */
import type { SimConnection } from '../../engine/sim/connection.ts';
import type { SimPeer } from '../../engine/sim/peer.ts';
import { NO_ERROR } from '../../protocol/h2/error-codes.ts';
import { ResponseReader } from '../../prove/wire/response-reader.ts';
import * as bounds from '../bounds.ts';
import {
  type ClosingPhase,
  closeComplaint,
  type EndingConnection,
  isBreak,
  lateDeathComplaint,
  type PeerFacts,
  peerFacts,
} from '../close-table.ts';
import type { ConnectionOracle } from '../connection-oracle.ts';
import { Debt } from '../debt.ts';
import type { ExchangeRecord } from '../exchange-record.ts';
import type { RequestPlan } from '../request-plan.ts';
import { SentBytes } from '../sent-bytes.ts';
import { count } from '../totals.ts';
import type { World } from '../world.ts';
import { ClientFrames } from './client-frames.ts';
import type { ServerFrame } from './frame-scanner.ts';
import { Overdue } from './overdue.ts';
import { countedAfterGoAway } from './rules.ts';
import type { SentFrames } from './sent-frames.ts';
import { ServerFrames } from './server-frames.ts';
import { H2State, NEVER } from './state.ts';

const HTTP1_FIRST_BYTE = 0x48; // "H"
/** Content, up to 128 KiB of short frames before nothing more is read, and what one read makes of those. */
const UNSENT_BYTES_MAX = 5 * bounds.HIGH_WATER_BYTES;

export class H2ConnectionModel implements ConnectionOracle {
  readonly acceptedMs: number;
  readonly sent = new SentBytes();
  isClosed = false;
  wasReset = false;
  lastReason = '';
  readonly #world: World;
  readonly #conn: SimConnection;
  readonly #state: H2State;
  readonly #client: ClientFrames;
  readonly #overdue: Overdue;
  #server: ServerFrames | undefined = undefined;
  readonly #http1: ResponseReader;
  /** Before it speaks HTTP/2, and behind the last frame; HTTP/2's own are told by its streams. */
  #phase: 'accepted' | 'head' | 'speaking' | 'finishing' | 'linger' | 'ended' = 'accepted';
  #dueMs: number;
  #lingerEndMs = NEVER;
  #reason: string | undefined = undefined;
  #isOverLimit = false;
  #isRefused = false;
  #faultStatus = 0;
  readonly #debt = new Debt();
  #checkedMs = 0;
  #committingBytes = 0;

  constructor(world: World, conn: SimConnection, kind: string, sent: SentFrames) {
    this.#world = world;
    this.#conn = conn;
    this.acceptedMs = world.nowMs;
    this.#state = new H2State(world, conn, `connection ${conn.link.id} (${kind})`, sent);
    this.#client = new ClientFrames(this.#state);
    this.#overdue = new Overdue(this.#state);
    this.#dueMs = world.nowMs + world.settings.timeouts.headerMs;
    this.#http1 = new ResponseReader({
      answersHead: false,
      onHead: (status) => this.#http1Head(status),
      onBody() {},
      onEnd() {},
      onNonsense: (what) => this.find(`the server sends ${what}`),
    });
    if (world.isDraining) this.drainBegins();
  }

  find(what: string): void {
    this.#state.find(what);
  }

  /** Frames of the server's that the client has read with `receivedBytes`. */
  readFrames(receivedBytes: number): ServerFrame[] {
    const unread = this.#server?.unread ?? [];
    let read = 0;
    while (read < unread.length && unread[read]!.end <= receivedBytes) read++;
    return unread.splice(0, read);
  }

  /** The server has switched to HTTP/2. */
  get isSwitched(): boolean {
    return this.#server !== undefined;
  }

  isStreamOver(id: number): boolean {
    return this.#state.streams.get(id)?.isOpen === false;
  }

  /** By the names that HTTP/1's oracle has for it. */
  get phase(): ClosingPhase {
    if (this.#phase !== 'speaking') return this.#phase;
    const state = this.#state;
    if (state.endCode !== undefined) return 'finishing';
    if (state.openCount > 0) return 'exchange';
    return state.lastStreamId === NEVER ? 'idle' : 'finishing';
  }

  // What the server is about to be told.

  delivering(size: number): void {
    this.check();
    if (this.#state.isPeerEnded) this.find('bytes after FIN');
    if (this.#phase === 'accepted') this.#phase = 'head';
    else if (this.#phase === 'linger' && !this.#isOverLimit) {
      const { nowMs, settings } = this.#world;
      this.#dueMs = Math.max(nowMs, Math.min(nowMs + settings.timeouts.lingerMs, this.#lingerEndMs));
    }
    this.#client.deliver(size);
  }

  peerEnding(): void {
    this.check();
    const { phase } = this;
    this.#state.isPeerEnded = true;
    this.#peerLeaves();
    if (phase !== 'exchange') this.#owe('a close, for the peer has sent FIN');
  }

  peerEndSeen(): void {
    this.check();
    this.#peerLeaves();
  }

  #peerLeaves(): void {
    const state = this.#state;
    if (state.isPeerLeaving) return;
    state.isPeerLeaving = true;
    for (const stream of state.streams.values()) {
      if (!stream.isHeld) continue;
      stream.record?.peerLeaves();
      stream.touchedMs = this.#world.nowMs;
    }
    this.#quietBegins();
  }

  /** Something was written or has left, or the client has ended: from now on nothing may wait to be sent. */
  #quietBegins(): void {
    const { nowMs, settings } = this.#world;
    if (!this.#state.isPeerLeaving) return;
    const isQuiet = this.#conn.unsent.length + this.#committingBytes === 0;
    for (const stream of this.#state.streams.values())
      if (stream.isHeld) stream.record?.quietBegins(isQuiet ? nowMs + settings.timeouts.lingerMs : NEVER);
  }

  exceedsLimit(): void {
    this.#isOverLimit = true;
    this.#owe('a 503, for there are too many connections');
  }

  drainBegins(): void {
    this.check();
    this.#state.drainAskedMs = this.#world.nowMs;
    if (this.phase === 'idle') this.#state.drainGraceMs = this.#world.idleGraceMs;
    if (this.#phase === 'accepted')
      this.#dueMs = Math.min(this.#dueMs, this.#world.nowMs + bounds.DRAIN_ACCEPTED_MS);
  }

  deadlineFires(): void {
    this.check();
    const { nowMs, settings } = this.#world;
    const { idleMs, lingerMs } = settings.timeouts;
    const { phase } = this;
    const { unsent, link, failure } = this.#conn;
    const isTaking = unsent.length > 0 || (failure === undefined && link.down.outstandingBytes > 0);
    if (phase === 'linger' && nowMs >= this.#dueMs && !this.#isRefused && isTaking)
      this.#dueMs = nowMs + lingerMs;
    else if (phase === 'idle' && nowMs >= this.#state.idleSinceMs + idleMs) {
      if (isTaking) this.#state.idleSinceMs = nowMs;
      else this.#state.mayBeIdle = true;
    }
  }

  drained(): void {
    this.check();
    this.#quietBegins();
  }

  /** The server has been told, and has done what it does at once. */
  told(): void {
    const state = this.#state;
    if (state.isReceiving) {
      state.isReceiving = false;
      if (
        state.resets.settle(state.answers, state.receiveNumber) &&
        this.phase !== 'finishing' &&
        !state.isOver
      )
        this.find('requests are reset without end, and it is not ended');
      for (const stream of state.streams.values())
        if (stream.isResetPending) state.close(stream, 'reset-by-client');
      this.#client.watchFrame();
      if (this.#phase === 'speaking' && state.endCode === undefined) this.#overdue.judgeRead();
    }
    if (state.isPeerEnded) this.#overdue.judgeHalfBodies();
    this.#overdue.observe();
  }

  // What handlers do.

  handlerCalled(plan: RequestPlan): ExchangeRecord {
    return this.#state.called(plan);
  }

  handlerAnswered(exchange: ExchangeRecord): void {
    const { nowMs } = this.#world;
    exchange.settledMs = nowMs;
    for (const stream of this.#state.streams.values())
      if (stream.record === exchange && stream.isOpen && stream.status === 0) stream.owedMs = nowMs;
  }

  exchangeOf(plan: RequestPlan): ExchangeRecord | undefined {
    for (const { record } of this.#state.streams.values())
      if (record?.plan === plan && !record.isAnswered) return record;
    return undefined;
  }

  // ConnectionTap: what the server does.

  committed(bytes: Uint8Array, start: number, end: number): void {
    this.check();
    if (this.#reason !== undefined) this.find('bytes after the end');
    this.sent.push(bytes, start, end);
    const unsent = this.#conn.unsent.heldBytes + end - start;
    if (unsent > UNSENT_BYTES_MAX) this.find(`${unsent} bytes wait for a slow reader`);
    this.#committingBytes = this.#conn.takesBytes ? end - start : 0;
    this.#quietBegins();
    if (this.#server === undefined && bytes[start] !== HTTP1_FIRST_BYTE && this.#faultStatus === 0)
      this.#switch(start - end);
    if (this.#server === undefined) this.#http1.feed(bytes, start, end);
    else this.#server.feed(bytes, start, end);
    this.#committingBytes = 0;
    if (this.#phase === 'speaking' && this.phase === 'finishing') this.#owe('FIN after the last frame');
  }

  fileCommitted(): void {
    this.find('a file is sent as it is, where only frames may stand');
  }

  /** HTTP/1.1 that is answered: an upgrade, or a refusal. */
  #http1Head(status: number): void {
    count(this.#world.totals.statuses, status);
    if (status === 101) {
      if (!this.#client.hasHead || this.#state.streams.size === 0)
        this.find('an upgrade that nobody asked for');
      this.#switch(0);
      return;
    }
    this.#world.totals.refusedHeads++;
    this.#faultStatus = status;
    this.#isRefused = true;
    this.#debt.settle();
    let complaint: string | undefined = 'nothing calls for it';
    if (this.#isOverLimit)
      complaint = status === 503 && this.#phase === 'accepted' ? undefined : 'a 503 is due';
    else if (status === 408 && this.#phase === 'head') complaint = this.#state.deadlineComplaint(this.#dueMs);
    if (complaint !== undefined) this.find(`a ${status} in HTTP/1.1: ${complaint}`);
    this.#phase = 'finishing';
  }

  /** @param before bytes that are being committed and belong to HTTP/2 already, below zero */
  #switch(before: number): void {
    const state = this.#state;
    const { nowMs } = this.#world;
    if (this.#phase !== 'head') this.find(`HTTP/2 in the phase ${this.#phase}`);
    this.#server = new ServerFrames(state, this.sent.length + before);
    this.#phase = 'speaking';
    this.#dueMs = NEVER;
    state.switchedMs = nowMs;
    state.settingsDueMs = nowMs + state.bounds.settingsTimeoutMs;
    state.looked();
  }

  called(call: 'close' | 'reset' | 'shutdownWrite', reason: string): void {
    this.check();
    const { phase } = this;
    this.#world.network.trace?.(`peer ${this.#conn.link.id}: server calls ${call} (${reason}) in ${phase}`);
    const complaint = this.#endComplaint(call, reason);
    if (complaint !== undefined) this.find(`${call} (${reason}) in the phase ${phase}: ${complaint}`);
    if (call !== 'reset' && this.#server?.isBetween === false)
      this.find(`${call} (${reason}) within a frame`);
    this.#ends(call, reason);
    if (call === 'reset') this.wasReset = true;
    this.#debt.settle();
    if (call !== 'shutdownWrite') {
      this.#end();
      return;
    }
    this.#closeStreams();
    this.#phase = 'linger';
    this.#lingerEndMs = this.#world.nowMs + bounds.LINGER_MS_MAX;
    this.#dueMs = this.#world.nowMs + this.#world.settings.timeouts.lingerMs;
  }

  #endComplaint(call: 'close' | 'reset' | 'shutdownWrite' | 'closed', reason: string): string | undefined {
    // A client that has sent FIN is not lingered for: the close has the reason that is counted.
    if (
      this.phase === 'finishing' &&
      call === 'close' &&
      this.#state.isPeerEnded &&
      this.#server !== undefined
    )
      return undefined;
    return closeComplaint(this.#facts, this.#world, call, reason);
  }

  get #facts(): EndingConnection {
    const { phase, peer } = this;
    return {
      phase,
      dueMs: this.#dueMs,
      isPeerEnded: this.#state.isPeerEnded,
      isOverLimit: this.#isOverLimit,
      faultStatus: this.#faultStatus,
      deliveredBytes: this.#state.deliveredBytes,
      exchange: undefined,
      request: undefined,
      peer,
      deadlineComplaint: (dueMs) => this.#state.deadlineComplaint(dueMs),
    };
  }

  get peer(): PeerFacts {
    return peerFacts(this.#conn.link, this.#world.deadPeerMs);
  }

  closed(reason: string): void {
    this.check();
    if (isBreak(reason)) this.wasReset = true;
    const late = lateDeathComplaint(this.#conn, this.#world);
    if (late !== undefined) this.find(late);
    if (this.isClosed) this.find('closed twice');
    this.isClosed = true;
    const complaint = this.#phase === 'ended' ? undefined : this.#endComplaint('closed', reason);
    if (complaint !== undefined) this.find(`closed (${reason}) in the phase ${this.phase}: ${complaint}`);
    if (this.#reason === undefined || this.#phase === 'linger') this.#ends('closed', reason);
    this.#debt.settle();
    this.#end();
  }

  counted(reasons: readonly string[]): void {
    for (const reason of reasons) count(this.#world.totals.closes, reason);
    const { endCode, lastStreamId } = this.#state;
    const [counted, second] = reasons;
    if (counted === undefined || second !== undefined)
      this.find(`its end is counted ${reasons.length} times`);
    else if (this.#server !== undefined && (endCode !== undefined || lastStreamId !== NEVER)) {
      const complaint = countedAfterGoAway(endCode ?? NO_ERROR, this.#state, counted);
      // Whoever goes before the last stream is answered has ended it.
      if (complaint !== undefined && counted !== this.#reason) this.find(complaint);
    } else if (this.#reason !== '' && counted !== this.#reason && !this.#isIdleEnd(counted))
      this.find(`its end is counted as ${counted}, not ${this.#reason}`);
  }

  /** Once it is idle too long its end is named for that, whoever comes before. */
  #isIdleEnd(counted: string): boolean {
    const { wasIdle, mayBeIdle } = this.#state;
    if (!wasIdle && !mayBeIdle) return false;
    return counted === 'idle-timeout' || (counted === 'drained' && this.#world.isDraining);
  }

  #ends(call: string, reason: string): void {
    this.#reason ??= reason;
    this.lastReason = reason;
    count(this.#world.totals.endings, `h2 ${this.phase}: ${call}`);
  }

  #end(): void {
    this.#phase = 'ended';
    this.#dueMs = NEVER;
    this.#closeStreams();
  }

  #closeStreams(): void {
    const state = this.#state;
    for (const stream of state.streams.values()) state.close(stream, 'gone');
    state.isOver = true;
    state.settingsDueMs = NEVER;
    state.frameDueMs = NEVER;
    state.drainDueMs = NEVER;
  }

  // Time.

  #owe(what: string): void {
    this.#debt.owe(what, this.#world.nowMs);
  }

  check(): void {
    const { nowMs } = this.#world;
    if (nowMs <= this.#checkedMs) return;
    this.#checkedMs = nowMs;
    const state = this.#state;
    const overdue = this.#debt.overdue(nowMs);
    if (overdue !== undefined) this.find(overdue);
    if (this.#conn.isReleased) return; // Failed, and not yet told.
    if (state.isMissed(this.#dueMs)) {
      this.find(`the deadline of ${this.#dueMs.toFixed(2)} ms in the phase ${this.phase} has been missed`);
      this.#dueMs = NEVER;
    }
    if (this.#phase !== 'speaking') return;
    this.#overdue.check();
  }

  // The end of the run.

  judge(): void {
    this.check();
    const state = this.#state;
    if (!this.isClosed) this.find('was never closed');
    for (const { record, isOpen, name } of state.streams.values()) {
      if (isOpen) this.find(`${name} was never ended`);
      if (record !== undefined) for (const complaint of record.complaints()) this.find(complaint);
    }
  }

  /** Only what came behind FIN, which is lingered for. */
  mayLose(_peer: SimPeer): boolean {
    return false;
  }
}
