/**
 * One TCP connection between a simulated peer and the engine, as the two kernels hold it. It outlives
 * both owners: what the engine has closed still sends its last bytes, and answers late ones with RST, as
 * Linux does. That is what a server's lingering close exists for.
 */
import type { PeerLiveness } from '../engine.ts';
import { Direction, type DirectionOwner } from './direction.ts';
import type { Failure } from './kernel-errors.ts';
import type { SimWorld } from './world.ts';

/** Retransmissions end after 924.6 s by default: tcp_retries2 in the kernel's ip-sysctl.rst. */
const KERNEL_GIVES_UP_MS = 924_600;
/** The longest pause between two probes of a closed window: TCP_RTO_MAX in include/net/tcp.h. */
const PROBE_PAUSE_MS_MAX = 120_000;
/** After so long without an acknowledgement something has been sent again. */
const FIRST_PROBES_MS = 3000;

/** The engine's side of a link. */
export interface LinkServer {
  /** Bytes that the kernel has not taken. */
  readonly unsent: { readonly length: number };
  /** Bytes or FIN wait to be read. */
  readable(): void;
  /** The kernel takes bytes again. */
  writable(): void;
  /** The connection is broken. */
  failed(reason: Failure): void;
}

/** The peer's side of a link. */
export interface LinkPeer {
  readonly port: number;
  /** It has sent RST. */
  readonly hasReset: boolean;
  /** Ended for good: reset by either side, destroyed or vanished. */
  readonly isOver: boolean;
  /** The connection stands. */
  established(): void;
  /** Bytes or FIN have arrived. */
  arrived(): void;
  /** Its kernel takes bytes again. */
  roomMade(): void;
  /** RST: nothing follows. */
  resetArrived(): void;
}

const PEER_SEND_BUFFER_BYTES = 64 * 1024;

export class SimLink implements DirectionOwner {
  readonly world: SimWorld;
  readonly id: number;
  /** The server's port. */
  readonly port: number;
  /** From the peer to the server. */
  readonly up: Direction;
  /** From the server to the peer. */
  readonly down: Direction;
  peer!: LinkPeer;
  server: LinkServer | undefined = undefined;
  /** The engine has closed its descriptor, or never had one. */
  serverGone = false;
  /** The peer's host is gone without a word. */
  isVanished = false;
  /** The network broke it, not one of the two. */
  wasCut = false;
  /** The server's kernel answered late bytes with RST. */
  wasAnsweredByReset = false;
  /** The server's host finds no way to the peer, or has no memory for it. */
  brokenBy: Failure | undefined = undefined;
  /** Faults that have struck it, by name. */
  readonly struck = new Set<string>();
  /** When either side last heard of the other. */
  lastHeardMs: number;
  /** A break that came before the engine had accepted. */
  pendingFailure: 'peer-reset' | 'peer-dead' | undefined = undefined;
  readonly #latencyMs: number;
  #deadPeerMs = Number.POSITIVE_INFINITY;

  constructor(
    world: SimWorld,
    id: number,
    latencyMs: number,
    peer: { receiveBufferBytes: number; port: number },
  ) {
    this.world = world;
    this.id = id;
    this.port = peer.port;
    this.#latencyMs = latencyMs;
    this.lastHeardMs = world.nowMs;
    const { faults } = world;
    this.up = new Direction(this, PEER_SEND_BUFFER_BYTES, faults.receiveBufferBytes);
    this.down = new Direction(this, faults.sendBufferBytes, peer.receiveBufferBytes);
  }

  /** One way, drawn anew for each segment. */
  delayMs(): number {
    const { random, faults } = this.world;
    return this.#latencyMs + (faults.jitterMsMax > 0 ? random.nextUnit() * faults.jitterMsMax : 0);
  }

  // DirectionOwner

  arrived(direction: Direction): void {
    if (direction === this.down) {
      this.peer.arrived();
      return;
    }
    if (!this.serverGone) {
      this.server?.readable();
      return;
    }
    if (direction.received.length === 0) return;
    // RFC 9293 §3.10.7.1: a segment for a connection that is not there is answered by RST.
    this.world.injected.answersToClosed++;
    this.wasAnsweredByReset = true;
    this.world.trace?.(`peer ${this.id}: late bytes at a closed socket are answered by RST`);
    this.resetToPeer();
  }

  roomMade(direction: Direction): void {
    if (direction === this.down) this.server?.writable();
    else this.peer.roomMade();
  }

  // Ends.

  /** RST from the server's host. */
  resetToPeer(): void {
    this.down.break();
    this.up.break();
    if (this.isVanished) return;
    const atMs = Math.max(this.down.lastArrivalMs, this.world.nowMs + this.delayMs());
    this.world.at(atMs, { fire: () => this.peer.resetArrived() });
  }

  /** RST from the peer's host. */
  resetToServer(): void {
    if (this.isVanished) return;
    const atMs = Math.max(this.up.lastArrivalMs, this.world.nowMs + this.delayMs());
    this.down.break();
    this.world.at(atMs, { fire: () => this.#failAtServer('peer-reset') });
  }

  strike(fault: string): void {
    this.struck.add(fault);
  }

  /** A system call of the server's has failed. */
  breaks(failure: Failure): void {
    this.brokenBy = failure;
    this.up.isBroken = true;
    if (failure === 'io-error') return;
    this.down.break();
    if (failure === 'peer-reset') this.peer.resetArrived();
  }

  /** The network resets both sides. */
  resetBoth(): void {
    if (this.isVanished || this.peer.isOver || this.up.isBroken || this.wasCut) return;
    this.wasCut = true;
    this.world.injected.linkResets++;
    this.strike('linkResets');
    this.world.trace?.(`peer ${this.id}: the network resets the connection`);
    this.down.break();
    this.#failAtServer('peer-reset');
    this.peer.resetArrived();
  }

  #failAtServer(reason: 'peer-reset' | 'peer-dead'): void {
    if (this.isVanished && reason === 'peer-reset') return;
    const { random, faults } = this.world;
    this.down.break();
    this.up.isBroken = true;
    if (random.chance(faults.resetDropsUnread)) this.up.received.clear();
    if (this.serverGone) return;
    if (this.server === undefined) this.pendingFailure = reason;
    else this.server.failed(reason);
  }

  /** The peer's host stops to exist, and tells nobody. */
  vanish(): void {
    if (this.isVanished) return;
    this.isVanished = true;
    // Until now it has answered the keepalive's probes.
    const { random, nowMs } = this.world;
    const probeMs = Math.min(this.#deadPeerMs, PROBE_PAUSE_MS_MAX) / 2;
    this.lastHeardMs = Math.max(this.lastHeardMs, nowMs - random.nextUnit() * probeMs);
    this.#armDeadPeer();
  }

  /** The engine has accepted: how long the kernel lets a silent peer be. */
  watchDeadPeer(deadPeerMs: number): void {
    this.#deadPeerMs = deadPeerMs;
    if (this.isVanished) this.#armDeadPeer();
  }

  #armDeadPeer(): void {
    if (this.#deadPeerMs === Number.POSITIVE_INFINITY) return;
    const atMs = Math.max(this.lastHeardMs + this.#deadPeerMs, this.world.nowMs);
    this.world.at(atMs, { fire: () => this.#keepAliveEnds() });
  }

  /** While bytes are outstanding the kernel's keepalive rests, and only the end of all retransmissions counts. */
  #keepAliveEnds(): void {
    if (this.serverGone) return;
    if (this.down.outstandingBytes === 0 && (this.server?.unsent.length ?? 0) === 0)
      this.#failAtServer('peer-dead');
    else {
      const atMs = Math.max(this.lastHeardMs + KERNEL_GIVES_UP_MS, this.world.nowMs);
      this.world.at(atMs, { fire: () => this.#failAtServer('peer-dead') });
    }
  }

  /** What TCP_INFO would tell of the peer. @param unsentBytes that the kernel has not taken */
  liveness(unsentBytes: number): PeerLiveness {
    const { random, nowMs } = this.world;
    const silentMs = nowMs - this.lastHeardMs;
    const outstandingBytes = unsentBytes + this.down.outstandingBytes;
    if (outstandingBytes === 0) return { outstandingBytes, lastAckMs: silentMs, unanswered: 0 };
    if (this.isVanished)
      return { outstandingBytes, lastAckMs: silentMs, unanswered: silentMs < FIRST_PROBES_MS ? 0 : 3 };
    // A closed window is probed at growing pauses, and each probe is answered.
    const sinceProbeMs = Math.min(silentMs, random.nextUnit() * PROBE_PAUSE_MS_MAX);
    return { outstandingBytes, lastAckMs: sinceProbeMs, unanswered: 0 };
  }

  /** The engine gives the descriptor back; what was sent still leaves. */
  releasedByServer(): void {
    this.serverGone = true;
    this.server = undefined;
    this.up.discardReceived();
  }
}
