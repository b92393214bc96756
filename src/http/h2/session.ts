/**
 * The life of one HTTP/2 connection: what each event of the engine means to the core (protocol/h2/server), and what
 * each event of the core means to exchanges. It is idle while no stream is open; every open stream has its exchange, whose
 * deadlines are kept here, since the engine has one for all of a connection.
 */
import type { CloseReason, EngineConnection } from '../../engine/engine.ts';
import type { ConnectionRow } from '../../observe/connection-row.ts';
import {
  FAULT_BODY_TOO_LARGE,
  FAULT_HEAD_TOO_LARGE,
  FAULT_METHOD_UNSUPPORTED,
  FAULT_TARGET_TOO_LONG,
  type Fault,
} from '../../protocol/error.ts';
import {
  type CostBound,
  FAULT_STALL_FLOOD,
  FAULT_STALLED,
  type Http2Fault,
} from '../../protocol/h2/error-codes.ts';
import type { H2Stream } from '../../protocol/h2/server/h2-stream.ts';
import type { RequestHead } from '../../protocol/h2/server/head-cache.ts';
import { H2Server } from '../../protocol/h2/server/server-core.ts';
import type { H2Events, H2Output } from '../../protocol/h2/server/server-events.ts';
import { ownBytes } from '../body-memory.ts';
import { type ConnectionAccount, STATE_EXCHANGE, STATE_IDLE, STATE_LINGER } from '../connection-account.ts';
import { NEVER } from '../connection-deadline.ts';
import { ConnectionEnds } from '../connection-ends.ts';
import { clientGone } from '../errors.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeHost } from '../exchange-host.ts';
import { RequestBody } from '../request-body.ts';
import type { ExchangeVisitor, RequestSoFar, Session } from '../session.ts';
import { rowOf } from '../session-row.ts';
import { H2Head } from './head.ts';
import { StreamCarrier, type StreamSession, writeFault } from './stream.ts';
import { StreamTunnelling } from './stream-tunnelling.ts';
import type { H2SessionThread } from './thread.ts';

const SWITCHING = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  'latin1',
);

/** So many requests are begun before it is asked whether others wait: browsers and load clients send fewer at once. */
const BURST_REQUESTS = 64;
const NO_BYTES = new Uint8Array(0);
/** Larger frames than these, four fill what is received at once. */
const FED_PLACES_MAX = 2 * 16;

export class H2Session extends ConnectionEnds implements Session, StreamSession, H2Events, H2Output {
  /** Requests begun, those that are open included. */
  requests = 0;
  hasPeerEnded = false;
  readonly core: H2Server;
  readonly thread: H2SessionThread;
  /** Streams whose exchanges have deadlines. */
  readonly #timed = new Set<StreamCarrier>();
  /** Streams that let others have their turn. */
  #yielding: StreamCarrier[] = [];
  #paces: Map<StreamCarrier, number> | undefined = undefined;
  /** Why streams end that end with the connection. */
  #goneReason: CloseReason | undefined = undefined;
  #idleAtMs = NEVER;
  #isPaused = false;
  /** Bytes that wait, reading being paused, for others to have their turn. */
  #held: Uint8Array | undefined = undefined;
  /** Requests since bytes were last read. */
  #burst = 0;
  /** Within `receive`, where requests that are answered at once follow each other. */
  #isReceiving = false;
  /** The stream of which content has come in this `receive` and is not handed over, and where that lies. */
  #fed: StreamCarrier | undefined = undefined;
  #fedBytes: Uint8Array = NO_BYTES;
  readonly #fedPlaces: number[] = [];

  /** @param previous the session in whose place it comes; absent for a new connection */
  constructor(
    host: ExchangeHost,
    thread: H2SessionThread,
    engine: EngineConnection,
    previous?: ConnectionAccount,
  ) {
    super(host, engine, previous);
    this.thread = thread;
    this.core = new H2Server(thread.core, this, this);
    this.#becomeIdle();
  }

  /** Begins to speak. */
  begin(): void {
    this.core.begin();
    if (this.host.isDraining) this.core.drain();
  }

  /**
   * Begins with a request that HTTP/1.1 has brought, which becomes stream 1. RFC 7540 §3.2
   * @returns false when `settings` are none, and nothing has been written
   */
  beginUpgraded(settings: Uint8Array, { head, text, startedAtMs }: RequestSoFar): boolean {
    const stream = this.core.upgrade(settings);
    if (stream === undefined) return false;
    this.engine.user = this;
    const start = this.reserve(SWITCHING.length);
    this.out.set(SWITCHING, start);
    this.commit(SWITCHING.length);
    this.begin();
    this.requests++;
    const carrier = new StreamCarrier(this, stream);
    stream.user = carrier;
    this.#run(carrier, new Exchange(this.host, carrier, carrier, startedAtMs, head, text, undefined, false));
    this.#endIfAsked();
    return true;
  }

  // H2Output: the engine's memory, counted.

  get out(): Uint8Array {
    return this.engine.out;
  }

  reserve(size: number): number {
    return this.engine.reserve(size);
  }

  commit(size: number): void {
    this.engine.commit(size);
    this.bytesWritten += size;
  }

  get unsentBytes(): number {
    return this.engine.unsentBytes;
  }

  get takesBytes(): boolean {
    return this.engine.takesBytes;
  }

  // Events of the engine.

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    this.bytesReceived += end - start;
    if (this.state >= STATE_LINGER) {
      if (this.state === STATE_LINGER && !this.isTurnedAway) this.armLingering();
      return;
    }
    this.#read(bytes, start, end);
  }

  /** @hot */
  #read(bytes: Uint8Array, start: number, end: number): void {
    let to = end;
    let isBroken = true;
    this.#isReceiving = true;
    this.#burst = 0;
    try {
      to = this.core.receive(bytes, start, end);
      this.#feed();
      isBroken = false;
    } finally {
      this.#isReceiving = false;
      if (isBroken) this.broken();
    }
    if (this.state === STATE_EXCHANGE && this.core.streamCount === 0) this.#becomeIdle();
    if (to < end && this.state < STATE_LINGER) {
      this.#held = ownBytes(bytes, to, end);
      // `drained` follows in a later turn, be there something to send or not.
      this.engine.settle();
    }
    if (!this.#isPaused && (this.#held !== undefined || this.core.mustPause)) {
      this.#isPaused = true;
      this.engine.pauseReading();
    }
  }

  drained(): void {
    this.movedAtMs = this.host.nowMs;
    this.core.drained();
    const yielding = this.#yielding;
    if (yielding.length > 0) {
      this.#yielding = [];
      for (const stream of yielding) stream.exchange.drained();
    }
    if (this.hasPeerEnded)
      for (const { user } of this.core.streams()) (user as StreamCarrier | undefined)?.watchQuiet();
    if (this.#isPaused) this.#goOn();
  }

  /** Requests that were held are read, and then what the client has sent since. */
  #goOn(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && this.state < STATE_LINGER) this.#read(held, 0, held.length);
    if (this.#held !== undefined || this.core.mustPause) return;
    this.#isPaused = false;
    this.engine.resumeReading();
  }

  peerEnded(): void {
    this.hasReadEnd = true;
    if (this.state === STATE_IDLE || this.state === STATE_LINGER) {
      this.close('client-closed');
      return;
    }
    for (const { user } of this.core.streams()) (user as StreamCarrier | undefined)?.bodyBreaksOff();
    this.peerEndSeen();
  }

  /** Bodies may still be whole in what is not read yet. */
  peerEndSeen(): void {
    if (this.hasPeerEnded) return;
    this.hasPeerEnded = true;
    for (const { user } of this.core.streams()) (user as StreamCarrier | undefined)?.peerEnded();
  }

  deadline(): void {
    if (!this.isDue) {
      this.lookAfterPeer();
      return;
    }
    const { nowMs } = this.host;
    if (this.state === STATE_LINGER) {
      this.lingerIsOver();
      return;
    }
    this.core.expire(nowMs);
    for (const stream of this.#timed) if (stream.deadline(nowMs) === NEVER) this.#timed.delete(stream);
    if (this.state >= STATE_LINGER) return;
    if (nowMs < this.#idleAtMs || this.state !== STATE_IDLE) this.#rearm();
    else if (this.isStillTaking) this.#becomeIdle();
    else this.#idleTooLong();
    // What is due again and again must not put the look off for ever.
    if (this.state < STATE_LINGER) this.lookAfterPeer();
  }

  /** The client is told that its connection goes, and what it has sent meanwhile is answered. */
  #idleTooLong(): void {
    this.#idleAtMs = NEVER;
    if (!this.host.isDraining) this.host.deadlines.idle++;
    this.endReason ??= this.host.isDraining ? 'drained' : 'idle-timeout';
    this.core.drain();
    this.#rearm();
  }

  closed(reason: CloseReason): void {
    this.gone(reason);
    this.attachment?.ended(reason);
  }

  /** What is open is answered; GOAWAY tells the client to ask elsewhere, and an idle one is not waited for longer. */
  drain(idleGraceMs: number): void {
    this.core.drain(this.#held === undefined ? idleGraceMs : NEVER);
    for (const { user } of this.core.streams()) (user as StreamCarrier | undefined)?.tunnelling?.drain();
  }

  row(nowMs: number): ConnectionRow {
    let oldest: Exchange | null = null;
    for (const { user } of this.core.streams()) {
      const exchange = (user as StreamCarrier | undefined)?.exchange;
      if (exchange !== undefined && (oldest === null || exchange.startedAtMs < oldest.startedAtMs))
        oldest = exchange;
    }
    return rowOf(this, nowMs, this.requests, oldest);
  }

  visitExchanges(visit: ExchangeVisitor): void {
    for (const { user } of this.core.streams()) {
      const exchange = (user as StreamCarrier | undefined)?.exchange;
      if (exchange !== undefined && !exchange.isFinished) visit(exchange, this);
    }
  }

  /** CarryingConnection */
  get isShared(): boolean {
    return true;
  }

  turnAway(fault: Fault): void {
    this.host.countFault(fault);
    this.reset(fault.code);
  }

  // ConnectionEnds

  protected forgetInput(): void {
    this.#held = undefined;
  }

  /** FIN is never taken for the end of an answer: END_STREAM alone is. */
  protected get isCutShort(): boolean {
    return false;
  }

  protected clientGone(reason: CloseReason): void {
    this.#goneReason = reason;
    this.core.abort();
    this.#timed.clear();
    this.#yielding = [];
  }

  // Deadlines: the earliest of the core's, of the exchanges' and of the idle time.

  streamTimed(stream: StreamCarrier, atMs: number): void {
    this.#timed.add(stream);
    if (this.state < STATE_LINGER) this.armBy(atMs);
  }

  streamUntimed(stream: StreamCarrier): void {
    this.#timed.delete(stream);
  }

  streamYields(stream: StreamCarrier): void {
    this.#yielding.push(stream);
  }

  /** The socket has one pace: what its paced answers may have together. Others on the connection go at it too. */
  streamPaced(stream: StreamCarrier, bytesPerSecond: number): void {
    this.#paces ??= new Map();
    if (bytesPerSecond === Number.POSITIVE_INFINITY) this.#paces.delete(stream);
    else this.#paces.set(stream, bytesPerSecond);
    let pace = 0;
    for (const each of this.#paces.values()) pace += each;
    this.engine.setPace?.(pace === 0 ? Number.POSITIVE_INFINITY : pace);
  }

  onDeadline(atMs: number): void {
    if (this.state < STATE_LINGER) this.armBy(atMs);
  }

  #rearm(): void {
    let atMs = Math.min(this.core.deadlineMs, this.#idleAtMs);
    for (const { deadlineMs } of this.#timed) atMs = Math.min(atMs, deadlineMs);
    this.arm(atMs);
  }

  #becomeIdle(): void {
    const { host } = this;
    this.enter(STATE_IDLE);
    this.stateSinceMs = host.nowMs;
    this.#idleAtMs = host.nowMs + host.settings.timeouts.idleMs;
    this.#rearm();
  }

  // Events of the core.

  /** @hot */
  onActive(isActive: boolean): void {
    if (this.state >= STATE_LINGER) return;
    if (isActive) {
      if (this.state === STATE_EXCHANGE) return;
      this.enter(STATE_EXCHANGE);
      this.#idleAtMs = NEVER;
    } else if (this.hasReadEnd) this.close('client-closed');
    else if (!this.#isReceiving) this.#becomeIdle();
  }

  /** @hot */
  onRequest(stream: H2Stream, head: RequestHead, isWhole: boolean): void {
    const { host } = this;
    const { fields } = head;
    const { limits } = host.settings;
    this.requests++;
    const isTunnel = fields.protocol === 'websocket';
    if ((fields.method === 'CONNECT' && !isTunnel) || fields.method === 'TRACE')
      this.#refuse(stream, FAULT_METHOD_UNSUPPORTED, true);
    else if (fields.path.length > limits.targetBytesMax)
      this.#refuse(stream, FAULT_TARGET_TOO_LONG, fields.method !== 'HEAD');
    else if (fields.contentLength > limits.bodyBytesMax)
      this.#refuse(stream, FAULT_BODY_TOO_LARGE, fields.method !== 'HEAD');
    else this.#begin(stream, head, isWhole);
    this.#endIfAsked();
    if ((++this.#burst & (BURST_REQUESTS - 1)) === 0 && this.#isReceiving && host.shouldYield(this.#burst))
      this.core.hold();
  }

  /** No more requests than one connection may have. */
  #endIfAsked(): void {
    if (this.requests >= this.host.settings.limits.requestsPerConnectionMax) this.core.drain();
  }

  #begin(stream: H2Stream, head: RequestHead, isWhole: boolean): void {
    const { host } = this;
    const { fields } = head;
    const form = (head.cached ??= new H2Head(fields)) as H2Head;
    form.hasContent = !isWhole;
    const carrier = new StreamCarrier(this, stream);
    const isTunnel = fields.protocol !== '';
    if (isTunnel) carrier.tunnelling = new StreamTunnelling(carrier, stream.id, isWhole);
    stream.user = carrier;
    const exchange = new Exchange(
      host,
      carrier,
      carrier,
      host.nowMs,
      form,
      form.text,
      form.urlOn(host),
      fields.expectsContinue && !isWhole,
    );
    if (!isWhole && !isTunnel) exchange.body = new RequestBody(carrier, fields.contentLength, null);
    this.#run(carrier, exchange);
  }

  /** @hot */
  #run(carrier: StreamCarrier, exchange: Exchange): void {
    carrier.exchange = exchange;
    this.host.exchangeBegun(exchange);
    exchange.run();
  }

  onHeadTooLarge(stream: H2Stream, _isWhole: boolean, isHead: boolean): void {
    this.requests++;
    this.#refuse(stream, FAULT_HEAD_TOO_LARGE, !isHead);
    this.#endIfAsked();
  }

  /** Without an exchange; the connection goes on. */
  #refuse(stream: H2Stream, fault: Fault, withContent: boolean): void {
    const { host } = this;
    host.requestRefused();
    host.countFault(fault);
    host.countStatus(fault.status);
    writeFault(this.core, this.thread.heads, stream, fault, withContent);
  }

  /** @hot */
  onData(stream: H2Stream, bytes: Uint8Array, start: number, end: number): void {
    const carrier = stream.user as StreamCarrier;
    if (carrier !== this.#fed) this.#feed();
    if (carrier.tunnelling !== null) {
      carrier.tunnelling.receive(bytes, start, end);
      return;
    }
    if (!carrier.counts(end - start)) return;
    this.#fed = carrier;
    this.#fedBytes = bytes;
    this.#fedPlaces.push(start, end);
    if (this.#fedPlaces.length > FED_PLACES_MAX) this.#feed();
  }

  /** Hands over what has come for one stream, in however many frames. */
  #feed(): void {
    const carrier = this.#fed;
    if (carrier === undefined) return;
    this.#fed = undefined;
    carrier.data(this.#fedBytes, this.#fedPlaces);
    this.#fedBytes = NO_BYTES;
    this.#fedPlaces.length = 0;
  }

  onRequestEnd(stream: H2Stream, names: readonly string[], values: readonly string[]): void {
    const carrier = stream.user as StreamCarrier;
    this.#feed();
    if (carrier.tunnelling === null) carrier.bodyEnds(carrier.exchange.body!, names, values);
    else carrier.tunnelling.peerEnded();
  }

  onReset(stream: H2Stream): void {
    const carrier = stream.user as StreamCarrier | undefined;
    carrier?.reset(clientGone(String(this.#goneReason ?? 'stream-reset')));
  }

  onWindow(stream: H2Stream): void {
    (stream.user as StreamCarrier | undefined)?.windowOpened();
  }

  onFault(fault: Http2Fault): void {
    this.host.countFault(fault);
    if (fault === FAULT_STALLED || fault === FAULT_STALL_FLOOD) this.host.deadlines.stall++;
    if (fault.bound !== undefined) this.host.offended(optionOf(fault.bound), this.engine.remoteAddress());
  }

  onEnd(fault: Http2Fault | undefined): void {
    this.linger(fault === undefined ? (this.endReason ?? 'drained') : fault.code);
  }
}

/** The option that sets a bound. */
function optionOf(bound: CostBound): string {
  if (bound === 'stall') return 'timeouts.stall';
  return bound === 'headerBytes' ? 'limits.headerBytes' : `limits.http2.${bound}`;
}
