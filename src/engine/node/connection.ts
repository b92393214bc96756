/**
 * One connection of the node engine: a `net.Socket` (or TLS socket) behind the EngineConnection contract. Owns the committed
 * bytes that have not been handed to the socket yet, and the order of ending: first the bytes, then FIN, then the descriptor.
 *
 * At most one write is in the socket's hands at a time, or one piece of a file in the disk's. What is committed while it waits
 * stays here, in order, and follows when it is through; so a RST never finds a shutdown pending, which libuv would refuse
 * (`uv_tcp_close_reset` answers EINVAL), and nothing piles up in the stream.
 *
 * The life of `state`: OPEN -> CLOSING (close was called, bytes may be left) -> ENDING (RST or nothing more to send, waiting for
 * the socket's 'close') -> CLOSED (`onClosed` has been called). OPEN may go to ENDING directly.
 */
import type { Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import {
  type CloseReason,
  type EngineCloseReason,
  type EngineConnection,
  type FileRange,
  type RemoteAddress,
  SEND_RESERVE_BYTES_MAX,
} from '../engine.ts';
import { FileProgress } from '../file-progress.ts';
import type { SecureConnection } from '../tls/secure-connection.ts';
import { localAddressOf, remoteAddressOf, UNIX_PEER } from './addresses.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { type PieceTaker, readPiece } from './file-pieces.ts';
import type { SendBlock } from './send-arena.ts';
import { SendQueue, writeInParts } from './send-queue.ts';
import { closeSocket, type ResetSocket } from './socket-endings.ts';

const OPEN = 0;
const CLOSING = 1;
const ENDING = 2;
const CLOSED = 3;

/** So much is read ahead while reading is paused, to look for FIN. */
const HELD_BYTES_ENOUGH = 64 * 1024;
const NOTHING = new Uint8Array(0);
/** Written behind other writes, its callback says that they are through. */
const MARKER = Buffer.alloc(0);

export class NodeConnection implements EngineConnection, PieceTaker {
  user: unknown = undefined;
  out: Uint8Array;
  /** In the engine's table and its timing wheel. */
  readonly slot: number;
  readonly socket: Socket;
  readonly owner: ConnectionOwner<NodeConnection>;
  /** In the engine's list of those to flush. */
  isTouched = false;
  isPaused = false;
  /** In the engine's list of those that may have to be probed. */
  isProbed = false;
  /** FIN came while reading was paused. */
  isPeerEndHeld = false;
  /** Begun by `connect`, and not standing yet: what is committed waits here. */
  isConnecting: boolean;
  errorCode = '';
  secure: SecureConnection | undefined = undefined;
  handshakeMs = 0;
  /** What is so large is copied too, and leaves at once: a stream's next piece is pulled without a turn between. */
  readonly borrowedBytesMin = 64 * 1024;
  readonly isUnix: boolean;
  readonly #resetSocket: ResetSocket;
  #state = OPEN;
  #reason: CloseReason | undefined = undefined;
  #hasPeerEnded = false;
  #isWriteEnded = false;
  /** Both directions have ended and the stream destroyed itself; the connection is still ours to close. */
  #isSocketGone = false;
  /** A write is waiting for the kernel, or a file for the disk. */
  #isBlocked = false;
  /** The layer above has seen unsent bytes and may have stopped writing for it: `onDrained` must come. */
  #owesDrained = false;
  /** Nothing can be sent any more; what has been received before is still handed over. */
  hasSendFailed = false;
  /** The segment that grows, if `#block` is set. */
  #block: SendBlock | undefined = undefined;
  #start = 0;
  #end = 0;
  #reservedBlock: SendBlock | undefined = undefined;
  #reservedAt = 0;
  #reservedEnd = 0;
  /** What was complete before the segment that grows; between turns, set aside. */
  #queue: SendQueue | undefined = undefined;
  /** The block that the waiting write reads from. */
  #inFlight: SendBlock | undefined = undefined;
  /** What arrived while reading was paused. */
  #held: Uint8Array | undefined = undefined;
  #remote: RemoteAddress | undefined = undefined;
  proxied: EngineConnection['proxied'] = undefined;

  constructor(
    owner: ConnectionOwner<NodeConnection>,
    socket: Socket,
    slot: number,
    isConnecting: boolean,
    isUnix: boolean,
    resetSocket: ResetSocket,
  ) {
    this.owner = owner;
    this.socket = socket;
    this.slot = slot;
    this.isConnecting = isConnecting;
    this.isUnix = isUnix;
    this.#resetSocket = resetSocket;
    this.out = NOTHING;
  }

  get isOpen(): boolean {
    return this.#state !== CLOSED;
  }

  /** Whether the layer above is to hear of what arrives. */
  get isListening(): boolean {
    return this.#state === OPEN;
  }

  get unsentBytes(): number {
    if (this.#state >= ENDING || this.#isSocketGone) return 0;
    const growing = this.#block === undefined ? 0 : this.#end - this.#start;
    const unsentBytes = growing + (this.#queue?.bytes ?? 0) + this.socket.writableLength;
    if (unsentBytes > 0) this.#owesDrained = true;
    return unsentBytes;
  }

  /** A socket that is destroyed takes none, though its 'close' comes in a later round of the loop. */
  get takesBytes(): boolean {
    if (this.#state !== OPEN || this.#isWriteEnded || this.hasSendFailed) return false;
    return !this.#isSocketGone && !this.socket.destroyed;
  }

  /** @hot */
  reserve(size: number): number {
    assert(size > 0 && size <= SEND_RESERVE_BYTES_MAX, 'reserve takes 1 to SEND_RESERVE_BYTES_MAX');
    const arena = this.owner.arena;
    if (this.#state !== OPEN || this.#isWriteEnded || this.#isSocketGone || this.hasSendFailed) {
      this.#reservedBlock = undefined;
      this.out = arena.scratch;
      return 0;
    }
    const block = arena.withRoom(size);
    const at = block.used;
    block.used = at + size;
    this.#reservedBlock = block;
    this.#reservedAt = at;
    this.#reservedEnd = at + size;
    this.out = block.bytes;
    return at;
  }

  /** @hot */
  commit(size: number): void {
    const block = this.#reservedBlock;
    if (block === undefined) return;
    this.#reservedBlock = undefined;
    // An idle connection must not keep a block alive that the arena has let go.
    this.out = NOTHING;
    const at = this.#reservedAt;
    const end = at + size;
    assert(end <= this.#reservedEnd, 'commit of more than was reserved');
    // What was not used is free again, unless another connection has reserved above it.
    if (block.used === this.#reservedEnd) block.used = end;
    if (size === 0 || this.#state !== OPEN) return;
    if (this.#block === block && this.#end === at) this.#end = end;
    else {
      if (this.#block !== undefined) this.#enqueue(this.#block);
      block.pins++;
      this.#block = block;
      this.#start = at;
      this.#end = end;
    }
    if (!this.isTouched) this.owner.touched(this);
  }

  /** Copied: one write costs less than three through Node's streams. */
  commitBorrowed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SEND_RESERVE_BYTES_MAX) {
      const part = bytes.subarray(at, at + SEND_RESERVE_BYTES_MAX);
      const place = this.reserve(part.length);
      this.out.set(part, place);
      this.commit(part.length);
    }
  }

  commitFile(range: FileRange): void {
    const file = new FileProgress(range);
    if (!this.takesBytes || range.length === 0) {
      queueMicrotask(() => file.release());
      return;
    }
    if (this.#block !== undefined) this.#setAside(this.#block);
    this.#queue ??= new SendQueue();
    this.#queue.addFile(file);
    if (!this.isTouched) this.owner.touched(this);
  }

  settle(): void {
    if (!this.takesBytes) return;
    this.#owesDrained = true;
    const { arena } = this.owner;
    const mayWrite = !this.#isBlocked && !this.isConnecting && this.#queue?.isEmpty !== false;
    const block = mayWrite ? this.#block : undefined;
    if (block !== undefined && this.#writeBlock(block)) arena.takeBack(block, this.#start, this.#end);
    if (!this.isTouched) this.owner.touched(this);
  }

  pauseReading(): void {
    if (this.#state !== OPEN || this.isPaused) return;
    this.isPaused = true;
    this.socket.pause();
    if (!this.isProbed) this.owner.unread(this);
  }

  resumeReading(): void {
    if (this.#state !== OPEN || !this.isPaused) return;
    this.isPaused = false;
    this.socket.resume();
    if ((this.#held !== undefined || this.isPeerEndHeld) && !this.isTouched) this.owner.touched(this);
  }

  /** Keeps a copy of what came although reading is paused: the kernel had it under way already. */
  hold(bytes: Uint8Array, end: number): void {
    const before = this.#held;
    this.#held = before === undefined ? bytes.slice(0, end) : Buffer.concat([before, bytes.subarray(0, end)]);
  }

  /** What was held, if it may be given out now; the caller does so. */
  takeHeld(): Uint8Array | undefined {
    const held = this.#held;
    if (held === undefined || this.isPaused || this.#state !== OPEN) return undefined;
    this.#held = undefined;
    return held;
  }

  takeReceived(bytes: Uint8Array): boolean {
    return this.owner.takeReceived(bytes);
  }

  shutdownWrite(): void {
    if (this.#state !== OPEN || this.#isWriteEnded) return;
    this.#isWriteEnded = true;
    if (!this.isTouched) this.owner.touched(this);
  }

  close(reason: CloseReason): void {
    if (this.#state !== OPEN) return;
    this.#state = CLOSING;
    this.#reason ??= reason;
    this.#held = undefined;
    // Reading goes on, into nothing: else a peer that vanishes meanwhile would not be noticed.
    if (this.isPaused) this.socket.resume();
    if (!this.isTouched) this.owner.touched(this);
  }

  reset(reason: CloseReason): void {
    if (this.#state >= ENDING) return;
    this.#reason ??= reason;
    this.#state = ENDING;
    this.#held = undefined;
    if (this.#isSocketGone) {
      if (!this.isTouched) this.owner.touched(this);
      return;
    }
    const socket = this.socket;
    // Node would wait for the connection, to end it by RST.
    if (this.isConnecting) socket.destroy();
    // While a FIN is under way libuv refuses to reset (EINVAL) and Node would lose the descriptor.
    else if (socket.writableEnded && !socket.writableFinished && !socket.destroyed) {
      socket.once('finish', () => this.#resetSocket(socket));
    } else this.#resetSocket(socket);
  }

  setDeadline(atMs: number): void {
    if (this.#state !== CLOSED) this.owner.setDeadline(this.slot, atMs);
  }

  /** libuv shows nobody TCP_INFO. */
  peerLiveness(): undefined {
    return undefined;
  }

  remoteAddress(): RemoteAddress | undefined {
    if (this.proxied !== undefined) return this.proxied.remote;
    return (this.#remote ??= this.isUnix ? UNIX_PEER : remoteAddressOf(this.socket));
  }

  localAddress(): RemoteAddress | undefined {
    return this.isConnecting ? undefined : (this.proxied?.local ?? localAddressOf(this.socket));
  }

  /**
   * Hands what is committed to the socket, then ends what is to end.
   * @returns true when the connection has nothing left to wait for and is to be reported as closed
   * @hot
   */
  flush(): boolean {
    if (this.#isSocketGone) {
      this.#release();
      return this.#state === CLOSING || this.#state === ENDING;
    }
    if (this.#state >= ENDING) return false;
    if (this.hasSendFailed) {
      if (this.#state === CLOSING) this.#destroy();
      return false;
    }
    const block = this.#block;
    if (this.#isBlocked || this.isConnecting) {
      if (block !== undefined) this.#setAside(block);
      // There is no FIN to be sent on a connection that was given up.
      if (this.isConnecting && this.#state === CLOSING && this.#queue?.isEmpty !== false) this.#destroy();
      return false;
    }
    const queue = this.#queue;
    if (queue?.isEmpty === false) {
      if (block !== undefined) this.#setAside(block);
      this.#writeQueue(queue);
    } else if (block !== undefined && this.#writeBlock(block)) this.owner.arena.unpin(block);
    if (!this.#isBlocked) {
      this.#endWhatEnds();
      if (this.#owesDrained && this.#state === OPEN) this.owner.drained(this);
    }
    return false;
  }

  /** The segment that grows, and is all there is to send. @returns whether the kernel took it at once, as it mostly does @hot */
  #writeBlock(block: SendBlock): boolean {
    this.#block = undefined;
    this.owner.countSent(this.#end - this.#start);
    writeInParts(this.socket, block.buffer, this.#start, this.#end);
    if (this.socket.writableLength > 0) this.#waitFor(block);
    return !this.#isBlocked;
  }

  /** Whether `onDrained` is to be called now; asked for when a write is through. */
  takeDrained(): boolean {
    const isWaiting = this.#isBlocked || this.#block !== undefined || this.#queue?.isEmpty === false;
    if (!this.#owesDrained || isWaiting || this.#state !== OPEN || this.hasSendFailed) return false;
    this.#owesDrained = false;
    return true;
  }

  /** @returns whether FIN was held, and `onPeerEnd` is to be called now */
  takePeerEnd(): boolean {
    const isDue = this.isPeerEndHeld && !this.isHoldingBack && this.#state === OPEN;
    if (isDue) this.isPeerEndHeld = false;
    return isDue;
  }

  get isHoldingBack(): boolean {
    return this.isPaused || this.#held !== undefined;
  }

  /** FIN seen. @returns whether the layer above is to be told */
  peerEnded(): boolean {
    if (this.#hasPeerEnded || this.isConnecting) return false;
    this.#hasPeerEnded = true;
    if (!this.isProbed) this.owner.unread(this);
    return this.#state === OPEN;
  }

  /** Whether nothing is read that would tell of a reset. */
  get isUnread(): boolean {
    return this.#state === OPEN && !this.#isSocketGone && (this.isPaused || this.#hasPeerEnded);
  }

  /** Lets the kernel say what it knows of the peer. A write that waits is told by itself; behind FIN none is possible. */
  probe(): void {
    if (!this.#isBlocked && !this.isConnecting && !this.socket.writableEnded) this.socket.write(MARKER);
    // Nothing but a read shows FIN: one more piece, which is held.
    const heldBytes = this.#held?.length ?? 0;
    if (this.isPaused && !this.#hasPeerEnded && heldBytes < HELD_BYTES_ENOUGH) this.socket.resume();
  }

  /**
   * Sending has failed, for which the socket is to be destroyed.
   * @returns whether that is to wait until what was received is read: the kernel has kept it
   */
  sendFailed(code: string): boolean {
    if (!this.readsOn) return false;
    this.hasSendFailed = true;
    this.errorCode = code;
    return true;
  }

  /** Whether what arrives, or waits, is handed over. */
  get readsOn(): boolean {
    return this.#state === OPEN && !this.isPaused && !this.#hasPeerEnded && !this.#isSocketGone;
  }

  /** The socket reports why it will close; what the layer above has asked for goes before. */
  failed(reason: CloseReason, code: string): void {
    this.#reason ??= this.isConnecting && reason !== 'tls-error' ? 'connect-failed' : reason;
    this.errorCode = code;
  }

  /**
   * The socket has closed.
   * @returns true when the connection is to be reported as closed
   */
  socketClosed(): boolean {
    const endedByItself = this.#state === OPEN && this.#reason === undefined;
    this.#isSocketGone = true;
    this.#release();
    if (endedByItself && this.#hasPeerEnded && this.#isWriteEnded) return false;
    if (this.#reason === undefined) this.failed('peer-reset', 'ECONNRESET');
    return true;
  }

  /** The last step, taken by the engine just before `onClosed`. */
  retire(): CloseReason {
    this.#state = CLOSED;
    this.#held = undefined;
    this.#reservedBlock = undefined;
    return this.#reason ?? 'io-error';
  }

  #endWhatEnds(): void {
    if (this.#state === CLOSING) {
      if (closeSocket(this.socket, this.isPaused && !this.#hasPeerEnded)) this.#state = ENDING;
    } else if (this.#isWriteEnded && !this.socket.writableEnded) this.socket.end();
  }

  /** Nothing waits to be sent, or nothing of it can be. */
  #destroy(): void {
    this.#state = ENDING;
    this.socket.destroy();
  }

  /** Closes the segment that grows, because the next bytes lie elsewhere. */
  #enqueue(block: SendBlock): void {
    this.#queue ??= new SendQueue();
    this.#queue.add(block, this.#start, this.#end);
  }

  #setAside(growing: SendBlock): void {
    this.#enqueue(growing);
    this.#block = undefined;
    this.#queue!.setAside(this.owner.arena);
  }

  /** All that is queued is set aside. A file goes on when what is before it has left. */
  #writeQueue(queue: SendQueue): void {
    this.owner.countSent(queue.writeTo(this.socket));
    const { file } = queue;
    if (this.socket.writableLength > 0) this.#waitFor(undefined);
    else if (file !== undefined) {
      this.#isBlocked = true;
      this.#owesDrained = true;
      readPiece(file, this);
    }
  }

  pieceCame(piece: Buffer): void {
    if (this.#state >= ENDING || this.hasSendFailed) return;
    this.#isBlocked = false;
    this.#queue!.tookFromFile(piece.length);
    this.owner.countSent(piece.length);
    this.socket.write(piece);
    if (this.socket.writableLength > 0) this.#waitFor(undefined);
    else if (!this.isTouched) this.owner.touched(this);
  }

  pieceFailed(reason: EngineCloseReason, code: string): void {
    if (this.#state >= ENDING) return;
    this.errorCode = code;
    this.#reason = reason;
    this.reset(reason);
  }

  /** @param block what the kernel reads from, if that is the arena's */
  #waitFor(block: SendBlock | undefined): void {
    this.#isBlocked = true;
    this.#owesDrained = true;
    this.#inFlight = block;
    if (block !== undefined && block.floor < this.#end) block.floor = this.#end;
    this.socket.write(MARKER, (error) => {
      // After an error the kernel may still be reading: the memory comes back with the socket's 'close'.
      if (!this.#isBlocked || (error !== null && error !== undefined)) return;
      this.#isBlocked = false;
      this.#unpinInFlight();
      this.owner.wrote(this);
    });
  }

  #unpinInFlight(): void {
    if (this.#inFlight !== undefined) this.owner.arena.unpin(this.#inFlight);
    this.#inFlight = undefined;
  }

  /** Gives back all memory. The socket is closed, so that the kernel reads none of it any more. */
  #release(): void {
    this.#isBlocked = false;
    this.#unpinInFlight();
    this.#queue?.release(this.owner.arena);
    if (this.#block !== undefined) this.owner.arena.unpin(this.#block);
    this.#block = undefined;
  }
}
