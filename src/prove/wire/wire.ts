/**
 * One connection to a target, and everything that happened on it with its moment. It never ends by itself: whoever opened
 * it closes it. What is kept of what came is bounded; answers are told apart as they come.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Target } from '../target/target.ts';
import { AnswerList } from './answers.ts';

export interface WireEvent {
  /** Since the call of connect. */
  readonly atMs: number;
  readonly what:
    | 'connected'
    | 'sent'
    | 'received'
    | 'FIN sent'
    | 'RST sent'
    | 'FIN'
    | 'RST'
    | 'error'
    | 'held'
    | 'read';
  /** Characters from 0 to 255; of much only the beginning. */
  readonly bytes?: string;
  readonly size?: number;
}

/** Of each piece: enough for a head and what stands around it. */
const SHOWN_BYTES_MAX = 4096;
const EVENTS_MAX = 400;
const KEPT_BYTES_MAX = 256 * 1024;

interface WireOptions {
  /** Over TLS. @default 'http/1.1' */
  readonly alpn?: string;
  /** Whoever speaks something else than HTTP/1.1 reads what comes itself; borrowed during the call. */
  readonly onBytes?: (bytes: Uint8Array) => void;
}

export class Wire {
  readonly socket: Socket;
  readonly events: WireEvent[] = [];
  readonly answers: AnswerList;
  readonly openedAtMs = performance.now();
  /** What came, from its beginning; bounded. */
  received = '';
  receivedBytes = 0;
  lastByteAtMs = 0;
  /** When the peer's FIN or RST came; since the call of connect. */
  endedAtMs: number | undefined;
  wasReset = false;
  isConnected = false;
  isClosed = false;
  error: string | undefined;
  readonly #plain: Socket;
  readonly #waiting = new Set<() => void>();
  readonly #onBytes: ((bytes: Uint8Array) => void) | undefined;

  constructor(
    target: Pick<Target, 'address' | 'port' | 'isSecure' | 'authority'>,
    options: WireOptions = {},
  ) {
    this.#onBytes = options.onBytes;
    this.answers = new AnswerList();
    const { address: host, port, isSecure } = target;
    const plain = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#plain = plain;
    // Attackers look at no certificate: whom they talk to was decided by whoever gave the address.
    this.socket = isSecure
      ? connectTls({ socket: plain, rejectUnauthorized: false, ALPNProtocols: [options.alpn ?? 'http/1.1'] })
      : plain;
    this.socket.on(isSecure ? 'secureConnect' : 'connect', () => {
      this.isConnected = true;
      this.note('connected');
      this.#wake();
    });
    this.socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    this.socket.on('end', () => this.#onEnd('FIN'));
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error ??= error.code ?? error.message;
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') this.#onEnd('RST');
      else this.note('error', error.code ?? error.message);
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.endedAtMs ??= this.nowMs;
      this.#wake();
    });
  }

  /** Since the call of connect. */
  get nowMs(): number {
    return performance.now() - this.openedAtMs;
  }

  get isEnded(): boolean {
    return this.endedAtMs !== undefined;
  }

  write(bytes: string | Uint8Array): void {
    if (this.isClosed || this.socket.destroyed || this.socket.writableEnded) return;
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    this.socket.write(buffer);
    this.note('sent', typeof bytes === 'string' ? bytes : latin1Of(buffer), buffer.length);
  }

  end(): void {
    if (this.isClosed || this.socket.destroyed) return;
    this.socket.end();
    this.note('FIN sent');
  }

  reset(): void {
    if (this.isClosed) return;
    this.note('RST sent');
    // A socket of TLS knows no reset; it goes with the one below it.
    this.#plain.resetAndDestroy();
  }

  /** Ends it here, without a word to the peer that would need its answer. */
  destroy(): void {
    this.socket.destroy();
  }

  hold(): void {
    this.socket.pause();
    this.note('held');
  }

  read(): void {
    this.socket.resume();
    this.note('read');
  }

  /** @returns whether it came true within that time */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      if (condition()) return true;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, leftMs);
        this.#waiting.add(done);
      });
    }
  }

  note(what: WireEvent['what'], bytes?: string, size?: number): void {
    if (this.events.length >= EVENTS_MAX) return;
    const shown = bytes === undefined ? {} : { bytes: bytes.slice(0, SHOWN_BYTES_MAX) };
    this.events.push({
      atMs: Math.round(this.nowMs * 10) / 10,
      what,
      ...shown,
      ...(size === undefined ? {} : { size }),
    });
  }

  #onData(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    this.lastByteAtMs = this.nowMs;
    const isKept = this.received.length < KEPT_BYTES_MAX;
    if (isKept) this.received += latin1Of(bytes);
    this.note('received', isKept ? latin1Of(bytes.subarray(0, SHOWN_BYTES_MAX)) : '', bytes.length);
    if (this.#onBytes === undefined) this.answers.feed(bytes, this.nowMs);
    else this.#onBytes(bytes);
    this.#wake();
  }

  #onEnd(what: 'FIN' | 'RST'): void {
    if (this.endedAtMs === undefined) {
      this.endedAtMs = this.nowMs;
      this.wasReset = what === 'RST';
      this.note(what);
      if (what === 'FIN') this.answers.finish();
    }
    this.#wake();
  }

  #wake(): void {
    for (const each of [...this.#waiting]) each();
  }
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
