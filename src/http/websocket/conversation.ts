/**
 * One WebSocket from its opening to its end, whatever carries it: what frames mean, which hook is told of it, what is sent, and
 * the deadlines. One hook runs for one thing that happened, in an async context of its own; what it throws costs this connection
 * at most.
 *
 * Invariant: `close` is told once, after `open`, and nothing after it. What waits to be sent is bounded by the settings.
 */
import { copyBytes } from '../../base/bytes.ts';
import type { CloseReason } from '../../engine/engine.ts';
import {
  CLOSE_ABNORMAL,
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL,
  CLOSE_NO_STATUS,
} from '../../protocol/websocket/close-codes.ts';
import {
  FAULT_DEFLATE,
  FAULT_TOO_BIG,
  FAULT_UTF8,
  type WebSocketFault,
} from '../../protocol/websocket/faults.ts';
import { type FrameEvents, FrameReader } from '../../protocol/websocket/frame-reader.ts';
import {
  FIN,
  OPCODE_BINARY,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  RSV1,
} from '../../protocol/websocket/frames.ts';
import { checkUtf8, UTF8_WHOLE } from '../../protocol/websocket/utf8.ts';
import type { Message as PublishedMessage } from '../../pubsub/message.ts';
import type { Subscriber } from '../../pubsub/topic.ts';
import type { WebSocketHooks } from '../../web/websocket.ts';
import { RESPONSE_HIGH_WATER_BYTES } from '../answer-sink.ts';
import { NEVER } from '../connection-deadline.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import { COMPRESSED_BYTES_MIN } from './compressor.ts';
import { writeBytes, writeClose, writeControl, writeRaw, writeText } from './frame-writing.ts';
import { HookRunner } from './hook-runner.ts';
import { Message } from './message.ts';
import { Peer, type PeerStart } from './peer.ts';
import type { WebSocketThread } from './thread.ts';
import type { Wire } from './wire.ts';

// The numbers of a browser's WebSocket.
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const TEXT = FIN | OPCODE_TEXT;
const BINARY = FIN | OPCODE_BINARY;

const NO_BYTES = new Uint8Array(0);

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;
const utf8Slice = Buffer.prototype.utf8Slice as (this: Uint8Array, start: number, end: number) => string;

export class Conversation implements FrameEvents, Subscriber {
  readonly peer: Peer;
  readyState = OPEN;
  readonly wire: Wire;
  readonly host: ExchangeHost;
  readonly thread: WebSocketThread;
  readonly #hooks: HookRunner;
  readonly #reader: FrameReader;
  /** In which the peer takes compressed messages; 0 for none. */
  readonly #windowBits: number;
  /** When something was last heard of the peer, and when a message last went either way. */
  #heardMs: number;
  #messageMs: number;
  /** When the ping was sent that is not answered; NEVER for none. */
  #pingedMs = NEVER;
  /** When the server's going down is told to this peer. */
  #goesAwayAtMs = NEVER;
  /** When the closing handshake has to be over. */
  #closeByMs = NEVER;
  /** `send` has said that the reader lags. */
  #isBackedUp = false;
  #isPaused = false;
  /** The payload of the last ping that could not be answered yet. RFC 6455 §5.5.3 */
  #owedPong: Uint8Array | null = null;

  constructor(
    wire: Wire,
    host: ExchangeHost,
    thread: WebSocketThread,
    record: ExchangeRecord,
    hooks: WebSocketHooks,
    start: PeerStart,
  ) {
    this.wire = wire;
    this.host = host;
    this.thread = thread;
    this.#windowBits = start.windowBits;
    this.#heardMs = host.nowMs;
    this.#messageMs = host.nowMs;
    this.peer = new Peer(this, record.request as unknown as Request, start);
    this.#hooks = new HookRunner(host, record, this.peer, hooks, () => this.close(CLOSE_INTERNAL, NO_BYTES));
    const { payloadBytesMax } = thread.settings;
    this.#reader = new FrameReader(
      this,
      { payloadBytesMax, isMasked: true, takesCompressed: start.windowBits > 0 },
      thread.unmasking,
    );
  }

  // What happens to it.

  open(): void {
    this.thread.counts.opened++;
    if (this.host.isDraining) this.drain();
    this.#arm();
    this.#hooks.open();
  }

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    this.#heardMs = this.host.nowMs;
    this.#reader.receive(bytes, start, end);
  }

  /** What was sent has left. */
  drained(): void {
    const pong = this.#owedPong;
    if (pong !== null) {
      this.#owedPong = null;
      if (this.readyState === OPEN) writeControl(this.wire, OPCODE_PONG, pong, 0, pong.length);
    }
    if (this.#isPaused) {
      this.#isPaused = false;
      this.wire.resumeReading();
    }
    if (!this.#isBackedUp) return;
    this.#isBackedUp = false;
    if (this.readyState === OPEN) this.#hooks.drain();
  }

  /** The peer has ended the connection without a close frame, or the connection has broken. */
  over(): void {
    this.#ended(CLOSE_ABNORMAL, '', false);
  }

  /** The server is going down: each peer is told at a moment of its own. */
  drain(): void {
    const { handoverMs } = this.thread.settings;
    // Evenly: connections have numbers one after the other.
    this.#goesAwayAtMs = this.host.nowMs + handoverMs * spread(this.peer.number);
    this.#arm();
  }

  // FrameEvents

  /** @hot */
  onMessage(
    bytes: Uint8Array,
    start: number,
    end: number,
    isText: boolean,
    isAscii: boolean,
    isOwned: boolean,
  ): void {
    this.thread.counts.messagesReceived++;
    if (this.readyState !== OPEN) return;
    this.#messageMs = this.#heardMs;
    let data: string | Uint8Array<ArrayBuffer>;
    if (isText) data = (isAscii ? latin1Slice : utf8Slice).call(bytes, start, end);
    else if (isOwned) data = bytes.subarray(start, end) as Uint8Array<ArrayBuffer>;
    else data = copyBytes(bytes, start, end) as Uint8Array<ArrayBuffer>;
    this.#hooks.message(new Message(data));
  }

  onCompressed(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    const { compressor, settings } = this.thread;
    const message = compressor.inflate(bytes.subarray(start, end), settings.payloadBytesMax);
    if (message === undefined) this.#refuse(FAULT_TOO_BIG);
    else if (message === null) this.#refuse(FAULT_DEFLATE);
    else if (isText && checkUtf8(UTF8_WHOLE, message, 0, message.length) !== UTF8_WHOLE)
      this.#refuse(FAULT_UTF8);
    else this.onMessage(message, 0, message.length, isText, false, false);
  }

  #refuse(fault: WebSocketFault): void {
    this.#reader.stop();
    this.onFault(fault);
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    if (this.readyState === OPEN) {
      // One that pings and does not read is owed one answer, not one for each ping.
      if (this.wire.unsentBytes > RESPONSE_HIGH_WATER_BYTES) this.#owedPong = copyBytes(bytes, start, end);
      else writeControl(this.wire, OPCODE_PONG, bytes, start, end);
      this.#hooks.ping(bytes, start, end);
    }
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    if (this.readyState === OPEN) this.#hooks.pong(bytes, start, end);
  }

  onClose(code: number, bytes: Uint8Array, start: number, end: number): void {
    const reason = utf8Slice.call(bytes, start, end);
    // RFC 6455 §5.5.1: the answer to a close frame echoes its code.
    if (this.readyState === OPEN)
      writeClose(this.wire, code === CLOSE_NO_STATUS ? undefined : code, NO_BYTES);
    this.#ended(code, reason, true);
    this.wire.finish('websocket-closed');
  }

  onFault(fault: WebSocketFault): void {
    this.host.countFault(fault);
    if (fault === FAULT_TOO_BIG) this.host.offended('websocket.maxPayloadBytes', this.wire.remoteAddress());
    if (this.readyState === OPEN)
      writeClose(this.wire, fault.closeCode, Buffer.from(fault.sentence, 'latin1'));
    this.#ended(fault.closeCode, fault.sentence, false);
    this.wire.finish(fault.code);
  }

  #ended(code: number, reason: string, wasClean: boolean): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#reader.stop();
    this.peer.left();
    this.#hooks.close({ code, reason, wasClean });
  }

  // What the peer object asks.

  /** @returns as WebSocketPeer.send @hot */
  sendText(text: string, compress: boolean | undefined): number {
    // A character is three bytes at most, and no more than two thirds of that is over the bound too early.
    if (!this.#admits(text.length)) return 0;
    if (this.#windowBits > 0 && (compress ?? text.length >= COMPRESSED_BYTES_MIN))
      return this.#sent(this.#writeCompressed(TEXT, Buffer.from(text, 'utf8')));
    return this.#sent(writeText(this.wire, text));
  }

  sendBytes(bytes: Uint8Array, compress: boolean | undefined): number {
    if (!this.#admits(bytes.length)) return 0;
    if (this.#windowBits > 0 && (compress ?? bytes.length >= COMPRESSED_BYTES_MIN))
      return this.#sent(this.#writeCompressed(BINARY, bytes));
    return this.#sent(writeBytes(this.wire, BINARY, bytes));
  }

  /** Compressed, unless that would make it longer. */
  #writeCompressed(first: number, bytes: Uint8Array): number {
    const payload = this.thread.compressor.compress(bytes, this.#windowBits);
    return payload.length < bytes.length
      ? writeBytes(this.wire, first | RSV1, payload)
      : writeBytes(this.wire, first, bytes);
  }

  /** Subscriber: a message that was published. @hot */
  deliver(message: PublishedMessage): void {
    const encoded = message.as(this.thread.published);
    const frame = this.#windowBits === 0 ? encoded.frame : encoded.frameFor(this.#windowBits, this.thread);
    if (!this.#admits(frame.length)) return;
    writeRaw(this.wire, frame);
    this.#sent(frame.length);
  }

  ping(bytes: Uint8Array): number {
    if (!this.#admits(bytes.length)) return 0;
    this.thread.counts.pingsSent++;
    return writeControl(this.wire, OPCODE_PING, bytes, 0, bytes.length);
  }

  /** @param reason in UTF-8, 123 bytes at most */
  close(code: number, reason: Uint8Array): void {
    if (this.readyState !== OPEN) return;
    this.readyState = CLOSING;
    writeClose(this.wire, code, reason);
    this.#closeByMs = this.host.nowMs + this.thread.settings.closeMs;
    this.#arm();
    // The peer's own close frame is behind what is not read while it lags.
    if (this.#isPaused) this.wire.resumeReading();
    this.#isPaused = false;
  }

  terminate(): void {
    this.#giveUp('websocket-terminated');
  }

  #giveUp(reason: CloseReason): void {
    if (this.readyState === CLOSED) return;
    this.wire.reset(reason);
    this.over();
  }

  /** Whether so many bytes more may wait to be sent. @hot */
  #admits(size: number): boolean {
    if (this.readyState !== OPEN) return false;
    const { wire } = this;
    const { unsentBytes } = wire;
    if (unsentBytes === 0 || unsentBytes + size <= this.thread.settings.backpressureBytesMax) return true;
    return this.#admitsFlushed(size);
  }

  /** Much of what seems to wait may have been written in this very turn. */
  #admitsFlushed(size: number): boolean {
    const { wire, thread } = this;
    const { backpressureBytesMax, onBackpressure } = thread.settings;
    wire.flush();
    const { unsentBytes } = wire;
    if (unsentBytes === 0 || unsentBytes + size <= backpressureBytesMax) return true;
    thread.counts.messagesDropped++;
    this.#isBackedUp = true;
    if (onBackpressure === 'close') this.#giveUp('websocket-backpressure');
    return false;
  }

  /** @hot */
  #sent(frameBytes: number): number {
    this.thread.counts.messagesSent++;
    this.#messageMs = this.host.nowMs;
    const { unsentBytes } = this.wire;
    // One that is long is no sign of a reader that lags: others have to wait before it.
    if (unsentBytes <= RESPONSE_HIGH_WATER_BYTES || unsentBytes <= frameBytes) return frameBytes;
    this.#isBackedUp = true;
    if (!this.#isPaused && this.thread.settings.onBackpressure === 'wait') {
      this.#isPaused = true;
      this.wire.pauseReading();
    }
    return -1;
  }

  // Deadlines: whoever moves one writes down a moment, and looks when the earliest has come.

  due(): void {
    const { nowMs } = this.host;
    if (this.readyState === CLOSING) {
      if (nowMs >= this.#closeByMs) this.#closeIsOverdue();
    } else if (this.readyState === OPEN) this.#whileOpen(nowMs);
    this.#arm();
  }

  #closeIsOverdue(): void {
    this.over();
    this.wire.finish('websocket-close-timeout');
  }

  #whileOpen(nowMs: number): void {
    const { settings } = this.thread;
    if (this.#heardMs > this.#pingedMs) this.#pingedMs = NEVER;
    if (nowMs >= this.#goesAwayAtMs) this.close(CLOSE_GOING_AWAY, Buffer.from('the server is going down'));
    else if (nowMs >= this.#messageMs + settings.idleMs)
      this.close(CLOSE_GOING_AWAY, Buffer.from('idle for too long'));
    else if (nowMs >= this.#pingedMs + settings.pongMs) {
      // A reader that is slow has not taken the ping; whether it lives, TCP_INFO tells.
      if (this.wire.isStillTaking) this.#pingedMs = nowMs;
      else this.#giveUp('websocket-pong-timeout');
    } else if (this.#pingedMs === NEVER && nowMs >= this.#heardMs + settings.pingIntervalMs) {
      this.#pingedMs = nowMs;
      this.ping(NO_BYTES);
    }
  }

  #arm(): void {
    const { idleMs, pingIntervalMs, pongMs } = this.thread.settings;
    if (this.readyState === CLOSED) return;
    if (this.readyState === CLOSING) this.wire.wakeAt(this.#closeByMs);
    else {
      const lifeMs = this.#pingedMs === NEVER ? this.#heardMs + pingIntervalMs : this.#pingedMs + pongMs;
      this.wire.wakeAt(Math.min(lifeMs, this.#messageMs + idleMs, this.#goesAwayAtMs));
    }
  }
}

/** @returns a place between 0 and 1 for each number, far from those of the numbers beside it */
function spread(number: number): number {
  return (number * 0.618_033_988_749_895) % 1;
}
