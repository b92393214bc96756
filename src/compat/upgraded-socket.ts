/**
 * The socket that an 'upgrade' listener gets: a Duplex over the connection, which is its session from then on. `ws` and
 * Socket.IO speak WebSocket over it, and others what they like. Memory is bounded on both sides: what nobody reads pauses the
 * connection, and a write calls back only when less than the high-water mark is unsent.
 */
import { Duplex } from 'node:stream';
import type { CloseReason, EngineConnection } from '../engine/engine.ts';
import { SEND_RESERVE_BYTES_MAX } from '../engine/engine.ts';
import { RESPONSE_HIGH_WATER_BYTES } from '../http/answer-sink.ts';
import type { ExchangeHost, ExchangeRecord } from '../http/exchange-host.ts';
import type { ReplacedSession } from '../http/session.ts';
import { UpgradedSession } from '../http/upgraded-session.ts';
import type { ServerFace } from './core.ts';
import { tlsFaceOf } from './tls-face.ts';

type Callback = (error?: Error | null) => void;

/** What the socket asks of the connection below it. */
interface SocketBelow {
  readonly engine: EngineConnection;
  resumed(): void;
  /** @returns whether there is room for more */
  send(bytes: Uint8Array): boolean;
  finished(): void;
  destroyed(): void;
  /** RST, what is unsent dropped. */
  reset(reason: CloseReason): void;
  readonly idleMs: number;
}

export class UpgradedSocket extends Duplex {
  readonly server: ServerFace;
  readonly connecting = false;
  readonly pending = false;
  timeout = 0;
  bytesWritten = 0;
  bytesRead = 0;
  _httpMessage: unknown = null;
  _paused = false;
  readonly parser = null;
  readonly #below: SocketBelow;
  #waiting: Callback | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(below: SocketBelow, server: ServerFace, isEncrypted: boolean) {
    super({ allowHalfOpen: true, highWaterMark: 65_536, emitClose: true });
    this.#below = below;
    this.server = server;
    if (isEncrypted) Object.assign(this, tlsFaceOf(below.engine.secure));
  }

  get remoteAddress(): string | undefined {
    return this.#below.engine.remoteAddress()?.address || undefined;
  }

  get remotePort(): number | undefined {
    return this.#below.engine.remoteAddress()?.port;
  }

  get remoteFamily(): string | undefined {
    return this.#below.engine.remoteAddress()?.family;
  }

  get localAddress(): string | undefined {
    return this.#below.engine.localAddress()?.address;
  }

  get localPort(): number | undefined {
    return this.#below.engine.localAddress()?.port;
  }

  get readyState(): string {
    if (this.destroyed) return 'closed';
    if (this.readable && this.writable) return 'open';
    return this.readable ? 'readOnly' : 'writeOnly';
  }

  address(): object {
    const { localAddress: address, localPort: port } = this;
    return address === undefined ? {} : { address, port, family: this.#below.engine.localAddress()?.family };
  }

  // What came.

  /** @returns whether more may come now */
  takeIn(bytes: Buffer): boolean {
    this.bytesRead += bytes.length;
    return this.push(bytes);
  }

  /** There is room again. */
  hasRoom(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  override _read(): void {
    this.#below.resumed();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.bytesWritten += chunk.length;
    if (this.#below.send(chunk)) callback();
    else this.#waiting = callback;
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback: Callback): void {
    let hasRoom = true;
    for (const { chunk } of chunks) {
      this.bytesWritten += chunk.length;
      hasRoom = this.#below.send(chunk);
    }
    if (hasRoom) callback();
    else this.#waiting = callback;
  }

  override _final(callback: Callback): void {
    this.#below.finished();
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer);
    this.#waiting?.(error);
    this.#waiting = null;
    this.#below.destroyed();
    callback(error);
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  resetAndDestroy(): this {
    this.#below.reset('destroyed-by-handler');
    return this.destroy();
  }

  setTimeout(timeoutMs: number, callback?: () => void): this {
    if (callback !== undefined) this.once('timeout', callback);
    this.timeout = timeoutMs;
    clearTimeout(this.#timer);
    if (timeoutMs > 0 && !this.destroyed) this.#watch(timeoutMs);
    return this;
  }

  #watch(waitMs: number): void {
    this.#timer = setTimeout(() => {
      const leftMs = this.timeout - this.#below.idleMs;
      if (leftMs > 1) this.#watch(leftMs);
      else this.emit('timeout');
    }, waitMs);
    this.#timer.unref();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

const NO_BYTES = Buffer.alloc(0);

export class SocketSession extends UpgradedSession implements SocketBelow {
  readonly socket: UpgradedSocket;
  readonly #onBegin: (socket: UpgradedSocket, head: Buffer) => void;
  /** What has come behind the request is told with it, and not by the stream. */
  readonly #hasHead: boolean;
  #isBegun = false;
  #isPaused = false;

  constructor(
    host: ExchangeHost,
    record: ExchangeRecord,
    from: ReplacedSession,
    server: ServerFace,
    onBegin: (socket: UpgradedSocket, head: Buffer) => void,
    { hasHead = false, endsInMs = Number.POSITIVE_INFINITY } = {},
  ) {
    super(host, record, from);
    this.#hasHead = hasHead;
    this.arm(host.nowMs + endsInMs);
    this.movedAtMs = host.nowMs;
    this.socket = new UpgradedSocket(this, server, host.scheme === 'https');
    this.#onBegin = onBegin;
  }

  begin(): void {
    if (this.#hasHead) process.nextTick(() => this.#beginWith(NO_BYTES));
    else this.#beginWith(NO_BYTES);
  }

  #beginWith(head: Buffer): void {
    if (this.#isBegun || this.socket.destroyed) return;
    this.#isBegun = true;
    this.#guard(() => this.#onBegin(this.socket, head));
  }

  protected take(bytes: Uint8Array, start: number, end: number): void {
    this.movedAtMs = this.host.nowMs;
    const own = Buffer.allocUnsafe(end - start);
    own.set(bytes.subarray(start, end));
    if (!this.#isBegun) {
      this.#beginWith(own);
      return;
    }
    this.#guard(() => {
      if (this.socket.takeIn(own) || this.#isPaused) return;
      this.#isPaused = true;
      this.engine.pauseReading();
    });
  }

  protected takeEnd(): void {
    this.#beginWith(NO_BYTES);
    this.#guard(() => {
      this.socket.push(null);
      // A net.Socket tells of its end also where nobody reads, if nothing lies before it.
      this.socket.read(0);
    });
  }

  drained(): void {
    this.movedAtMs = this.host.nowMs;
    this.#guard(() => this.socket.hasRoom());
  }

  /** Whoever speaks on it ends it; the server's own deadline does what is left. */
  drain(): void {}

  protected due(): void {
    this.close('linger-timeout');
  }

  protected over(reason: CloseReason): void {
    if (this.socket.destroyed) return;
    const isPeers = reason !== 'answered' && reason !== 'client-closed';
    this.#guard(() => {
      this.socket.destroy(
        isPeers && this.socket.listenerCount('error') > 0
          ? Object.assign(new Error(`the connection has ended (${reason})`), { code: 'ECONNRESET' })
          : undefined,
      );
    });
  }

  /** What listeners throw is theirs, and ends their connection alone. */
  #guard(work: () => void): void {
    try {
      this.host.scope.run(work, undefined);
    } catch (error) {
      this.host.logError('upgraded connection failed', error, this.record);
      this.reset('handler-failed');
    }
  }

  // SocketBelow

  get idleMs(): number {
    return this.host.nowMs - this.movedAtMs;
  }

  resumed(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.engine.resumeReading();
  }

  send(bytes: Uint8Array): boolean {
    const { engine } = this;
    for (let at = 0; at < bytes.length; ) {
      const size = Math.min(bytes.length - at, SEND_RESERVE_BYTES_MAX);
      const start = engine.reserve(size);
      engine.out.set(bytes.subarray(at, at + size), start);
      engine.commit(size);
      this.bytesWritten += size;
      at += size;
    }
    return engine.unsentBytes < RESPONSE_HIGH_WATER_BYTES || !engine.takesBytes;
  }

  /** FIN behind the last byte; the other side may still send. */
  finished(): void {
    this.engine.shutdownWrite();
    if (this.hasReadEnd) this.close('answered');
  }

  destroyed(): void {
    this.close(this.hasReadEnd ? 'answered' : 'destroyed-by-handler');
  }
}
