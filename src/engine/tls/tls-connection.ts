/**
 * A connection as the layer above sees it, over one that carries its ciphertext. What is written lies here as plaintext
 * until the layer encrypts all of it, at the end of the turn: so all answers of a turn are one run of records.
 *
 * Owns the SSL object and the plaintext. Knows nothing of HTTP, and of the engine below only its contract.
 */
import { assert } from '../../base/assert.ts';
import type { SendBlock } from '../descriptor/send-block.ts';
import { LARGE_BLOCK_BYTES, type SendPool } from '../descriptor/send-pool.ts';
import type {
  CloseReason,
  EngineCloseReason,
  EngineConnection,
  FileRange,
  PeerLiveness,
  RemoteAddress,
} from '../engine.ts';
import { FileProgress } from '../file-progress.ts';
import type { PieceTaker } from '../node/file-pieces.ts';
import type { Handshake } from './handshake.ts';
import { PlainQueue } from './plain-queue.ts';
import type { SecureConnection } from './secure-connection.ts';

/** Below this copying costs less than a run of records of its own. */
const BORROWED_BYTES_MIN = 16 * 1024;

/** What a connection asks of the layer of its thread. */
export interface TlsOwner {
  readonly pool: SendPool;
  /** It has something to encrypt, or ciphertext that was held: before the next send. */
  want(conn: TlsConnection): void;
  /** Encrypts what is committed, up to a file that is to be read first, or a share of it. */
  encrypt(conn: TlsConnection): void;
  /** The same up to the first file, which is left alone. @returns it */
  encryptMemory(conn: TlsConnection): FileProgress | null;
  /** A piece of the file that is first. */
  filePieceCame(conn: TlsConnection, piece: Uint8Array): void;
  encryptFrom(conn: TlsConnection, bytes: Uint8Array): void;
  /** Says that nothing follows: close_notify. */
  notify(conn: TlsConnection): void;
}

export class TlsConnection implements EngineConnection, PieceTaker {
  user: unknown = undefined;
  out: Uint8Array;
  readonly inner: EngineConnection;
  /** The SSL object; 0 when it has been freed. */
  ssl: number;
  /** The same for calls that come often, not to be used once it has been freed: send-block.ts says what a box spares. */
  readonly boxedSsl: readonly [number, null];
  /** Until it is complete. */
  handshake: Handshake | undefined;
  /** What it has agreed on. */
  secure: SecureConnection | undefined = undefined;
  /** The handshake is complete, and the layer above has been told of the connection. */
  stands = false;
  /** Waits in the layer's list. */
  isWanted = false;
  isPaused = false;
  /** Nothing more may be written: an end was asked for. */
  isEnding = false;
  /** Nobody hears of it any more but by `onClosed`. */
  isClosing = false;
  /** close_notify has been sent, or must not be. */
  isNotified = false;
  /** The peer's close_notify, or FIN, has been told. */
  hasPeerEnded = false;
  /** The layer above has written, and has not heard since that all has left. */
  isOwedDrain = false;
  /** OpenSSL's name of what broke it. */
  tlsError = '';
  /** close_notify has come from it. */
  isPeerNotified = false;
  /** Records behind each other that carried no application data. */
  uselessRecords = 0;
  /** The peer's end has come behind a pause, or bytes that wait. */
  isEndHeld = false;
  /** What is still to go in records of a segment each, and when much was last written: record-sizes.ts. */
  firstFlightBytes = 0;
  wroteMuchMs = Number.NEGATIVE_INFINITY;
  /** Ciphertext behind a pause. */
  held: Uint8Array | undefined = undefined;
  /** What is not encrypted yet. */
  readonly plain = new PlainQueue();
  /** The layer above has begun it, and knows it before it stands. */
  readonly isClient: boolean;
  /** A client keeps its session under that. */
  serverKey = '';
  /** When the TCP connection of a client stood, and how long its handshake took. */
  beganMs = 0;
  handshakeMs = 0;
  /** What was reserved last. */
  #block: SendBlock | undefined = undefined;
  #closeReason: CloseReason = '';
  readonly #owner: TlsOwner;

  /** @param handshake of one that was accepted; undefined for one that is made */
  constructor(owner: TlsOwner, inner: EngineConnection, ssl: number, handshake: Handshake | undefined) {
    this.#owner = owner;
    this.isClient = handshake === undefined;
    this.inner = inner;
    this.ssl = ssl;
    this.boxedSsl = [ssl, null];
    this.handshake = handshake;
    this.out = inner.out;
  }

  /** What only the handshake has to send is not the layer above's to wait for. */
  get unsentBytes(): number {
    return this.isOwedDrain ? this.plain.bytes + this.inner.unsentBytes : 0;
  }

  /** Nobody hears of it any more. A client that has written and closed still waits for its handshake. */
  get isDeaf(): boolean {
    return this.isClosing && (this.stands || !this.isClient);
  }

  get takesBytes(): boolean {
    return !this.isEnding && this.inner.takesBytes;
  }

  get isOpen(): boolean {
    return this.inner.isOpen;
  }

  get errorCode(): string {
    return this.tlsError || this.inner.errorCode;
  }

  get borrowedBytesMin(): number {
    return BORROWED_BYTES_MIN;
  }

  /** @hot */
  reserve(size: number): number {
    if (this.isEnding || !this.inner.isOpen) {
      this.out = this.#owner.pool.scratch;
      return 0;
    }
    const block = this.plain.blockFor(size, this.#owner.pool);
    this.#block = block;
    this.out = block.bytes;
    return block.start + block.filled;
  }

  /** @hot */
  commit(size: number): void {
    if (size === 0 || !this.takesBytes) return;
    const block = this.#block!;
    assert(size <= block.capacity - block.filled, 'commit of more than was reserved');
    block.filled += size;
    this.plain.bytes += size;
    this.isOwedDrain = true;
    if (!this.isWanted) this.#owner.want(this);
  }

  /** Encrypted at once, from where it lies. */
  commitBorrowed(bytes: Uint8Array): void {
    if (!this.takesBytes) return;
    this.isOwedDrain = true;
    if (this.stands) this.#owner.encryptMemory(this);
    if (this.stands && this.plain.isEmpty) this.#owner.encryptFrom(this, bytes);
    // Behind a file, or a handshake.
    else
      for (let at = 0; at < bytes.length; at += LARGE_BLOCK_BYTES) {
        const piece = bytes.subarray(at, at + LARGE_BLOCK_BYTES);
        const place = this.reserve(piece.length);
        this.out.set(piece, place);
        this.commit(piece.length);
      }
  }

  /** Read by libuv's pool of threads, piece by piece as the reader takes them. */
  commitFile(range: FileRange): void {
    const file = new FileProgress(range);
    if (!this.takesBytes || range.length === 0) {
      queueMicrotask(() => file.release());
      return;
    }
    this.isOwedDrain = true;
    this.plain.addFile(file);
    if (!this.isWanted) this.#owner.want(this);
  }

  /** In the clear, to who does not speak TLS. */
  sendPlainText(text: Uint8Array = new Uint8Array(0)): void {
    if (text.length === 0) return;
    const place = this.inner.reserve(text.length);
    this.inner.out.set(text, place);
    this.inner.commit(text.length);
  }

  pieceCame(piece: Buffer): void {
    if (this.ssl !== 0 && this.inner.takesBytes) this.#owner.filePieceCame(this, piece);
  }

  pieceFailed(reason: EngineCloseReason, code: string): void {
    if (this.ssl === 0) return;
    this.tlsError = code;
    this.reset(reason);
  }

  setPace(bytesPerSecond: number): boolean {
    return this.inner.setPace?.(bytesPerSecond) === true;
  }

  settle(): void {
    if (!this.isOpen) return;
    if (this.stands) this.#owner.encryptMemory(this);
    this.inner.settle();
  }

  pauseReading(): void {
    this.isPaused = true;
    this.inner.pauseReading();
  }

  resumeReading(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    // The turn that this brings comes to what is held first.
    if (this.held !== undefined || this.isEndHeld) this.#owner.want(this);
    this.inner.resumeReading();
  }

  shutdownWrite(): void {
    if (this.isEnding) return;
    if (this.stands) this.#owner.encrypt(this);
    this.isEnding = true;
    this.end();
  }

  close(reason: CloseReason): void {
    if (this.isClosing) return;
    if (this.stands) this.#owner.encrypt(this);
    this.#closeReason = reason;
    this.isClosing = true;
    this.isEnding = true;
    this.held = undefined;
    this.end();
  }

  /** Does what was asked for behind the last byte, if that is encrypted. */
  end(): void {
    if (!this.isEnding || (!this.plain.isEmpty && this.inner.takesBytes)) return;
    if (this.stands && this.inner.takesBytes) this.#owner.notify(this);
    if (this.isClosing) this.inner.close(this.#closeReason);
    else this.inner.shutdownWrite();
  }

  reset(reason: CloseReason): void {
    this.isClosing = true;
    this.isEnding = true;
    this.held = undefined;
    this.plain.drop(this.#owner.pool);
    this.inner.reset(reason);
  }

  setDeadline(atMs: number): void {
    this.inner.setDeadline(atMs);
  }

  get proxied(): EngineConnection['proxied'] {
    return this.inner.proxied;
  }

  remoteAddress(): RemoteAddress | undefined {
    return this.inner.remoteAddress();
  }

  localAddress(): RemoteAddress | undefined {
    return this.inner.localAddress();
  }

  peerLiveness(): PeerLiveness | undefined {
    return this.inner.peerLiveness();
  }
}
