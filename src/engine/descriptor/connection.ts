/**
 * One connection of an engine that owns descriptors: what the layer above wants of it, and the memory
 * that is to be sent. Calls from above only change wishes and queue memory; the engine turns wishes into
 * system calls or submissions at the end of the turn. So no call is lost when the kernel will not take
 * it at once: the wish stands until it does.
 *
 * Each engine extends this class by what the kernel is doing for the connection, in flags of its own
 * from ENGINE_FLAGS up. Subclasses add all their fields in the constructor, so that an engine's
 * connections have one shape.
 */
import { assert } from '../../base/assert.ts';
import { SO_MAX_PACING_RATE, SOL_SOCKET } from '../../sys/abi/socket.ts';
import { tcp_info } from '../../sys/abi/tcp.ts';
import { ERRNO, errnoName } from '../../sys/errno.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { getpeername, getsockname, setsockoptInt, tcpInfo } from '../../sys/socket.ts';
import {
  type CloseReason,
  type EngineCloseReason,
  type EngineConnection,
  type FileRange,
  type PeerLiveness,
  type RemoteAddress,
  SEND_RESERVE_BYTES_MAX,
} from '../engine.ts';
import type { GivenMemory } from './given-memory.ts';
import { type FileOwner, QueuedFile } from './queued-file.ts';
import { SendBlock } from './send-block.ts';
import { LARGE_BLOCK_BYTES, type SendPool } from './send-pool.ts';

const NOTSENT_AT = tcp_info.offset.tcpi_notsent_bytes;
const UNACKED_AT = tcp_info.offset.tcpi_unacked;
const SND_MSS_AT = tcp_info.offset.tcpi_snd_mss;
const LAST_ACK_RECV_AT = tcp_info.offset.tcpi_last_ack_recv;
const PROBES_AT = tcp_info.offset.tcpi_probes;
const RETRANSMITS_AT = tcp_info.offset.tcpi_retransmits;

/** Copying less than that costs no more than sending from several places does: 0.3 us, and a call of its own on io_uring. */
const BORROWED_BYTES_MIN = 16 * 1024;

const PACE_MAX = 2 ** 32 - 1;

/** What the connection needs of its engine. */
export interface ConnectionOwner {
  readonly sendPool: SendPool;
  readonly counters: { bytesSent: number };
  readonly given: GivenMemory;
  /** `conn` has a wish that the engine must look at. */
  touch(conn: DescriptorConnection): void;
  setDeadline(slot: number, atMs: number): void;
}

/** The layer above has paused reading. */
export const READING_PAUSED = 1 << 0;
/** The peer sent FIN, or the socket failed: nothing more will be received. */
export const RECEIVE_ENDED = 1 << 1;
export const SHUTDOWN_WANTED = 1 << 2;
export const SHUTDOWN_DONE = 1 << 3;
/** close() or reset() was called, or the socket failed. */
export const CLOSING = 1 << 4;
/** Drop what is unsent and do not wait for it. */
export const ABORTING = 1 << 5;
/** In the engine's list of touched connections. */
export const TOUCHED = 1 << 6;
export const CLOSED = 1 << 7;
/** Begun by `connect` and not standing yet; it stays when that fails. Nothing is sent, received or shut down. */
export const CONNECTING = 1 << 8;
/** Sending failed, and what has been received until then is still being handed over: nothing is sent any more. */
export const SEND_FAILED = 1 << 9;
/** `settle` was called: `onDrained` is to come though nothing may be left to be sent. */
export const DRAIN_OWED = 1 << 10;
/** A file is in the queue, which system calls send from then on. */
export const HAS_FILE = 1 << 11;
/** The first bit that an engine may use for itself: `ENGINE_FLAGS << 0`, `ENGINE_FLAGS << 1`, ... */
export const ENGINE_FLAGS = 1 << 12;
/** With one of these nothing that is written is sent. */
const TAKES_NOTHING = CLOSING | CLOSED | SHUTDOWN_WANTED | SEND_FAILED;

export abstract class DescriptorConnection implements EngineConnection, FileOwner {
  user: unknown = undefined;
  out: Uint8Array;
  readonly slot: number;
  readonly generation: number;
  readonly fd: number;
  flags = 0;
  unsentBytes = 0;
  readonly borrowedBytesMin = BORROWED_BYTES_MIN;
  /** Oldest block with unsent bytes, and the one being written to. */
  firstBlock: SendBlock | null = null;
  lastBlock: SendBlock | null = null;
  reason: CloseReason = '';
  errorCode = '';
  /** Why sending failed (positive), or 0. */
  sendErrno = 0;
  /** The turn in which a receive last left nothing behind in the socket. */
  emptiedTurn = -1;
  readonly #owner: ConnectionOwner;
  #remote: RemoteAddress | undefined = undefined;
  proxied: EngineConnection['proxied'] = undefined;

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

  get takesBytes(): boolean {
    return (this.flags & TAKES_NOTHING) === 0;
  }

  /** @hot */
  reserve(size: number): number {
    assert(size > 0 && size <= SEND_RESERVE_BYTES_MAX, 'reserve out of range');
    if ((this.flags & TAKES_NOTHING) !== 0) {
      this.out = this.#owner.sendPool.scratch;
      return 0;
    }
    let block = this.lastBlock;
    if (block === null) {
      block = this.#owner.sendPool.take(size);
      this.firstBlock = block;
      this.lastBlock = block;
    } else if (block.capacity - block.filled < size) {
      // A second block means that much is coming: take a large one. Behind lent memory only the end of its chunk is written.
      const following = this.#owner.sendPool.take(block.isBorrowed ? size : LARGE_BLOCK_BYTES);
      block.next = following;
      this.lastBlock = following;
      block = following;
    }
    this.out = block.bytes;
    return block.start + block.filled;
  }

  /** @hot */
  commit(size: number): void {
    if ((this.flags & TAKES_NOTHING) !== 0 || size === 0) return;
    const block = this.lastBlock!;
    assert(size <= block.capacity - block.filled, 'commit of more than was reserved');
    block.filled += size;
    this.unsentBytes += size;
    if ((this.flags & TOUCHED) === 0) this.#owner.touch(this);
  }

  commitBorrowed(bytes: Uint8Array): void {
    if ((this.flags & TAKES_NOTHING) !== 0 || bytes.length === 0) return;
    this.#append(SendBlock.borrowing(bytes), bytes.length);
  }

  commitFile(file: FileRange): void {
    const { length } = file;
    const progress = new QueuedFile(file, this);
    if ((this.flags & TAKES_NOTHING) !== 0 || length === 0) {
      queueMicrotask(() => progress.release());
      return;
    }
    this.flags |= HAS_FILE;
    this.#append(SendBlock.ofFile(progress), length);
  }

  /** @hot */
  askToSend(): void {
    if ((this.flags & (TOUCHED | CLOSED)) === 0) this.#owner.touch(this);
  }

  #append(block: SendBlock, bytes: number): void {
    if (this.lastBlock === null) this.firstBlock = block;
    else this.lastBlock.next = block;
    this.lastBlock = block;
    this.unsentBytes += bytes;
    if ((this.flags & TOUCHED) === 0) this.#owner.touch(this);
  }

  /** Whether a system call may send now what is queued: nothing else of it is under way. */
  protected abstract readonly maySend: boolean;

  settle(): void {
    if ((this.flags & TAKES_NOTHING) !== 0) return;
    const { sendPool, counters } = this.#owner;
    const result =
      this.maySend && (this.flags & HAS_FILE) === 0 ? sendPool.gathered.sendAll(this, false, counters) : 0;
    if (result < 0 && result !== -ERRNO.EAGAIN) {
      this.sendFailed(-result);
      return;
    }
    if (this.firstBlock !== null) this.#keepBorrowed();
    this.flags |= DRAIN_OWED;
    if ((this.flags & TOUCHED) === 0) this.#owner.touch(this);
  }

  /** Puts copies in the place of what is borrowed. */
  #keepBorrowed(): void {
    let last: SendBlock | null = null;
    for (let block = this.firstBlock; block !== null; block = block.next) {
      if (!block.isBorrowed || block.file !== null) {
        last = block;
        continue;
      }
      for (let at = block.sent; at < block.capacity; ) {
        const own = this.#owner.sendPool.take(LARGE_BLOCK_BYTES);
        const size = Math.min(own.capacity, block.capacity - at);
        own.bytes.set(block.bytes.subarray(at, at + size), own.start);
        own.filled = size;
        if (last === null) this.firstBlock = own;
        else last.next = own;
        last = own;
        at += size;
      }
      last!.next = block.next;
      if (block.next === null) this.lastBlock = last;
    }
  }

  /** The kernel has taken `size` more bytes, of any blocks before a file. What is empty before the next byte is given back. */
  took(size: number): void {
    for (let block = this.firstBlock; block !== null && block.file === null; block = this.firstBlock) {
      const length = block.filled - block.sent;
      if (size < length) {
        if (size > 0) this.tookFromFirstBlock(size);
        return;
      }
      this.tookFromFirstBlock(length);
      size -= length;
    }
  }

  /** The kernel has taken `size` more bytes of the first block, at most what was left of it. @hot */
  tookFromFirstBlock(size: number): void {
    this.unsentBytes -= size;
    const block = this.firstBlock!;
    block.sent += size;
    if (block.sent === block.filled) {
      this.firstBlock = block.next;
      if (block.next === null) this.lastBlock = null;
      this.#owner.sendPool.give(block);
    }
  }

  /** The kernel has taken `size` more bytes of the first block, which is a file. */
  tookFromFile(size: number): void {
    const block = this.firstBlock!;
    const file = block.file!;
    this.unsentBytes -= size;
    file.at += size;
    if (!file.isWhole) return;
    this.firstBlock = block.next;
    if (block.next === null) this.lastBlock = null;
    let following = block.next;
    while (following !== null && following.file === null) following = following.next;
    if (following === null) this.flags &= ~HAS_FILE;
    file.release();
  }

  /** FIN is to follow the last byte. */
  get endsBehind(): boolean {
    return (this.flags & (CLOSING | SHUTDOWN_WANTED)) !== 0;
  }

  /** Gives back the memory of what was never sent, and its files: for a connection that is gone. */
  dropUnsent(): void {
    let block = this.firstBlock;
    this.firstBlock = null;
    this.lastBlock = null;
    this.unsentBytes = 0;
    while (block !== null) {
      const { next, file } = block;
      if (file === null) this.#owner.sendPool.give(block);
      else file.giveUp();
      block = next;
    }
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

  takeReceived(bytes: Uint8Array): boolean {
    return this.#owner.given.take(bytes);
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

  /** What was promised of a file cannot be sent: no end that was asked for may let what was sent pass for all of it. */
  breakOff(reason: EngineCloseReason, errno: number): void {
    if ((this.flags & (ABORTING | CLOSED)) !== 0) return;
    if (errno !== 0) this.errorCode = errnoName(errno);
    this.reason = reason;
    this.flags |= CLOSING | ABORTING;
    this.#owner.touch(this);
  }

  fileReadEnded(errno: number): void {
    if (errno !== 0) this.breakOff('file-failed', errno);
    else if ((this.flags & CLOSED) === 0) this.#owner.touch(this);
  }

  setPace(bytesPerSecond: number): boolean {
    if ((this.flags & CLOSED) !== 0) return false;
    // All ones: no limit.
    const pace =
      bytesPerSecond === Number.POSITIVE_INFINITY ? PACE_MAX : Math.min(bytesPerSecond, PACE_MAX - 1);
    return setsockoptInt(this.fd, SOL_SOCKET, SO_MAX_PACING_RATE, Math.max(1, Math.ceil(pace)) | 0) === 0;
  }

  /** The socket failed with `errno` (positive): nothing can be sent or received any more. */
  fail(errno: number): void {
    if ((this.flags & CLOSING) === 0)
      this.reason = (this.flags & CONNECTING) === 0 ? closeReasonOf(errno) : 'connect-failed';
    // Where a reset was asked for, an error that it has caused itself is not told.
    if ((this.flags & ABORTING) === 0) this.errorCode = errnoName(errno);
    this.flags |= RECEIVE_ENDED | CLOSING | ABORTING;
    this.#owner.touch(this);
  }

  /**
   * Sending failed with `errno` (positive). The kernel keeps what it had received: the engine hands it over and then
   * calls `fail`, at once if the layer above reads nothing.
   */
  sendFailed(errno: number): void {
    this.sendErrno = errno;
    if ((this.flags & (CLOSING | READING_PAUSED)) !== 0) this.fail(errno);
    else {
      this.flags |= SEND_FAILED;
      this.#owner.touch(this);
    }
  }

  /**
   * Whether the end of what could be received, after sending failed, is the peer's FIN. Receiving ends at a reset too,
   * without an error if sending had it; it is EPIPE if FIN came before (tcp_reset in net/ipv4/tcp_input.c).
   */
  get hasPeerEnded(): boolean {
    return this.sendErrno === 0 || this.sendErrno === ERRNO.EPIPE;
  }

  setDeadline(atMs: number): void {
    if ((this.flags & CLOSED) === 0) this.#owner.setDeadline(this.slot, atMs);
  }

  peerLiveness(): PeerLiveness | undefined {
    if ((this.flags & CLOSED) !== 0) return undefined;
    const { memory, view } = livenessMemory();
    const filled = tcpInfo(this.fd, memory.address, tcp_info.size);
    // Older kernels know less than tcpi_notsent_bytes (4.6); unix sockets know nothing.
    if (filled < NOTSENT_AT + 4) return undefined;
    // Segments in flight are counted, not their bytes: a full segment each is close enough.
    const inFlight = view.getUint32(UNACKED_AT, true) * view.getUint32(SND_MSS_AT, true);
    return {
      outstandingBytes: this.unsentBytes + inFlight + view.getUint32(NOTSENT_AT, true),
      lastAckMs: view.getUint32(LAST_ACK_RECV_AT, true),
      unanswered: view.getUint8(PROBES_AT) + view.getUint8(RETRANSMITS_AT),
    };
  }

  remoteAddress(): RemoteAddress | undefined {
    if (this.proxied !== undefined) return this.proxied.remote;
    if (this.#remote === undefined && (this.flags & (CLOSED | CONNECTING)) === 0) {
      const peer = getpeername(this.fd);
      if (typeof peer !== 'number') this.#remote = peer;
    }
    return this.#remote;
  }

  localAddress(): RemoteAddress | undefined {
    if (this.proxied !== undefined) return this.proxied.local;
    if ((this.flags & (CLOSED | CONNECTING)) !== 0) return undefined;
    const own = getsockname(this.fd);
    return typeof own === 'number' || own.family === 'unix' ? undefined : own;
  }
}

let liveness: { readonly memory: Memory; readonly view: DataView } | undefined;

/** This thread's memory for TCP_INFO, kept: looking must not cost a mapping. */
function livenessMemory(): { readonly memory: Memory; readonly view: DataView } {
  if (liveness === undefined) {
    const memory = allocate(tcp_info.size);
    liveness = { memory, view: new DataView(memory.buffer) };
  }
  return liveness;
}

function closeReasonOf(errno: number): EngineCloseReason {
  switch (errno) {
    case ERRNO.ETIMEDOUT:
    case ERRNO.EHOSTUNREACH:
    case ERRNO.ENETUNREACH:
      return 'peer-dead';
    case ERRNO.ECONNRESET:
    case ERRNO.EPIPE:
    case ERRNO.ECONNABORTED:
      return 'peer-reset';
    default:
      return 'io-error';
  }
}
