/**
 * The engine of the simulator: the contract of `engine.ts` over a `SimNetwork`, with no kernel, no timer
 * and no descriptor. It takes its turns when the network says so, late if the faults want it, and is as
 * unkind as the contract allows: pieces of any size, sends that complete late or in part, deadlines
 * before or after data, closes that take their time, slots that are used again at once.
 *
 * It holds its own promises by assertion: no callback within a callback, none after `onClosed`, and what
 * was lent during `onReceive` is overwritten right after.
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
import type { FileProgress } from '../file-progress.ts';
import { type AcceptOwner, SimAccepting } from './accepting.ts';
import { SimConnection, type SimConnectionOwner } from './connection.ts';
import { fileBytes } from './file-sending.ts';
import type { SimLink } from './link.ts';
import type { NetworkServer, SimNetwork } from './network.ts';

const RECEIVE_BUFFER_BYTES = 16 * 1024;
/** Reads of one connection in one turn, so that no other waits long. */
const READS_PER_TURN_MAX = 4;
const CONNECTIONS_MAX = 1 << 16;
/** What the lent memory is overwritten with. */
const POISON = 0xee;
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
  readonly #receiveBuffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
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
    this.#readAll();
    if (!deadlinesFirst) this.#advance();
    this.#tellClosed();
    if (this.#handler.onSending !== undefined) this.#call(() => this.#handler.onSending!());
    this.#flush();
    this.#latenessMs = 0;
    const nextMs = this.#wheel.nextMs();
    if (nextMs !== NEVER) this.wake(nextMs);
    if (this.#ready.length > 0 || this.#owedClosed.length > 0) this.wake(this.nowMs);
  }

  // AcceptOwner

  acceptPaused(error: SysError | undefined): void {
    this.#call(() => this.#handler.onAcceptPaused?.(error));
  }

  accepted(link: SimLink): void {
    const slot = this.#slab.allocate();
    assert(slot !== NO_SLOT, 'the simulator has slots enough');
    const conn = new SimConnection(this, slot, this.#slab.generationOf(slot), link);
    this.#connections[slot] = conn;
    link.server = conn;
    link.watchDeadPeer(this.#deadPeerMs);
    this.#stats.accepted++;
    this.network.trace?.(`peer ${link.id}: accepted in slot ${slot}`);
    this.#call(() => this.#handler.onAccept(conn));
    if (link.pendingFailure !== undefined) conn.failed(link.pendingFailure);
    else if (conn.hasNews && !conn.isReadingPaused) this.ready(conn);
  }

  /** Hands over what has arrived, connection by connection, in any order. */
  #readAll(): void {
    const ready = this.#ready;
    this.#ready = [];
    const { random, faults, injected } = this.network;
    for (let left = ready.length; left > 0; left--) {
      const at = random.int(left);
      const conn = ready[at]!;
      ready[at] = ready[left - 1]!;
      conn.isReady = false;
      if (!conn.isOpen) continue;
      if (faults.receiveExhaustion > 0 && random.chance(faults.receiveExhaustion)) {
        injected.receiveExhaustions++;
        this.#stats.receiveBufferExhaustions++;
        this.ready(conn);
      } else this.#read(conn);
    }
  }

  #read(conn: SimConnection): void {
    const { up } = conn.link;
    for (let reads = 0; up.received.length > 0; reads++) {
      if (conn.isClosing || conn.isReadingPaused) break;
      if (reads === READS_PER_TURN_MAX) {
        this.ready(conn);
        return;
      }
      this.#receive(conn);
    }
    if (conn.isClosing) up.discardReceived();
    if (conn.failure !== undefined && (conn.isClosing || conn.isReadingPaused || up.received.length === 0)) {
      this.#fail(conn, conn.failure);
      return;
    }
    if (conn.drainDue) {
      conn.drainDue = false;
      if (!conn.isClosing && conn.unsent.length === 0) this.#call(() => this.#handler.onDrained(conn));
    }
    if (conn.isPeerEndNews) {
      conn.peerEndSeenTold = true;
      this.network.trace?.(`peer ${conn.link.id}: server learns of FIN that it does not read`);
      this.#call(() => this.#handler.onPeerEndSeen?.(conn));
    }
    const hasEnded = up.finArrived && up.received.length === 0;
    if (hasEnded && !conn.peerEndTold && !conn.isClosing && !conn.isReadingPaused) {
      conn.peerEndTold = true;
      this.network.trace?.(`peer ${conn.link.id}: server sees FIN`);
      this.#call(() => this.#handler.onPeerEnd(conn));
    }
  }

  #receive(conn: SimConnection): void {
    const { random, faults, injected } = this.network;
    const { up } = conn.link;
    const buffer = this.#receiveBuffer;
    const start = random.int(64);
    let size = Math.min(up.received.length, buffer.length - start);
    if (size > 1 && faults.shortReceive > 0 && random.chance(faults.shortReceive)) {
      injected.shortReceives++;
      size = random.between(1, size - 1);
    }
    up.take(buffer, start, size);
    this.#stats.bytesReceived += size;
    this.network.trace?.(
      `peer ${conn.link.id}: server receives ${size} bytes${shown(this.network, buffer, start, size)}`,
    );
    this.#call(() => this.#handler.onReceive(conn, buffer, start, start + size));
    buffer.fill(POISON, start, start + size);
  }

  #advance(): void {
    this.#wheel.advance(this.nowMs, (slot) => {
      const conn = this.#connections[slot];
      assert(conn?.isOpen === true, 'a deadline outlived its connection');
      if (conn.isReleased) return;
      this.network.trace?.(`peer ${conn.link.id}: deadline`);
      this.#call(() => this.#handler.onDeadline(conn));
    });
  }

  /** Sends what was written, shuts down and closes what was asked for. */
  #flush(): void {
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
    const { random, faults, injected } = this.network;
    const { down } = conn.link;
    if (conn.unsent.length > 0 && !conn.isSendHeld) {
      if (faults.ringFull > 0 && random.chance(faults.ringFull)) {
        injected.ringsFull++;
        this.#stats.submissionQueueFull++;
        this.#hold(conn);
      } else if (faults.lateSend > 0 && random.chance(faults.lateSend)) {
        injected.lateSends++;
        this.#hold(conn);
      } else {
        const file = conn.unsent.file;
        const next = file === undefined ? conn.unsent.byteCount : file.end - file.at;
        let size = Math.min(next, down.room);
        if (size > 1 && faults.shortWrite > 0 && random.chance(faults.shortWrite)) {
          injected.shortWrites++;
          size = random.between(1, size - 1);
          this.#hold(conn);
        }
        if (size > 0) this.#give(conn, size, file);
      }
    }
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

  /** The kernel takes `size` bytes of what comes next, or fewer of a file. */
  #give(conn: SimConnection, size: number, file: FileProgress | undefined): void {
    const { unsent, link } = conn;
    const bytes =
      file === undefined
        ? unsent.take(size)
        : fileBytes(this.network, conn, file, size, () => this.touch(conn));
    if (bytes === undefined) return;
    this.#stats.bytesSent += bytes.length;
    this.network.trace?.(`peer ${link.id}: kernel takes ${bytes.length} bytes`);
    if (file !== undefined) unsent.tookFromFile(bytes.length);
    link.down.send(bytes);
    // Something else may follow, and there may be room.
    if (unsent.length > 0 && link.down.room > 0) this.touch(conn);
  }

  /** The send completes in a later turn, or its rest is submitted then. */
  #hold(conn: SimConnection): void {
    conn.isSendHeld = true;
    const { random } = this.network;
    this.network.after(random.nextUnit() * 2, () => {
      conn.isSendHeld = false;
      if (!conn.isOpen || conn.isReleased) return;
      this.touch(conn);
    });
  }

  #abort(conn: SimConnection): void {
    conn.unsent.clear();
    this.network.trace?.(`peer ${conn.link.id}: RST leaves (${conn.reason})`);
    if (!conn.link.up.isBroken) conn.link.resetToPeer();
    this.#release(conn);
  }

  #fail(conn: SimConnection, failure: 'peer-reset' | 'peer-dead'): void {
    if (conn.isReleased) return;
    conn.errorCode = failure === 'peer-reset' ? 'ECONNRESET' : 'ETIMEDOUT';
    if (!conn.isClosing) conn.reason = failure;
    conn.isClosing = true;
    conn.unsent.clear();
    if (failure === 'peer-dead') conn.link.down.break();
    this.#release(conn);
  }

  /** The descriptor is closed; the news of it may take its time. */
  #release(conn: SimConnection): void {
    const { random, faults, injected } = this.network;
    conn.isReleased = true;
    conn.link.releasedByServer();
    const delayMs = faults.closeDelayMsMax > 0 ? random.nextUnit() * faults.closeDelayMsMax : 0;
    if (delayMs > 0) injected.lateCloses++;
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
      this.#call(() => this.#handler.onClosed(conn, conn.reason));
    }
    if (this.#resolveClosed !== undefined && this.connectionCount === 0) this.#resolveClosed();
  }

  #call(callback: () => void): void {
    assert(!this.#isInCallback, 'a callback within a callback');
    this.#isInCallback = true;
    try {
      callback();
    } finally {
      this.#isInCallback = false;
    }
  }
}

/** The beginning of what was received, when somebody reads along. */
function shown(network: SimNetwork, bytes: Uint8Array, start: number, size: number): string {
  if (network.trace === undefined) return '';
  return ` ${JSON.stringify(String.fromCharCode(...bytes.subarray(start, start + Math.min(size, 60))))}`;
}
