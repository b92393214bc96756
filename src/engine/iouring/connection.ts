/**
 * One connection of the io_uring engine: what the layer above wants of it, and what the kernel is
 * doing for it. Calls from above only change wishes and queue memory; `IouringEngine` turns wishes
 * into submissions at the end of the turn. So no call is lost when the ring is full: the wish stands
 * until there is room.
 */
import { assert } from '../../base/assert.ts';
import { getpeername } from '../../sys/socket.ts';
import {
  type CloseReason,
  type EngineConnection,
  type RemoteAddress,
  SEND_RESERVE_BYTES_MAX,
} from '../engine.ts';
import { LARGE_BLOCK_BYTES, type SendBlock, type SendPool } from './send-pool.ts';

/** What the connection needs of its engine. */
export interface ConnectionOwner {
  readonly sendPool: SendPool;
  /** `conn` has a wish that may need a submission. */
  touch(conn: IouringConnection): void;
  setDeadline(slot: number, atMs: number): void;
}

/** A receive is armed in the kernel. */
export const RECEIVE_ARMED = 1 << 0;
/** A cancel of it is under way. */
export const RECEIVE_CANCELLED = 1 << 1;
/** The layer above has paused reading. */
export const READING_PAUSED = 1 << 2;
/** The peer sent FIN, or the socket failed: nothing more will be received. */
export const RECEIVE_ENDED = 1 << 3;
/** The FIN has not been handed to the layer above yet (it arrived while reading was paused). */
export const PEER_END_PENDING = 1 << 4;
export const SEND_IN_FLIGHT = 1 << 5;
export const SHUTDOWN_WANTED = 1 << 6;
export const SHUTDOWN_DONE = 1 << 7;
/** close() or reset() was called, or the socket failed. */
export const CLOSING = 1 << 8;
/** Drop what is unsent and do not wait for it. */
export const ABORTING = 1 << 9;
/** onDrained is owed when the queue empties. */
export const DRAIN_OWED = 1 << 10;
/** In the engine's list of touched connections. */
export const TOUCHED = 1 << 11;
export const CLOSED = 1 << 12;
/** Cancel of everything on the descriptor has been submitted (abort). */
export const CANCEL_ALL_SUBMITTED = 1 << 13;

export class IouringConnection implements EngineConnection {
  user: unknown = undefined;
  out: Uint8Array;
  readonly slot: number;
  readonly generation: number;
  readonly fd: number;
  flags = 0;
  unsentBytes = 0;
  /** Oldest block with unsent bytes, and the one being written to. */
  firstBlock: SendBlock | null = null;
  lastBlock: SendBlock | null = null;
  reason: CloseReason = '';
  /** Bytes that arrived after reading was paused; at most what was in flight at that moment. */
  held: Uint8Array[] | undefined = undefined;
  readonly #owner: ConnectionOwner;
  #remote: RemoteAddress | undefined = undefined;

  constructor(owner: ConnectionOwner, slot: number, generation: number, fd: number) {
    this.#owner = owner;
    this.slot = slot;
    this.generation = generation;
    this.fd = fd;
    this.out = owner.sendPool.scratch;
  }

  get isOpen(): boolean {
    return (this.flags & CLOSED) === 0;
  }

  /** @hot */
  reserve(size: number): number {
    assert(size > 0 && size <= SEND_RESERVE_BYTES_MAX, 'reserve out of range');
    if ((this.flags & (CLOSING | CLOSED | SHUTDOWN_WANTED)) !== 0) {
      this.out = this.#owner.sendPool.scratch;
      return 0;
    }
    let block = this.lastBlock;
    if (block === null) {
      block = this.#owner.sendPool.take(size);
      this.firstBlock = block;
      this.lastBlock = block;
    } else if (block.capacity - block.filled < size) {
      // A second block means that much is coming: take a large one.
      const following = this.#owner.sendPool.take(LARGE_BLOCK_BYTES);
      block.next = following;
      this.lastBlock = following;
      block = following;
    }
    this.out = block.bytes;
    return block.start + block.filled;
  }

  /** @hot */
  commit(size: number): void {
    if ((this.flags & (CLOSING | CLOSED | SHUTDOWN_WANTED)) !== 0 || size === 0) return;
    const block = this.lastBlock!;
    assert(size <= block.capacity - block.filled, 'commit of more than was reserved');
    block.filled += size;
    this.unsentBytes += size;
    if ((this.flags & TOUCHED) === 0) this.#owner.touch(this);
  }

  pauseReading(): void {
    if ((this.flags & (READING_PAUSED | CLOSED)) !== 0) return;
    this.flags |= READING_PAUSED;
    this.#owner.touch(this);
  }

  resumeReading(): void {
    if ((this.flags & READING_PAUSED) === 0 || (this.flags & CLOSED) !== 0) return;
    this.flags &= ~READING_PAUSED;
    this.#owner.touch(this);
  }

  shutdownWrite(): void {
    if ((this.flags & (SHUTDOWN_WANTED | CLOSING | CLOSED)) !== 0) return;
    this.flags |= SHUTDOWN_WANTED;
    this.#owner.touch(this);
  }

  close(reason: CloseReason): void {
    if ((this.flags & (CLOSING | CLOSED)) !== 0) return;
    this.flags |= CLOSING;
    this.reason = reason;
    this.#owner.touch(this);
  }

  reset(reason: CloseReason): void {
    if ((this.flags & (ABORTING | CLOSED)) !== 0) return;
    if ((this.flags & CLOSING) === 0) this.reason = reason;
    this.flags |= CLOSING | ABORTING;
    this.#owner.touch(this);
  }

  setDeadline(atMs: number): void {
    if ((this.flags & CLOSED) === 0) this.#owner.setDeadline(this.slot, atMs);
  }

  remoteAddress(): RemoteAddress | undefined {
    if (this.#remote === undefined && (this.flags & CLOSED) === 0) {
      const peer = getpeername(this.fd);
      if (typeof peer !== 'number') this.#remote = peer;
    }
    return this.#remote;
  }
}
