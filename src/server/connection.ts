/**
 * The life of one HTTP/1.1 connection: which state it is in, which deadline holds, and what each event
 * of the engine means there. It knows the protocol's parsers and the engine's connection, and leaves
 * handlers to dispatch (exchange.ts) and answers to the response writer.
 *
 * Invariant: at most one exchange is open. Bytes that arrive for a later request wait in `#kept`, and
 * the socket is not read while they do, so a client cannot make us hold more than one receive buffer.
 */
import { concatBytes, copyBytes } from '../base/bytes.ts';
import type { CloseReason, EngineConnection } from '../engine/engine.ts';
import { FAULT_BODY_TOO_LARGE, FAULT_HEADER_TIMEOUT, type Fault } from '../protocol/error.ts';
import { ChunkedDecoder } from '../protocol/h1/chunked.ts';
import { HEAD_COMPLETE, HEAD_MORE, type RequestHeadParser } from '../protocol/h1/request-head.ts';
import {
  ConnectionAccount,
  STATE_ACCEPTED,
  STATE_CLOSED,
  STATE_EXCHANGE,
  STATE_HEAD,
  STATE_IDLE,
  STATE_LINGER,
} from './connection-state.ts';
import { ClientGoneError, RequestFaultError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { PEER_DEAD, peerLook } from './peer-look.ts';
import { BODY_HIGH_WATER_BYTES, type BodyOwner, RequestBody } from './request-body.ts';
import { RESPONSE_HIGH_WATER_BYTES } from './response-stream.ts';
import type { ServerThread } from './server-thread.ts';

/** Most that is discarded after the last answer, as nginx's lingering_time bounds it by time only. */
const LINGER_BYTES_MAX = 64 * 1024 * 1024;

/** How long a draining server waits for the first byte of a connection that it has accepted. */
const DRAIN_ACCEPTED_MS = 1000;

const NEVER = Number.POSITIVE_INFINITY;
const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;

export class HttpConnection extends ConnectionAccount implements BodyOwner {
  readonly thread: ServerThread;
  readonly engine: EngineConnection;
  state: number = STATE_ACCEPTED;
  /** Counts requests; names the exchange that is open or was the last. */
  exchangeId = 0;
  exchange: Exchange | null = null;
  #parser: RequestHeadParser | null = null;
  /** Bytes that wait: a head that is not whole, or requests behind the one that is being answered. */
  #kept: Uint8Array | null = null;
  #discarded = 0;
  /** Why it ends, once that is decided; the first reason stands. */
  #reason: CloseReason | undefined = undefined;
  /** The client has sent FIN, as far as we have seen. */
  hasPeerEnded = false;
  /** Its FIN is behind the last byte that we have read. */
  #peerEnded = false;
  /** When the state's own time is over; the engine's deadline may come earlier, to look after the peer. */
  #deadlineMs = NEVER;
  #processing = false;

  constructor(thread: ServerThread, engine: EngineConnection) {
    super(thread.takeConnectionId(), thread.arrivalMs);
    this.thread = thread;
    this.engine = engine;
    this.#arm(this.acceptedAtMs + thread.settings.timeouts.headerMs);
    if (thread.isDraining) this.drain(0);
  }

  // Events of the engine.

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    this.bytesReceived += end - start;
    if (this.#kept !== null) {
      const kept = this.#kept;
      this.#kept = null;
      const joined = concatBytes(kept, 0, kept.length, bytes, start, end);
      this.#process(joined, 0, joined.length);
    } else this.#process(bytes, start, end);
  }

  peerEnded(): void {
    this.#peerEnded = true;
    this.hasPeerEnded = true;
    switch (this.state) {
      case STATE_IDLE:
        // Requests that are held back are answered first.
        if (this.#kept !== null) return;
        this.close('client-closed');
        return;
      case STATE_ACCEPTED:
      case STATE_LINGER:
        this.close('client-closed');
        return;
      case STATE_HEAD:
        this.close('client-closed-in-head');
        return;
      case STATE_EXCHANGE: {
        // A client may send FIN and still read its answer (RFC 9112 §9.6). In the middle of a body it is gone.
        const exchange = this.exchange!;
        if (exchange.body === null || exchange.body.complete) exchange.peerEnded();
        else if (exchange.endsByClose) this.reset('client-closed-in-body');
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
    if (this.state === STATE_EXCHANGE) {
      this.movedAtMs = this.thread.nowMs;
      this.exchange?.drained();
    } else if (this.state === STATE_IDLE && this.#kept !== null) this.#processKept();
  }

  deadline(): void {
    if (this.thread.nowMs < this.#deadlineMs) {
      this.#lookAfterPeer();
      return;
    }
    switch (this.state) {
      case STATE_ACCEPTED:
        this.#silent('header');
        return;
      case STATE_HEAD:
        this.thread.deadlines.header++;
        this.refuse(FAULT_HEADER_TIMEOUT);
        return;
      case STATE_IDLE:
        if (this.#isStillTaking()) this.#rearm(this.thread.settings.timeouts.idleMs);
        else this.#silent('idle');
        return;
      case STATE_LINGER:
        if (this.#isStillTaking()) this.#rearm(this.thread.settings.timeouts.lingerMs);
        else this.#silent('linger');
        return;
      case STATE_EXCHANGE:
        if (this.exchange?.deadline(this.thread.nowMs) === false) this.#arm(this.exchange.deadlineMs);
        return;
    }
  }

  closed(reason: CloseReason): void {
    // The kernel's own verdict, by keepalive; ours is counted where it is given.
    if (reason === 'peer-dead') this.thread.deadlines.deadPeer++;
    this.thread.countClose(this.#reason ?? reason);
    this.#end(reason);
  }

  // Ends.

  /** FIN after what was written, and no waiting for the peer. */
  close(reason: CloseReason): void {
    if (this.state === STATE_CLOSED) return;
    this.#reason ??= reason;
    this.engine.close(reason);
    this.#end(reason);
    // What is unsent still leaves at the reader's pace, and the reader may die meanwhile.
    this.#arm(NEVER);
  }

  /** RST, what is unsent dropped: for ends by force, and where FIN would pass for the end of the answer. */
  reset(reason: CloseReason): void {
    if (this.state === STATE_CLOSED) return;
    this.#reason ??= reason;
    this.engine.reset(reason);
    this.#end(reason);
  }

  #end(reason: CloseReason): void {
    this.state = STATE_CLOSED;
    this.stateSinceMs = this.thread.nowMs;
    this.#kept = null;
    this.#parser = null;
    const exchange = this.exchange;
    this.exchange = null;
    exchange?.clientGone(new ClientGoneError(String(reason)));
  }

  /**
   * Sets the deadline of the state. The peer is looked after in any state: while data is outstanding the
   * kernel's keepalive rests, and only a look at TCP_INFO tells who is dead from who is slow.
   * @hot
   */
  #arm(atMs: number): void {
    this.#deadlineMs = atMs;
    const lookMs = this.thread.nowMs + this.thread.settings.timeouts.deadPeerMs;
    this.engine.setDeadline(atMs < lookMs ? atMs : lookMs);
  }

  #lookAfterPeer(): void {
    const waitMs = peerLook(this.engine.peerLiveness(), this.thread.settings.timeouts.deadPeerMs);
    if (waitMs === PEER_DEAD) {
      this.thread.deadlines.deadPeer++;
      this.#reason ??= 'peer-dead';
      this.engine.reset('peer-dead');
      this.#end('peer-dead');
    } else this.engine.setDeadline(Math.min(this.#deadlineMs, this.thread.nowMs + waitMs));
  }

  /** Nothing that counts came in this state. A draining server waits less long, and that is not the client's doing. */
  #silent(deadline: 'header' | 'idle' | 'linger'): void {
    if (this.thread.isDraining && deadline !== 'linger') this.close('drained');
    else {
      this.thread.deadlines[deadline]++;
      this.close(`${deadline}-timeout`);
    }
  }

  /**
   * The client has not taken all of its answer yet, from us or from the kernel. It keeps the socket: a
   * closed one is given up after some probes of a closed window (tcp_orphan_retries, tcp(7)).
   */
  #isStillTaking(): boolean {
    return this.engine.unsentBytes > 0 || (this.engine.peerLiveness()?.outstandingBytes ?? 0) > 0;
  }

  /** The time of the state begins anew; a peer that has died meanwhile is found. */
  #rearm(timeoutMs: number): void {
    this.#deadlineMs = this.thread.nowMs + timeoutMs;
    this.#lookAfterPeer();
  }

  /** Answers `fault` and closes without losing the answer. */
  refuse(fault: Fault): void {
    this.thread.writeFault(this.engine, fault);
    this.thread.countFault(fault);
    this.linger(fault.code);
  }

  /** Sends FIN after the last byte, then discards what the peer still sends until its FIN or the deadline. */
  linger(reason: CloseReason): void {
    if (this.state >= STATE_LINGER) return;
    this.#kept = null;
    this.#parser = null;
    this.#reason = reason;
    if (this.#peerEnded) {
      this.close(reason);
      return;
    }
    this.state = STATE_LINGER;
    this.stateSinceMs = this.thread.nowMs;
    this.engine.shutdownWrite();
    this.engine.resumeReading();
    this.#arm(this.thread.nowMs + this.thread.settings.timeouts.lingerMs);
  }

  /**
   * The server is going down. Idle connections end now or in a moment; a request that is being read or answered is
   * answered, with `Connection: close`; a client that has only connected is given a moment to ask.
   */
  drain(idleGraceMs: number): void {
    if (this.state === STATE_IDLE) {
      if (this.#kept !== null) return;
      if (idleGraceMs === 0) this.close('drained');
      else this.#arm(Math.min(this.#deadlineMs, this.thread.nowMs + idleGraceMs));
    } else if (this.state === STATE_ACCEPTED) {
      const deadlineMs = this.acceptedAtMs + this.thread.settings.timeouts.headerMs;
      this.#arm(Math.min(deadlineMs, this.thread.nowMs + DRAIN_ACCEPTED_MS));
    }
  }

  // Requests.

  /**
   * Reads heads and bodies from bytes[at..end) until they run out or an exchange stays open.
   * @hot
   */
  #process(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    let text = '';
    let textStart = -1;
    this.#processing = true;
    while (at < end) {
      if (this.state === STATE_EXCHANGE) {
        const exchange = this.exchange!;
        if (exchange.body !== null && !exchange.body.complete) {
          at = this.#feedBody(exchange, exchange.body, bytes, at, end);
          continue;
        }
        this.#keep(bytes, at, end);
        break;
      }
      if (this.state >= STATE_LINGER) {
        this.#discard(end - at);
        break;
      }
      if (this.state === STATE_IDLE && this.engine.unsentBytes >= RESPONSE_HIGH_WATER_BYTES) {
        // A client that asks on without reading must not make us hold all its answers: the next request
        // waits until these have left. It waits for nobody but itself, so no deadline holds.
        this.#keep(bytes, at, end);
        this.#arm(NEVER);
        break;
      }
      const known = this.#parser === null ? this.thread.heads.recall(this.id, bytes, at, end) : null;
      if (known !== null) {
        at += known.parser.headBytes;
        at = this.#begin(known.parser, known.text, 0, this.thread.urlOf(known), bytes, at, end);
        continue;
      }
      const parser = this.#parser ?? this.thread.parser;
      const status = parser.parse(bytes, at, end);
      if (status === HEAD_COMPLETE) {
        if (textStart === -1) {
          // One snapshot serves every request of this piece; a body behind the head is left out.
          const hasBody = parser.contentLength > 0 || parser.chunked;
          textStart = at;
          text = latin1Slice.call(bytes, at, hasBody ? at + parser.headBytes : end);
        }
        const textAt = at - textStart;
        const headEnd = at + parser.headBytes;
        if (parser === this.#parser) this.#parser = null;
        else if (this.exchangeId > 0) this.thread.rememberHead(this.id, this.exchangeId, bytes, at);
        if (textAt + parser.headBytes > text.length) {
          textStart = at;
          text = latin1Slice.call(bytes, at, headEnd);
          at = this.#begin(parser, text, 0, undefined, bytes, headEnd, end);
        } else at = this.#begin(parser, text, textAt, undefined, bytes, headEnd, end);
        if (parser === this.thread.parser) parser.reset();
      } else if (status === HEAD_MORE) {
        this.#keepHead(parser, bytes, at, end);
        break;
      } else {
        const fault = parser.fault!;
        parser.reset();
        this.refuse(fault);
        break;
      }
    }
    this.#processing = false;
    if (this.state === STATE_HEAD) {
      if (this.#peerEnded) this.close('client-closed');
    } else if (this.state === STATE_IDLE && this.#kept === null) this.#endIdle();
  }

  /** One request head is whole. @returns the position after what belongs to this request. @hot */
  #begin(
    parser: RequestHeadParser,
    text: string,
    textAt: number,
    url: string | undefined,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): number {
    const thread = this.thread;
    const startedAtMs = this.state === STATE_HEAD ? this.stateSinceMs : thread.nowMs;
    this.state = STATE_EXCHANGE;
    const id = ++this.exchangeId;
    const exchange = thread.takeExchange(this, id, startedAtMs, parser, text, textAt, url);
    this.exchange = exchange;
    if (parser.contentLength > 0 || parser.chunked) {
      if (parser.contentLength > thread.settings.limits.bodyBytesMax) {
        this.exchange = null;
        this.refuse(FAULT_BODY_TOO_LARGE);
        return at;
      }
      const decoder = parser.chunked ? new ChunkedDecoder(thread.protocolLimits) : null;
      const body = new RequestBody(this, parser.contentLength, decoder);
      exchange.body = body;
      if (at < end) {
        exchange.expectsContinue = false;
        at = this.#feedBody(exchange, body, bytes, at, end);
        if (this.state !== STATE_EXCHANGE) return at;
      }
      if (!body.complete) this.#arm(NEVER);
    }
    exchange.run();
    return at;
  }

  #feedBody(exchange: Exchange, body: RequestBody, bytes: Uint8Array, at: number, end: number): number {
    const next = body.feed(bytes, at, end);
    exchange.bodyBytes += next - at;
    if (body.fault !== undefined) {
      exchange.requestFault(body.fault, new RequestFaultError(body.fault));
      return end;
    }
    if (body.memoryBytes > BODY_HIGH_WATER_BYTES && !body.complete) this.engine.pauseReading();
    this.updateExchangeDeadline();
    return next;
  }

  /** Keeps the unfinished head and the parser that stands in it. */
  #keepHead(parser: RequestHeadParser, bytes: Uint8Array, at: number, end: number): void {
    if (this.#parser === null) {
      this.#parser = this.thread.giveAwayParser(parser);
      const now = this.thread.arrivalMs;
      // Absolute: from accept for the first request, from this first byte for a later one.
      if (this.state === STATE_IDLE) this.#arm(now + this.thread.settings.timeouts.headerMs);
      this.state = STATE_HEAD;
      this.stateSinceMs = now;
    }
    this.#kept = copyBytes(bytes, at, end);
  }

  #keep(bytes: Uint8Array, at: number, end: number): void {
    this.#kept = copyBytes(bytes, at, end);
    this.engine.pauseReading();
  }

  #discard(size: number): void {
    this.#discarded += size;
    if (this.#discarded > LINGER_BYTES_MAX) this.close('linger-overrun');
  }

  // What exchanges tell their connection.

  /** The answer has been written whole. */
  exchangeFinished(exchange: Exchange): void {
    if (this.exchange !== exchange) return;
    const body = exchange.body;
    if (!exchange.keepAlive || (body !== null && !body.complete)) {
      this.exchange = null;
      exchange.release();
      this.linger(exchange.closeReason);
      return;
    }
    this.exchange = null;
    exchange.release();
    this.state = STATE_IDLE;
    const now = this.thread.nowMs;
    this.stateSinceMs = now;
    this.#arm(now + this.thread.settings.timeouts.idleMs);
    if (!this.#processing) this.#processKept();
  }

  #processKept(): void {
    this.engine.resumeReading();
    const kept = this.#kept;
    if (kept !== null) {
      this.#kept = null;
      this.#process(kept, 0, kept.length);
    } else this.#endIdle();
  }

  /** Between requests, with nothing left to read: the end, if the client or the server is going. */
  #endIdle(): void {
    if (this.#peerEnded) this.close('client-closed');
    else if (this.thread.isDraining) {
      // Its last answer began before the drain and promised that the connection is kept: the next request may be on its way.
      const { idleGraceMs, nowMs } = this.thread;
      if (idleGraceMs === 0) this.linger('drained');
      else this.#arm(Math.min(this.#deadlineMs, nowMs + idleGraceMs));
    }
  }

  /** Sets the deadline that holds while an exchange is open: the handler's or the body's, or none. */
  updateExchangeDeadline(): void {
    const exchange = this.exchange;
    if (exchange === null || this.state !== STATE_EXCHANGE) return;
    const { bodyMs } = this.thread.settings.timeouts;
    exchange.bodyDeadlineMs = exchange.body?.isWaited === true ? this.thread.nowMs + bodyMs : undefined;
    this.#arm(exchange.deadlineMs);
  }

  /** A deadline of `exchange` has moved. */
  armExchange(exchange: Exchange): void {
    if (this.exchange === exchange && this.state === STATE_EXCHANGE) this.#arm(exchange.deadlineMs);
  }

  // BodyOwner

  bodyWanted(body: RequestBody): void {
    const exchange = this.exchange;
    if (exchange === null || exchange.body !== body) return;
    if (exchange.expectsContinue) {
      exchange.expectsContinue = false;
      this.thread.writeContinue(this.engine);
    }
    this.engine.resumeReading();
    this.updateExchangeDeadline();
  }

  bodyCancelled(_body: RequestBody): void {
    // The rest is counted, not kept; whether the connection survives is decided when the answer is whole.
    this.engine.resumeReading();
    this.updateExchangeDeadline();
  }
}
