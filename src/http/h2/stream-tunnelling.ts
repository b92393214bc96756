/**
 * A stream on its way to become a tunnel, and as one: DATA that comes before the answer waits, within the stream's window since
 * nothing of it is given back, and is the tunnel's first.
 */
import { ByteQueue } from '../../base/byte-queue.ts';
import type { EngineConnection } from '../../engine/engine.ts';
import { NEVER } from '../connection-deadline.ts';
import type { Exchange } from '../exchange.ts';
import type { ExchangeHost } from '../exchange-host.ts';
import type { Tunnel, TunnelStream } from '../tunnel.ts';

/** The stream below. */
interface TunnelCarrier {
  readonly engine: EngineConnection;
  readonly host: ExchangeHost;
  readonly room: number;
  write(bytes: Uint8Array, start: number, end: number): number;
  consumed(bytes: number): void;
  wakeAt(atMs: number): void;
  endTunnel(): void;
  cancelTunnel(): void;
}

export class StreamTunnelling implements TunnelStream {
  readonly number: number;
  deadlineMs = NEVER;
  readonly #carrier: TunnelCarrier;
  readonly #early = new ByteQueue();
  #tunnel: Tunnel | null = null;
  #hasPeerEnded: boolean;

  /** @param hasPeerEnded the request came with END_STREAM */
  constructor(carrier: TunnelCarrier, streamId: number, hasPeerEnded: boolean) {
    this.#carrier = carrier;
    this.number = streamId;
    this.#hasPeerEnded = hasPeerEnded;
  }

  /** The answer was 200, and the stream belongs to the protocol. */
  get isOpen(): boolean {
    return this.#tunnel !== null;
  }

  // What happens to the stream.

  receive(bytes: Uint8Array, start: number, end: number): void {
    if (this.#tunnel === null) this.#early.push(bytes, start, end);
    else this.#tunnel.receive(bytes, start, end);
  }

  peerEnded(): void {
    this.#hasPeerEnded = true;
    this.#tunnel?.peerEnded();
  }

  begin(exchange: Exchange): void {
    const { host } = this.#carrier;
    try {
      const tunnel = exchange.takeover?.tunnel?.(this);
      if (tunnel === undefined) throw new TypeError('this protocol cannot be spoken in a stream of HTTP/2');
      this.#tunnel = tunnel;
      tunnel.begin();
    } catch (error) {
      host.logError('upgrade failed', error, exchange);
      this.cancel();
      return;
    }
    if (this.#early.length > 0) {
      const early = this.#early.takeAll();
      this.#tunnel.receive(early, 0, early.length);
    }
    if (this.#hasPeerEnded) this.#tunnel.peerEnded();
  }

  /** The answer was another. */
  dropEarly(): void {
    if (this.#early.length > 0) this.#carrier.consumed(this.#early.length);
    this.#early.clear();
  }

  drained(): void {
    this.#tunnel?.drained();
  }

  drain(): void {
    this.#tunnel?.drain();
  }

  expire(nowMs: number): void {
    if (nowMs < this.deadlineMs) return;
    this.deadlineMs = NEVER;
    this.#tunnel?.due();
  }

  over(): void {
    this.#early.clear();
    this.#tunnel?.over();
  }

  // TunnelStream

  get engine(): EngineConnection {
    return this.#carrier.engine;
  }

  get room(): number {
    return this.#carrier.room;
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    this.#carrier.write(bytes, start, end);
  }

  consumed(bytes: number): void {
    this.#carrier.consumed(bytes);
  }

  wakeAt(atMs: number): void {
    this.deadlineMs = atMs;
    this.#carrier.wakeAt(atMs);
  }

  end(): void {
    this.#carrier.endTunnel();
  }

  cancel(): void {
    this.#carrier.cancelTunnel();
  }
}
