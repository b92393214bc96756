/**
 * A WebSocket in a stream of HTTP/2 (RFC 8441). Frames are written into memory that all such streams of a thread share, and go
 * on as DATA at once where the windows allow it; what they do not allow waits here, within the bound of the conversation.
 */
import { ByteQueue } from '../../base/byte-queue.ts';
import type { RemoteAddress } from '../../engine/engine.ts';
import type { WebSocketHooks } from '../../web/websocket.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import type { Tunnel, TunnelStream } from '../tunnel.ts';
import { Conversation } from './conversation.ts';
import type { PeerStart } from './peer.ts';
import type { WebSocketThread } from './thread.ts';
import type { Wire } from './wire.ts';

export class StreamWire implements Wire, Tunnel {
  readonly #stream: TunnelStream;
  readonly #conversation: Conversation;
  /** Frames are put together here. */
  readonly out: Uint8Array;
  readonly #waiting = new ByteQueue();
  /** A block of what waits that has been sent in part, and from where on it has not. */
  #block: Uint8Array | undefined = undefined;
  #blockAt = 0;
  #isPaused = false;
  #unread = 0;
  #isEnding = false;
  #isOver = false;

  constructor(
    stream: TunnelStream,
    host: ExchangeHost,
    thread: WebSocketThread,
    record: ExchangeRecord,
    hooks: WebSocketHooks,
    start: Omit<PeerStart, 'number'>,
  ) {
    this.#stream = stream;
    this.out = thread.scratch;
    this.#conversation = new Conversation(this, host, thread, record, hooks, {
      ...start,
      number: stream.number,
    });
  }

  // Tunnel

  begin(): void {
    this.#conversation.open();
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    this.#conversation.receive(bytes, start, end);
    if (this.#isPaused) this.#unread += end - start;
    else if (!this.#isOver) this.#stream.consumed(end - start);
  }

  /** Without a close frame before it, the peer has gone. */
  peerEnded(): void {
    if (this.#isOver || this.#isEnding) return;
    this.#conversation.over();
    this.reset();
  }

  drained(): void {
    if (this.#isOver) return;
    this.#sendWaiting();
    if (this.unsentBytes > 0 || this.#isOver) return;
    this.#conversation.drained();
  }

  due(): void {
    if (!this.#isOver) this.#conversation.due();
  }

  over(): void {
    this.#isOver = true;
    this.#waiting.clear();
    this.#conversation.over();
  }

  drain(): void {
    if (!this.#isOver) this.#conversation.drain();
  }

  // Wire

  reserve(): number {
    return 0;
  }

  commit(size: number): void {
    if (this.#isOver) return;
    let at = 0;
    if (this.unsentBytes === 0) at = this.#send(this.out, 0, size);
    if (at < size) this.#waiting.push(this.out, at, size);
  }

  /** @returns the position behind what the windows have taken */
  #send(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const to = Math.min(end, at + this.#stream.room);
      if (to === at) break;
      this.#stream.write(bytes, at, to);
      at = to;
    }
    return at;
  }

  #sendWaiting(): void {
    for (;;) {
      if (this.#block === undefined) {
        this.#block = this.#waiting.shift();
        this.#blockAt = 0;
        if (this.#block === undefined) break;
      }
      this.#blockAt = this.#send(this.#block, this.#blockAt, this.#block.length);
      if (this.#blockAt < this.#block.length) return;
      this.#block = undefined;
    }
    if (this.#isEnding) this.#end();
  }

  /** Nothing is lent: DATA has to be framed. */
  lend(bytes: Uint8Array): void {
    this.#waiting.push(bytes, 0, bytes.length);
    this.#sendWaiting();
  }

  get borrowedBytesMin(): number {
    return Number.POSITIVE_INFINITY;
  }

  flush(): void {}

  get unsentBytes(): number {
    const ofBlock = this.#block === undefined ? 0 : this.#block.length - this.#blockAt;
    return this.#waiting.length + ofBlock;
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    const unread = this.#unread;
    this.#unread = 0;
    if (unread > 0 && !this.#isOver) this.#stream.consumed(unread);
  }

  wakeAt(atMs: number): void {
    if (!this.#isOver) this.#stream.wakeAt(atMs);
  }

  get isStillTaking(): boolean {
    const { engine } = this.#stream;
    return (
      this.unsentBytes > 0 || engine.unsentBytes > 0 || (engine.peerLiveness()?.outstandingBytes ?? 0) > 0
    );
  }

  remoteAddress(): RemoteAddress | undefined {
    return this.#stream.engine.remoteAddress();
  }

  /** END_STREAM follows what waits: RFC 8441 §5 has it for an orderly end. */
  finish(): void {
    if (this.#isOver) return;
    this.#isEnding = true;
    if (this.unsentBytes === 0) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#stream.end();
  }

  reset(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting.clear();
    this.#stream.cancel();
  }
}
