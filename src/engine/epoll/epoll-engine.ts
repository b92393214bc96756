/**
 * The epoll engine: for hosts that forbid io_uring, as container runtimes do (Linux 4.18). One loop: look for events, receive
 * and hand over, send what was written, look again; sleep when a look finds nothing.
 *
 * Nothing is registered anew while a connection lives, and a receive that leaves room in the buffer has emptied the socket: so a
 * request costs one recv and one send, and the looks and the sleep are shared by all that arrived together. Each connection is
 * received from once a pass, so that one that sends without end cannot keep the others waiting; the next pass takes the rest.
 *
 * Waking: a poll of the epoll descriptor by Linux AIO signals an eventfd that libuv watches (aio-poll.ts, sys/wakeup.ts).
 * Invariant between turns: that poll is armed or its signal is on its way to libuv (`#pollArmed`), or a turn is scheduled.
 */
import { moveWithin } from '../../base/move-within.ts';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../../sys/abi/epoll.ts';
import { MSG_MORE, MSG_NOSIGNAL, SO_ERROR, SOL_SOCKET } from '../../sys/abi/socket.ts';
import { TFD_CLOEXEC, TFD_NONBLOCK } from '../../sys/abi/time.ts';
import { setNonBlocking } from '../../sys/descriptor.ts';
import { check, ERRNO } from '../../sys/errno.ts';
import { timerfdCreate, timerfdSettime } from '../../sys/event.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { closeFd, getsockoptInt, recv, send } from '../../sys/socket.ts';
import { Wakeup } from '../../sys/wakeup.ts';
import { AdvancingEngine } from '../descriptor/advancing-engine.ts';
import {
  CLOSED,
  CLOSING,
  CONNECTING,
  DRAIN_OWED,
  HAS_FILE,
  READING_PAUSED,
  RECEIVE_ENDED,
  SEND_FAILED,
  SHUTDOWN_WANTED,
} from '../descriptor/connection.ts';
import { FileSending, SENT_SHARE } from '../descriptor/file-sending.ts';
import { GIVEN_BYTES } from '../descriptor/given-memory.ts';
import type { DescriptorListener } from '../descriptor/listener.ts';
import type { QueuedFile } from '../descriptor/queued-file.ts';
import { TurnWait } from '../descriptor/turn-wait.ts';
import { WindowReads } from '../descriptor/window-reads.ts';
import { WorthTrying } from '../descriptor/worth-trying.ts';
import type { EngineOptions } from '../engine.ts';
import { Accepting } from './accepting.ts';
import { AioPoll } from './aio-poll.ts';
import {
  DRAIN_UNTOLD,
  EpollConnection,
  IN_READY,
  MOVES_MUCH,
  PEER_END_SEEN,
  PEER_END_TOLD,
  READ_TO_END,
  READABLE,
  SEND_BLOCKED,
  wantsToReceive,
} from './connection.ts';
import { Drained } from './drained.ts';
import { listenerData, listenerIndex, TIMER_DATA, TIMER_DATA_READ } from './event-data.ts';
import { EventSet, INPUT_INTEREST, SOCKET_INTEREST } from './event-set.ts';
import { POOL_READS_MAX, readByPool } from './pool-reads.ts';

/** One receive takes at most this. All connections share the buffer; requests use its first, warm bytes. */
const RECEIVE_BYTES = GIVEN_BYTES;
/** Times that a turn looks again before it lets the event loop run: fairness to timers and promises. */
const PASSES_MAX = 16;
const INPUT_EVENTS = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP;
const TO_END_EVENTS = EPOLLRDHUP | EPOLLPRI | EPOLLERR | EPOLLHUP;
/** Tells that a connection stands, or does not come to. */
const CONNECT_EVENTS = EPOLLOUT | EPOLLERR | EPOLLHUP;
const BROKEN_EVENTS = EPOLLERR | EPOLLHUP;
const EAGAIN = -ERRNO.EAGAIN;
const EINTR = -ERRNO.EINTR;

export class EpollEngine extends AdvancingEngine<EpollConnection> {
  readonly name = 'epoll';
  protected readonly wakeup: Wakeup;
  readonly #events: EventSet;
  readonly #poll: AioPoll;
  readonly #timerFd: number;
  readonly #memory: Memory;
  readonly #bytes: Uint8Array;
  readonly #address: number;
  #pollArmed = false;
  readonly #advancing = {
    advance: (conn: EpollConnection): void => this.advance(conn),
    hasRoom: (): boolean => true,
    time: this.time,
  };
  /** The moment that the timer is armed for. */
  #armedMs = Number.POSITIVE_INFINITY;
  #unfinished = false; // The turn ended, or broke off, with work left.
  readonly #ready: EpollConnection[] = [];
  #readyCount = 0;
  readonly #accepting: Accepting;
  protected readonly reads = new WindowReads(POOL_READS_MAX, (file) => readByPool(file, this.#readEnded));
  readonly #files = new FileSending(this.sendPool, this.counters, this.reads);
  readonly #drained = new Drained<EpollConnection>();
  /** Accepted and received from at once, and not in the event set yet. */
  readonly #fresh: EpollConnection[] = [];
  #freshCount = 0;
  /** Whether accepted connections have sent something already. */
  readonly #firstReceive = new WorthTrying();
  readonly #turnWait = new TurnWait(this.handler, this.time);

  /** @throws SysError when AIO is not to be had, or descriptors have run out */
  constructor(options: EngineOptions<EpollConnection>) {
    super(options);
    const undo: (() => void)[] = [];
    try {
      const events = new EventSet();
      undo.push(() => events.close());
      const timerFd = check(timerfdCreate(TFD_CLOEXEC | TFD_NONBLOCK), 'timerfd_create');
      undo.push(() => closeFd(timerFd));
      check(events.add(timerFd, INPUT_INTEREST, TIMER_DATA, 0), 'epoll_ctl');
      const wakeup = new Wakeup();
      undo.push(() => wakeup.close());
      const poll = new AioPoll(events.fd, wakeup.eventFd);
      undo.push(() => poll.close());
      this.#memory = allocate(RECEIVE_BYTES);
      this.#events = events;
      this.#timerFd = timerFd;
      this.wakeup = wakeup;
      this.#poll = poll;
    } catch (error) {
      for (const release of undo.reverse()) release();
      throw error;
    }
    this.#bytes = this.#memory.bytes;
    this.#address = this.#memory.address;
    this.#accepting = new Accepting({
      listeners: this.listeners,
      events: this.#events,
      failed: (listener, errno) => this.acceptFailed(listener, errno),
      giveAway: (fd) => this.giveAway(fd),
      welcome: (fd) => this.welcome(fd),
    });
    this.ledger?.hold(this.#events.fd);
    this.ledger?.hold(this.#timerFd);
    this.wakeup.start(this.#onWake);
  }

  readonly #readEnded = (file: QueuedFile, result: number): void => {
    this.reads.ended(file, result);
    this.reads.beginWaiting();
    this.schedule();
  };

  readonly #onWake = (): void => {
    this.#pollArmed = false; // Nothing but the poll signals, and it signals once.
    this.turn();
  };

  /** Each recv and accept takes what has come until then, other than a completion, which is older than its turn. */
  override get arrivalMs(): number {
    this.turnMs = performance.now();
    return this.turnMs;
  }

  protected makeConnection(slot: number, generation: number, fd: number): EpollConnection {
    return new EpollConnection(this, slot, generation, fd);
  }

  /** A connection that stands already, as a unix one does at once, is told of like one that comes to. */
  protected watchConnecting(conn: EpollConnection): number {
    return this.#events.add(conn.fd, SOCKET_INTEREST, conn.slot, conn.generation);
  }

  protected watchListener(listener: DescriptorListener, index: number): void {
    const { fd, address } = listener.socket;
    // One that was handed to us may block, and then so would the accept that finds nothing.
    check(setNonBlocking(fd, true), 'fcntl', address.address);
    check(this.#events.add(fd, INPUT_INTEREST, listenerData(index), 0), 'epoll_ctl', address.address);
  }

  protected release(): void {
    this.releaseHolds();
    this.#memory.release();
  }

  protected releaseHolds(): void {
    this.#poll.close();
    this.ledger?.drop(this.#events.fd);
    this.#events.close();
    this.ledger?.drop(this.#timerFd);
    closeFd(this.#timerFd);
  }

  protected runTurn(): void {
    this.#unfinished = true;
    this.#turnWait.beginTurn(true);
    let isToWait = false;
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      // At least once a turn, however late it began.
      if (!this.mayLook() && pass > 0) break;
      this.#takeReady();
      // What an armed poll has to tell will wake us: then this turn only sends what was written. A deadline comes behind it.
      const isTold = this.#pollArmed && this.turnMs < this.dueMs;
      const count = isTold ? 0 : this.#takeEvents(isToWait && !this.#pollArmed);
      if (this.turnMs >= this.dueMs) this.expire();
      this.handler.onSending?.();
      this.touched.flush(this.#advancing);
      this.reads.beginWaiting();
      this.#drained.tell(this.handler, this.time);
      this.#watchFresh();
      // Handlers have run meanwhile: who is accepted now may have connected just now.
      if (count > 0) this.turnMs = performance.now();
      const moreWait = this.#accepting.acceptWaiting();
      const isLeft = this.touched.count + this.#drained.count + this.#readyCount + this.#freshCount > 0;
      const isIdle = !moreWait && !isLeft;
      if (count === 0 && isIdle) {
        this.#unfinished = false;
        break;
      }
      isToWait = isIdle && !this.isScheduled && this.#turnWait.isDue(this.turnMs);
    }
    this.#armTimer();
  }

  protected endTurn(): void {
    if (!this.#unfinished && !this.#pollArmed) this.#pollArmed = this.#poll.arm() === 1;
    if (this.#unfinished) this.goOnLater();
    // Without the memory for a poll we do not sleep, which costs time; sleeping would cost everything.
    else if (!this.#pollArmed) this.again();
  }

  // Events

  /** Takes all events of one look. @param isToWait if there are none @returns how many there were. @hot */
  #takeEvents(isToWait: boolean): number {
    const events = this.#events;
    const count = isToWait ? this.#wait() : events.look(0);
    for (let place = events.take(); place >= 0; place = events.take()) {
      const data = events.dataAt(place);
      if (data >= 0) this.#onSocket(data, events.dataHighAt(place), events.eventsAt(place));
      else if (data !== TIMER_DATA_READ) this.listeners[listenerIndex(data)]!.armed = false;
      else {
        this.#armedMs = Number.POSITIVE_INFINITY;
        this.turnMs = performance.now();
      }
      // The set keeps the rest for the next look.
      if (this.time.isSpent()) break;
    }
    return count;
  }

  #wait(): number {
    this.#armTimer(this.#turnWait.endMs);
    const count = this.#events.look(-1);
    this.turnMs = performance.now();
    this.#turnWait.ended(count > 0, this.turnMs);
    return count;
  }

  /** @hot */
  #onSocket(slot: number, generation: number, events: number): void {
    const conn = this.table.find(slot, generation);
    if (conn === undefined) return;
    const isConnecting = (conn.flags & CONNECTING) !== 0;
    if (isConnecting && (events & CONNECT_EVENTS) === 0) return;
    if ((events & EPOLLOUT) !== 0 && (conn.flags & SEND_BLOCKED) !== 0) {
      conn.flags &= ~SEND_BLOCKED;
      this.touch(conn);
    }
    // Before any callback, which may throw, as below: the edge does not come again.
    if ((events & INPUT_EVENTS) !== 0)
      conn.flags |= (events & TO_END_EVENTS) === 0 ? READABLE : READABLE | READ_TO_END;
    // It is touched, and so received from later if the callback throws.
    if (isConnecting) this.connectCame(conn, (events & BROKEN_EVENTS) !== 0);
    if ((events & INPUT_EVENTS) === 0) return;
    if ((events & (EPOLLRDHUP | EPOLLHUP)) !== 0) {
      conn.flags |= PEER_END_SEEN;
      this.touch(conn);
      this.#tellPeerEndSeen(conn);
    }
    if ((events & EPOLLERR) !== 0) this.#onSocketError(conn);
    if ((conn.flags & IN_READY) === 0 && wantsToReceive(conn.flags)) this.#take(conn);
  }

  /** A connection that is being read learns of its error behind the last byte. Others must ask for it. */
  #onSocketError(conn: EpollConnection): void {
    if (wantsToReceive(conn.flags)) return;
    const errno = getsockoptInt(conn.fd, SOL_SOCKET, SO_ERROR);
    if (errno > 0) conn.fail(errno);
  }

  /** To whoever does not read. Others learn of it behind the last byte. */
  #tellPeerEndSeen(conn: EpollConnection): void {
    const { flags } = conn;
    if ((flags & (READING_PAUSED | PEER_END_SEEN)) !== (READING_PAUSED | PEER_END_SEEN)) return;
    if ((flags & (PEER_END_TOLD | RECEIVE_ENDED | CLOSING)) !== 0) return;
    conn.flags |= PEER_END_TOLD;
    this.handler.onPeerEndSeen?.(conn);
  }

  /** One receive, and no more: see the head of this file. @hot */
  #take(conn: EpollConnection): void {
    const isMuch = (conn.flags & MOVES_MUCH) !== 0;
    const size = isMuch ? this.given.receive(conn.fd) : recv(conn.fd, this.#address, RECEIVE_BYTES, 0);
    if (size > 0) {
      this.counters.bytesReceived += size;
      // Before the callback, which may throw: what is left must be remembered then too.
      if (size < RECEIVE_BYTES && (conn.flags & READ_TO_END) === 0) {
        conn.flags &= ~(READABLE | MOVES_MUCH);
        conn.emptiedTurn = this.counters.turns;
      } else {
        if (size === RECEIVE_BYTES) conn.flags |= MOVES_MUCH;
        this.#addReady(conn);
      }
      if ((conn.flags & CLOSING) !== 0) return;
      if (isMuch) this.given.handOver(this.handler, conn, size);
      else this.handler.onReceive(conn, this.#bytes, 0, size);
      if (conn.unsentBytes === 0) this.time.noteUnanswered(size);
    } else if (size === EAGAIN || size === 0) {
      if (size === 0) conn.flags |= RECEIVE_ENDED;
      else conn.flags &= ~(READABLE | READ_TO_END);
      if ((conn.flags & SEND_FAILED) !== 0) this.touch(conn);
      if (size === 0 && (conn.flags & CLOSING) === 0 && conn.hasPeerEnded) this.handler.onPeerEnd(conn);
    } else if (size === EINTR) this.#addReady(conn);
    else conn.fail(-size);
  }

  #addReady(conn: EpollConnection): void {
    if ((conn.flags & IN_READY) !== 0) return;
    conn.flags |= IN_READY;
    this.#ready[this.#readyCount++] = conn;
  }

  /** Goes on where the last pass left bytes behind, or where reading has been resumed. */
  #takeReady(): void {
    const count = this.#readyCount;
    if (count === 0) return;
    let at = 0;
    try {
      while (at < count) {
        const conn = this.#ready[at++]!;
        conn.flags &= ~IN_READY;
        if (wantsToReceive(conn.flags)) this.#take(conn);
        // Paused since: a reset that came with those bytes has had its edge, and nobody would read it.
        else if ((conn.flags & (READ_TO_END | CLOSING)) === READ_TO_END) this.#onSocketError(conn);
        if (this.time.isSpent()) break;
      }
    } finally {
      moveWithin(this.#ready, 0, at, this.#readyCount);
      this.#readyCount -= at;
    }
  }

  // Wishes

  protected receive(conn: EpollConnection): void {
    if (wantsToReceive(conn.flags)) this.#addReady(conn);
    // It came before reading was paused.
    else if ((conn.flags & PEER_END_SEEN) !== 0) this.#tellPeerEndSeen(conn);
  }

  protected takeRest(conn: EpollConnection): boolean {
    if (!wantsToReceive(conn.flags)) return true;
    this.#addReady(conn);
    return false;
  }

  /** An edge will tell. */
  protected awaitConnect(): void {}

  /** Nothing is under way between calls. */
  protected isAtRest(): boolean {
    return true;
  }

  /**
   * Sends until all is sent or the kernel takes no more. Only EAGAIN promises an edge; a send that was taken
   * in part is tried again.
   * @hot
   */
  protected send(conn: EpollConnection): void {
    if (conn.firstBlock === null || (conn.flags & SEND_BLOCKED) !== 0) return;
    if ((conn.flags & HAS_FILE) !== 0) {
      this.#sendFiles(conn);
      return;
    }
    for (let block = conn.firstBlock; block !== null; block = conn.firstBlock) {
      if (block.next !== null) {
        const isLast = (conn.flags & (CLOSING | SHUTDOWN_WANTED)) !== 0;
        const result = this.sendPool.gathered.sendAll(conn, isLast, this.counters);
        if (result === 0) break;
        if (result === EAGAIN) conn.flags |= SEND_BLOCKED;
        else conn.sendFailed(-result);
        return;
      }
      const length = block.filled - block.sent;
      // A reservation that was never committed leaves an empty block.
      if (length > 0) {
        // MSG_MORE: FIN leaves with the last bytes.
        const isMore = (conn.flags & (CLOSING | SHUTDOWN_WANTED)) !== 0;
        const flags = isMore ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
        const address = block.sent === 0 ? block.boxedAddress[0] : block.address + block.sent;
        const sent = send(conn.fd, address, length, flags);
        if (sent < 0) {
          if (sent === EAGAIN) conn.flags |= SEND_BLOCKED;
          else if (sent === EINTR) continue;
          else conn.sendFailed(-sent);
          return;
        }
        this.counters.bytesSent += sent;
        conn.tookFromFirstBlock(sent);
      } else conn.tookFromFirstBlock(0);
    }
    this.#allSent(conn);
  }

  #sendFiles(conn: EpollConnection): void {
    const result = this.#files.sendAll(conn);
    if (result === 0) this.#allSent(conn);
    else if (result === SENT_SHARE) this.touch(conn);
    else if (result === EAGAIN) conn.flags |= SEND_BLOCKED;
    else if (result < 0) conn.sendFailed(-result);
  }

  #allSent(conn: EpollConnection): void {
    conn.flags &= ~DRAIN_OWED;
    if ((conn.flags & (CLOSING | DRAIN_UNTOLD)) === 0) this.#drained.add(conn);
  }

  // Beginnings

  /**
   * Most clients send their request at once, and on the same host it is there before the connection is accepted. Then it is
   * received without waiting for an event, and a connection that ends with its first answer is never watched.
   */
  protected welcome(fd: number): number {
    const conn = this.admit(fd);
    if (conn === undefined) return 0;
    const isTried = this.#firstReceive.isDue() && !this.time.isSpent();
    if (isTried) this.#fresh[this.#freshCount++] = conn;
    else {
      const added = this.#events.add(fd, SOCKET_INTEREST, conn.slot, conn.generation);
      if (added < 0) {
        this.#dismiss(conn);
        return added;
      }
    }
    this.handler.onAccept(conn);
    if (isTried) {
      conn.flags |= READABLE;
      const { bytesReceived } = this.counters;
      if (wantsToReceive(conn.flags)) this.#take(conn);
      this.#firstReceive.ended(this.counters.bytesReceived > bytesReceived);
    }
    return 0;
  }

  /** From now on events tell of the connections that have been received from at once, and are still there. */
  #watchFresh(): void {
    while (this.#freshCount > 0) {
      const conn = this.#fresh[--this.#freshCount]!;
      if ((conn.flags & CLOSED) !== 0) continue;
      const added = this.#events.add(conn.fd, SOCKET_INTEREST, conn.slot, conn.generation);
      if (added === 0) continue;
      const listener = this.listeners.find(({ closing }) => !closing);
      if (listener !== undefined) this.acceptFailed(listener, -added);
      conn.fail(-added);
    }
  }

  /** Takes back what `admit` did, for a connection that the handler has not heard of. */
  #dismiss(conn: EpollConnection): void {
    this.table.remove(conn);
    this.counters.accepted--;
    this.ledger?.drop(conn.fd);
    closeFd(conn.fd);
  }

  // Deadlines

  /** One absolute timer for the earliest deadline. One that is armed too early fires for nothing and is set anew. */
  #armTimer(waitEndMs = Number.POSITIVE_INFINITY): void {
    const dueMs = Math.min(this.dueMs, waitEndMs);
    if (dueMs >= this.#armedMs) return;
    check(timerfdSettime(this.#timerFd, dueMs + this.clockOffsetMs), 'timerfd_settime');
    this.#armedMs = dueMs;
  }
}
