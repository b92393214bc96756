/**
 * How what has come is handed over: connection by connection in any order, in pieces of any size, sometimes a turn later, and
 * behind the bytes the news of FIN, of room and of failures. What was lent during a call is overwritten right after it.
 */
import type { EngineHandler, EngineStats } from '../engine.ts';
import type { SimConnection } from './connection.ts';
import { type Failure, receiveFails } from './kernel-errors.ts';
import type { SimNetwork } from './network.ts';

const RECEIVE_BUFFER_BYTES = 16 * 1024;
/** Memory that is filled by one receive alone may be given away: so much of it. */
const GIVEN_BYTES_MIN = 16 * 1024;
const GIVEN_BYTES_MAX = 64 * 1024;
/** Reads of one connection in one turn, so that no other waits long. */
const READS_PER_TURN_MAX = 4;
/** What the lent memory is overwritten with. */
const POISON = 0xee;

interface ReceivingOwner {
  /** A turn is to look after it once more. */
  ready(conn: SimConnection): void;
  fail(conn: SimConnection, failure: Failure): void;
  /** Makes a callback. */
  call(callback: () => void): void;
}

export class SimReceiving {
  readonly #network: SimNetwork;
  readonly #handler: EngineHandler<SimConnection>;
  readonly #stats: EngineStats;
  readonly #owner: ReceivingOwner;
  readonly #buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);

  constructor(
    network: SimNetwork,
    handler: EngineHandler<SimConnection>,
    stats: EngineStats,
    owner: ReceivingOwner,
  ) {
    this.#network = network;
    this.#handler = handler;
    this.#stats = stats;
    this.#owner = owner;
  }

  /** @param ready is used up */
  readAll(ready: SimConnection[]): void {
    const { random, faults, injected } = this.#network;
    for (let left = ready.length; left > 0; left--) {
      const at = random.int(left);
      const conn = ready[at]!;
      ready[at] = ready[left - 1]!;
      conn.isReady = false;
      if (!conn.isOpen) continue;
      if (faults.receiveExhaustion > 0 && random.chance(faults.receiveExhaustion)) {
        injected.receiveExhaustions++;
        conn.link.strike('receiveExhaustions');
        this.#stats.receiveBufferExhaustions++;
        this.#owner.ready(conn);
      } else this.#read(conn);
    }
  }

  #read(conn: SimConnection): void {
    const { up } = conn.link;
    for (let reads = 0; up.received.length > 0; reads++) {
      if (conn.isClosing || conn.isReadingPaused) break;
      if (reads === READS_PER_TURN_MAX) {
        this.#owner.ready(conn);
        return;
      }
      if (!this.#receive(conn)) return;
    }
    if (conn.isClosing) up.discardReceived();
    if (conn.failure !== undefined && (conn.isClosing || conn.isReadingPaused || up.received.length === 0)) {
      // Sending was told of a reset; receiving comes to the FIN before it.
      if (conn.errorCode === 'EPIPE' && this.#tellPeerEnd(conn)) this.#owner.ready(conn);
      else {
        this.#tellReset(conn);
        this.#owner.fail(conn, conn.failure);
      }
      return;
    }
    if (conn.drainDue) {
      conn.drainDue = false;
      // What was written in this turn has to leave first.
      if (conn.unsent.length > 0) conn.drainOwed = true;
      else if (!conn.isClosing) this.#owner.call(() => this.#handler.onDrained(conn));
    }
    if (conn.isPeerEndNews) this.#tellPeerEndSeen(conn);
    this.#tellPeerEnd(conn);
  }

  #tellPeerEndSeen(conn: SimConnection): void {
    conn.peerEndSeenTold = true;
    this.#network.trace?.(`peer ${conn.link.id}: server learns of FIN that it does not read`);
    this.#owner.call(() => this.#handler.onPeerEndSeen?.(conn));
  }

  /** A kernel tells of a reset as it does of FIN, to whoever does not read: EPOLLRDHUP, POLLRDHUP. */
  #tellReset(conn: SimConnection): void {
    const isUntold = !conn.peerEndSeenTold && !conn.peerEndTold;
    if (conn.failure !== 'peer-reset' || !conn.isReadingPaused || conn.isClosing || !isUntold) return;
    if (this.#network.random.chance(0.5)) this.#tellPeerEndSeen(conn);
  }

  /** @returns whether there was something to tell */
  #tellPeerEnd(conn: SimConnection): boolean {
    const { up } = conn.link;
    if (!up.finArrived || up.received.length > 0) return false;
    if (conn.peerEndTold || conn.isClosing || conn.isReadingPaused) return false;
    conn.peerEndTold = true;
    this.#network.trace?.(`peer ${conn.link.id}: server sees FIN`);
    this.#owner.call(() => this.#handler.onPeerEnd(conn));
    return true;
  }

  /** @returns whether it may be asked again */
  #receive(conn: SimConnection): boolean {
    const { random, faults, injected } = this.#network;
    const { link } = conn;
    if (faults.receiveFailure > 0 && random.chance(faults.receiveFailure) && conn.failure === undefined) {
      this.#fails(conn);
      return false;
    }
    const waiting = link.up.received.length;
    if (waiting >= GIVEN_BYTES_MIN && faults.givenReceive > 0 && random.chance(faults.givenReceive)) {
      injected.givenReceives++;
      const given = new Uint8Array(random.between(GIVEN_BYTES_MIN, Math.min(waiting, GIVEN_BYTES_MAX)));
      this.#handOver(conn, given, 0, given.length, true);
      return true;
    }
    const start = random.int(64);
    let size = Math.min(waiting, RECEIVE_BUFFER_BYTES - start);
    if (size > 1 && faults.shortReceive > 0 && random.chance(faults.shortReceive)) {
      injected.shortReceives++;
      link.strike('shortReceives');
      size = random.between(1, size - 1);
    }
    this.#handOver(conn, this.#buffer, start, size, false);
    return true;
  }

  #handOver(conn: SimConnection, buffer: Uint8Array, start: number, size: number, isGiven: boolean): void {
    const { link } = conn;
    link.up.take(buffer, start, size);
    this.#stats.bytesReceived += size;
    this.#network.trace?.(
      `peer ${link.id}: server receives ${size} bytes${shown(this.#network, buffer, start, size)}`,
    );
    conn.given = isGiven ? buffer : undefined;
    this.#owner.call(() => this.#handler.onReceive(conn, buffer, start, start + size));
    const isTaken = isGiven && conn.given === undefined;
    conn.given = undefined;
    if (!isTaken) buffer.fill(POISON, start, start + size);
  }

  #fails(conn: SimConnection): void {
    const { link } = conn;
    const { code, failure } = receiveFails(this.#network.random);
    this.#network.injected.receiveFailures++;
    link.strike(`receive ${code}`);
    this.#network.trace?.(`peer ${link.id}: receive fails with ${code}`);
    link.breaks(failure);
    conn.errorCode = code;
    this.#owner.fail(conn, failure);
  }
}

/** The beginning of what was received, when somebody reads along. */
function shown(network: SimNetwork, bytes: Uint8Array, start: number, size: number): string {
  if (network.trace === undefined) return '';
  return ` ${JSON.stringify(String.fromCharCode(...bytes.subarray(start, start + Math.min(size, 60))))}`;
}
