/**
 * An engine without sockets for what tests feed to the TLS layer by hand. All memory that it hands over ends, or begins, at a page
 * that nobody may touch, so that a step beyond it ends the process.
 */
import { allocateGuarded, type Memory } from '../../sys/memory.ts';
import {
  type Engine,
  type EngineConnection,
  type EngineHandler,
  type EngineOptions,
  emptyEngineStats,
} from '../engine.ts';

const MEMORY_BYTES = 128 * 1024;
const NOWHERE = { close: async () => {}, address: { family: 'unix', address: '', port: 0 } } as const;

export class MemoryConnection implements EngineConnection {
  user: unknown = undefined;
  readonly out: Uint8Array;
  /** What was sent. */
  sent: Buffer[] = [];
  end: 'open' | 'half' | 'closed' | 'reset' = 'open';
  reason = '';
  isPaused = false;
  readonly errorCode = '';
  readonly borrowedBytesMin = Number.POSITIVE_INFINITY;
  readonly unsentBytes = 0;
  readonly #onSending: () => void;
  #place = 0;

  constructor(out: Memory, onSending: () => void) {
    this.out = out.bytes;
    this.#onSending = onSending;
  }

  get isOpen(): boolean {
    return this.end === 'open' || this.end === 'half';
  }

  get takesBytes(): boolean {
    return this.end === 'open';
  }

  /** Its end is the end of the memory. */
  reserve(size: number): number {
    this.#place = this.out.length - size;
    return this.#place;
  }

  commit(size: number): void {
    if (this.takesBytes) this.sent.push(Buffer.from(this.out.subarray(this.#place, this.#place + size)));
  }

  commitBorrowed(): void {
    throw new Error('the layer lends nothing');
  }

  commitFile(): void {
    throw new Error('the layer sends no file as it is');
  }

  askToSend(): void {
    queueMicrotask(this.#onSending);
  }

  settle(): void {}

  pauseReading(): void {
    this.isPaused = true;
  }

  resumeReading(): void {
    this.isPaused = false;
  }

  shutdownWrite(): void {
    if (this.end === 'open') this.end = 'half';
  }

  close(reason: string): void {
    if (!this.isOpen) return;
    this.end = 'closed';
    this.reason = reason;
  }

  reset(reason: string): void {
    if (!this.isOpen) return;
    this.end = 'reset';
    this.reason = reason;
  }

  setDeadline(): void {}

  remoteAddress(): undefined {
    return undefined;
  }

  localAddress(): undefined {
    return undefined;
  }

  peerLiveness(): undefined {
    return undefined;
  }
}

export class MemoryEngine implements Engine<MemoryConnection> {
  readonly name = 'sim';
  readonly nowMs = 0;
  readonly arrivalMs = 0;
  readonly shouldYield = false;
  readonly isInTurn = true;
  readonly #handler: EngineHandler;
  readonly #in = allocateGuarded(MEMORY_BYTES);
  readonly #out = allocateGuarded(MEMORY_BYTES);
  readonly #open = new Set<MemoryConnection>();

  constructor({ handler }: EngineOptions) {
    this.#handler = handler;
  }

  get connectionCount(): number {
    return this.#open.size;
  }

  accept(): MemoryConnection {
    const conn = new MemoryConnection(this.#out, () => this.#handler.onSending?.());
    this.#open.add(conn);
    this.#handler.onAccept(conn);
    this.#handler.onSending?.();
    return conn;
  }

  /** A turn of one piece. @param isAtEnd of the memory, or else at its beginning */
  receive(conn: MemoryConnection, piece: Uint8Array, isAtEnd: boolean): void {
    if (!conn.isOpen) return;
    const { bytes } = this.#in;
    const start = isAtEnd ? bytes.length - piece.length : 0;
    bytes.set(piece, start);
    this.#handler.onReceive(conn, bytes, start, start + piece.length);
    bytes.fill(0xee, start, start + piece.length);
    this.#handler.onSending?.();
    if (!conn.isOpen) this.#gone(conn);
  }

  /** FIN of the peer. */
  peerEnds(conn: MemoryConnection): void {
    if (!conn.isOpen) return;
    this.#handler.onPeerEnd(conn);
    this.#handler.onSending?.();
    if (!conn.isOpen) this.#gone(conn);
  }

  drop(conn: MemoryConnection): void {
    conn.reset('dropped');
    this.#gone(conn);
  }

  #gone(conn: MemoryConnection): void {
    if (this.#open.delete(conn)) this.#handler.onClosed(conn, conn.reason);
  }

  async listen(): Promise<typeof NOWHERE> {
    return NOWHERE;
  }

  connect(): never {
    throw new Error('it makes no connections');
  }

  connections(): IterableIterator<MemoryConnection> {
    return this.#open.values();
  }

  pauseAccepting(): void {}
  resumeAccepting(): void {}

  stats(): ReturnType<typeof emptyEngineStats> {
    return emptyEngineStats();
  }

  async close(): Promise<void> {
    for (const conn of [...this.#open]) this.drop(conn);
    this.releaseNow();
  }

  releaseNow(): void {
    this.#in.release();
    this.#out.release();
  }

  ref(): void {}
  unref(): void {}
}
