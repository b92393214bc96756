/**
 * What the io_uring engine receives: receives armed in the kernel, the buffers that they fill, what came after reading was
 * paused and is held, FIN and who has been told of it, and the watch over those that do not read. It knows neither
 * sending nor how a connection ends, but that nothing is handed over once it does.
 */
import { copyBytes } from '../../base/bytes.ts';
import { POLLERR, POLLHUP, POLLRDHUP } from '../../sys/abi/epoll.ts';
import {
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_CQE_F_SOCK_NONEMPTY,
} from '../../sys/abi/io-uring.ts';
import { MSG_DONTWAIT, SO_ERROR, SOL_SOCKET } from '../../sys/abi/socket.ts';
import { ERRNO } from '../../sys/errno.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { getsockoptInt, recv } from '../../sys/socket.ts';
import {
  CLOSED,
  CLOSING,
  type ConnectionOwner,
  READING_PAUSED,
  RECEIVE_ENDED,
} from '../descriptor/connection.ts';
import type { ConnectionTable } from '../descriptor/connection-table.ts';
import type { GivenMemory } from '../descriptor/given-memory.ts';
import type { TurnTime } from '../descriptor/turn-time.ts';
import type { Engine, EngineHandler, EngineStats } from '../engine.ts';
import { BULK_GROUP, endBulk, noteBulk, noteSmall } from './bulk-receives.ts';
import {
  BULK_ARMED,
  BULK_FILLED,
  BULK_WANTED,
  ERROR_SEEN,
  type IouringConnection,
  PEER_END_PENDING,
  PEER_END_SEEN,
  PEER_END_TOLD,
  RECEIVE_ARMED,
  RECEIVE_CANCELLED,
  WATCH_ARMED,
  WATCH_LISTED,
  WATCH_WANTED,
} from './connection.ts';
import type { ReceiveBuffers } from './receive-buffers.ts';
import type { Submissions } from './submissions.ts';
import { isUnread, UnreadWatch } from './unread-watch.ts';

/** What stays a small integer. */
const PASS_COUNT_MASK = 0x3fffffff;
/** One receive of what is left when sending has failed; nothing is held of it. */
const REST_BYTES = 64 * 1024;
/** What is handed over of held bytes at a time. */
const HELD_SHARE_BYTES = 64 * 1024;

/** What it needs of the engine. */
interface ReceivingEngine {
  readonly owner: ConnectionOwner & Pick<Engine, 'nowMs'>;
  readonly handler: EngineHandler<IouringConnection>;
  readonly table: ConnectionTable<IouringConnection>;
  readonly counters: EngineStats;
  readonly time: TurnTime;
  readonly submissions: Submissions;
  readonly buffers: ReceiveBuffers;
  readonly bulkBuffers: ReceiveBuffers;
  readonly given: GivenMemory;
  /** Whether the ring takes what `advance` submits. */
  readonly hasRoom: () => boolean;
}

export class Receiving {
  readonly #owner: ReceivingEngine['owner'];
  readonly #handler: EngineHandler<IouringConnection>;
  readonly #table: ConnectionTable<IouringConnection>;
  readonly #counters: EngineStats;
  readonly #time: TurnTime;
  readonly #submissions: Submissions;
  readonly #buffers: ReceiveBuffers;
  readonly #bulkBuffers: ReceiveBuffers;
  readonly #given: GivenMemory;
  readonly #hasRoom: () => boolean;
  readonly #watch = new UnreadWatch();
  /** Connections that found no receive buffer, while others have received in the same pass. */
  readonly #starved: IouringConnection[] = [];
  #passCount = 0;
  /** Memory for `takeRest`, from the first failed send on. */
  #rest: Memory | undefined;

  constructor(engine: ReceivingEngine) {
    this.#owner = engine.owner;
    this.#handler = engine.handler;
    this.#table = engine.table;
    this.#counters = engine.counters;
    this.#time = engine.time;
    this.#submissions = engine.submissions;
    this.#buffers = engine.buffers;
    this.#bulkBuffers = engine.bulkBuffers;
    this.#given = engine.given;
    this.#hasRoom = engine.hasRoom;
  }

  /** Completions are about to be handed over. */
  beginPass(): void {
    this.#passCount = (this.#passCount + 1) & PASS_COUNT_MASK;
  }

  /** They have been: the kernel may have their buffers. @hot */
  endDrain(): void {
    this.#buffers.publish();
    this.#bulkBuffers.publish();
  }

  /** When `expireWatch` is to be called. */
  get watchDueMs(): number {
    return this.#watch.dueMs;
  }

  expireWatch(): void {
    this.#watch.expire(this.#owner);
  }

  // Completions

  /** A receive has completed, once or for good. @hot */
  received(slot: number, generation: number, result: number, flags: number): void {
    const conn = this.#table.find(slot, generation);
    if (conn !== undefined && result > 0 && noteSmall(conn, result, this.#buffers.bufferBytes))
      this.#owner.touch(conn);
    this.#received(conn, this.#buffers, result, flags);
  }

  /** The same of a receive into a large buffer. @hot */
  receivedBulk(slot: number, generation: number, result: number, flags: number): void {
    const conn = this.#table.find(slot, generation);
    if (conn !== undefined) {
      conn.flags &= ~BULK_ARMED;
      if (result > 0) noteBulk(conn, result, this.#buffers.bufferBytes);
    }
    if (result === -ERRNO.ENOBUFS) {
      const { laidOutCount, count } = this.#bulkBuffers;
      // The next pass gets as many again.
      if (laidOutCount < count) this.#bulkBuffers.layOut(laidOutCount);
      else if (conn !== undefined) endBulk(conn);
    }
    this.#received(conn, this.#bulkBuffers, result, flags);
  }

  #received(
    conn: IouringConnection | undefined,
    buffers: ReceiveBuffers,
    result: number,
    flags: number,
  ): void {
    const hasBuffer = (flags & IORING_CQE_F_BUFFER) !== 0;
    if (conn === undefined) {
      if (hasBuffer) buffers.give(flags >>> 16);
      return;
    }
    if ((flags & IORING_CQE_F_MORE) === 0) {
      conn.flags &= ~(RECEIVE_ARMED | RECEIVE_CANCELLED);
      this.#owner.touch(conn);
    }
    if (result > 0) {
      const id = flags >>> 16;
      this.#counters.bytesReceived += result;
      conn.receivedAt = this.#passCount;
      if ((flags & IORING_CQE_F_SOCK_NONEMPTY) === 0) conn.emptiedTurn = this.#counters.turns;
      // The kernel sees it when the drain is over. Given back now, it is not lost when the callback throws.
      buffers.give(id);
      if ((conn.flags & CLOSING) !== 0) return;
      const start = id * buffers.bufferBytes;
      if ((conn.flags & READING_PAUSED) !== 0 || conn.held !== undefined)
        conn.hold(copyBytes(buffers.bytes, start, start + result));
      else {
        this.#handler.onReceive(conn, buffers.bytes, start, start + result);
        if (conn.unsentBytes === 0) this.#time.noteUnanswered(result);
      }
      return;
    }
    if (hasBuffer) buffers.give(flags >>> 16);
    if (result === 0) this.#peerFinished(conn);
    else if (result === -ERRNO.ENOBUFS) {
      if (buffers === this.#buffers) this.#counters.receiveBufferExhaustions++;
      // Others had all of them: the next ones are for those who had none.
      if (conn.receivedAt !== this.#passCount) this.#starved.push(conn);
    } else if (result !== -ERRNO.ECANCELED && result !== -ERRNO.EINTR && result !== -ERRNO.EAGAIN)
      conn.fail(-result);
    // In each of the other cases the wish to receive stands, and `advance` arms anew.
  }

  /** The watch over a connection that does not read has something to tell. */
  watchTold(conn: IouringConnection, result: number, flags: number): void {
    if ((flags & IORING_CQE_F_MORE) === 0) conn.flags &= ~WATCH_ARMED;
    if (result > 0 && (result & POLLERR) !== 0) conn.flags |= ERROR_SEEN;
    if (result > 0 && (result & (POLLRDHUP | POLLHUP)) !== 0) conn.flags |= PEER_END_SEEN;
    this.#owner.touch(conn);
  }

  #peerFinished(conn: IouringConnection): void {
    conn.flags |= RECEIVE_ENDED;
    if ((conn.flags & CLOSING) !== 0) this.#owner.touch(conn);
    else if (!conn.hasPeerEnded) return;
    else if ((conn.flags & READING_PAUSED) !== 0 || conn.held !== undefined) {
      conn.flags |= PEER_END_PENDING | PEER_END_SEEN;
      this.#tellPeerEndSeen(conn);
    } else this.#tellPeerEnd(conn);
  }

  #tellPeerEnd(conn: IouringConnection): void {
    conn.flags |= PEER_END_TOLD;
    this.#handler.onPeerEnd(conn);
  }

  /** To whoever does not read. Others learn of it behind the last byte. */
  #tellPeerEndSeen(conn: IouringConnection): void {
    if ((conn.flags & (READING_PAUSED | PEER_END_TOLD | CLOSING)) !== READING_PAUSED) return;
    conn.flags |= PEER_END_TOLD;
    this.#handler.onPeerEndSeen?.(conn);
  }

  // Wishes

  /** The kernel gives buffers in the order of submissions, and a receive that finds bytes takes many at once. */
  serveStarved(): void {
    if (this.#starved.length === 0) return;
    for (const conn of this.#starved) {
      if (!this.#hasRoom()) break;
      const mayReceive =
        (conn.flags & (RECEIVE_ARMED | RECEIVE_ENDED | CLOSING | CLOSED | READING_PAUSED)) === 0;
      if (mayReceive && conn.held === undefined) this.#arm(conn);
    }
    // Where the ring was full the others are touched as well.
    this.#starved.length = 0;
  }

  /** Hands over what arrived while reading was paused, as long as it is not paused again: a share at a time. */
  deliverHeld(conn: IouringConnection): void {
    let left = HELD_SHARE_BYTES;
    while (conn.held !== undefined && (conn.flags & (READING_PAUSED | CLOSING)) === 0) {
      if (left <= 0 || (left < HELD_SHARE_BYTES && this.#time.shouldYield)) {
        this.#owner.touch(conn);
        return;
      }
      const piece = conn.held.shift()!;
      if (conn.held.length === 0) conn.held = undefined;
      left -= piece.length;
      this.#handler.onReceive(conn, piece, 0, piece.length);
    }
    if (
      conn.held === undefined &&
      (conn.flags & (PEER_END_PENDING | READING_PAUSED | CLOSING)) === PEER_END_PENDING
    ) {
      conn.flags &= ~PEER_END_PENDING;
      this.#tellPeerEnd(conn);
    }
  }

  /** Asks the kernel for what the connection wishes, unless it only waits to be closed. @hot */
  advance(conn: IouringConnection): void {
    const isClosing = (conn.flags & CLOSING) !== 0;
    if (!isClosing && isUnread(conn.flags)) this.#advanceUnread(conn);
    // Nothing more is asked for until what is held has been taken.
    else if (conn.held !== undefined && !isClosing) {
      if ((conn.flags & (RECEIVE_ARMED | RECEIVE_CANCELLED)) === RECEIVE_ARMED) this.#cancel(conn);
    }
    // Paused or not, what arrives while the last bytes leave is received, and discarded.
    else if ((conn.flags & (RECEIVE_ARMED | RECEIVE_ENDED)) === 0) {
      if ((conn.flags & BULK_FILLED) === 0 || isClosing || !this.#receiveNow(conn)) this.#arm(conn);
    }
    // What follows is for large buffers.
    else if (
      (conn.flags & (RECEIVE_ARMED | RECEIVE_CANCELLED | BULK_WANTED | BULK_ARMED)) ===
      (RECEIVE_ARMED | BULK_WANTED)
    )
      this.#cancel(conn);
  }

  /**
   * Hands over what a connection has received that cannot be sent to any more, a share at a time: what the armed receive
   * has taken, up to its end, then what the socket still holds, which needs no waiting for.
   * @returns whether that is all, or nobody reads it; else the connection has been touched, or a completion will do so
   */
  takeRest(conn: IouringConnection): boolean {
    if (conn.held !== undefined || (conn.flags & PEER_END_PENDING) !== 0) {
      this.deliverHeld(conn);
      if (conn.held !== undefined && (conn.flags & READING_PAUSED) === 0) return false;
    }
    if ((conn.flags & (READING_PAUSED | CLOSING)) !== 0) return true;
    if ((conn.flags & RECEIVE_ARMED) !== 0) {
      if ((conn.flags & RECEIVE_CANCELLED) === 0) this.#cancel(conn);
      return false;
    }
    if ((conn.flags & RECEIVE_ENDED) !== 0) return true;
    this.#rest ??= allocate(REST_BYTES);
    const size = recv(conn.fd, this.#rest.address, REST_BYTES, MSG_DONTWAIT);
    if (size > 0) {
      // Before the callback, which may throw.
      this.#owner.touch(conn);
      this.#counters.bytesReceived += size;
      this.#handler.onReceive(conn, this.#rest.bytes, 0, size);
      return false;
    }
    if (size === 0) this.#peerFinished(conn);
    return true;
  }

  /** Hands over what the socket has, where that is much. @returns whether there was something, or FIN */
  #receiveNow(conn: IouringConnection): boolean {
    const size = this.#given.receive(conn.fd);
    if (size > 0) {
      // Before the callback, which may throw.
      noteBulk(conn, size, this.#buffers.bufferBytes);
      this.#owner.touch(conn);
      this.#counters.bytesReceived += size;
      conn.receivedAt = this.#passCount;
      this.#given.handOver(this.#handler, conn, size);
      return true;
    }
    conn.flags &= ~BULK_FILLED;
    // An error is for the receive to tell that is armed now.
    if (size === 0) this.#peerFinished(conn);
    return size === 0;
  }

  release(): void {
    this.#rest?.release();
  }

  #cancel(conn: IouringConnection): void {
    conn.flags |= RECEIVE_CANCELLED;
    this.#submissions.cancelReceive(conn);
  }

  #arm(conn: IouringConnection): void {
    if ((conn.flags & BULK_WANTED) === 0) {
      conn.flags |= RECEIVE_ARMED;
      this.#submissions.receive(conn);
    } else {
      conn.flags |= RECEIVE_ARMED | BULK_ARMED;
      this.#submissions.receiveBulk(conn, BULK_GROUP);
    }
  }

  /** Nothing is to be received: reading is paused, or has come to its end. */
  #advanceUnread(conn: IouringConnection): void {
    if ((conn.flags & PEER_END_SEEN) !== 0) this.#tellPeerEndSeen(conn);
    const { flags } = conn;
    if ((flags & (RECEIVE_ARMED | RECEIVE_CANCELLED)) === RECEIVE_ARMED) this.#cancel(conn);
    if ((flags & (RECEIVE_ARMED | ERROR_SEEN)) === ERROR_SEEN) {
      conn.flags &= ~ERROR_SEEN;
      const errno = getsockoptInt(conn.fd, SOL_SOCKET, SO_ERROR);
      if (errno > 0) conn.fail(errno);
    } else if ((flags & WATCH_ARMED) !== 0) return;
    else if ((flags & WATCH_WANTED) !== 0) {
      conn.flags = (flags & ~WATCH_WANTED) | WATCH_ARMED;
      this.#submissions.watch(conn);
    } else if ((flags & WATCH_LISTED) === 0) this.#watch.add(conn, this.#owner.nowMs);
  }
}
