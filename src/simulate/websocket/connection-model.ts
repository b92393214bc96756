/**
 * The oracle for one WebSocket: it knows from the client's own list which frames the server has been handed, and what they ask for.
 * An echo of each message, a pong for each ping and a close for each close are owed before the server returns from what it was told,
 * in that order and byte for byte; deadlines are met in the first turn at or after their tick. RFC 6455
 */
import type { SimConnection } from '../../engine/sim/connection.ts';
import { DEFAULT_WEBSOCKET_SETTINGS } from '../../http/websocket/settings.ts';
import { closeComplaint, isBreak, lateDeathComplaint, peerFacts } from '../close-table.ts';
import type { ConnectionOracle } from '../connection-oracle.ts';
import { ExchangeRecord } from '../exchange-record.ts';
import type { RequestPlan } from '../request-plan.ts';
import { SentBytes } from '../sent-bytes.ts';
import { count } from '../totals.ts';
import type { World } from '../world.ts';
import { BYE, BYE_CODE, type WebSocketClientPlan } from './client-plan.ts';
import { BINARY, CLOSE, type FrameToSend, PING, PONG, TEXT, type WebSocketSent } from './sent-frames.ts';

const NEVER = Number.POSITIVE_INFINITY;
const GOING_AWAY = 1001;
const NO_BYTES = new Uint8Array(0);
/** What the key of the clients has to be answered with: RFC 6455 §1.3. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
/** These the engine makes, or a peer that is gone. */
const FROM_OUTSIDE = ['peer-reset', 'peer-dead', 'io-error', 'engine-closed'];

interface Owed {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly closeCode: number | undefined;
}

interface ReadFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Bytes of the server's stream up to its end. */
  readonly end: number;
}

export class WebSocketModel implements ConnectionOracle {
  readonly acceptedMs: number;
  readonly sent = new SentBytes();
  isClosed = false;
  wasReset = false;
  lastReason = '';
  readonly #world: World;
  readonly #conn: SimConnection;
  readonly #name: string;
  readonly #client: WebSocketSent;
  readonly #unread: ReadFrame[] = [];
  readonly #owed: Owed[] = [];
  #phase: 'head' | 'open' | 'closing' | 'linger' | 'refused' | 'ended' = 'head';
  /** Bytes of the server's that are no whole head or frame yet. */
  #kept = NO_BYTES;
  #scanned = 0;
  #headEnd = NEVER;
  #delivered = 0;
  #next = 0;
  #message: Uint8Array[] = [];
  #messageOpcode = 0;
  /** The last frame that the server has to answer is in. */
  #isHeardOut = false;
  /** Both sides have closed, or the client has broken a rule: FIN follows. */
  #isFinal = false;
  #isPeerEnded = false;
  #isOverLimit = false;
  #heardMs: number;
  #pingedMs = NEVER;
  #closeMs = NEVER;

  constructor(world: World, conn: SimConnection, plan: WebSocketClientPlan, sent: WebSocketSent) {
    this.#world = world;
    this.#conn = conn;
    this.#client = sent;
    this.#name = `connection ${conn.link.id} (${plan.kind})`;
    this.acceptedMs = world.nowMs;
    this.#heardMs = world.nowMs;
  }

  find(what: string): void {
    this.#world.find(`${this.#name}: ${what}`);
  }

  /** The client has read the answer to its handshake. */
  isOpenFor(receivedBytes: number): boolean {
    return receivedBytes >= this.#headEnd;
  }

  readFrames(receivedBytes: number): ReadFrame[] {
    let read = 0;
    while (read < this.#unread.length && this.#unread[read]!.end <= receivedBytes) read++;
    return this.#unread.splice(0, read);
  }

  // What the server is about to be told.

  delivering(size: number): void {
    this.check();
    if (this.#isPeerEnded) this.find('bytes after FIN');
    this.#delivered += size;
    this.#heardMs = this.#world.nowMs;
    this.#pingedMs = NEVER;
    const { frames } = this.#client;
    for (; this.#next < frames.length && frames[this.#next]!.end <= this.#delivered; this.#next++) {
      const { frame } = frames[this.#next]!;
      if (frame !== undefined) this.#apply(frame);
    }
  }

  #apply(frame: FrameToSend): void {
    const { opcode, payload, isFinal, offence } = frame;
    const isClosing = this.#phase === 'closing';
    if (opcode === CLOSE || offence !== undefined) this.#isFinal ||= !this.#isHeardOut || isClosing;
    if (this.#isHeardOut || isClosing) return;
    if (offence !== undefined) this.#owe(CLOSE, NO_BYTES, offence);
    else if (opcode === PING) this.#owe(PONG, payload);
    else if (opcode === CLOSE)
      this.#owe(CLOSE, NO_BYTES, payload.length === 0 ? undefined : (payload[0]! << 8) | payload[1]!);
    else if (opcode <= BINARY) {
      if (opcode !== 0) this.#messageOpcode = opcode;
      this.#message.push(payload);
      if (!isFinal) return;
      const whole = Buffer.concat(this.#message);
      this.#message = [];
      if (this.#messageOpcode === TEXT && whole.toString('latin1') === BYE)
        this.#owe(CLOSE, NO_BYTES, BYE_CODE);
      else this.#owe(this.#messageOpcode, whole);
    }
  }

  #owe(opcode: number, payload: Uint8Array, closeCode?: number): void {
    if (opcode === CLOSE) this.#isHeardOut = true;
    this.#owed.push({ opcode, payload, closeCode });
  }

  peerEnding(): void {
    this.check();
    this.#isPeerEnded = true;
  }

  peerEndSeen(): void {
    this.check();
  }

  drained(): void {
    this.check();
  }

  deadlineFires(): void {
    this.check();
  }

  drainBegins(): void {
    this.check();
  }

  exceedsLimit(): void {
    this.#isOverLimit = true;
  }

  /** The server has been told, and has done what it does at once. */
  told(): void {
    const [owed] = this.#owed.splice(0);
    if (this.#phase !== 'open' && this.#phase !== 'closing') return;
    if (owed !== undefined) this.find(`a frame of opcode ${owed.opcode} is owed and has not come`);
    if (this.#isFinal) this.find('FIN behind the last frame has not come');
    if (this.#isPeerEnded) this.find('the client has sent FIN, and it is not closed');
  }

  // What handlers do.

  handlerCalled(plan: RequestPlan): ExchangeRecord {
    return new ExchangeRecord(plan, this.#world.nowMs, NEVER, NEVER, true);
  }

  handlerAnswered(): void {}

  exchangeOf(): undefined {
    return undefined;
  }

  // ConnectionTap: what the server does.

  committed(bytes: Uint8Array, start: number, end: number): void {
    this.check();
    if (this.#phase === 'linger' || this.#phase === 'ended') this.find('bytes after the end');
    this.sent.push(bytes, start, end);
    if (this.#phase === 'refused') return;
    this.#kept = Buffer.concat([this.#kept, bytes.subarray(start, end)]);
    if (this.#phase === 'head') this.#head();
    while (this.#speaks && this.#frame());
  }

  /** The handshake has been answered. */
  get #speaks(): boolean {
    return this.#phase !== 'refused' && this.#phase !== 'head';
  }

  fileCommitted(): void {
    this.find('a file, where only frames may stand');
  }

  #head(): void {
    const text = Buffer.from(this.#kept).toString('latin1');
    const end = text.indexOf('\r\n\r\n') + 4;
    if (end < 4) return;
    const status = Number(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3));
    count(this.#world.totals.statuses, status);
    if (status !== 101) {
      this.#phase = 'refused';
      this.#world.totals.refusedHeads++;
      const dueMs = this.acceptedMs + this.#world.settings.timeouts.headerMs;
      const isRight = this.#isOverLimit
        ? status === 503
        : status === 408 && this.#world.deadlineComplaint(dueMs) === undefined;
      if (!isRight) this.find(`a ${status}: nothing calls for it`);
      return;
    }
    if (this.#next === 0) this.find('a 101 before its request');
    if (!text.toLowerCase().includes(`\r\nsec-websocket-accept: ${ACCEPT.toLowerCase()}\r\n`))
      this.find('a 101 that proves nothing');
    this.#phase = 'open';
    this.#headEnd = end;
    this.#scanned = end;
    this.#kept = this.#kept.slice(end);
    count(this.#world.totals.websocket, 'opened');
  }

  /** @returns whether one has come whole */
  #frame(): boolean {
    const kept = this.#kept;
    if (kept.length < 2) return false;
    let size = kept[1]! & 0x7f;
    const at = size === 126 ? 4 : 2;
    if (size === 127 || (kept[1]! & 0x80) !== 0 || (kept[0]! & 0xf0) !== 0x80) {
      this.find(`a frame that begins with ${kept[0]} ${kept[1]}`);
      this.#phase = 'refused';
      return false;
    }
    if (size === 126) size = kept.length < 4 ? NEVER : (kept[2]! << 8) | kept[3]!;
    if (kept.length < at + size) return false;
    this.#scanned += at + size;
    const frame = { opcode: kept[0]! & 0xf, payload: kept.slice(at, at + size), end: this.#scanned };
    this.#kept = kept.slice(at + size);
    this.#unread.push(frame);
    count(this.#world.totals.websocket, `frame ${frame.opcode}`);
    const complaint = this.#complaint(frame);
    if (complaint !== undefined) this.find(`a frame of opcode ${frame.opcode}: ${complaint}`);
    return true;
  }

  #complaint({ opcode, payload }: ReadFrame): string | undefined {
    const { nowMs, isDraining } = this.#world;
    if (this.#phase !== 'open') return 'behind a close';
    const [owed] = this.#owed;
    if (owed?.opcode !== opcode) {
      if (opcode === PING) {
        const dueMs = this.#heardMs + DEFAULT_WEBSOCKET_SETTINGS.pingIntervalMs;
        this.#pingedMs = nowMs;
        return this.#world.deadlineComplaint(dueMs);
      }
      if (opcode !== CLOSE)
        return owed === undefined ? 'nothing calls for it' : `one of ${owed.opcode} is owed`;
    }
    if (opcode !== CLOSE) {
      this.#owed.shift();
      return Buffer.compare(owed!.payload, payload) === 0 ? undefined : 'its payload is not what was sent';
    }
    this.#phase = 'closing';
    this.#closeMs = nowMs;
    this.#owed.length = 0;
    this.#isHeardOut = true;
    const code = payload.length < 2 ? undefined : (payload[0]! << 8) | payload[1]!;
    if (owed === undefined && this.#isOffended(code)) this.#isFinal = true;
    else if (owed === undefined)
      return isDraining && code === GOING_AWAY ? undefined : 'nothing calls for it';
    if (owed === undefined) return undefined;
    if (owed.opcode !== CLOSE)
      return isDraining && code === GOING_AWAY ? undefined : `one of ${owed.opcode} is owed`;
    return code === owed.closeCode ? undefined : `its code is ${code}, not ${owed.closeCode}`;
  }

  /** A rule is broken by a frame whose end has not come. */
  #isOffended(code: number | undefined): boolean {
    const { frames } = this.#client;
    const start = frames[this.#next - 1]?.end ?? 0;
    return this.#delivered > start && frames[this.#next]?.frame?.offence === code;
  }

  called(call: 'close' | 'reset' | 'shutdownWrite', reason: string): void {
    this.check();
    const complaint = this.#endComplaint(call, reason);
    if (complaint !== undefined) this.find(`${call} (${reason}) in the phase ${this.#phase}: ${complaint}`);
    this.lastReason = reason;
    count(this.#world.totals.endings, `websocket ${this.#phase}: ${call}`);
    if (call === 'reset') this.wasReset = true;
    this.#phase = call === 'shutdownWrite' ? 'linger' : 'ended';
  }

  #endComplaint(call: 'close' | 'reset' | 'shutdownWrite' | 'closed', reason: string): string | undefined {
    const { closeMs, pongMs } = DEFAULT_WEBSOCKET_SETTINGS;
    if (FROM_OUTSIDE.includes(reason)) return closeComplaint(this.#facts, this.#world, call, reason);
    if (this.#phase === 'head' || this.#phase === 'refused' || this.#phase === 'linger') return undefined;
    switch (reason) {
      case 'client-closed':
        return this.#isPeerEnded ? undefined : 'the client has not sent FIN';
      case 'websocket-pong-timeout':
        return this.#world.deadlineComplaint(this.#pingedMs + pongMs);
      default:
        if (call !== 'shutdownWrite') return 'nothing calls for it';
        if (this.#phase !== 'closing') return 'there is no close frame before it';
        return this.#isFinal ? undefined : this.#world.deadlineComplaint(this.#closeMs + closeMs);
    }
  }

  get #facts() {
    return {
      phase: 'exchange' as const,
      dueMs: NEVER,
      isPeerEnded: this.#isPeerEnded,
      isOverLimit: this.#isOverLimit,
      faultStatus: 0,
      deliveredBytes: this.#delivered,
      exchange: undefined,
      request: undefined,
      peer: peerFacts(this.#conn.link, this.#world.deadPeerMs),
      deadlineComplaint: (dueMs: number) => this.#world.deadlineComplaint(dueMs),
    };
  }

  closed(reason: string): void {
    this.check();
    if (isBreak(reason)) this.wasReset = true;
    const late = lateDeathComplaint(this.#conn, this.#world);
    if (late !== undefined) this.find(late);
    if (this.isClosed) this.find('closed twice');
    this.isClosed = true;
    const complaint = this.#phase === 'ended' ? undefined : this.#endComplaint('closed', reason);
    if (complaint !== undefined) this.find(`closed (${reason}) in the phase ${this.#phase}: ${complaint}`);
    this.lastReason = reason;
    this.#phase = 'ended';
  }

  counted(reasons: readonly string[]): void {
    for (const reason of reasons) count(this.#world.totals.closes, reason);
    if (reasons.length !== 1) this.find(`its end is counted ${reasons.length} times`);
  }

  check(): void {
    if (this.#conn.isReleased) return;
    const { closeMs, pongMs } = DEFAULT_WEBSOCKET_SETTINGS;
    if (this.#phase === 'closing' && this.#world.isMissed(this.#closeMs + closeMs)) {
      this.find('a close is not answered, and nothing comes of it');
      this.#closeMs = NEVER;
    }
    const { unsent, link } = this.#conn;
    const isTaking = unsent.length > 0 || link.down.outstandingBytes > 0;
    if (this.#phase === 'open' && !isTaking && this.#world.isMissed(this.#pingedMs + pongMs)) {
      this.find('a ping is not answered, and nothing comes of it');
      this.#pingedMs = NEVER;
    }
  }

  judge(): void {
    this.check();
    if (!this.isClosed) this.find('was never closed');
  }

  /** It may have sent on when the server was through with it. */
  mayLose(): boolean {
    return true;
  }
}
