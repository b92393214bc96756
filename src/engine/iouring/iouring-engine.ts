/**
 * The io_uring engine. It owns the ring and one loop: enter the kernel, hand over what completed, turn
 * the wishes of touched connections into submissions, enter again. Multishot accept and receive keep
 * the kernel supplied with work, so a turn under load costs one system call however many connections
 * it serves.
 *
 * Everything that is submitted follows from flags (connection.ts) in `#advance`, which runs again
 * until the wish is met: a full submission queue delays, it never loses.
 *
 * Waking: completions signal an eventfd that libuv watches (sys/wakeup.ts). While a turn runs the
 * signal is switched off (IORING_CQ_EVENTFD_DISABLED), since we look anyway; before sleeping it is
 * switched on and the ring looked at once more, so nothing that came between is missed.
 */
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/bytes.ts';
import { POLLERR, POLLHUP, POLLRDHUP } from '../../sys/abi/epoll.ts';
import { IORING_CQE_F_BUFFER, IORING_CQE_F_MORE } from '../../sys/abi/io-uring.ts';
import { SHUT_WR, SO_ERROR, SOL_SOCKET } from '../../sys/abi/socket.ts';
import { ERRNO, sysError } from '../../sys/errno.ts';
import { getsockoptInt, setLinger, shutdown } from '../../sys/socket.ts';
import { Wakeup } from '../../sys/wakeup.ts';
import { SLOT_BITS } from '../connection-table.ts';
import {
  ABORTING,
  CLOSED,
  CLOSING,
  CONNECTING,
  READING_PAUSED,
  RECEIVE_ENDED,
  SHUTDOWN_DONE,
  SHUTDOWN_WANTED,
  TOUCHED,
} from '../descriptor-connection.ts';
import { DescriptorEngine } from '../descriptor-engine.ts';
import type { EngineOptions, EngineStats } from '../engine.ts';
import { advanceAccept } from './accepting.ts';
import {
  CANCEL_ALL_SUBMITTED,
  CONNECT_ARMED,
  ERROR_SEEN,
  IouringConnection,
  PEER_END_PENDING,
  PEER_END_SEEN,
  PEER_END_TOLD,
  RECEIVE_ARMED,
  RECEIVE_CANCELLED,
  SEND_IN_FLIGHT,
  WATCH_ARMED,
  WATCH_LISTED,
  WATCH_WANTED,
} from './connection.ts';
import { ReceiveBuffers } from './receive-buffers.ts';
import { Ring } from './ring.ts';
import { Submissions } from './submissions.ts';
import { markTaken, takeUnreadAccepts } from './unread-accepts.ts';
import { isUnread, UnreadWatch } from './unread-watch.ts';
import { OP_ACCEPT, OP_CONNECT, OP_RECEIVE, OP_SEND, OP_TIMER, OP_WATCH, SLOT_MASK } from './user-data.ts';

/** Submissions of one enter; a turn with more enters more often. */
const SQ_ENTRIES = 1024;
/** The most that one connection's `#advance` submits. */
const SQES_PER_ADVANCE = 4;
/** 1 MiB in all: small enough to stay in the second-level cache, refilled every turn. */
const RECEIVE_BUFFER_COUNT = 512;
const RECEIVE_BUFFER_BYTES = 4096;
const RECEIVE_GROUP = 0;
/** Times that a turn looks again before it lets the event loop run: promises wait for its end, however short it is. */
const PASSES_MAX = 16;
/** What stays a small integer. */
const PASS_COUNT_MASK = 0x3fffffff;
/** What is handed over of held bytes at a time. */
const HELD_SHARE_BYTES = 64 * 1024;

/**
 * Whether the kernel either sees that we listen again or shows us its new work. It marks the work with an
 * atomic operation before it looks whether to signal (io_req_local_work_add); on x64 that is a full
 * barrier, on arm64 it is not, so there the ring is entered once more before sleeping.
 */
const IS_STORE_BEFORE_LOAD = process.arch === 'x64';

export class IouringEngine extends DescriptorEngine<IouringConnection> {
  readonly name = 'iouring';
  protected readonly wakeup: Wakeup;
  readonly #ring: Ring;
  readonly #buffers: ReceiveBuffers;
  readonly #submissions: Submissions;
  readonly #unreadWatch = new UnreadWatch();
  /** Connections that found no receive buffer, while others have received in the same pass. */
  readonly #starved: IouringConnection[] = [];
  #passCount = 0;
  /** The moment that the kernel timer is armed for. */
  #armedMs = Number.POSITIVE_INFINITY;

  /**
   * @param multishotReceive in place of what the kernel says: whether one receive serves many times (6.0)
   * @throws SysError when io_uring is not to be had
   */
  constructor(options: EngineOptions<IouringConnection>, multishotReceive?: boolean) {
    super(options);
    const undo: (() => void)[] = [];
    try {
      const ring = new Ring(SQ_ENTRIES);
      undo.push(() => ring.close());
      this.#buffers = new ReceiveBuffers(ring.fd, RECEIVE_GROUP, RECEIVE_BUFFER_COUNT, RECEIVE_BUFFER_BYTES);
      undo.push(() => this.#buffers.release());
      this.#submissions = new Submissions(ring, RECEIVE_GROUP, multishotReceive);
      undo.push(() => this.#submissions.release());
      this.wakeup = new Wakeup();
      undo.push(() => this.wakeup.close());
      ring.registerEventFd(this.wakeup.eventFd);
      this.#ring = ring;
    } catch (error) {
      for (const release of undo.reverse()) release();
      throw error;
    }
    this.ledger?.hold(this.#ring.fd);
    this.ledger?.holdRing(this.#ring.mappings, this.#ring.completionQueue);
    this.wakeup.start(this.turn);
  }

  override stats(): EngineStats {
    const { fullCount, overflowCount } = this.#ring;
    return { ...super.stats(), submissionQueueFull: fullCount, completionQueueOverflows: overflowCount };
  }

  protected makeConnection(slot: number, generation: number, fd: number): IouringConnection {
    return new IouringConnection(this, slot, generation, fd);
  }

  /** Nothing to prepare: the next turn asks for a poll. */
  protected watchConnecting(): number {
    return 0;
  }

  /** Nothing to prepare: the next turn arms an accept. */
  protected watchListener(): void {}

  protected release(): void {
    this.releaseHolds();
    this.#buffers.release();
    this.#submissions.release();
  }

  protected override takeUnread(): number[] {
    return takeUnreadAccepts(this.#ring.ring32, this.#ring.completionQueue);
  }

  /** The ring holds references to the sockets. */
  protected releaseHolds(): void {
    this.ledger?.drop(this.#ring.fd);
    this.ledger?.dropRing();
    this.#ring.close();
  }

  protected runTurn(): void {
    const ring = this.#ring;
    ring.setSilent(true);
    this.#flushTouched();
    this.#enter();
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      // What is handed over now came before this moment: a deadline that counts from here is never early.
      if (!this.mayLook() && pass > 0) break;
      this.#passCount = (this.#passCount + 1) & PASS_COUNT_MASK;
      this.#drain();
      if (this.turnMs >= this.dueMs) this.expire();
      if (this.turnMs >= this.#unreadWatch.dueMs) this.#unreadWatch.expire(this);
      this.#flushTouched();
      this.#advanceAccepts();
      this.#armTimer();
      if (ring.pending > 0 || ring.hasNews || this.touchedCount > 0) {
        this.#enter();
        continue;
      }
      ring.setSilent(false);
      if (!IS_STORE_BEFORE_LOAD) this.#enter();
      // One enter runs at most 20 pieces of task work (IO_LOCAL_TW_DEFAULT_MAX, 6.12), and the kernel
      // signals only when the first is queued: sleeping on a rest would be sleeping for ever.
      if (ring.pending === 0 && !ring.hasNews) return;
      ring.setSilent(true);
    }
    this.again();
  }

  /** Silent as long as another turn is on its way: a signal would only make one more of it. */
  protected endTurn(): void {
    if (this.touchedCount > 0 || this.#ring.pending > 0) this.again();
    this.#ring.setSilent(this.isScheduled);
  }

  /** @hot */
  #enter(): void {
    const result = this.#ring.enter();
    // EBUSY and EAGAIN: the kernel wants completions consumed first; the entries stay where they are.
    if (result < 0 && result !== -ERRNO.EBUSY && result !== -ERRNO.EAGAIN && result !== -ERRNO.EINTR) {
      throw sysError('io_uring_enter', -result, '');
    }
  }

  /** Hands over the completions that the kernel has published. @hot */
  #drain(): void {
    const ring = this.#ring;
    const tail = ring.tail;
    let position = ring.head;
    if (position === tail) return;
    try {
      while (position !== tail) {
        const current = position;
        position = (position + 1) | 0;
        this.#complete(current);
        // The rest stays in the queue, and its buffers with it, until the next turn.
        if (this.time.isSpent()) break;
      }
    } finally {
      // Also when a callback throws: what was handed over must not be handed over again.
      ring.consume(position);
      this.#buffers.publish();
    }
  }

  /** Hands over one completion. @hot */
  #complete(position: number): void {
    const words = this.#ring.ring32;
    const at = this.#ring.completionWord(position);
    const low = words[at]!;
    const operation = low >>> SLOT_BITS;
    if (operation === OP_RECEIVE)
      this.#onReceive(low & SLOT_MASK, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    else if (operation === OP_SEND) this.#onSend(low & SLOT_MASK, words[at + 1]!, words[at + 2]!);
    else if (operation === OP_ACCEPT) this.#onAccept(low & SLOT_MASK, at, words[at + 2]!);
    else if (operation === OP_CONNECT) this.#onConnect(low & SLOT_MASK, words[at + 1]!, words[at + 2]!);
    else if (operation === OP_WATCH)
      this.#onWatch(low & SLOT_MASK, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    else if (operation === OP_TIMER) this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #onReceive(slot: number, generation: number, result: number, flags: number): void {
    const conn = this.table.find(slot, generation);
    const hasBuffer = (flags & IORING_CQE_F_BUFFER) !== 0;
    if (conn === undefined) {
      if (hasBuffer) this.#buffers.give(flags >>> 16);
      return;
    }
    if ((flags & IORING_CQE_F_MORE) === 0) {
      conn.flags &= ~(RECEIVE_ARMED | RECEIVE_CANCELLED);
      this.touch(conn);
    }
    if (result > 0) {
      const id = flags >>> 16;
      this.counters.bytesReceived += result;
      conn.receivedAt = this.#passCount;
      // The kernel sees it when the drain is over. Given back now, it is not lost when the callback throws.
      this.#buffers.give(id);
      if ((conn.flags & CLOSING) !== 0) return;
      const start = id * RECEIVE_BUFFER_BYTES;
      if ((conn.flags & READING_PAUSED) !== 0 || conn.held !== undefined)
        conn.hold(copyBytes(this.#buffers.bytes, start, start + result));
      else this.handler.onReceive(conn, this.#buffers.bytes, start, start + result);
      return;
    }
    if (hasBuffer) this.#buffers.give(flags >>> 16);
    if (result === 0) this.#onPeerFinished(conn);
    else if (result === -ERRNO.ENOBUFS) {
      this.counters.receiveBufferExhaustions++;
      // Others had all of them: the next ones are for those who had none.
      if (conn.receivedAt !== this.#passCount) this.#starved.push(conn);
    } else if (result !== -ERRNO.ECANCELED && result !== -ERRNO.EINTR && result !== -ERRNO.EAGAIN)
      conn.fail(-result);
    // In each of the other cases the wish to receive stands, and #advance arms anew.
  }

  #onPeerFinished(conn: IouringConnection): void {
    conn.flags |= RECEIVE_ENDED;
    if ((conn.flags & CLOSING) !== 0) this.touch(conn);
    else if ((conn.flags & READING_PAUSED) !== 0 || conn.held !== undefined) {
      conn.flags |= PEER_END_PENDING | PEER_END_SEEN;
      this.#tellPeerEndSeen(conn);
    } else this.#tellPeerEnd(conn);
  }

  #tellPeerEnd(conn: IouringConnection): void {
    conn.flags |= PEER_END_TOLD;
    this.handler.onPeerEnd(conn);
  }

  /** To whoever does not read. Others learn of it behind the last byte. */
  #tellPeerEndSeen(conn: IouringConnection): void {
    if ((conn.flags & (READING_PAUSED | PEER_END_TOLD | CLOSING)) !== READING_PAUSED) return;
    conn.flags |= PEER_END_TOLD;
    this.handler.onPeerEndSeen?.(conn);
  }

  #onSend(slot: number, generation: number, result: number): void {
    const conn = this.table.find(slot, generation);
    assert(conn !== undefined, 'a send outlived its connection');
    conn.flags &= ~SEND_IN_FLIGHT;
    if (result < 0) {
      if (result === -ERRNO.EINTR || result === -ERRNO.EAGAIN || (conn.flags & CLOSING) !== 0)
        this.touch(conn);
      if (result !== -ERRNO.EINTR && result !== -ERRNO.EAGAIN) conn.fail(-result);
      return;
    }
    this.counters.bytesSent += result;
    conn.tookFromFirstBlock(result);
    // The commonest turn of all, one answer sent whole, ends here.
    if (conn.firstBlock !== null || (conn.flags & (SHUTDOWN_WANTED | CLOSING)) !== 0) this.touch(conn);
    if (conn.unsentBytes === 0 && (conn.flags & CLOSING) === 0) this.handler.onDrained(conn);
  }

  #onConnect(slot: number, generation: number, result: number): void {
    const conn = this.table.find(slot, generation);
    assert(conn !== undefined, 'a poll outlived its connection');
    conn.flags &= ~CONNECT_ARMED;
    if (result < 0 || (conn.flags & ABORTING) !== 0) this.touch(conn);
    else this.connectCame(conn, (result & (POLLERR | POLLHUP)) !== 0);
  }

  #onWatch(slot: number, generation: number, result: number, flags: number): void {
    const conn = this.table.find(slot, generation);
    assert(conn !== undefined, 'a watch outlived its connection');
    if ((flags & IORING_CQE_F_MORE) === 0) conn.flags &= ~WATCH_ARMED;
    if (result > 0 && (result & POLLERR) !== 0) conn.flags |= ERROR_SEEN;
    if (result > 0 && (result & (POLLRDHUP | POLLHUP)) !== 0) conn.flags |= PEER_END_SEEN;
    this.touch(conn);
  }

  #onAccept(index: number, word: number, result: number): void {
    markTaken(this.#ring.ring32, word);
    const listener = this.listeners[index]!;
    if ((this.#ring.ring32[word + 3]! & IORING_CQE_F_MORE) === 0) {
      listener.armed = false;
      listener.cancelling = false;
    }
    if (result < 0) {
      // ECANCELED answers a cancel of ours.
      if (result !== -ERRNO.ECANCELED && !listener.closing) this.acceptFailed(listener, -result);
      return;
    }
    listener.failures.succeeded();
    if (!this.giveAway(result)) this.welcome(result);
  }

  protected welcome(fd: number): number {
    const conn = this.admit(fd);
    if (conn !== undefined) {
      this.touch(conn);
      this.handler.onAccept(conn);
    }
    return 0;
  }

  /**
   * Turns wishes into submissions. Stops early when the ring is full or the turn has had its time; then the rest
   * keep waiting. What is touched meanwhile is for the next pass.
   */
  #flushTouched(): void {
    if (this.#starved.length > 0) this.#receiveForStarved();
    const count = this.touchedCount;
    let at = 0;
    let begun: IouringConnection | undefined;
    try {
      while (at < count) {
        if (!this.#hasRoom()) break;
        begun = this.touched[at++]!;
        begun.flags &= ~TOUCHED;
        this.#advance(begun);
        begun = undefined;
        if (this.time.isWhollySpent()) break;
      }
    } finally {
      if (at > 0) this.dropTouched(at);
      // A callback threw, and not all that the connection wishes has been submitted.
      if (begun !== undefined) this.touch(begun);
    }
  }

  /** The kernel gives buffers in the order of submissions, and a receive that finds bytes takes many at once. */
  #receiveForStarved(): void {
    for (const conn of this.#starved) {
      if (!this.#hasRoom()) break;
      const mayReceive =
        (conn.flags & (RECEIVE_ARMED | RECEIVE_ENDED | CLOSING | CLOSED | READING_PAUSED)) === 0;
      if (mayReceive && conn.held === undefined) {
        conn.flags |= RECEIVE_ARMED;
        this.#submissions.receive(conn);
      }
    }
    // Where the ring was full the others are touched as well.
    this.#starved.length = 0;
  }

  /** Whether one connection can be advanced; makes room if that is possible. @hot */
  #hasRoom(): boolean {
    const ring = this.#ring;
    if (ring.room >= SQES_PER_ADVANCE) return true;
    ring.fullCount++;
    this.#enter();
    return ring.room >= SQES_PER_ADVANCE;
  }

  #advance(conn: IouringConnection): void {
    const flags = conn.flags;
    if ((flags & CLOSED) !== 0) return;
    if ((flags & ABORTING) !== 0) {
      this.#advanceAbort(conn);
      return;
    }
    if ((flags & CONNECTING) !== 0) {
      this.#advanceConnecting(conn);
      return;
    }
    if (conn.held !== undefined || (flags & PEER_END_PENDING) !== 0) this.#deliverHeld(conn);
    if ((conn.flags & SEND_IN_FLIGHT) === 0) {
      const block = conn.firstBlock;
      if (block !== null) {
        conn.flags |= SEND_IN_FLIGHT;
        this.#submissions.send(conn, block);
      } else if ((conn.flags & (SHUTDOWN_WANTED | SHUTDOWN_DONE | CLOSING)) === SHUTDOWN_WANTED)
        this.#shutdown(conn);
    }
    const isClosing = (conn.flags & CLOSING) !== 0;
    if (isClosing && conn.firstBlock === null) this.#advanceClosing(conn);
    else if (!isClosing && isUnread(conn.flags)) this.#advanceUnread(conn);
    // Nothing more is asked for until what is held has been taken.
    else if (conn.held !== undefined && !isClosing) {
      if ((conn.flags & (RECEIVE_ARMED | RECEIVE_CANCELLED)) === RECEIVE_ARMED) this.#cancelReceive(conn);
    }
    // Paused or not, what arrives while the last bytes leave is received, and discarded.
    else if ((conn.flags & (RECEIVE_ARMED | RECEIVE_ENDED)) === 0) {
      conn.flags |= RECEIVE_ARMED;
      this.#submissions.receive(conn);
    }
  }

  /** All is sent: nothing may be under way on a descriptor that is closed. */
  #advanceClosing(conn: IouringConnection): void {
    if ((conn.flags & (RECEIVE_ARMED | WATCH_ARMED)) === 0) {
      this.discardUnread(conn);
      this.#finish(conn);
    } else if ((conn.flags & WATCH_ARMED) !== 0) this.#cancelAll(conn);
    else if ((conn.flags & RECEIVE_CANCELLED) === 0) this.#cancelReceive(conn);
  }

  /** Nothing is to be received: reading is paused, or has come to its end. */
  #advanceUnread(conn: IouringConnection): void {
    if ((conn.flags & PEER_END_SEEN) !== 0) this.#tellPeerEndSeen(conn);
    const { flags } = conn;
    if ((flags & (RECEIVE_ARMED | RECEIVE_CANCELLED)) === RECEIVE_ARMED) this.#cancelReceive(conn);
    if ((flags & (RECEIVE_ARMED | ERROR_SEEN)) === ERROR_SEEN) {
      conn.flags &= ~ERROR_SEEN;
      const errno = getsockoptInt(conn.fd, SOL_SOCKET, SO_ERROR);
      if (errno > 0) conn.fail(errno);
    } else if ((flags & WATCH_ARMED) !== 0) return;
    else if ((flags & WATCH_WANTED) !== 0) {
      conn.flags = (flags & ~WATCH_WANTED) | WATCH_ARMED;
      this.#submissions.watch(conn);
    } else if ((flags & WATCH_LISTED) === 0) this.#unreadWatch.add(conn, this.turnMs);
  }

  /** connect(2) has been called; what it has begun comes to an end in the kernel, and a poll tells of it. */
  #advanceConnecting(conn: IouringConnection): void {
    const isGivenUp = (conn.flags & CLOSING) !== 0 && conn.firstBlock === null;
    if (isGivenUp) this.#advanceAbort(conn);
    else if ((conn.flags & CONNECT_ARMED) === 0) {
      conn.flags |= CONNECT_ARMED;
      this.#submissions.awaitConnect(conn);
    }
  }

  /** Reset: cancel what is in flight, then close with a zero linger, which sends RST. */
  #advanceAbort(conn: IouringConnection): void {
    if ((conn.flags & (RECEIVE_ARMED | SEND_IN_FLIGHT | CONNECT_ARMED | WATCH_ARMED)) === 0) {
      // Where nothing stands there is nothing to reset.
      if ((conn.flags & CONNECTING) === 0) setLinger(conn.fd, 0);
      this.#finish(conn);
      return;
    }
    this.#cancelAll(conn);
  }

  #cancelAll(conn: IouringConnection): void {
    if ((conn.flags & CANCEL_ALL_SUBMITTED) !== 0) return;
    conn.flags |= CANCEL_ALL_SUBMITTED;
    this.#submissions.cancelAll(conn);
  }

  /** Hands over what arrived while reading was paused, as long as it is not paused again: a share at a time. */
  #deliverHeld(conn: IouringConnection): void {
    let left = HELD_SHARE_BYTES;
    while (conn.held !== undefined && (conn.flags & (READING_PAUSED | CLOSING)) === 0) {
      if (left <= 0 || (left < HELD_SHARE_BYTES && this.time.shouldYield)) {
        this.touch(conn);
        return;
      }
      const piece = conn.held.shift()!;
      if (conn.held.length === 0) conn.held = undefined;
      left -= piece.length;
      this.handler.onReceive(conn, piece, 0, piece.length);
    }
    if (
      conn.held === undefined &&
      (conn.flags & (PEER_END_PENDING | READING_PAUSED | CLOSING)) === PEER_END_PENDING
    ) {
      conn.flags &= ~PEER_END_PENDING;
      this.#tellPeerEnd(conn);
    }
  }

  /** The last step: nothing is in flight, so no completion can come for this slot any more. */
  #finish(conn: IouringConnection): void {
    this.ledger?.drop(conn.fd);
    this.#submissions.close(conn);
    conn.held = undefined;
    this.retire(conn);
  }

  /**
   * A system call of its own: IORING_OP_SHUTDOWN always runs on a kernel worker, which looks the
   * descriptor up when it gets to it (io_shutdown_prep sets REQ_F_FORCE_ASYNC), and by then the number may
   * belong to another connection.
   */
  #shutdown(conn: IouringConnection): void {
    conn.flags |= SHUTDOWN_DONE;
    shutdown(conn.fd, SHUT_WR);
  }

  #cancelReceive(conn: IouringConnection): void {
    conn.flags |= RECEIVE_CANCELLED;
    this.#submissions.cancelReceive(conn);
  }

  #advanceAccepts(): void {
    for (let index = 0; index < this.listeners.length; index++) {
      if (this.#ring.room < SQES_PER_ADVANCE) return;
      advanceAccept(this.listeners[index]!, index, this.#submissions, this.#welcomeLast);
    }
  }

  readonly #welcomeLast = (fd: number): void => void this.welcome(fd);

  /** One absolute timer for the earliest deadline. One that is armed too early fires for nothing and is set anew. */
  #armTimer(): void {
    const dueMs = Math.min(this.dueMs, this.#unreadWatch.dueMs);
    if (dueMs >= this.#armedMs || this.#ring.room < SQES_PER_ADVANCE) return;
    const monotonicMs = Math.max(dueMs, 0) + this.clockOffsetMs;
    if (this.#armedMs === Number.POSITIVE_INFINITY) this.#submissions.setTimer(monotonicMs);
    else this.#submissions.moveTimer(monotonicMs);
    this.#armedMs = dueMs;
  }
}
