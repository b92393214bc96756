/**
 * The engine of the simulator: the contract of `engine.ts` over a `SimNetwork`, with no kernel, no timer
 * and no descriptor. It takes its turns when the network says so, late if the faults want it, and is as
 * unkind as the contract allows: pieces of any size, sends that complete late or in part, deadlines
 * before or after data, closes that take their time, slots that are used again at once.
 *
 * It holds its own promises by assertion: no callback within a callback, none after `onClosed`.
 */
import { assert } from '../../base/assert.ts';
import { type SysError, UnavailableError } from '../../base/errors.ts';
import { NO_SLOT, Slab } from '../../base/slab.ts';
import { TimingWheel } from '../../base/timing-wheel.ts';
import {
  DEADLINE_TICK_MS,
  type Engine,
  type EngineHandler,
  type EngineOptions,
  type EngineStats,
  emptyEngineStats,
  type ListenAddress,
  type Listener,
} from '../engine.ts';
import { type AcceptOwner, SimAccepting } from './accepting.ts';
import { SimConnection, type SimConnectionOwner } from './connection.ts';
import type { Failure } from './kernel-errors.ts';
import type { SimLink } from './link.ts';
import type { NetworkServer, SimNetwork } from './network.ts';
import { SimReceiving } from './receiving.ts';
import { SimSending } from './sending.ts';

const CONNECTIONS_MAX = 1 << 16;
const NEVER = Number.POSITIVE_INFINITY;

export class SimEngine implements Engine<SimConnection>, NetworkServer, SimConnectionOwner, AcceptOwner {
  readonly name = 'sim';
  readonly network: SimNetwork;
  readonly #handler: EngineHandler<SimConnection>;
  readonly #deadPeerMs: number;
  readonly #slab = new Slab(CONNECTIONS_MAX);
  readonly #wheel: TimingWheel;
  readonly #connections: (SimConnection | undefined)[] = [];
  readonly #accepting: SimAccepting;
  readonly #receiving: SimReceiving;
  readonly #sending: SimSending;
  readonly #stats: EngineStats = emptyEngineStats();
  #touched: SimConnection[] = [];
  #ready: SimConnection[] = [];
  #owedClosed: SimConnection[] = [];
  /** The moment of the turn that is asked for, and of the one that was wanted first. */
  #turnAtMs = NEVER;
  #wantedMs = NEVER;
  /** Counts the turns that were asked for: an event for a turn that was moved is stale. */
  #turnTicket = 0;
  #isInCallback = false;
  #latenessMs = 0;
  #closing: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;

  constructor(network: SimNetwork, options: EngineOptions<SimConnection>) {
    this.network = network;
    this.#handler = options.handler;
    const { keepAlive } = options;
    this.#deadPeerMs =
      keepAlive === undefined
        ? NEVER
        : (keepAlive.idleSeconds + keepAlive.intervalSeconds * keepAlive.probes) * 1000;
    this.#wheel = new TimingWheel(DEADLINE_TICK_MS, network.nowMs);
    this.#accepting = new SimAccepting(network, this);
    this.#receiving = new SimReceiving(network, this.#handler, this.#stats, this);
    this.#sending = new SimSending(network, this.#stats, this);
    network.attach(this);
  }

  /** Nothing happens within a turn, so the clock's reading is the turn's. */
  get nowMs(): number {
    return this.network.nowMs;
  }

  /** Nothing arrives in a turn. */
  get arrivalMs(): number {
    return this.network.nowMs;
  }

  /** Nothing takes time. */
  get isInTurn(): boolean {
    return true;
  }

  /** No time passes in a turn. */
  get shouldYield(): boolean {
    return false;
  }

  get connectionCount(): number {
    return this.#slab.usedCount;
  }

  /** How long after the moment that asked for it the present turn came. */
  get turnLatenessMs(): number {
    return this.#latenessMs;
  }

  /** Deadlines that are held: 0 when no connection is open, or something leaks. */
  get linkedDeadlines(): number {
    return this.#wheel.linkedCount;
  }

  async listen(address: ListenAddress): Promise<Listener> {
    assert(this.#closing === undefined, 'listen after close');
    return this.#accepting.listen(address);
  }

  /** The network brings its own clients. */
  connect(): never {
    throw new UnavailableError('the simulated engine only accepts: its clients belong to the network');
  }

  *connections(): IterableIterator<SimConnection> {
    for (let slot = 0; slot < this.#slab.slotEnd; slot++) {
      const conn = this.#connections[slot];
      if (conn?.isOpen === true) yield conn;
    }
  }

  pauseAccepting(): void {
    this.#accepting.stop();
  }

  resumeAccepting(): void {
    this.#accepting.resume();
  }

  stats(): EngineStats {
    return { ...this.#stats, open: this.connectionCount, acceptPauses: this.#accepting.pauses };
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#resolveClosed = resolve;
      this.#accepting.close();
      for (const conn of this.connections()) {
        // One whose close waits for its peer keeps the reason that it has.
        if (!conn.isClosing) conn.reason = 'engine-closed';
        conn.isClosing = true;
        conn.isAborting = true;
        this.touch(conn);
      }
      this.wake(this.nowMs);
    });
    return this.#closing;
  }

  releaseNow(): void {
    this.#accepting.close();
  }

  ref(): void {}
  unref(): void {}

  // NetworkServer

  arrive(link: SimLink, port: number): boolean {
    return this.#accepting.arrive(link, port);
  }

  settle(): void {
    if (this.#touched.length > 0) this.#flush();
  }

  // SimConnectionOwner

  touch(conn: SimConnection): void {
    if (conn.isTouched) return;
    conn.isTouched = true;
    this.#touched.push(conn);
  }

  ready(conn: SimConnection): void {
    if (!conn.isReady) {
      conn.isReady = true;
      this.#ready.push(conn);
    }
    this.wake(this.nowMs);
  }

  setDeadline(slot: number, atMs: number): void {
    this.#wheel.set(slot, atMs);
    const nextMs = this.#wheel.nextMs();
    if (nextMs < this.#wantedMs) this.wake(nextMs);
  }

  // Turns.

  /** Asks for a turn at `atMs`; one that is asked for sooner stays. */
  wake(atMs: number): void {
    if (atMs >= this.#wantedMs) return;
    const { random, faults, injected } = this.network;
    this.#wantedMs = Math.max(atMs, this.nowMs);
    let turnAtMs = this.#wantedMs;
    if (faults.turnDelay > 0 && random.chance(faults.turnDelay)) {
      injected.turnDelays++;
      const delayMs = random.nextUnit() * faults.turnDelayMsMax;
      this.network.delayMsMax = Math.max(this.network.delayMsMax, delayMs);
      turnAtMs += delayMs;
    }
    if (turnAtMs >= this.#turnAtMs) return; // The turn that is under way comes first; it only counts as later.
    this.#turnAtMs = turnAtMs;
    const ticket = ++this.#turnTicket;
    this.network.at(turnAtMs, {
      fire: () => {
        if (ticket === this.#turnTicket) this.#turn();
      },
    });
  }

  #turn(): void {
    const { random, faults } = this.network;
    if (faults.clockJump > 0 && random.chance(faults.clockJump)) {
      this.network.jump(random.nextUnit() * faults.clockJumpMsMax);
    }
    this.#latenessMs = this.nowMs - this.#wantedMs;
    this.#turnAtMs = NEVER;
    this.#wantedMs = NEVER;
    this.#stats.turns++;
    const deadlinesFirst = faults.deadlinesFirst > 0 && random.chance(faults.deadlinesFirst);
    if (deadlinesFirst) this.#advance();
    this.#accepting.acceptAll();
    const ready = this.#ready;
    this.#ready = [];
    this.#receiving.readAll(ready);
    if (!deadlinesFirst) this.#advance();
    this.#tellClosed();
    this.#flush();
    this.#latenessMs = 0;
    const nextMs = this.#wheel.nextMs();
    if (nextMs !== NEVER) this.wake(nextMs);
    if (this.#ready.length > 0 || this.#owedClosed.length > 0) this.wake(this.nowMs);
  }

  // AcceptOwner

  acceptPaused(error: SysError | undefined): void {
    this.call(() => this.#handler.onAcceptPaused?.(error));
  }

  accepted(link: SimLink): void {
    const slot = this.#slab.allocate();
    assert(slot !== NO_SLOT, 'the simulator has slots enough');
    const conn = new SimConnection(this, slot, this.#slab.generationOf(slot), link);
    this.#connections[slot] = conn;
    link.server = conn;
    link.watchDeadPeer(this.#deadPeerMs);
    const { random, faults, injected } = this.network;
    if (faults.addressFailure > 0 && random.chance(faults.addressFailure)) {
      injected.missingAddresses++;
      conn.hasAddress = false;
    }
    this.#stats.accepted++;
    this.network.trace?.(`peer ${link.id}: accepted in slot ${slot}`);
    this.call(() => this.#handler.onAccept(conn));
    if (link.pendingFailure !== undefined) conn.failed(link.pendingFailure);
    else if (conn.hasNews && !conn.isReadingPaused) this.ready(conn);
  }

  #advance(): void {
    this.#wheel.advance(this.nowMs, (slot) => {
      const conn = this.#connections[slot];
      assert(conn?.isOpen === true, 'a deadline outlived its connection');
      if (conn.isReleased) return;
      this.network.trace?.(`peer ${conn.link.id}: deadline`);
      this.call(() => this.#handler.onDeadline(conn));
    });
  }

  /** Sends what was written, shuts down and closes what was asked for. */
  #flush(): void {
    if (this.#handler.onSending !== undefined) this.call(() => this.#handler.onSending!());
    const touched = this.#touched;
    this.#touched = [];
    for (const conn of touched) {
      conn.isTouched = false;
      if (conn.isReleased || !conn.isOpen) continue;
      if (conn.isAborting) this.#abort(conn);
      else this.#send(conn);
    }
  }

  #send(conn: SimConnection): void {
    const { down } = conn.link;
    if (!conn.hasSendFailed) this.#sending.send(conn);
    // Receiving comes to its end first, and then it is closed.
    if (conn.hasSendFailed) return;
    if (conn.unsent.length > 0) {
      // A link that is broken takes nothing: its failure is on the way.
      conn.drainOwed = true;
      return;
    }
    if (conn.drainOwed) {
      conn.drainOwed = false;
      conn.drainDue = true;
      this.ready(conn);
    }
    if (conn.isShutdownWanted && !conn.isShutdownDone) {
      conn.isShutdownDone = true;
      this.network.trace?.(`peer ${conn.link.id}: FIN leaves`);
      down.finish();
    }
    if (conn.isClosing) {
      down.finish();
      this.#release(conn);
    }
  }

  #abort(conn: SimConnection): void {
    conn.unsent.clear();
    this.network.trace?.(`peer ${conn.link.id}: RST leaves (${conn.reason})`);
    if (!conn.link.up.isBroken) conn.link.resetToPeer();
    this.#release(conn);
  }

  // ReceivingOwner

  fail(conn: SimConnection, failure: Failure): void {
    if (conn.isReleased) return;
    if (conn.errorCode === '') conn.errorCode = failure === 'peer-reset' ? 'ECONNRESET' : 'ETIMEDOUT';
    if (!conn.isClosing) conn.reason = failure;
    conn.isClosing = true;
    conn.unsent.clear();
    if (failure === 'peer-dead') conn.link.down.break();
    // What cannot be sent whole is not to pass for whole.
    else if (failure === 'io-error') conn.link.resetToPeer();
    this.#release(conn);
  }

  /** The descriptor is closed; the news of it may take its time. */
  #release(conn: SimConnection): void {
    const { random, faults, injected } = this.network;
    conn.isReleased = true;
    conn.link.releasedByServer();
    const delayMs = faults.closeDelayMsMax > 0 ? random.nextUnit() * faults.closeDelayMsMax : 0;
    if (delayMs > 0) {
      injected.lateCloses++;
      conn.link.strike('lateCloses');
    }
    this.network.after(this.#closing === undefined ? delayMs : 0, () => {
      this.#owedClosed.push(conn);
      this.wake(this.nowMs);
    });
  }

  #tellClosed(): void {
    const owed = this.#owedClosed;
    this.#owedClosed = [];
    for (const conn of owed) {
      assert(conn.isOpen && this.#slab.isCurrent(conn.slot, conn.generation), 'a connection is closed twice');
      this.#wheel.remove(conn.slot);
      this.#slab.release(conn.slot);
      this.#connections[conn.slot] = undefined;
      conn.isOpen = false;
      this.#stats.closed++;
      this.network.trace?.(`peer ${conn.link.id}: closed (${conn.reason})`);
      this.call(() => this.#handler.onClosed(conn, conn.reason));
    }
    if (this.#resolveClosed !== undefined && this.connectionCount === 0) this.#resolveClosed();
  }

  call(callback: () => void): void {
    assert(!this.#isInCallback, 'a callback within a callback');
    this.#isInCallback = true;
    try {
      callback();
    } finally {
      this.#isInCallback = false;
    }
  }
}
