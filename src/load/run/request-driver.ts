/**
 * One thread's share of the load: its slots, their connections, and what becomes of each request. It is
 * the layer above an engine. When a request is made is the pacing's to say, which one the source's, how
 * it is written and read the client's; what is counted goes to the tally.
 *
 * Every request that is begun ends in exactly one way: answered, failed under a name, given back to be
 * begun again (the server closed before it looked at it), or unfinished when the run is broken off.
 */
import { assert } from '../../base/assert.ts';
import type { CloseReason, Engine, EngineConnection, EngineHandler } from '../../engine/engine.ts';
import type { AnswerContent, AnswerHandler, Client, ClientLink } from '../client/client.ts';
import { FAILURE_NAMES, failureName, isClosing } from '../client/failure-names.ts';
import { LatencyCounts, type LatencyData } from '../measure/latency-counts.ts';
import type { Tally } from '../measure/tally.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import type { PacedDriver, Pacing } from './pacing.ts';
import type { MadeRequest, RequestSource } from './request-source.ts';
import { RequestsUnderWay, type UnderWay } from './requests-under-way.ts';
import { Slot } from './slot.ts';
import { SlotConnections } from './slot-connections.ts';
import { type SlotTimerHandler, SlotTimers } from './slot-timers.ts';

/** After connections that came to nothing: 1 ms, doubled up to this. A refusal must not cost a core. */
const BACKOFF_MS_MAX = 128;

/** These may be made again although the server perhaps has seen them. RFC 9110 §9.2.2 */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']);

interface RequestDriverParts {
  readonly plan: LoadPlan;
  readonly tally: Tally;
  readonly source: RequestSource;
  readonly makeClient: (handler: AnswerHandler) => Client;
  /** Told when nothing is under way any more, after `stop`, or when the count of requests is used up. */
  readonly onIdle: () => void;
}

export class RequestDriver implements EngineHandler, AnswerHandler, PacedDriver, SlotTimerHandler {
  readonly slots: readonly Slot[];
  /** Told when the moment asked of the engine has come. */
  onWoken: () => void = () => {};
  /** Told before the first request is begun that is meant for this moment or a later one. */
  onMeasured: () => void = () => {};
  measuredFromMs = Number.POSITIVE_INFINITY;
  readonly #plan: LoadPlan;
  readonly #tally: Tally;
  readonly #source: RequestSource;
  readonly #onIdle: () => void;
  readonly #depth: number;
  readonly #timeoutMs: number;
  #timers!: SlotTimers;
  /** Latency counts from the moment the request was meant for, or from before the connection was made. */
  readonly #countsConnecting: boolean;
  /** A script's request belongs to its moment: it is not made again. */
  readonly #mayRepeat: boolean;
  #engine!: Engine;
  #pacing!: Pacing;
  readonly #underWay: RequestsUnderWay;
  readonly #connections: SlotConnections;
  /** What the request that is being begun is meant for: a number in an array needs no box. */
  readonly #moment = new Float64Array(1);
  readonly #clock = new Float64Array(1);
  /** Requests that may still be begun. */
  #left: number;
  #isStopped = false;
  /** Nothing is begun any more, not even what was due. */
  #hasGivenUp = false;

  constructor({ plan, tally, source, makeClient, onIdle }: RequestDriverParts) {
    this.#plan = plan;
    this.#tally = tally;
    this.#source = source;
    this.#onIdle = onIdle;
    this.#depth = plan.pipeline;
    this.#timeoutMs = plan.timeoutMs;
    this.#left = plan.requestCount ?? Number.POSITIVE_INFINITY;
    this.#countsConnecting = plan.newConnection || plan.ratePerSecond !== undefined;
    this.#mayRepeat = plan.script === undefined;
    const client = makeClient(this);
    this.slots = Array.from({ length: plan.connections }, (_, index) => {
      const slot = new Slot(index, index);
      slot.link = client.createLink(index);
      return slot;
    });
    this.#underWay = new RequestsUnderWay(plan.connections, plan.pipeline);
    this.#connections = new SlotConnections(plan, tally);
  }

  /** Before anything else. */
  bind(engine: Engine, pacing: Pacing): void {
    this.#engine = engine;
    this.#connections.bind(engine);
    this.#pacing = pacing;
    this.#timers = new SlotTimers(this.slots.length, this, () => engine.nowMs);
    this.tick();
  }

  /** Opens the connection of a slot before there is a request for it. */
  open(slot: Slot): void {
    this.tick();
    if (slot.conn === undefined) this.#connect(slot, this.#source.firstTarget(slot));
  }

  /**
   * Begins nothing more that is due later than `endMs`. `onIdle` is called when all that is under way, or
   * waits for a free connection, has ended.
   */
  stop(endMs: number): void {
    this.#tally.isOver = true;
    this.#pacing.stop(endMs);
    this.#tally.counters.waitingAtEnd = this.#pacing.waiting;
    this.#isStopped = true;
    this.#checkIdle();
  }

  /** After `stop`: what still waits for a free connection is never sent. */
  giveUpWaiting(): void {
    this.tick();
    const nowMs = this.#clock[0]!;
    this.#hasGivenUp = true;
    this.#pacing.giveUp(this.#tally.measuredFromMs, (intendedMs, times) => {
      const waitedMs = nowMs - intendedMs;
      this.#tally.unsent(waitedMs, times);
      for (const skipped of this.#source.skip(times))
        this.#tally.urls.waitedFor(skipped.urlRow, waitedMs, skipped.times);
    });
    this.#checkIdle();
  }

  /** How long each request has waited by now that was due before `beforeMs`: under way, or not sent yet. */
  waitingSince(beforeMs: number): LatencyData {
    this.tick();
    const nowMs = this.#clock[0]!;
    const fromMs = this.#tally.measuredFromMs;
    const waits = new LatencyCounts();
    const record = (dueMs: number, times = 1) =>
      waits.recordUsTimes(Math.round((nowMs - dueMs) * 1000), times);
    for (const slot of this.slots) this.#underWay.eachBetween(slot, fromMs, beforeMs, record);
    this.#pacing.eachWaiting(fromMs, beforeMs, record);
    return waits.data();
  }

  /** Drops everything at once. */
  abandon(): void {
    this.#isStopped = true;
    this.#hasGivenUp = true;
    // Before the run begins there is neither a pacing nor a timer.
    this.#pacing?.stop(0);
    this.#pacing?.giveUp(Number.POSITIVE_INFINITY, () => {});
    this.#timers?.stop();
  }

  /** Ends what is still open. */
  closeConnections(): void {
    this.#connections.closeAll();
  }

  // PacedDriver

  /** The engine's clock at the last call from outside, which `tick` took. @hot */
  get nowMs(): number {
    return this.#clock[0]!;
  }

  /**
   * Reads the clock, once for each call from outside: the engine itself reads its own once a turn. Both
   * ends of a latency are then taken at the beginning of a turn, so that what this thread does within a
   * turn is in neither, on average, and the kernel's sending is in.
   */
  tick(): void {
    this.#clock[0] = this.#engine.nowMs;
  }

  /** @hot */
  begin(slot: Slot, intendedMs: number | undefined): boolean {
    if (this.#left <= 0 || this.#hasGivenUp) return true;
    this.#left--;
    const tally = this.#tally;
    const momentMs = intendedMs ?? this.#clock[0]!;
    if (momentMs >= this.measuredFromMs) {
      this.measuredFromMs = Number.POSITIVE_INFINITY;
      this.onMeasured();
    }
    if (momentMs >= tally.measuredFromMs) tally.counters.sent++;
    tally.underWay++;
    this.#moment[0] = momentMs;
    return this.#place(slot, this.#source.next(slot), undefined);
  }

  pause(slot: Slot, untilMs: number): void {
    this.#timers.pauseUntil(slot.index, untilMs);
  }

  /**
   * Puts a request that was meant for `#moment` on the slot's connection, or makes one for it.
   * @param firstSentMs when it was sent before, on a connection that is gone
   * @hot
   */
  #place(slot: Slot, request: MadeRequest, firstSentMs: number | undefined): boolean {
    if (slot.conn !== undefined && slot.target !== request.target) {
      assert(slot.link.underWay === 0, 'a slot pipelines to one target only');
      this.#connections.closeHere(slot);
    }
    if (slot.conn === undefined) {
      const code = this.#connect(slot, request.target);
      if (code !== '') {
        const intendedMs = this.#moment[0]!;
        this.#fail(slot, code, { request, intendedMs, sentMs: intendedMs });
        return false;
      }
    }
    const sentMs = firstSentMs ?? this.#clock[0]!;
    const ticket = slot.link.start(request);
    this.#underWay.put(slot, ticket, request, this.#moment[0]!, sentMs, firstSentMs !== undefined);
    slot.lastUrl = request.urlRow;
    if (!slot.isTimed) this.#limit(slot, sentMs + this.#timeoutMs);
    if (this.#source.wantsAnswers) this.#source.onStarted(slot, ticket);
    return true;
  }

  /** @returns the name of the failure when the system refuses at once; else an empty one */
  #connect(slot: Slot, targetIndex: number): string {
    const nowMs = this.#clock[0]!;
    const code = this.#connections.connect(slot, targetIndex, nowMs);
    if (code === '' && !slot.isTimed) this.#limit(slot, nowMs + this.#timeoutMs);
    return code;
  }

  // EngineHandler

  onConnect(conn: EngineConnection): void {
    this.tick();
    const slot = conn.user as Slot | undefined; // of what is in slot-connections.ts
    if (slot === undefined) return;
    const nowMs = this.#clock[0]!;
    this.#connections.opened(slot, nowMs);
    const { underWay } = slot.link;
    if (underWay > 0) this.#underWay.markSent(slot, nowMs, this.#countsConnecting);
    // At a constant rate the pacing has been told already how many requests may be under way.
    if (this.#plan.ratePerSecond !== undefined) return;
    for (let more = this.#depth - Math.max(1, underWay); more > 0; more--) this.#pacing.onFree(slot);
  }

  onAccept(conn: EngineConnection): void {
    conn.reset('unexpected');
  }

  /** @hot */
  onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    this.tick();
    const slot = conn.user as Slot | undefined;
    this.#tally.counters.bytesReceived += end - start;
    if (slot !== undefined) slot.link.receive(bytes, start, end);
  }

  onDrained(conn: EngineConnection): void {
    const slot = conn.user as Slot | undefined;
    if (slot !== undefined) slot.link.drained();
  }

  onPeerEnd(conn: EngineConnection): void {
    this.tick();
    const slot = conn.user as Slot | undefined;
    if (slot === undefined) {
      conn.close('server closed');
      return;
    }
    slot.link.peerEnded();
    // `peerEnded` may have completed an answer, and with it let go of the connection.
    if (slot.conn !== conn) return;
    conn.close('server closed');
    const { underWay } = slot.link;
    if (underWay > 0) this.#tally.counters.closedEarly++;
    this.#lose(slot, FAILURE_NAMES.closedEarly);
  }

  /** @hot */
  onWake(): void {
    this.tick();
    this.onWoken();
  }

  /** Only one kind of connection has a deadline: the server was to close it, and has not done so. */
  onDeadline(conn: EngineConnection): void {
    this.#connections.leftOpen(conn);
  }

  onClosed(conn: EngineConnection, reason: CloseReason): void {
    this.tick();
    const slot = conn.user as Slot | undefined;
    if (slot === undefined || slot.conn !== conn) {
      this.#connections.ended(conn);
      return;
    }
    const code = failureName(conn.errorCode, reason);
    if (reason === 'tls-error') this.#tally.counters.handshakesFailed++;
    if (!slot.isOpen) this.#connections.failed(slot, code);
    else if (reason === 'peer-reset') this.#tally.counters.reset++;
    this.#lose(slot, code, true);
  }

  // AnswerHandler

  /** @hot */
  onAnswer(link: ClientLink, ticket: number, status: number, content: AnswerContent | undefined): void {
    const slot = this.slots[link.index]!;
    const nowMs = this.#clock[0]!;
    const tally = this.#tally;
    const underWay = this.#underWay;
    const { urlRow } = underWay.request(slot, ticket);
    const isMeasured = underWay.intendedMs(slot, ticket) >= tally.measuredFromMs;
    if (isMeasured)
      tally.answered(
        status,
        underWay.latencyUs(slot, ticket, nowMs),
        underWay.serviceUs(slot, ticket, nowMs),
        urlRow,
      );
    else tally.endedUnmeasured();
    if (slot.answers++ > 0 && isMeasured) tally.counters.reused++;
    const isFine = content === undefined || this.#source.onAnswer(slot, ticket, content);
    if (!isFine && isMeasured && status < 400) tally.checkFailed(urlRow);
    if (this.#plan.newConnection && !link.isSpent) this.#connections.closeHere(slot);
    else if (link.isSpent) this.#giveBack(slot);
    if (this.#isStopped || this.#left === 0) this.#checkIdle();
    this.#pacing.onFree(slot);
  }

  onBroken(link: ClientLink, error: string): void {
    const slot = this.slots[link.index]!;
    const conn = slot.conn;
    if (conn === undefined) return;
    if (error === FAILURE_NAMES.unsolicited) this.#tally.unsolicited(link.underWay > 0, slot.lastUrl);
    if (error === FAILURE_NAMES.closedEarly) conn.close('server closed');
    else conn.reset(error);
    this.#lose(slot, error);
  }

  onFailed(link: ClientLink, ticket: number, error: string): void {
    const slot = this.slots[link.index]!;
    const failed = this.#underWay.at(slot, ticket);
    if (link.isSpent) this.#giveBack(slot);
    this.#fail(slot, error, failed, true);
  }

  // Endings

  /** The connection is gone with all that was under way on it: which fails, or is begun again. */
  #lose(slot: Slot, error: string, isGone = false): void {
    const left = this.#underWay.of(slot);
    // The server may close a connection that has served, any time; what it has not begun to answer is asked
    // again, as browsers do. RFC 9112 §9.3.1
    const isServersClose = isClosing(error) && slot.answers > 0 && !slot.link.isMidAnswer;
    this.#connections.letGo(slot, isGone);
    for (const each of left) {
      const mayRepeat = this.#mayRepeat && IDEMPOTENT.has(each.request.method);
      if (isServersClose && !mayRepeat) this.#tally.counters.notRepeated++;
      if (isServersClose && mayRepeat && !this.#hasGivenUp) this.#beginAgain(slot, each);
      else this.#fail(slot, error, each);
    }
  }

  /** The connection carries nothing more: what it has not answered is begun again on another. */
  #giveBack(slot: Slot): void {
    const left = this.#underWay.of(slot);
    this.#connections.leaveToServer(slot, this.#clock[0]!);
    for (const each of left) this.#beginAgain(slot, each);
  }

  /** Sends once more what a connection that is gone left unanswered: it keeps its first moments. */
  #beginAgain(slot: Slot, { request, intendedMs, sentMs }: UnderWay): void {
    this.#moment[0] = intendedMs;
    this.#tally.counters.resent++;
    this.#place(slot, request, sentMs);
  }

  /** @param isAlone the connection stands, and another request may follow at once */
  #fail(slot: Slot, error: string, { request, intendedMs, sentMs }: UnderWay, isAlone = false): void {
    const nowMs = this.#clock[0]!;
    if (intendedMs < this.#tally.measuredFromMs) this.#tally.endedUnmeasured();
    else if (error === FAILURE_NAMES.timeout || error === FAILURE_NAMES.connectTimeout)
      this.#tally.timedOut(error, nowMs - intendedMs, nowMs - sentMs, request.urlRow);
    else this.#tally.failed(error, nowMs - intendedMs, request.urlRow);
    if (this.#isStopped || this.#left === 0) this.#checkIdle();
    if (this.#isStopped && this.#pacing.waiting === 0) return;
    if (isAlone || this.#plan.ratePerSecond !== undefined) this.#pacing.onFree(slot);
    else this.pause(slot, nowMs + Math.min(BACKOFF_MS_MAX, 2 ** Math.max(0, slot.failures - 1)));
  }

  #checkIdle(): void {
    if (this.#tally.underWay === 0 && this.#pacing.waiting === 0) this.#onIdle();
  }

  // SlotTimerHandler

  onPauseOver(index: number): void {
    this.tick();
    this.#pacing.onPauseOver(this.slots[index]!);
  }

  #limit(slot: Slot, atMs: number): void {
    slot.isTimed = true;
    this.#timers.limitAt(slot.index, atMs);
  }

  /** Looks whether the oldest request, or the connecting, has taken too long; sets no timer for the idle. */
  onTimeLimit(index: number): void {
    this.tick();
    const slot = this.slots[index]!;
    slot.isTimed = false;
    const { conn } = slot;
    if (conn === undefined) return;
    const nowMs = this.#clock[0]!;
    const sinceMs = slot.isOpen ? this.#underWay.oldestSentMs(slot) : this.#connections.beganMs(slot);
    if (sinceMs === Number.POSITIVE_INFINITY) return;
    if (nowMs < sinceMs + this.#timeoutMs) {
      this.#limit(slot, sinceMs + this.#timeoutMs);
      return;
    }
    if (slot.isOpen && this.#abandonLate(slot, nowMs)) return;
    const name = slot.isOpen ? FAILURE_NAMES.timeout : FAILURE_NAMES.connectTimeout;
    if (!slot.isOpen) this.#connections.failed(slot, name);
    conn.reset('timeout');
    this.#lose(slot, name);
  }

  /** @returns whether what has taken too long could be given up without its connection */
  #abandonLate(slot: Slot, nowMs: number): boolean {
    for (const ticket of this.#underWay.sentBy(slot, nowMs - this.#timeoutMs)) {
      const late = this.#underWay.at(slot, ticket);
      if (!slot.link.abandon(ticket)) return false;
      this.#fail(slot, FAILURE_NAMES.timeout, late, true);
    }
    const oldestMs = this.#underWay.oldestSentMs(slot);
    if (!slot.isTimed && oldestMs !== Number.POSITIVE_INFINITY) this.#limit(slot, oldestMs + this.#timeoutMs);
    return true;
  }
}
