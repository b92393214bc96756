/**
 * What engines that own descriptors have in common: the table of connections, the list of those that
 * have wishes, deadlines, listeners and their pauses, and when a turn runs. How bytes move and how the
 * kernel wakes the thread is each engine's own, in `runTurn` and what it calls.
 *
 * A turn runs when the kernel has news (the engine hands `turn` to its Wakeup), and at the end of the
 * microtasks of whoever called a connection outside of a turn. One never begins inside another.
 * How long one may take, and when the next must leave libuv its own, is for TurnTime to say.
 */
import { assert } from '../../base/assert.ts';
import { TimingWheel } from '../../base/timing-wheel.ts';
import { SO_ERROR, SOL_SOCKET } from '../../sys/abi/socket.ts';
import { ERRNO, sysError } from '../../sys/errno.ts';
import { closeFd, discardReceived, getsockoptInt } from '../../sys/socket.ts';
import type { Wakeup } from '../../sys/wakeup.ts';
import {
  type ConnectTarget,
  DEADLINE_TICK_MS,
  type Engine,
  type EngineHandler,
  type EngineName,
  type EngineOptions,
  type EngineStats,
  emptyEngineStats,
  type ListenAddress,
  type Listener,
} from '../engine.ts';
import { AcceptFailures } from './accept-errors.ts';
import { ConnectingSockets } from './connecting-socket.ts';
import {
  CLOSED,
  CLOSING,
  CONNECTING,
  type ConnectionOwner,
  type DescriptorConnection,
  RECEIVE_ENDED,
  TOUCHED,
} from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { GivenMemory } from './given-memory.ts';
import { Handoff } from './handoff.ts';
import { DescriptorLedger } from './ledger.ts';
import { AcceptRest, type DescriptorListener } from './listener.ts';
import { type Lookup, openListener } from './listening-socket.ts';
import { SendPool } from './send-pool.ts';
import { Touched } from './touched.ts';
import { TurnSchedule } from './turn-schedule.ts';
import { TurnTime } from './turn-time.ts';
import type { WindowReads } from './window-reads.ts';

/** So many deadlines are told in each turn, even in one that has no time left: one costs some microseconds. */
const EXPIRED_AT_LEAST = 1000;
/** What is read and dropped before a close, at most: a peer that sends without end is not waited for. */
const DISCARDED_MAX_BYTES = 1024 * 1024;

/** Comes from a module that is loaded when there is a name to look up. */
const lookUp: Lookup = (hostname, options) =>
  process.getBuiltinModule('node:dns/promises').lookup(hostname, options);

export abstract class DescriptorEngine<C extends DescriptorConnection> implements Engine<C>, ConnectionOwner {
  abstract readonly name: EngineName;
  readonly sendPool = new SendPool();
  protected abstract readonly wakeup: Wakeup;
  protected readonly handler: EngineHandler<C>;
  protected readonly options: EngineOptions<C>;
  protected readonly table = new ConnectionTable<C>();
  protected readonly listeners: DescriptorListener[] = [];
  protected readonly touched = new Touched<C>();
  isInTurn = false;
  /** The clock's reading for this turn. */
  protected turnMs = performance.now();
  protected readonly time = new TurnTime();
  /** When the wheel must be looked at, or the moment of `wakeAt` comes. */
  protected dueMs = Number.POSITIVE_INFINITY;
  #wakeMs = Number.POSITIVE_INFINITY;
  #expiredCount = 0;
  /** CLOCK_MONOTONIC minus performance.now(), in ms. */
  protected readonly clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  protected released = false;
  readonly counters: EngineStats = emptyEngineStats();
  readonly given = new GivenMemory();
  /** Windows of files that are being read. */
  protected abstract readonly reads: WindowReads;
  readonly #connectingSockets = new ConnectingSockets();
  readonly #wheel = new TimingWheel(DEADLINE_TICK_MS, this.turnMs);
  readonly #schedule = new TurnSchedule(this.time, (isChained) => this.#takeTurn(isChained));
  #held = false;
  #handoff: Handoff | undefined;
  readonly #acceptRest: AcceptRest<C>;
  /** Where another thread closes what this one leaves open. */
  protected readonly ledger: DescriptorLedger | undefined;
  #closing: Promise<void> | undefined;
  #onAllGone: (() => void) | undefined;

  constructor(options: EngineOptions<C>) {
    this.options = options;
    if (options.ledger !== undefined) this.ledger = new DescriptorLedger(options.ledger);
    if (options.handoff !== undefined)
      this.#handoff = new Handoff(options.handoff.buffer, options.handoff.thread);
    this.handler = options.handler;
    this.#acceptRest = new AcceptRest({
      listeners: this.listeners,
      ledger: this.ledger,
      handler: this.handler,
      counters: this.counters,
      schedule: () => this.schedule(),
    });
  }

  /** Moves bytes: hands over what has arrived, sends what was written, prepares for sleep. */
  protected abstract runTurn(): void;
  /**
   * Called after each turn, also after one that threw: prepares for sleep, or calls `again` where there is work
   * that nothing will wake us for.
   */
  protected abstract endTurn(): void;
  /** Begins the life of a connection with `fd`. @returns 0, or a negative errno, and `fd` is closed then */
  protected abstract welcome(fd: number): number;
  protected abstract makeConnection(slot: number, generation: number, fd: number): C;
  /** A connection has been begun: `connectCame` is to be called when its socket is writable. @returns 0, or a negative errno */
  protected abstract watchConnecting(conn: C): number;
  /** A listener has been opened: the next turn accepts from it. @throws SysError */
  protected abstract watchListener(listener: DescriptorListener, index: number): void;
  /** Releases all that belongs to the engine and not to one connection or listener. */
  protected abstract release(): void;
  /** Connections that the kernel has accepted for this thread and of which it has not heard; it owns them now. */
  protected takeUnread(): number[] {
    return [];
  }
  /** Releases what else holds on to descriptors, without order, at the end of the thread. */
  protected abstract releaseHolds(): void;

  // Engine

  get nowMs(): number {
    return this.isInTurn ? this.turnMs : performance.now();
  }

  get arrivalMs(): number {
    return this.nowMs;
  }

  get connectionCount(): number {
    return this.table.count;
  }

  async listen(address: ListenAddress): Promise<Listener> {
    assert(this.#closing === undefined, 'listen on a closed engine');
    const socket = await openListener(address, this.options, lookUp);
    const listener: DescriptorListener = {
      socket,
      armed: false,
      closing: false,
      onStopped: undefined,
      paused: false,
      held: this.#held,
      looksNow: false,
      cancelling: false,
      failures: new AcceptFailures(),
    };
    try {
      this.watchListener(listener, this.listeners.length);
    } catch (error) {
      socket.close();
      throw error;
    }
    this.listeners.push(listener);
    if ('fd' in address) this.ledger?.hold(socket.fd);
    else this.ledger?.holdSocket(socket.fd);
    this.#handoff?.join(this.wakeup.eventFd);
    this.#acceptRest.begin();
    this.schedule();
    let stopped: Promise<void> | undefined;
    return {
      address: socket.address,
      close: () => {
        listener.closing = true;
        if (this.listeners.every((each) => each.closing)) this.#handoff?.leave();
        stopped ??= new Promise((resolve) => {
          listener.onStopped = resolve;
          if (this.released) resolve();
          else this.schedule();
        });
        return stopped;
      },
      lookNow: () => {
        listener.looksNow = true;
        if (!this.released) this.schedule();
      },
    };
  }

  connect(target: ConnectTarget): C {
    assert(this.#closing === undefined && !this.released, 'connect on a closed engine');
    const fd = this.#connectingSockets.open(target);
    const result = this.#connectingSockets.begin(fd, target);
    const conn = this.table.add((slot, generation) => this.makeConnection(slot, generation, fd));
    const refusal = conn === undefined ? -ERRNO.ENFILE : this.watchConnecting(conn);
    if (conn === undefined || refusal < 0) {
      if (conn !== undefined) this.table.remove(conn);
      closeFd(fd);
      throw sysError('connect', refusal, 'the engine has no room for it');
    }
    conn.flags |= CONNECTING;
    this.ledger?.holdSocket(fd);
    if (result < 0 && result !== -ERRNO.EINPROGRESS) this.connectFailed(conn, -result);
    else this.touch(conn);
    return conn;
  }

  pauseAccepting(): void {
    this.#hold(true);
  }

  resumeAccepting(): void {
    this.#hold(false);
  }

  #hold(held: boolean): void {
    if (this.#held === held || this.released) return;
    this.#held = held;
    for (const listener of this.listeners) listener.held = held;
    this.schedule();
  }

  connections(): IterableIterator<C> {
    return this.table[Symbol.iterator]();
  }

  stats(): EngineStats {
    return { ...this.counters, open: this.table.count };
  }

  ref(): void {
    this.wakeup.ref();
  }

  unref(): void {
    this.wakeup.unref();
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#onAllGone = resolve;
      for (const listener of this.listeners) listener.closing = true;
      this.#handoff?.leave();
      for (const conn of this.table) conn.reset('engine-closed');
      this.schedule();
    });
    return this.#closing;
  }

  releaseNow(): void {
    if (this.released) return;
    this.released = true;
    // This comes first: from now on no thread may give a connection to this one, which would not take it.
    this.#handoff?.abandon();
    for (const fd of this.takeUnread()) if (this.#handoff?.giveOn(fd) !== true) closeFd(fd);
    this.releaseHolds();
    this.#acceptRest.release();
    for (const conn of this.table) {
      this.ledger?.drop(conn.fd);
      closeFd(conn.fd);
    }
    for (const listener of this.listeners) this.#closeSocket(listener);
  }

  /** A tick of the wheel would be too coarse for this moment. The timer behind the wheel is fine enough, and is armed for both. */
  wakeAt(atMs: number): void {
    this.#wakeMs = atMs;
    if (atMs < this.dueMs) {
      this.dueMs = atMs;
      if (!this.isInTurn) this.schedule();
    }
  }

  // ConnectionOwner

  /** @hot */
  touch(conn: C): void {
    if ((conn.flags & TOUCHED) !== 0) return;
    this.touched.add(conn);
    if (!this.isInTurn) this.schedule();
  }

  /** @hot */
  setDeadline(slot: number, atMs: number): void {
    this.#wheel.set(slot, atMs);
    if (atMs < this.dueMs) {
      this.dueMs = atMs;
      if (!this.isInTurn) this.schedule();
    }
  }

  // Turns

  /** A turn soon: see TurnSchedule. */
  protected schedule(): void {
    if (!this.isInTurn) this.#schedule.soon();
  }

  /** Work is left: come back soon, but let the event loop run first. */
  protected again(): void {
    this.#schedule.later();
  }

  /**
   * The turn ends with work left. Where it has asked handlers that answer by promises it goes on as soon as these have
   * run, for their answers to leave before others are heard; else behind the event loop.
   */
  protected goOnLater(): void {
    if (this.#waitsForPromises) this.#schedule.behindPromises();
    else this.#schedule.later();
  }

  get #waitsForPromises(): boolean {
    return this.time.hasUnanswered && this.handler.hasOpenWork === true;
  }

  /** The kernel has news. A turn that was scheduled before stays scheduled: if it were forgotten, a second one would be added. */
  protected readonly turn = (): void => {
    this.#takeTurn(false);
  };

  #takeTurn(isChained: boolean): void {
    if (this.released || this.isInTurn) return;
    this.isInTurn = true;
    this.counters.turns++;
    this.turnMs = performance.now();
    if (isChained) this.time.beginChained(this.turnMs);
    else this.time.begin(this.turnMs);
    let isWhole = false;
    try {
      if (this.#handoff?.hasWaiting === true) this.#welcomeGiven(this.#handoff);
      this.runTurn();
      isWhole = true;
    } finally {
      this.isInTurn = false;
      // A callback that threw has left work behind that nothing will wake us for.
      if (!isWhole) this.again();
      this.endTurn();
    }
    for (const listener of this.listeners)
      if (listener.onStopped !== undefined && !listener.armed) this.#stopped(listener);
    if (this.#onAllGone !== undefined) this.#finishIfAllGone();
  }

  /** Whether another turn is on its way. */
  protected get isScheduled(): boolean {
    return this.#schedule.isPending;
  }

  /** The kernel is to be asked for news now. @returns false when the turn has had its time. @hot */
  protected mayLook(): boolean {
    this.turnMs = performance.now();
    return !this.#waitsForPromises && this.time.mayLook(this.turnMs);
  }

  get shouldYield(): boolean {
    return this.time.shouldYield;
  }

  /** Nothing can be accepted from `listener` any more. */
  #stopped(listener: DescriptorListener): void {
    this.#closeSocket(listener);
    listener.onStopped?.();
    listener.onStopped = undefined;
  }

  #closeSocket({ socket }: DescriptorListener): void {
    this.ledger?.drop(socket.fd);
    socket.close();
  }

  /** Calls `onWake` and `onDeadline` where it is time, once `dueMs` has come. */
  protected expire(): void {
    if (this.turnMs >= this.#wakeMs) {
      this.#wakeMs = Number.POSITIVE_INFINITY;
      this.handler.onWake?.();
    }
    this.#expiredCount = 0;
    try {
      this.#wheel.advance(this.turnMs, this.#onExpired);
    } finally {
      this.dueMs = Math.min(this.#wheel.nextMs(), this.#wakeMs);
    }
  }

  /** @returns whether to leave the rest to a later turn */
  readonly #onExpired = (slot: number): boolean => {
    const conn = this.table.at(slot);
    if (conn !== undefined && (conn.flags & CLOSED) === 0) this.handler.onDeadline(conn);
    return ++this.#expiredCount >= EXPIRED_AT_LEAST && this.time.isWhollySpent();
  };

  // Beginnings and ends

  /**
   * Takes an accepted descriptor into the table; the caller then tells the handler.
   * @returns undefined when the engine is closing or has no slot left: the descriptor is closed then
   */
  protected admit(fd: number): C | undefined {
    // A listener that is closing still hands over what the kernel had accepted before it learnt of that.
    const conn =
      this.#closing !== undefined
        ? undefined
        : this.table.add((slot, generation) => this.makeConnection(slot, generation, fd));
    if (conn === undefined) closeFd(fd);
    else {
      this.ledger?.holdSocket(fd);
      this.counters.accepted++;
      this.#handoff?.report(this.table.count);
    }
    return conn;
  }

  /** @returns true when another thread has fewer connections and has been given this one */
  protected giveAway(fd: number): boolean {
    return this.#handoff?.tryGive(fd, this.table.count) === true;
  }

  #welcomeGiven(handoff: Handoff): void {
    for (let fd = handoff.take(); fd !== -1; fd = handoff.take()) this.welcome(fd);
  }

  /** The socket of a connection that is being made can be written to, or has failed. */
  protected connectCame(conn: C, hasFailed: boolean): void {
    // An error that came later is found behind the last byte.
    const errno = hasFailed ? getsockoptInt(conn.fd, SOL_SOCKET, SO_ERROR) : 0;
    if (errno !== 0) {
      this.connectFailed(conn, errno);
      return;
    }
    conn.flags &= ~CONNECTING;
    this.counters.connected++;
    this.touch(conn);
    if ((conn.flags & CLOSING) === 0) this.handler.onConnect?.(conn);
  }

  protected connectFailed(conn: C, errno: number): void {
    if ((conn.flags & CLOSING) === 0) this.counters.connectFailures++;
    conn.fail(errno);
  }

  /**
   * Before close(2): with bytes unread the kernel sends RST and drops what it has not sent yet (RFC 2525 §2.17). A socket
   * that a receive has emptied in this very turn is not looked at again, which saves one system call in four where a
   * connection ends with its first answer.
   */
  protected discardUnread(conn: C): void {
    if ((conn.flags & RECEIVE_ENDED) === 0 && conn.emptiedTurn !== this.counters.turns)
      this.counters.bytesReceived += discardReceived(conn.fd, DISCARDED_MAX_BYTES);
  }

  /** The last step: the slot and the memory of `conn` are free. Its descriptor has been dealt with. */
  protected retire(conn: C): void {
    conn.dropUnsent();
    conn.flags |= CLOSED;
    this.#wheel.remove(conn.slot);
    this.table.remove(conn);
    this.counters.closed++;
    this.#handoff?.report(this.table.count);
    this.#acceptRest.closed();
    this.handler.onClosed(conn, conn.reason);
  }

  /**
   * An accept failed, or what follows one.
   * @param errno positive
   * @returns whether accepting from `listener` rests now
   */
  protected acceptFailed(listener: DescriptorListener, errno: number): boolean {
    return this.#acceptRest.failed(listener, errno);
  }

  #finishIfAllGone(): void {
    if (this.table.count > 0 || this.reads.underWay > 0 || this.listeners.some((listener) => listener.armed))
      return;
    const resolve = this.#onAllGone!;
    this.#onAllGone = undefined;
    this.released = true;
    this.#acceptRest.release();
    for (const listener of this.listeners) this.#stopped(listener);
    this.#handoff?.abandon();
    this.wakeup.close();
    this.release();
    this.sendPool.release();
    this.#connectingSockets.release();
    resolve();
  }
}
