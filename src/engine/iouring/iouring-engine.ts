/**
 * The io_uring engine. It owns the ring and one loop: enter the kernel, hand over what completed, turn
 * the wishes of touched connections into submissions, enter again. Multishot accept and receive keep
 * the kernel supplied with work, so a turn under load costs one system call however many connections
 * it serves.
 *
 * Everything that is submitted follows from flags (connection.ts) in `advance` (advancing-engine.ts), which runs again
 * until the wish is met: a full submission queue delays, it never loses.
 *
 * Waking: completions signal an eventfd that libuv watches (sys/wakeup.ts). While a turn runs the
 * signal is switched off (IORING_CQ_EVENTFD_DISABLED), since we look anyway; before sleeping it is
 * switched on and the ring looked at once more, so nothing that came between is missed.
 */
import { assert } from '../../base/assert.ts';
import { POLLERR, POLLHUP } from '../../sys/abi/epoll.ts';
import { IORING_CQE_F_MORE } from '../../sys/abi/io-uring.ts';
import { MSG_MORE, MSG_NOSIGNAL } from '../../sys/abi/socket.ts';
import { ERRNO, sysError } from '../../sys/errno.ts';
import { send } from '../../sys/socket.ts';
import { Wakeup } from '../../sys/wakeup.ts';
import { AdvancingEngine } from '../descriptor/advancing-engine.ts';
import {
  ABORTING,
  CLOSING,
  DRAIN_OWED,
  HAS_FILE,
  SEND_FAILED,
  SHUTDOWN_WANTED,
} from '../descriptor/connection.ts';
import { SLOT_BITS } from '../descriptor/connection-table.ts';
import { TurnWait } from '../descriptor/turn-wait.ts';
import type { WindowReads } from '../descriptor/window-reads.ts';
import type { EngineOptions, EngineStats } from '../engine.ts';
import { advanceAccept } from './accepting.ts';
import { BULK_BUFFER_BYTES, BULK_BUFFER_COUNT, BULK_BUFFERS_AT_FIRST, BULK_GROUP } from './bulk-receives.ts';
import {
  CANCEL_ALL_SUBMITTED,
  CONNECT_ARMED,
  IouringConnection,
  LAST_LOOKED_AT,
  PEER_END_PENDING,
  RECEIVE_ARMED,
  SEND_IN_FLIGHT,
  WATCH_ARMED,
  WRITABLE_ARMED,
} from './connection.ts';
import { ReceiveBuffers } from './receive-buffers.ts';
import { Receiving } from './receiving.ts';
import { Ring } from './ring.ts';
import { RingFiles } from './ring-files.ts';
import { Submissions } from './submissions.ts';
import { markTaken, takeUnreadAccepts } from './unread-accepts.ts';
import {
  OP_ACCEPT,
  OP_CONNECT,
  OP_READ_FILE,
  OP_RECEIVE,
  OP_RECEIVE_BULK,
  OP_SEND,
  OP_TIMER,
  OP_WATCH,
  OP_WRITABLE,
  SLOT_MASK,
} from './user-data.ts';

/** Submissions of one enter; a turn with more enters more often. */
const SQ_ENTRIES = 1024;
/** The most that one connection's `advance` submits. */
const SQES_PER_ADVANCE = 4;
/** What the kernel does for a connection and has to be cancelled before its descriptor is closed. */
const ALL_ARMED = RECEIVE_ARMED | SEND_IN_FLIGHT | CONNECT_ARMED | WATCH_ARMED | WRITABLE_ARMED;
/** The ring has the first block already, or a file is before the end: see ring-files.ts. */
const RING_SENDS_NOT = SEND_IN_FLIGHT | HAS_FILE | ABORTING | SEND_FAILED;
/** FIN is to follow the last byte. */
const LAST_STEPS = CLOSING | SHUTDOWN_WANTED;
/** So few answers of a pass are sent by a system call each: the ring would take one for all, and a pass to take in that they are sent. */
const FEW_ANSWERS = 2;
/** 1 MiB in all: small enough to stay in the second-level cache, refilled every turn. */
const RECEIVE_BUFFER_COUNT = 512;
const RECEIVE_BUFFER_BYTES = 4096;
const RECEIVE_GROUP = 0;
/** Times that a turn looks again before it lets the event loop run: promises wait for its end, however short it is. */
const PASSES_MAX = 16;
/**
 * Whether the kernel either sees that we listen again or shows us its new work. It marks the work with an
 * atomic operation before it looks whether to signal (io_req_local_work_add); on x64 that is a full
 * barrier, on arm64 it is not, so there the ring is entered once more before sleeping.
 */
const IS_STORE_BEFORE_LOAD = process.arch === 'x64';

export class IouringEngine extends AdvancingEngine<IouringConnection> {
  readonly name = 'iouring';
  protected readonly wakeup: Wakeup;
  readonly #ring: Ring;
  readonly #buffers: ReceiveBuffers;
  readonly #bulkBuffers: ReceiveBuffers;
  readonly #submissions: Submissions;
  readonly #turnWait = new TurnWait(this.handler, this.time);
  readonly #receiving: Receiving;
  readonly #files: RingFiles;
  protected readonly reads: WindowReads;
  readonly #advancing = {
    advance: (conn: IouringConnection): void => this.advance(conn),
    hasRoom: (): boolean => this.#hasRoom(),
    time: this.time,
  };
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
      this.#bulkBuffers = new ReceiveBuffers(
        ring.fd,
        BULK_GROUP,
        BULK_BUFFER_COUNT,
        BULK_BUFFER_BYTES,
        BULK_BUFFERS_AT_FIRST,
      );
      undo.push(() => this.#bulkBuffers.release());
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
    this.#receiving = new Receiving({
      owner: this,
      handler: this.handler,
      table: this.table,
      counters: this.counters,
      time: this.time,
      submissions: this.#submissions,
      buffers: this.#buffers,
      bulkBuffers: this.#bulkBuffers,
      given: this.given,
      hasRoom: () => this.#hasRoom(),
    });
    this.#files = new RingFiles(this, this.#ring, this.#submissions, this.handler);
    this.reads = this.#files.reads;
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
    this.#receiving.release();
    this.#files.release();
    this.#bulkBuffers.release();
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
    this.#turnWait.beginTurn(ring.tail !== ring.head);
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      // What is handed over now came before this moment: a deadline that counts from here is never early.
      if (!this.mayLook() && pass > 0) break;
      this.#receiving.beginPass();
      this.#drain();
      // After a stop of the process, deadlines are over of connections whose bytes have long been there: they are read first.
      if (this.turnMs >= this.dueMs && (!ring.hasNews || pass === PASSES_MAX - 1)) this.expire();
      if (this.turnMs >= this.#receiving.watchDueMs) this.#receiving.expireWatch();
      this.#flushTouched();
      this.#advanceAccepts();
      this.#armTimer();
      if (ring.pending > 0 || ring.hasNews || this.touched.count > 0) {
        this.#enter();
        continue;
      }
      if (!this.isScheduled && this.#turnWait.isDue(this.turnMs) && this.#wait()) continue;
      ring.setSilent(false);
      if (!IS_STORE_BEFORE_LOAD) this.#enter();
      // One enter runs at most 20 pieces of task work (IO_LOCAL_TW_DEFAULT_MAX, 6.12), and the kernel
      // signals only when the first is queued: sleeping on a rest would be sleeping for ever.
      if (ring.pending === 0 && !ring.hasNews) return;
      ring.setSilent(true);
    }
    this.goOnLater();
  }

  /** Silent as long as another turn is on its way: a signal would only make one more of it. */
  protected endTurn(): void {
    if (!this.isScheduled && (this.touched.count > 0 || this.#ring.pending > 0)) this.again();
    this.#ring.setSilent(this.isScheduled);
  }

  /** @returns whether something has come, be it the timer. @hot */
  #wait(): boolean {
    this.#armTimer(this.#turnWait.endMs);
    const hasNews = this.#ring.wait();
    this.#turnWait.ended(hasNews, performance.now());
    return hasNews;
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
      this.#receiving.endDrain();
    }
  }

  /** Hands over one completion. @hot */
  #complete(position: number): void {
    const words = this.#ring.ring32;
    const at = this.#ring.completionWord(position);
    const low = words[at]!;
    const operation = low >>> SLOT_BITS;
    if (operation === OP_RECEIVE)
      this.#receiving.received(low & SLOT_MASK, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    else if (operation === OP_SEND) this.#onSend(low & SLOT_MASK, words[at + 1]!, words[at + 2]!);
    else if (operation === OP_ACCEPT) this.#onAccept(low & SLOT_MASK, at, words[at + 2]!);
    else if (operation === OP_RECEIVE_BULK)
      this.#receiving.receivedBulk(low & SLOT_MASK, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    else if (operation === OP_CONNECT) this.#onConnect(low & SLOT_MASK, words[at + 1]!, words[at + 2]!);
    else if (operation === OP_WATCH)
      this.#onWatch(low & SLOT_MASK, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    else if (operation === OP_WRITABLE)
      this.#files.writable(this.table.find(low & SLOT_MASK, words[at + 1]!));
    else if (operation === OP_READ_FILE) this.#files.completed(low & SLOT_MASK, words[at + 2]!);
    else if (operation === OP_TIMER) this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #onSend(slot: number, generation: number, result: number): void {
    const conn = this.table.find(slot, generation);
    assert(conn !== undefined, 'a send outlived its connection');
    // Where onDrained is owed, it is called once all is sent.
    conn.flags &= ~(SEND_IN_FLIGHT | DRAIN_OWED);
    if (result < 0) {
      if (result === -ERRNO.EINTR || result === -ERRNO.EAGAIN || (conn.flags & CLOSING) !== 0)
        this.touch(conn);
      if (result !== -ERRNO.EINTR && result !== -ERRNO.EAGAIN) conn.sendFailed(-result);
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
    this.#receiving.watchTold(conn, result, flags);
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

  /** Turns wishes into submissions; a full queue leaves the rest for later. */
  #flushTouched(): void {
    this.#receiving.serveStarved();
    this.handler.onSending?.();
    this.touched.flush(this.#advancing);
    this.reads.beginWaiting();
  }

  /** Whether one connection can be advanced; makes room if that is possible. @hot */
  #hasRoom(): boolean {
    const ring = this.#ring;
    if (ring.room >= SQES_PER_ADVANCE) return true;
    ring.fullCount++;
    this.#enter();
    return ring.room >= SQES_PER_ADVANCE;
  }

  // AdvancingEngine

  protected send(conn: IouringConnection): void {
    if (conn.held !== undefined || (conn.flags & PEER_END_PENDING) !== 0) this.#receiving.deliverHeld(conn);
    if ((conn.flags & HAS_FILE) !== 0) this.#files.send(conn);
    else if ((conn.flags & LAST_STEPS) !== 0 || this.touched.count <= FEW_ANSWERS) this.#sendNow(conn);
    const block = conn.firstBlock;
    if (block === null || (conn.flags & RING_SENDS_NOT) !== 0) return;
    conn.flags |= SEND_IN_FLIGHT;
    this.#submissions.send(conn, block);
  }

  /** The last bytes leave at once most often: when it is to be closed, there is nothing to receive for before the next pass. */
  protected receive(conn: IouringConnection): void {
    const isLast = (conn.flags & (CLOSING | RECEIVE_ARMED | HAS_FILE | LAST_LOOKED_AT)) === CLOSING;
    if (!isLast) this.#receiving.advance(conn);
    else {
      conn.flags |= LAST_LOOKED_AT;
      this.touch(conn);
    }
  }

  protected takeRest(conn: IouringConnection): boolean {
    return this.#receiving.takeRest(conn);
  }

  /** connect(2) has been called; what it has begun comes to an end in the kernel, and a poll tells of it. */
  protected awaitConnect(conn: IouringConnection): void {
    if ((conn.flags & CONNECT_ARMED) !== 0) return;
    conn.flags |= CONNECT_ARMED;
    this.#submissions.awaitConnect(conn);
  }

  protected isAtRest(conn: IouringConnection): boolean {
    if ((conn.flags & ALL_ARMED) === 0) return true;
    if ((conn.flags & CANCEL_ALL_SUBMITTED) === 0) {
      conn.flags |= CANCEL_ALL_SUBMITTED;
      this.#submissions.cancelAll(conn);
    }
    return false;
  }

  /**
   * By a system call. The last bytes before FIN wait for it with MSG_MORE: it follows at once, and they leave in one
   * segment with it. That spares a journey through the kernel's whole stack. What it does not take is the ring's to send.
   * @hot
   */
  #sendNow(conn: IouringConnection): void {
    const block = conn.firstBlock;
    if (block === null || block.next !== null || (conn.flags & SEND_IN_FLIGHT) !== 0) return;
    // Closing waits for the end of what is armed, and the answer must not.
    if ((conn.flags & CLOSING) !== 0 && (conn.flags & (RECEIVE_ARMED | WATCH_ARMED)) !== 0) return;
    const length = block.filled - block.sent;
    const address = block.sent === 0 ? block.boxedAddress[0] : block.address + block.sent;
    const isLast = (conn.flags & LAST_STEPS) !== 0;
    const sent = send(conn.fd, address, length, isLast ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
    if (sent < 0) return;
    this.counters.bytesSent += sent;
    conn.flags &= ~DRAIN_OWED;
    conn.tookFromFirstBlock(sent);
    if (conn.firstBlock === null && (conn.flags & CLOSING) === 0) this.handler.onDrained(conn);
  }

  #advanceAccepts(): void {
    for (let index = 0; index < this.listeners.length; index++) {
      if (this.#ring.room < SQES_PER_ADVANCE) return;
      advanceAccept(this.listeners[index]!, index, this.#submissions, this.#welcomeLast);
    }
  }

  readonly #welcomeLast = (fd: number): void => void this.welcome(fd);

  /** One absolute timer for the earliest deadline. One that is armed too early fires for nothing and is set anew. */
  #armTimer(waitEndMs = Number.POSITIVE_INFINITY): void {
    const dueMs = Math.min(this.dueMs, this.#receiving.watchDueMs, waitEndMs);
    if (dueMs >= this.#armedMs || this.#ring.room < SQES_PER_ADVANCE) return;
    const monotonicMs = Math.max(dueMs, 0) + this.clockOffsetMs;
    if (this.#armedMs === Number.POSITIVE_INFINITY) this.#submissions.setTimer(monotonicMs);
    else this.#submissions.moveTimer(monotonicMs);
    this.#armedMs = dueMs;
  }
}
