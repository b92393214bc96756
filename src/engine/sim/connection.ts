/**
 * One connection of the simulated engine: what the layer above has committed and wishes, and its end of
 * the link. Calls from above change wishes only; `SimEngine` acts on them at the end of the turn or of
 * the microtask queue, so no call is ever answered from within.
 */
import { assert } from '../../base/assert.ts';
import {
  type CloseReason,
  type EngineCloseReason,
  type EngineConnection,
  type FileRange,
  type PeerLiveness,
  type RemoteAddress,
  SEND_RESERVE_BYTES_MAX,
} from '../engine.ts';
import { FileProgress } from '../file-progress.ts';
import type { Failure } from './kernel-errors.ts';
import type { LinkServer, SimLink } from './link.ts';
import { SendQueue } from './send-queue.ts';

/** What the connection needs of its engine. */
export interface SimConnectionOwner {
  /** Something is to be sent, shut down or closed. */
  touch(conn: SimConnection): void;
  /** Something has come for it: a turn is needed. */
  ready(conn: SimConnection): void;
  setDeadline(slot: number, atMs: number): void;
}

/** Sees every call that the layer above makes and that changes anything: for checkers. */
export interface ConnectionTap {
  /** Borrowed during the call. */
  committed(bytes: Uint8Array, start: number, end: number): void;
  /** The same of a file, as it was when it was opened. */
  fileCommitted(bytes: Uint8Array, start: number, end: number): void;
  called(call: 'close' | 'reset' | 'shutdownWrite', reason: CloseReason): void;
}

/** Reservations begin at no particular place: nobody may take it for 0. */
const PLACE_MAX = 8;

export class SimConnection implements EngineConnection, LinkServer {
  user: unknown = undefined;
  tap: ConnectionTap | undefined = undefined;
  out = new Uint8Array(1024);
  readonly slot: number;
  readonly generation: number;
  readonly link: SimLink;
  readonly unsent = new SendQueue();
  readonly borrowedBytesMin = 16 * 1024;
  readonly openedMs: number;
  isOpen = true;
  isReadingPaused = false;
  /** `shutdownWrite` was called. */
  isShutdownWanted = false;
  isShutdownDone = false;
  /** `close` or `reset` was called, or the socket failed. */
  isClosing = false;
  isAborting = false;
  /** The descriptor is closed; `onClosed` is owed. */
  isReleased = false;
  peerEndTold = false;
  peerEndSeenTold = false;
  /** `onDrained` is owed when everything has been taken. */
  drainOwed = false;
  drainDue = false;
  isTouched = false;
  isReady = false;
  /** A send is submitted and has not completed: nothing more is taken until then. */
  isSendHeld = false;
  failure: Failure | undefined = undefined;
  /** The engine knows that sending has failed; receiving goes on to its end. */
  hasSendFailed = false;
  /** getpeername(2) and getsockname(2) answer. */
  hasAddress = true;
  /** Memory that is being handed over and may be taken. */
  given: Uint8Array | undefined = undefined;
  reason: CloseReason = '';
  errorCode = '';
  readonly #owner: SimConnectionOwner;
  /** `close` or `reset` was called. */
  #hasAskedEnd = false;
  #place = 0;
  #reserved = 0;
  #remote: RemoteAddress | undefined = undefined;

  constructor(owner: SimConnectionOwner, slot: number, generation: number, link: SimLink) {
    this.#owner = owner;
    this.slot = slot;
    this.generation = generation;
    this.link = link;
    this.openedMs = link.world.nowMs;
  }

  /** Whoever sees that bytes wait may stop writing for it, and is told when none does any more. */
  get unsentBytes(): number {
    if (this.unsent.length > 0) this.drainOwed = true;
    return this.unsent.length;
  }

  get takesBytes(): boolean {
    return !this.isClosing && !this.isShutdownWanted && this.isOpen && !this.hasSendFailed;
  }

  reserve(size: number): number {
    assert(size > 0 && size <= SEND_RESERVE_BYTES_MAX, 'reserve out of range');
    this.#place = (this.#place + 3) % PLACE_MAX;
    this.#reserved = size;
    const needed = this.#place + size;
    if (this.out.length < needed) this.out = new Uint8Array(Math.max(needed, 2 * this.out.length));
    return this.#place;
  }

  commit(size: number): void {
    assert(size <= this.#reserved, 'commit of more than was reserved');
    this.#reserved = 0;
    if (size === 0) return;
    const start = this.#place;
    // The layer above may write to what has failed, until it is told: that is no fault of its own.
    if (this.isOpen && !this.#hasAskedEnd && !this.isShutdownWanted)
      this.tap?.committed(this.out, start, start + size);
    if (!this.takesBytes) return;
    this.unsent.pushCopy(this.out, start, start + size);
    this.#owner.touch(this);
  }

  commitBorrowed(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.isOpen && !this.#hasAskedEnd && !this.isShutdownWanted)
      this.tap?.committed(bytes, 0, bytes.length);
    if (!this.takesBytes) return;
    this.unsent.pushCopy(bytes, 0, bytes.length);
    this.#owner.touch(this);
  }

  commitFile(range: FileRange): void {
    const { fd, offset, length } = range;
    const file = new FileProgress(range);
    const content = this.link.world.files.at(fd)?.promised;
    if (content !== undefined && this.isOpen && !this.#hasAskedEnd && !this.isShutdownWanted)
      this.tap?.fileCommitted(content, offset, offset + length);
    if (!this.takesBytes || length === 0) {
      queueMicrotask(() => file.release());
      return;
    }
    this.unsent.pushFile(file);
    this.#owner.touch(this);
  }

  askToSend(): void {
    if (this.isOpen && !this.isReleased) this.#owner.touch(this);
  }

  /** What was promised of a file cannot be sent. */
  breakOff(reason: EngineCloseReason, code: string): void {
    if (this.isAborting || !this.isOpen || this.isReleased) return;
    this.errorCode = code;
    this.reason = reason;
    this.isClosing = true;
    this.isAborting = true;
    this.#owner.touch(this);
  }

  settle(): void {
    if (!this.takesBytes) return;
    this.drainOwed = true;
    this.#owner.touch(this);
  }

  takeReceived(bytes: Uint8Array): boolean {
    if (this.given === undefined || this.given !== bytes) return false;
    this.given = undefined;
    return true;
  }

  pauseReading(): void {
    this.isReadingPaused = true;
    if (this.isPeerEndNews) this.#owner.ready(this);
  }

  resumeReading(): void {
    if (!this.isReadingPaused || !this.isOpen) return;
    this.isReadingPaused = false;
    if (this.hasNews) this.#owner.ready(this);
  }

  shutdownWrite(): void {
    if (this.isShutdownWanted || this.#hasAskedEnd || !this.isOpen) return;
    this.tap?.called('shutdownWrite', '');
    this.isShutdownWanted = true;
    if (!this.isClosing) this.#owner.touch(this);
  }

  close(reason: CloseReason): void {
    if (this.#hasAskedEnd || !this.isOpen) return;
    this.#hasAskedEnd = true;
    this.tap?.called('close', reason);
    if (this.isClosing) return;
    this.isClosing = true;
    this.reason = reason;
    this.#owner.touch(this);
  }

  reset(reason: CloseReason): void {
    if (this.isAborting || !this.isOpen) return;
    this.#hasAskedEnd = true;
    this.tap?.called('reset', reason);
    if (this.isReleased) return;
    if (!this.isClosing) this.reason = reason;
    this.isClosing = true;
    this.isAborting = true;
    this.#owner.touch(this);
  }

  setDeadline(atMs: number): void {
    if (this.isOpen) this.#owner.setDeadline(this.slot, atMs);
  }

  peerLiveness(): PeerLiveness | undefined {
    if (!this.isOpen || this.failure !== undefined) return undefined;
    return this.link.liveness(this.unsent.length);
  }

  remoteAddress(): RemoteAddress | undefined {
    // A peer that has gone before it was first asked for has no address any more.
    if (this.#remote === undefined && this.isOpen && this.failure === undefined && this.hasAddress) {
      this.#remote = { family: 'IPv4', address: '192.0.2.1', port: this.link.peer.port };
    }
    return this.#remote;
  }

  localAddress(): RemoteAddress | undefined {
    if (!this.isOpen || this.failure !== undefined || !this.hasAddress) return undefined;
    return { family: 'IPv4', address: '192.0.2.2', port: this.link.port };
  }

  /** Something of the peer's waits to be handed over. */
  get hasNews(): boolean {
    const { up } = this.link;
    return up.received.length > 0 || (up.finArrived && !this.peerEndTold);
  }

  /** FIN has come that is not to be read yet. */
  get isPeerEndNews(): boolean {
    if (!this.isReadingPaused || this.peerEndSeenTold || this.peerEndTold) return false;
    return this.link.up.finArrived && this.isOpen && !this.isClosing;
  }

  // LinkServer

  readable(): void {
    if (this.isClosing) {
      // RFC 9293 does not let us stop listening before the release; what comes is thrown away.
      this.link.up.discardReceived();
      return;
    }
    if (!this.isReadingPaused || this.isPeerEndNews) this.#owner.ready(this);
  }

  writable(): void {
    if (this.unsent.length > 0 && !this.isSendHeld) this.#owner.touch(this);
  }

  /** A send of the engine's has failed: what has come is handed over, and then it ends. */
  sendFailed(reason: Failure, code: string): void {
    this.hasSendFailed = true;
    this.errorCode = code;
    this.failed(reason);
  }

  failed(reason: Failure): void {
    if (!this.isOpen || this.isReleased) return;
    this.failure = reason;
    this.#owner.ready(this);
  }
}
