/** A WebSocket that has a connection of its own: HTTP/1.1 has ended with 101. */
import type { CloseReason, RemoteAddress } from '../../engine/engine.ts';
import type { WebSocketHooks } from '../../web/websocket.ts';
import { STATE_LINGER } from '../connection-account.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import type { ReplacedSession } from '../session.ts';
import { UpgradedSession } from '../upgraded-session.ts';
import { Conversation } from './conversation.ts';
import type { PeerStart } from './peer.ts';
import type { WebSocketThread } from './thread.ts';
import type { Wire } from './wire.ts';

export class WebSocketSession extends UpgradedSession implements Wire {
  readonly #conversation: Conversation;

  constructor(
    host: ExchangeHost,
    thread: WebSocketThread,
    record: ExchangeRecord,
    from: ReplacedSession,
    hooks: WebSocketHooks,
    start: Omit<PeerStart, 'number'>,
  ) {
    super(host, record, from);
    this.#conversation = new Conversation(this, host, thread, record, hooks, { ...start, number: this.id });
  }

  // Session

  begin(): void {
    this.#conversation.open();
  }

  /** @hot */
  protected take(bytes: Uint8Array, start: number, end: number): void {
    this.#conversation.receive(bytes, start, end);
  }

  drained(): void {
    this.movedAtMs = this.host.nowMs;
    this.#conversation.drained();
  }

  /** Without a close frame before it, the peer has gone. */
  protected takeEnd(): void {
    this.close('client-closed');
  }

  protected due(): void {
    this.#conversation.due();
    // What is due again and again must not put the look after the peer off for ever.
    if (this.state < STATE_LINGER) this.lookAfterPeer();
  }

  drain(): void {
    if (this.state < STATE_LINGER) this.#conversation.drain();
  }

  protected over(): void {
    this.#conversation.over();
  }

  // Wire

  get out(): Uint8Array {
    return this.engine.out;
  }

  /** @hot */
  reserve(size: number): number {
    return this.engine.reserve(size);
  }

  /** @hot */
  commit(size: number): void {
    const { engine } = this;
    if (engine.unsentBytes === 0) this.movedAtMs = this.host.nowMs;
    engine.commit(size);
    this.bytesWritten += size;
  }

  lend(bytes: Uint8Array): void {
    const { engine } = this;
    if (engine.unsentBytes === 0) this.movedAtMs = this.host.nowMs;
    engine.commitBorrowed(bytes);
    engine.settle();
    this.bytesWritten += bytes.length;
  }

  get borrowedBytesMin(): number {
    return this.engine.borrowedBytesMin;
  }

  flush(): void {
    this.engine.settle();
  }

  get unsentBytes(): number {
    return this.engine.unsentBytes;
  }

  pauseReading(): void {
    this.engine.pauseReading();
  }

  resumeReading(): void {
    this.engine.resumeReading();
  }

  wakeAt(atMs: number): void {
    this.arm(atMs);
  }

  override get isStillTaking(): boolean {
    return super.isStillTaking;
  }

  remoteAddress(): RemoteAddress | undefined {
    return this.engine.remoteAddress();
  }

  /** FIN comes first from the server (RFC 6455 §7.1.1), and what the client still sends is read and dropped. */
  finish(reason: CloseReason): void {
    this.linger(reason);
  }
}
