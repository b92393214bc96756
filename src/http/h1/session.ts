/**
 * The life of one HTTP/1.1 connection: which state it is in, which deadline holds, and what each event
 * of the engine means there. It knows the protocol's parsers and the engine's connection, and leaves
 * handlers to the exchange, answers to the sink, and how it ends to connection-ends.ts.
 *
 * Invariant: at most one exchange is open. Bytes that arrive for a later request wait in `#kept`, and
 * the socket is not read while they do, so a client cannot make us hold more than one receive buffer.
 */
import type { CloseReason, EngineConnection } from '../../engine/engine.ts';
import { HTTP2_PREFACE } from '../../protocol/detect.ts';
import { FAULT_BODY_TOO_LARGE, FAULT_HEADER_TIMEOUT, FAULT_HTTP2_PREFACE } from '../../protocol/error.ts';
import { ChunkedDecoder } from '../../protocol/h1/chunked.ts';
import { HEAD_MORE, HEAD_REFUSED, type RequestHeadParser } from '../../protocol/h1/request-head.ts';
import { STATUS_SWITCHING } from '../../web/switching-response.ts';
import { RESPONSE_HIGH_WATER_BYTES } from '../answer-sink.ts';
import {
  STATE_ACCEPTED,
  STATE_CLOSED,
  STATE_EXCHANGE,
  STATE_HEAD,
  STATE_IDLE,
  STATE_LINGER,
} from '../connection-account.ts';
import { NEVER } from '../connection-deadline.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import { RequestBody } from '../request-body.ts';
import type { Session } from '../session.ts';
import type { Successor } from '../takeover.ts';
import { H1Carrier } from './carrier.ts';
import { KeptBytes } from './kept-bytes.ts';
import { h2cSettings, isNoHttp1 } from './other-protocols.ts';
import type { H1Thread } from './thread.ts';

/** How long a draining server waits for the first byte of a connection that it has accepted. */
const DRAIN_ACCEPTED_MS = 1000;

/**
 * What a connection may have been sent in all and be closed without lingering. The first ten segments (RFC 6928) leave
 * without waiting for anybody, and every usual receive window takes them though nobody reads.
 */
const FAREWELL_BYTES_MAX = 14_600;

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;

export class H1Session extends H1Carrier implements Session {
  readonly #thread: H1Thread;
  /** The client has said that it sends nothing behind this request. RFC 9112 §9.6 */
  #isClientsLast = false;
  #parser: RequestHeadParser | null = null;
  /** A head that is not whole, when there is a parser that stands in it; else requests that are held back. */
  #kept: KeptBytes | null = null;
  #processing = false;
  /** How many have come behind the request that was begun last, as far as they were read with it. */
  #behindBytes = 0;
  /** What speaks in its place, once it has been asked to. */
  #successor: Successor | null = null;
  /** Requests since the engine last called. */
  #burst = 0;

  constructor(host: ExchangeHost, thread: H1Thread, engine: EngineConnection) {
    super(host, engine, thread.responseHeads);
    this.#thread = thread;
    this.arm(this.acceptedAtMs + host.settings.timeouts.headerMs);
    if (host.isDraining) this.drain(0);
  }

  // Events of the engine.

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    this.bytesReceived += end - start;
    this.#burst = 0;
    if (this.#kept === null) this.#process(bytes, start, end, null);
    else {
      this.#kept.append(bytes, start, end);
      this.#readKept(this.#kept);
    }
  }

  /** Requests wait until the one before them is answered, or its answer has left. */
  get #holdsRequests(): boolean {
    return this.#kept !== null && this.#parser === null;
  }

  peerEnded(): void {
    this.hasReadEnd = true;
    this.hasPeerEnded = true;
    switch (this.state) {
      case STATE_IDLE:
        // Requests that are held back are answered first.
        if (this.#holdsRequests) return;
        this.close('client-closed');
        return;
      case STATE_ACCEPTED:
      case STATE_LINGER:
        this.close('client-closed');
        return;
      case STATE_HEAD:
        this.headCut();
        return;
      case STATE_EXCHANGE: {
        // A client may send FIN and still read its answer (RFC 9112 §9.6). In the middle of a body it is gone.
        const exchange = this.exchange!;
        if (exchange.body === null || exchange.body.complete) exchange.peerEnded();
        else this.close('client-closed-in-body');
        return;
      }
    }
  }

  /** FIN has come behind bytes that wait to be read. They are, when their turn comes; who works is told now. */
  peerEndSeen(): void {
    if (this.hasPeerEnded) return;
    this.hasPeerEnded = true;
    if (this.state === STATE_EXCHANGE) this.exchange!.peerEnded();
  }

  /** The kernel has taken everything that was written. */
  drained(): void {
    this.#burst = 0;
    if (this.state === STATE_EXCHANGE) {
      this.movedAtMs = this.host.nowMs;
      this.exchange?.drained();
    } else if (this.state === STATE_IDLE && this.#holdsRequests) {
      // What was held may turn out to be an empty line and no request.
      this.arm(this.host.nowMs + this.host.settings.timeouts.idleMs);
      this.#processKept();
    }
  }

  deadline(): void {
    if (!this.isDue) {
      this.lookAfterPeer();
      return;
    }
    switch (this.state) {
      case STATE_ACCEPTED:
        this.silent('header');
        return;
      case STATE_HEAD:
        this.host.deadlines.header++;
        this.host.offended('timeouts.header', this.engine.remoteAddress());
        this.refuse(FAULT_HEADER_TIMEOUT, this.#parser!.isHead);
        return;
      case STATE_IDLE:
        if (this.isStillTaking) this.rearm(this.host.settings.timeouts.idleMs);
        else this.silent('idle');
        return;
      case STATE_LINGER:
        this.lingerIsOver();
        return;
      case STATE_EXCHANGE:
        if (this.exchange?.deadline(this.host.nowMs) === false) this.arm(this.exchange.deadlineMs);
        return;
    }
  }

  closed(reason: CloseReason): void {
    this.gone(reason);
    this.attachment?.ended(reason);
  }

  /**
   * The server is going down. Idle connections end now or in a moment; a request that is being read or answered is
   * answered, with `Connection: close`; a client that has only connected is given a moment to ask.
   */
  drain(idleGraceMs: number): void {
    if (this.state === STATE_IDLE) {
      if (this.#holdsRequests) return;
      if (idleGraceMs === 0) this.close('drained');
      else this.armBy(this.host.nowMs + idleGraceMs);
    } else if (this.state === STATE_ACCEPTED) {
      const deadlineMs = this.acceptedAtMs + this.host.settings.timeouts.headerMs;
      this.arm(Math.min(deadlineMs, this.host.nowMs + DRAIN_ACCEPTED_MS));
    }
  }

  protected forgetInput(): void {
    this.#kept = null;
    if (this.#parser !== null) this.#thread.heads.takeBack(this.#parser);
    this.#parser = null;
  }

  // Requests.

  /**
   * Reads bytes[start..end), which are all of `kept`, if that is given.
   * @hot
   */
  #process(bytes: Uint8Array, start: number, end: number, kept: KeptBytes | null): void {
    this.#processing = true;
    let isBroken = true;
    try {
      this.#readMessages(bytes, start, end, kept);
      isBroken = false;
    } finally {
      this.#processing = false;
      if (isBroken) this.broken();
    }
    if (this.state === STATE_HEAD) {
      if (this.hasReadEnd) this.close('client-closed');
    } else if (this.state === STATE_IDLE && !this.#holdsRequests) this.#endIdle();
    else if (this.#successor !== null && this.hasReadEnd) this.#successor.peerEnded();
  }

  /**
   * Reads heads and bodies from bytes[start..end) until they run out or an exchange stays open.
   * @hot
   */
  #readMessages(bytes: Uint8Array, start: number, end: number, kept: KeptBytes | null): void {
    let at = start;
    while (at < end) {
      if (this.state === STATE_EXCHANGE) {
        const exchange = this.exchange!;
        if (exchange.body !== null && !exchange.body.complete) {
          at = this.feedBody(exchange, exchange.body, bytes, at, end);
          continue;
        }
        this.#hold(bytes, at, end, kept);
        return;
      }
      if (this.state >= STATE_LINGER) {
        if (this.#successor === null) this.#discard();
        else this.#successor.receive(bytes, at, end);
        return;
      }
      if (this.state === STATE_IDLE && this.#mustWait()) {
        // The next request waits until the answers have left. It waits for nobody but us, so no deadline holds.
        this.#hold(bytes, at, end, kept);
        this.arm(NEVER);
        return;
      }
      const { heads } = this.#thread;
      const known = this.#parser === null ? heads.recall(this.id, bytes, at, end) : null;
      if (known !== null) {
        at += known.parser.headBytes;
        at = this.#begin(known.parser, known.text, heads.urlOf(known, this.host), bytes, at, end);
        continue;
      }
      const parser = this.#parser ?? heads.fresh();
      const status = parser.parse(bytes, at, end);
      if (status === HEAD_MORE) {
        this.#keepHead(parser, bytes, at, end, kept);
        return;
      }
      if (status === HEAD_REFUSED) {
        if (parser.fault === FAULT_HTTP2_PREFACE && this.#becomesHttp2(bytes, at, end)) return;
        if (
          this.requests === 0 &&
          this.#thread.switching !== undefined &&
          isNoHttp1(parser, bytes, at, end)
        ) {
          this.host.countFault(parser.fault!);
          this.linger(parser.fault!.code);
          return;
        }
        this.refuse(parser.fault!, parser.isHead);
        return;
      }
      const isOwn = parser === this.#parser;
      this.#parser = null;
      if (!isOwn && this.requests > 0) heads.remember(this.id, this.requests, bytes, at);
      // This head alone: whatever a handler keeps of it keeps no other bytes of the client's.
      const headEnd = at + parser.headBytes;
      at = this.#begin(parser, latin1Slice.call(bytes, at, headEnd), undefined, bytes, headEnd, end);
      if (isOwn) heads.takeBack(parser);
    }
  }

  /** HTTP/2 with prior knowledge: its preface was written to look like this to us. RFC 9113 §3.3 */
  #becomesHttp2(bytes: Uint8Array, at: number, end: number): boolean {
    const { switching } = this.#thread;
    if (switching === undefined || this.requests > 0 || bytes[at] !== HTTP2_PREFACE[0]) return false;
    this.#giveWay(end - at);
    switching.toHttp2(this, bytes, at, end);
    return true;
  }

  /** `Upgrade: h2c`: this request is answered in HTTP/2 already, and what lies behind it is read so. */
  #isUpgraded(
    parser: RequestHeadParser,
    text: string,
    startedAtMs: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): boolean {
    const { switching } = this.#thread;
    const settings = switching === undefined ? undefined : h2cSettings(parser, text);
    if (switching === undefined || settings === undefined || this.host.scheme === 'https') return false;
    this.bytesReceived -= end - at;
    const isUpgraded = switching.upgradeToHttp2(this, settings, { head: parser, text, startedAtMs });
    this.bytesReceived += end - at;
    if (!isUpgraded) return false;
    this.#giveWay(end - at);
    const successor = this.engine.user as Session;
    if (at < end) successor.receive(bytes, at, end);
    return true;
  }

  /** The answer was 101: what has come behind its request is the other session's to read. */
  #handOver(exchange: Exchange): void {
    const kept = this.#kept;
    const unreadBytes = this.#processing ? this.#behindBytes : kept === null ? 0 : kept.end - kept.start;
    this.#giveWay(unreadBytes);
    const successor = this.succeededBy(exchange);
    this.#successor = successor;
    if (successor === null || this.#processing) return;
    this.engine.resumeReading();
    if (kept !== null) successor.receive(kept.bytes, kept.start, kept.end);
    if (this.hasReadEnd) successor.peerEnded();
  }

  /** Another session comes in the place of this one, and reads the last `unreadBytes` anew. */
  #giveWay(unreadBytes: number): void {
    this.bytesReceived -= unreadBytes;
    this.forgetInput();
    this.enter(STATE_CLOSED);
  }

  /**
   * A client that asks on without reading must not make us hold all its answers, and one that asks much at once
   * must not keep others waiting. Only while bytes are unsent: `drained` goes on then. @hot
   */
  #mustWait(): boolean {
    const { unsentBytes } = this.engine;
    if (unsentBytes === 0) return false;
    if (unsentBytes >= RESPONSE_HIGH_WATER_BYTES) return true;
    return this.host.shouldYield(this.#burst);
  }

  /** One request head is whole. @returns the position after what belongs to this request. @hot */
  #begin(
    parser: RequestHeadParser,
    text: string,
    url: string | undefined,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): number {
    const { host } = this;
    const startedAtMs = this.state === STATE_HEAD ? this.stateSinceMs : host.nowMs;
    const { contentLength, chunked } = parser;
    if (host.standing !== undefined && this.answersAgain(host.standing, parser, text, startedAtMs)) {
      this.#burst++;
      this.#isClientsLast = false;
      return at;
    }
    this.enter(STATE_EXCHANGE);
    this.requests++;
    this.#burst++;
    this.#isClientsLast = !parser.keepAlive;
    this.sink.open(parser.minor, parser.keepAlive);
    if (parser.hasConnectionUpgrade && this.#isUpgraded(parser, text, startedAtMs, bytes, at, end))
      return end;
    if (contentLength > host.settings.limits.bodyBytesMax) {
      host.requestRefused();
      this.refuse(FAULT_BODY_TOO_LARGE, parser.isHead);
      return at;
    }
    const exchange = new Exchange(
      host,
      this,
      this.sink,
      startedAtMs,
      parser,
      text,
      url,
      parser.expectContinue,
    );
    exchange.expectsOther = parser.expectsOther;
    host.exchangeBegun(exchange);
    this.exchange = exchange;
    if (contentLength > 0 || chunked) {
      const decoder = chunked ? new ChunkedDecoder(this.#thread.limits) : null;
      const body = new RequestBody(this, contentLength, decoder);
      exchange.body = body;
      if (at < end) {
        exchange.expectsContinue = false;
        const next = body.lend(bytes, at, end);
        if (next >= 0) {
          exchange.bodyBytes = next - at;
          this.#behindBytes = end - next;
          this.runLent(exchange, body);
          return next;
        }
        at = this.feedBody(exchange, body, bytes, at, end);
        if (this.state !== STATE_EXCHANGE) return at;
      }
      if (!body.complete) this.arm(NEVER);
    }
    this.#behindBytes = end - at;
    exchange.run();
    return at;
  }

  /** Keeps the unfinished head and the parser that stands in it. */
  #keepHead(
    parser: RequestHeadParser,
    bytes: Uint8Array,
    at: number,
    end: number,
    kept: KeptBytes | null,
  ): void {
    this.#parser ??= this.#thread.heads.giveAway();
    // Empty lines begin no request (RFC 9112 §2.2): old clients send one behind a body, and then nothing for long.
    if (this.state !== STATE_HEAD && parser.hasBegun) {
      const now = this.host.arrivalMs;
      // Absolute: from accept for the first request, from this first byte for a later one.
      if (this.state === STATE_IDLE) this.arm(now + this.host.settings.timeouts.headerMs);
      this.enter(STATE_HEAD);
      this.stateSinceMs = now;
    }
    this.#keep(bytes, at, end, kept);
  }

  #keep(bytes: Uint8Array, at: number, end: number, kept: KeptBytes | null): void {
    if (kept === null) this.#kept = new KeptBytes(bytes, at, end);
    else {
      kept.dropUntil(at);
      this.#kept = kept;
    }
  }

  /** Keeps requests that have to wait. */
  #hold(bytes: Uint8Array, at: number, end: number, kept: KeptBytes | null): void {
    this.#keep(bytes, at, end, kept);
    this.engine.pauseReading();
  }

  /** Bytes came after the last answer. Their sender has not seen that answer yet, and gets time to see it. */
  #discard(): void {
    if (this.state === STATE_LINGER && !this.isTurnedAway) this.armLingering();
  }

  // What its exchange tells.

  exchangeFinished(record: ExchangeRecord): void {
    const { exchange } = this;
    if (exchange === null || exchange !== record) return;
    const { body, closeReason } = exchange;
    this.exchange = null;
    exchange.release();
    if (exchange.status === STATUS_SWITCHING && exchange.takeover !== undefined) {
      this.#handOver(exchange);
      return;
    }
    if (!this.sink.keepAlive || (body !== null && !body.complete)) {
      if (this.#isToldAll(body)) this.close(closeReason);
      else this.linger(closeReason);
      return;
    }
    this.enter(STATE_IDLE);
    const now = this.host.nowMs;
    this.stateSinceMs = now;
    this.arm(now + this.host.settings.timeouts.idleMs);
    if (!this.#processing) this.#processKept();
  }

  /**
   * Whether there is no reason to linger: the client has said that it sends nothing more, its request has been read whole,
   * nothing is known to lie behind it, and what it has not taken yet is so little that the kernel delivers it without us
   * (what the kernel does not do for a closed socket, `isStillTaking` says).
   */
  #isToldAll(body: RequestBody | null): boolean {
    return (
      this.#isClientsLast &&
      (body === null || body.complete) &&
      !(this.#processing ? this.#behindBytes > 0 : this.#kept !== null) &&
      this.bytesWritten <= FAREWELL_BYTES_MAX
    );
  }

  #processKept(): void {
    this.engine.resumeReading();
    if (this.#kept !== null) this.#readKept(this.#kept);
    else this.#endIdle();
  }

  #readKept(kept: KeptBytes): void {
    this.#kept = null;
    this.#process(kept.bytes, kept.start, kept.end, kept);
  }

  /** Between requests, with nothing left to read: the end, if the client or the server is going. */
  #endIdle(): void {
    if (this.hasReadEnd) this.close('client-closed');
    else if (this.host.isDraining) {
      // The last answer began before the drain, and its head said that the connection is kept: a request may be on its way.
      const { idleGraceMs, nowMs } = this.host;
      if (idleGraceMs === 0) this.linger('drained');
      else this.armBy(nowMs + idleGraceMs);
    }
  }
}
