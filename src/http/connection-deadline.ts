/**
 * The one deadline of a connection, which serves two ends: the state's own time, and a look after the peer, who may
 * have vanished in any state. While data is outstanding the kernel's keepalive rests, and only a look at TCP_INFO
 * tells who is dead from who is slow. What either end means for the connection is the subclass's to say.
 */
import type { EngineConnection, PeerLiveness } from '../engine/engine.ts';
import { ConnectionAccount } from './connection-account.ts';
import type { ExchangeHost } from './exchange-host.ts';

/** How soon a peer is looked at again whose last acknowledgement is old but which has not been asked since. */
const LOOK_AGAIN_MS = 1000;

/**
 * A client that sends on after the last answer is heard out for so long: nginx's lingering_time. Its bytes are not
 * bounded, because an upload that is refused may be of any size, and discarding costs less than what a client that
 * means harm could have us do with a body that is accepted.
 */
const LINGER_MS_MAX = 30_000;

/** The verdict `dead`, where a wait was asked for. */
const PEER_DEAD = 0;

export const NEVER = Number.POSITIVE_INFINITY;

export abstract class ConnectionDeadline extends ConnectionAccount {
  readonly host: ExchangeHost;
  readonly engine: EngineConnection;
  /** When the state's own time is over; the engine's deadline may come earlier, to look after the peer. */
  #atMs = NEVER;

  /** @param previous the session in whose place it comes; absent for a new connection */
  constructor(host: ExchangeHost, engine: EngineConnection, previous?: ConnectionAccount) {
    super(previous?.id ?? host.takeConnectionId(), previous?.acceptedAtMs ?? host.arrivalMs);
    if (previous !== undefined) this.takeOver(previous);
    this.host = host;
    this.engine = engine;
  }

  get nowMs(): number {
    return this.host.nowMs;
  }

  /** The peer has answered nothing for `deadPeer`, though it was asked. */
  protected abstract peerDied(): void;

  /** Sets the deadline of the state. @hot */
  protected arm(atMs: number): void {
    this.#atMs = atMs;
    const lookMs = this.host.nowMs + this.host.settings.timeouts.deadPeerMs;
    this.engine.setDeadline(atMs < lookMs ? atMs : lookMs);
  }

  /** The deadline of the state comes no later than `atMs`. */
  protected armBy(atMs: number): void {
    this.arm(Math.min(this.#atMs, atMs));
  }

  /** The time of the state begins anew; a peer that has died meanwhile is found. */
  protected rearm(timeoutMs: number): void {
    this.#atMs = this.host.nowMs + timeoutMs;
    this.lookAfterPeer();
  }

  /** More has come while we linger: `linger` counts from here, but not for ever. */
  protected armLingering(): void {
    const { lingerMs } = this.host.settings.timeouts;
    const endMs = this.stateSinceMs + Math.max(LINGER_MS_MAX, lingerMs);
    this.arm(Math.min(this.host.nowMs + lingerMs, endMs));
  }

  /** @returns whether the state's own time is over; else the engine's deadline was for the peer's sake */
  protected get isDue(): boolean {
    return this.host.nowMs >= this.#atMs;
  }

  protected lookAfterPeer(): void {
    const waitMs = peerLook(this.engine.peerLiveness(), this.host.settings.timeouts.deadPeerMs);
    if (waitMs === PEER_DEAD) this.peerDied();
    else this.engine.setDeadline(Math.min(this.#atMs, this.host.nowMs + waitMs));
  }

  /**
   * The client has not taken all of its answer yet, from us or from the kernel. It keeps the socket: a
   * closed one is given up after some probes of a closed window (tcp_orphan_retries, tcp(7)).
   */
  protected get isStillTaking(): boolean {
    return this.engine.unsentBytes > 0 || (this.engine.peerLiveness()?.outstandingBytes ?? 0) > 0;
  }
}

/**
 * Dead is a peer that has acknowledged nothing for the whole period although probes or retransmissions
 * asked it to. One that answers probes with a closed window lives, however long it does not read.
 * @returns milliseconds until it is worth looking again, or PEER_DEAD
 */
function peerLook(peer: PeerLiveness | undefined, periodMs: number): number {
  if (peer === undefined || peer.outstandingBytes === 0) return periodMs;
  if (peer.lastAckMs < periodMs) return periodMs - peer.lastAckMs;
  // Between two probes of a long back-off: the next one is soon.
  return peer.unanswered > 0 ? PEER_DEAD : Math.min(periodMs, LOOK_AGAIN_MS);
}
