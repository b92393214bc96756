/**
 * The portable engine, on `node:net` and `node:tls`: any system that Node runs on, and the one that
 * speaks TLS. It owns listeners, the table of connections, the turn, and one timer for all deadlines;
 * it knows nothing of what the bytes mean.
 *
 * libuv calls us once for each event of each socket, so a turn here is one such call: the handler runs,
 * then every connection that was written to is flushed. What is written outside of a turn is flushed
 * from `process.nextTick`, which in a promise's continuation runs when the microtask queue is empty.
 *
 * What it cannot do, because libuv does not let it: accepting does not pause when descriptors run out
 * (libuv then accepts each waiting peer with a spare descriptor and closes it at once, so nothing spins
 * and `onAcceptPaused` never comes); keepalive probes have a settable idle time only; a peer that
 * vanishes while data is outstanding costs the kernel's retransmission time; a RST behind bytes may be
 * told as FIN (libuv takes POLLHUP after a partial read for the end), and a RST while nothing is read not
 * at all, so such sockets are probed (unread-probe.ts), unless our FIN has been sent already. A source
 * address that `connect` is given has its port picked when it is bound, before the target is known.
 */
import { createServer, type Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import { UnavailableError } from '../../base/errors.ts';
import {
  type ConnectTarget,
  type Engine,
  type EngineHandler,
  type EngineStats,
  emptyEngineStats,
  type ListenAddress,
  type Listener,
} from '../engine.ts';
import { adopt, canAdopt } from './adopt.ts';
import { beginConnecting } from './connect.ts';
import { NodeConnection } from './connection.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { Listeners, type ListenersOwner } from './listeners.ts';
import type { NodeEngineOptions } from './options.ts';
import { SendArena } from './send-arena.ts';
import { destroySocket, type ResetSocket, resetTcp } from './socket-endings.ts';
import { onConnect, onRead, unwatchSocket, watchSocket } from './socket-events.ts';
import type { NodeTls } from './tls.ts';
import { UnreadProbe } from './unread-probe.ts';

/** Node's own read size; also the most that a connection may hold back while its reading is paused. */
const READ_BUFFER_BYTES = 64 * 1024;

/** How long a turn may keep others waiting before the handler is to yield; other engines look again so often. */
const YIELD_MS = 0.25;

/**
 * In each round of libuv's loop `onDrained` is told within turns for so long; after that it waits for the next round. A
 * round for each piece of a stream costs 5 us; a timer is that much later at most.
 */
const DRAINS_MS = 1;

export async function createNodeEngine(options: NodeEngineOptions): Promise<NodeEngine> {
  if (options.tls === undefined) return new NodeEngine(options, undefined);
  // Loaded only when wanted: the modules of TLS cost start-up time.
  const { NodeTls } = await import('./tls.ts');
  return new NodeEngine(options, new NodeTls(options.tls, options.onError ?? (() => {})));
}

export class NodeEngine implements Engine<NodeConnection>, ConnectionOwner<NodeConnection>, ListenersOwner {
  readonly name = 'node';
  readonly arena = new SendArena();

  readonly #handler: EngineHandler<NodeConnection>;
  readonly #options: NodeEngineOptions;
  readonly tls: NodeTls | undefined;
  readonly #listeners: Listeners;
  readonly #shared = new Uint8Array(READ_BUFFER_BYTES);
  /** What the next read of the connection that was read last fills, where that is not shared. */
  #nextBuffer: Uint8Array | undefined;
  readonly #onRead = {
    buffer: (): Uint8Array => {
      const next = this.#nextBuffer ?? this.#shared;
      this.#nextBuffer = undefined;
      return next;
    },
    callback: onRead,
  };
  /** What is being handed over, where `takeReceived` may give it away. */
  #lent: Uint8Array | undefined;
  /** The layer above would have taken what was in shared memory. */
  #isWanted = false;
  readonly #deadlines: DeadlineTimer;
  readonly #deadlineCame = (slot: number): void => this.#handler.onDeadline(this.#slots[slot]!);
  readonly #unreadProbe = new UnreadProbe();
  readonly #slots: (NodeConnection | undefined)[] = [];
  readonly #freeSlots: number[] = [];

  /** Connections to flush: the first `#touchedCount` entries. */
  readonly #touched: (NodeConnection | undefined)[] = [];
  #touchedCount = 0;
  /** Connections that are owed `onDrained` in the next round. */
  #drained: NodeConnection[] = [];
  /** Until when they are told within turns of this round, or 0 when none was yet. */
  #drainsEndMs = 0;
  #isFlushScheduled = false;
  isInTurn = false;
  /** The clock's reading in this turn; 0 as long as nobody has asked. */
  #turnNowMs = 0;
  /** When whoever asks began, or 0. */
  #turnBeganMs = 0;

  isRefed = true;
  #closing: Promise<void> | undefined = undefined;
  #resolveClosing: (() => void) | undefined = undefined;
  #connectionCount = 0;
  readonly #stats: EngineStats = emptyEngineStats();

  /** Use `createNodeEngine`. */
  constructor(options: NodeEngineOptions, tls: NodeTls | undefined) {
    this.tls = tls;
    this.#handler = options.handler;
    this.#options = options;
    this.#listeners = new Listeners(this, options, tls?.makeServer ?? createServer, READ_BUFFER_BYTES);
    this.#deadlines = new DeadlineTimer(performance.now(), () => this.#expire());
  }

  get nowMs(): number {
    if (!this.isInTurn) return performance.now();
    if (this.#turnNowMs === 0) this.#turnNowMs = performance.now();
    return this.#turnNowMs;
  }

  /** A turn is one event, and the clock is read in it when it is first asked for. */
  get arrivalMs(): number {
    return this.nowMs;
  }

  /** Outside of a turn, counted from the last one in which somebody asked: libuv may have had its own since. */
  get shouldYield(): boolean {
    const now = performance.now();
    if (this.#turnBeganMs === 0) this.#turnBeganMs = now;
    return now - this.#turnBeganMs >= YIELD_MS;
  }

  get connectionCount(): number {
    return this.#connectionCount + this.#listeners.handshakeCount;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  async listen(address: ListenAddress): Promise<Listener> {
    assert(this.#closing === undefined, 'listen on an engine that was closed');
    return this.#listeners.listen(address);
  }

  connect(target: ConnectTarget): NodeConnection {
    assert(this.#closing === undefined, 'connect on an engine that was closed');
    const { sharedReadBuffer, connector } = this.#options;
    const onread = sharedReadBuffer === false || connector !== undefined ? undefined : this.#onRead;
    const tcp = beginConnecting(target, { readBufferBytes: READ_BUFFER_BYTES, onRead: onread });
    const socket = connector?.over(tcp, target) ?? tcp;
    const conn = this.#add(socket, true, 'unix' in target, connector?.reset ?? resetTcp);
    if (connector === undefined) tcp.once('connect', onConnect);
    else connector.watch(socket, tcp, conn);
    watchSocket(socket, conn, onread !== undefined);
    return conn;
  }

  *connections(): IterableIterator<NodeConnection> {
    for (const conn of this.#slots) if (conn !== undefined) yield conn;
  }

  stats(): EngineStats {
    return { ...this.#stats, open: this.connectionCount };
  }

  /** net.Server can stop listening and nothing less. */
  pauseAccepting(): never {
    throw new UnavailableError('the node engine cannot leave connections waiting; let it refuse them');
  }

  resumeAccepting(): void {}

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#resolveClosing = resolve;
      this.#listeners.close();
      for (const conn of this.connections()) conn.reset('engine-closed');
      this.#listeners.endHandshakes();
      this.#resolveIfClosed();
    });
    return this.#closing;
  }

  releaseNow(): void {
    this.#closing ??= Promise.resolve();
    this.#deadlines.stop();
    this.#unreadProbe.stop();
    this.#listeners.close();
    for (const conn of this.connections()) {
      this.#slots[conn.slot] = undefined;
      this.#connectionCount--;
      this.#stats.closed++;
      conn.retire();
      unwatchSocket(conn.socket);
      conn.socket.destroy();
    }
    this.#listeners.endHandshakes();
  }

  ref(): void {
    this.isRefed = true;
    this.#listeners.ref();
    for (const conn of this.connections()) conn.socket.ref();
  }

  unref(): void {
    this.isRefed = false;
    this.#listeners.unref();
    for (const conn of this.connections()) conn.socket.unref();
  }

  /** @hot */
  touched(conn: NodeConnection): void {
    conn.isTouched = true;
    this.#touched[this.#touchedCount++] = conn;
    if (!this.isInTurn && !this.#isFlushScheduled) this.#scheduleFlush();
  }

  /** @hot */
  countSent(byteCount: number): void {
    this.#stats.bytesSent += byteCount;
  }

  /** @hot */
  setDeadline(slot: number, atMs: number): void {
    this.#deadlines.set(slot, atMs, this.nowMs);
  }

  unread(conn: NodeConnection): void {
    this.#unreadProbe.add(conn);
  }

  /** @hot */
  received(conn: NodeConnection, bytes: Uint8Array, end: number): boolean {
    if (!conn.isListening) return true;
    this.#stats.bytesReceived += end;
    if (conn.isPaused) {
      conn.hold(bytes, end);
      // A probe may have set it going.
      conn.socket.pause();
      return false;
    }
    if (bytes !== this.#shared && end === bytes.length) return this.#receivedOwn(conn, bytes);
    this.#isWanted = false;
    this.#enter();
    try {
      this.#handler.onReceive(conn, bytes, 0, end);
    } finally {
      this.#leave();
    }
    // A peer that fills the buffer moves much: what follows is read into memory that can be given away.
    if (this.#isWanted && end === READ_BUFFER_BYTES) this.#nextBuffer = ownBuffer();
    return true;
  }

  /** Bytes in memory of this connection alone: of one that moves much, or of Node's own making for this read. */
  #receivedOwn(conn: NodeConnection, bytes: Uint8Array): boolean {
    const isNodes = Buffer.isBuffer(bytes);
    this.#lent = bytes.length === bytes.buffer.byteLength ? bytes : undefined;
    this.#enter();
    try {
      this.#handler.onReceive(conn, bytes, 0, bytes.length);
    } catch (error) {
      if (isNodes) throw error;
      // Node takes the next buffer from us only where this returns, and would read on into what was given away.
      queueMicrotask(() => {
        throw error;
      });
    } finally {
      this.#leave();
    }
    // What nobody has taken nobody wants any more.
    if (this.#lent === undefined && !isNodes) this.#nextBuffer = ownBuffer();
    this.#lent = undefined;
    return true;
  }

  takeReceived(bytes: Uint8Array): boolean {
    if (bytes === this.#lent) {
      this.#lent = undefined;
      return true;
    }
    this.#isWanted = bytes === this.#shared;
    return false;
  }

  wrote(conn: NodeConnection): void {
    this.#enter();
    try {
      if (conn.flush()) this.#finish(conn);
    } finally {
      this.#leave();
    }
  }

  /**
   * Within this turn as long as the round of the loop has time for it: a handler that goes on writing to a peer as fast as it
   * reads would otherwise never let the others have theirs.
   */
  drained(conn: NodeConnection): void {
    const now = performance.now();
    if (this.#drainsEndMs === 0) {
      this.#drainsEndMs = now + DRAINS_MS;
      setImmediate(reportDrainedOf, this);
    }
    if (now >= this.#drainsEndMs) this.#drained.push(conn);
    else if (conn.takeDrained()) this.#handler.onDrained(conn);
  }

  /** For `setImmediate`. */
  reportDrained(): void {
    const drained = this.#drained;
    this.#drained = [];
    this.#drainsEndMs = 0;
    let at = 0;
    this.#enter();
    try {
      while (at < drained.length) {
        const conn = drained[at++]!;
        if (conn.takeDrained()) this.#handler.onDrained(conn);
      }
    } finally {
      // The handler threw: the others are told all the same.
      if (at < drained.length) this.#tellLater(drained.slice(at));
      this.#leave();
    }
  }

  #tellLater(rest: NodeConnection[]): void {
    if (this.#drainsEndMs === 0) setImmediate(reportDrainedOf, this);
    // The round has had its time.
    this.#drainsEndMs = performance.now();
    this.#drained.push(...rest);
  }

  socketConnected(conn: NodeConnection): void {
    conn.isConnecting = false;
    this.#stats.connected++;
    this.#enter();
    try {
      // What was committed meanwhile is flushed at the end of this turn.
      if (!conn.isTouched) this.touched(conn);
      if (conn.isListening) this.#handler.onConnect?.(conn);
    } finally {
      this.#leave();
    }
  }

  peerEnded(conn: NodeConnection): void {
    if (!conn.peerEnded()) return;
    this.#enter();
    try {
      conn.isPeerEndHeld = conn.isHoldingBack;
      if (conn.isPeerEndHeld) this.#handler.onPeerEndSeen?.(conn);
      else this.#handler.onPeerEnd(conn);
    } finally {
      this.#leave();
    }
  }

  socketClosed(conn: NodeConnection): void {
    this.#enter();
    try {
      if (conn.socketClosed()) this.#finish(conn);
    } finally {
      this.#leave();
    }
  }

  /** For `process.nextTick`: what was written outside of a turn. */
  flushNow(): void {
    this.#isFlushScheduled = false;
    this.#enter();
    this.#leave();
  }

  #scheduleFlush(): void {
    this.#isFlushScheduled = true;
    process.nextTick(flushOf, this);
  }

  accept(accepted: Socket, isUnix: boolean, mayAdopt: boolean): void {
    if (this.#closing !== undefined) {
      accepted.destroy();
      return;
    }
    const isAdopted = mayAdopt && canAdopt(accepted);
    const socket = isAdopted ? adopt(accepted, this.#onRead) : accepted;
    const conn = this.#add(socket, false, isUnix, this.tls?.resetSocket ?? resetTcp);
    conn.secure = this.tls?.secureOf(accepted);
    this.#stats.accepted++;
    watchSocket(socket, conn, isAdopted);
    this.#enter();
    try {
      this.#handler.onAccept(conn);
    } finally {
      this.#leave();
    }
  }

  #add(socket: Socket, isConnecting: boolean, isUnix: boolean, resetSocket: ResetSocket): NodeConnection {
    if (!this.isRefed) socket.unref();
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    const reset = isUnix ? destroySocket : resetSocket;
    const conn = new NodeConnection(this, socket, slot, isConnecting, isUnix, reset);
    this.#slots[slot] = conn;
    this.#connectionCount++;
    return conn;
  }

  #expire(): void {
    this.#enter();
    try {
      this.#deadlines.expire(this.nowMs, this.#deadlineCame);
    } finally {
      this.#leave();
    }
  }

  #enter(): void {
    assert(!this.isInTurn, 'a turn within a turn');
    this.isInTurn = true;
    this.#turnNowMs = 0;
    this.#turnBeganMs = 0;
    this.#stats.turns++;
  }

  /** Ends the turn: flushes what was written, which may call the handler and make it write more. @hot */
  #leave(): void {
    let index = 0;
    try {
      while (index < this.#touchedCount) {
        const conn = this.#touched[index]!;
        this.#touched[index++] = undefined;
        conn.isTouched = false;
        if (conn.flush()) this.#finish(conn);
        else {
          const held = conn.takeHeld();
          if (held !== undefined) this.#handler.onReceive(conn, held, 0, held.length);
          if (conn.takePeerEnd()) this.#handler.onPeerEnd(conn);
        }
      }
      this.arena.endTurn();
    } finally {
      this.isInTurn = false;
      if (index < this.#touchedCount) {
        // The handler threw. What the others have written is not lost for it.
        this.#touched.splice(0, index);
        this.#touchedCount -= index;
        this.#scheduleFlush();
      } else this.#touchedCount = 0;
    }
  }

  #finish(conn: NodeConnection): void {
    const reason = conn.retire();
    this.#slots[conn.slot] = undefined;
    this.#deadlines.remove(conn.slot);
    this.#freeSlots.push(conn.slot);
    this.#connectionCount--;
    this.#stats.closed++;
    if (reason === 'connect-failed') this.#stats.connectFailures++;
    try {
      this.#handler.onClosed(conn, reason);
    } finally {
      this.#resolveIfClosed();
    }
  }

  listenerGone(): void {
    this.#resolveIfClosed();
  }

  #resolveIfClosed(): void {
    if (this.#resolveClosing === undefined) return;
    if (!this.#listeners.areGone || this.#connectionCount > 0) return;
    this.#deadlines.stop();
    this.#unreadProbe.stop();
    this.#resolveClosing();
  }
}

function flushOf(engine: NodeEngine): void {
  engine.flushNow();
}

function reportDrainedOf(engine: NodeEngine): void {
  engine.reportDrained();
}

function ownBuffer(): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(READ_BUFFER_BYTES).buffer);
}
