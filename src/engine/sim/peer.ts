/**
 * A simulated client's socket, in virtual time: it connects, writes, ends, resets, stops reading, reads a
 * little, closes rudely or vanishes. It has no opinion about HTTP; whoever scripts it is its handler.
 */
import { ByteQueue } from './byte-queue.ts';
import type { LinkPeer, SimLink } from './link.ts';

export interface PeerHandler {
  onConnect(peer: SimPeer): void;
  /** `bytes` belongs to the handler. */
  onData(peer: SimPeer, bytes: Uint8Array): void;
  /** FIN of the server, after its last byte was read. */
  onEnd(peer: SimPeer): void;
  /** RST: refused, or broken; nothing follows. */
  onReset(peer: SimPeer): void;
}

export class SimPeer implements LinkPeer {
  readonly link: SimLink;
  isConnected = false;
  /** Ended for good: reset by either side, destroyed or vanished. */
  isOver = false;
  /** Bytes that the program wrote. */
  writtenBytes = 0;
  receivedBytes = 0;
  isPaused = false;
  hasReset = false;
  isDestroyed = false;
  readonly #handler: PeerHandler;
  readonly #pending = new ByteQueue();
  #endWanted = false;
  #endSeen = false;

  constructor(link: SimLink, handler: PeerHandler) {
    this.link = link;
    this.#handler = handler;
  }

  get port(): number {
    return 20_000 + this.link.id;
  }

  /** Bytes written that the peer's kernel has not taken. */
  get unsentBytes(): number {
    return this.#pending.length;
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.isOver || this.#endWanted) return;
    this.writtenBytes += end - start;
    this.#pending.pushCopy(bytes, start, end);
    this.#push();
  }

  /** FIN after what was written. */
  end(): void {
    if (this.isOver || this.#endWanted) return;
    this.#endWanted = true;
    this.#push();
  }

  /** RST now. */
  reset(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.hasReset = true;
    this.#pending.clear();
    this.link.resetToServer();
  }

  /** Does what `close(2)` does: FIN when all was read, RST when not, and RST for whatever comes later. */
  destroy(): void {
    if (this.isOver) return;
    if (this.link.down.received.length > 0 || !this.isConnected) {
      this.reset();
      return;
    }
    this.isDestroyed = true;
    this.end();
    if (this.#endSeen) this.isOver = true;
  }

  /** Gone, without FIN or RST: power cut, cable pulled. */
  vanish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.link.vanish();
  }

  pauseReading(): void {
    this.isPaused = true;
  }

  resumeReading(): void {
    this.isPaused = false;
    this.arrived();
  }

  /** Reads at most `size` bytes though reading is paused. */
  readSome(size: number): void {
    this.#read(size);
  }

  // What the link tells.

  established(): void {
    if (this.isOver) return;
    this.isConnected = true;
    this.#handler.onConnect(this);
    this.#push();
  }

  arrived(): void {
    if (this.isDestroyed) {
      if (this.link.down.received.length > 0) {
        this.link.down.received.clear();
        this.isOver = true;
        this.hasReset = true;
        this.link.resetToServer();
      } else if (this.link.down.finArrived) this.isOver = true;
      return;
    }
    if (!this.isPaused) this.#read(Number.POSITIVE_INFINITY);
  }

  roomMade(): void {
    this.#push();
  }

  resetArrived(): void {
    if (this.isOver) return;
    const { random, faults } = this.link.world;
    if (!random.chance(faults.resetDropsUnread) && !this.isPaused) this.#read(Number.POSITIVE_INFINITY);
    if (this.isOver) return;
    this.isOver = true;
    this.#handler.onReset(this);
  }

  #read(sizeMax: number): void {
    const { down } = this.link;
    const size = Math.min(down.received.length, sizeMax);
    if (size > 0 && !this.isOver) {
      const bytes = new Uint8Array(size);
      down.take(bytes, 0, size);
      this.receivedBytes += size;
      this.#handler.onData(this, bytes);
    }
    if (
      down.received.length === 0 &&
      down.finArrived &&
      !this.#endSeen &&
      !this.isOver &&
      !this.isDestroyed
    ) {
      this.#endSeen = true;
      this.#handler.onEnd(this);
    }
  }

  #push(): void {
    if (!this.isConnected || this.isOver) return;
    const { up } = this.link;
    const size = Math.min(this.#pending.length, up.room);
    if (size > 0) up.send(this.#pending.take(size));
    if (this.#endWanted && this.#pending.length === 0) up.finish();
  }
}
