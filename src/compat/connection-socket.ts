/**
 * `req.socket` of a connection of HTTP/1, or of a stream of HTTP/2: what node:http and frameworks ask of a socket, without
 * a stream's machinery. Reading and writing are the open answer's; whoever upgrades gets a real Duplex (upgraded-socket.ts).
 *
 * One object serves all requests of a connection, one after the other, as in Node.
 */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { CloseReason } from '../engine/engine.ts';
import type { AnswerFace, ServerFace } from './core.ts';
import type { AnswerOwner } from './node-exchange.ts';
import { tlsFaceOf } from './tls-face.ts';

/** Node's own for sockets, from 22 on. */
const HIGH_WATER_BYTES = 65_536;

type Callback = (error?: Error | null) => void;

/** node:http asks this of a stream's inside. */
interface WritableFace {
  corked: number;
  readonly needDrain: boolean;
}

export class ConnectionSocket extends EventEmitter {
  readonly server: ServerFace;
  /** Whose bytes come and go. */
  answer: AnswerFace | null = null;
  readable = true;
  writable = true;
  destroyed = false;
  closed = false;
  /** The connection has ended, which listeners may still have to be told. */
  isGone = false;
  connecting = false;
  pending = false;
  allowHalfOpen = true;
  bytesWritten = 0;
  timeout = 0;
  _httpMessage: unknown = null;
  _paused = false;
  readonly _writableState: WritableFace = { corked: 0, needDrain: false };
  readonly parser = null;
  readonly #owner: AnswerOwner;
  /** What it was destroyed with, until that has been told. */
  #error: Error | undefined = undefined;
  #isLeaving = false;
  /** The stream that an 'upgrade' listener got in its place. */
  #successor: Duplex | undefined = undefined;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #movedAtMs = 0;

  constructor(owner: AnswerOwner, server: ServerFace, isEncrypted: boolean) {
    super();
    this.#owner = owner;
    this.server = server;
    if (isEncrypted) Object.assign(this, tlsFaceOf(owner.secure));
    // As node:http's server does: an error that somebody emits on it ends the connection and not the process.
    this.on('error', endBrokenSocket);
  }

  get remoteAddress(): string | undefined {
    return this.#owner.remoteAddress()?.address || undefined;
  }

  get remotePort(): number | undefined {
    return this.#owner.remoteAddress()?.port;
  }

  get remoteFamily(): string | undefined {
    return this.#owner.remoteAddress()?.family;
  }

  get localAddress(): string | undefined {
    return this.#owner.localAddress()?.address;
  }

  get localPort(): number | undefined {
    return this.#owner.localAddress()?.port;
  }

  get localFamily(): string | undefined {
    return this.#owner.localAddress()?.family;
  }

  get bytesRead(): number {
    return this.answer?.bodyBytes ?? 0;
  }

  get readyState(): 'open' | 'closed' {
    return this.destroyed ? 'closed' : 'open';
  }

  /** node:http makes streams of a request with this. */
  get readableHighWaterMark(): number {
    return this.server.highWaterMark ?? HIGH_WATER_BYTES;
  }

  get writableHighWaterMark(): number {
    return this.server.highWaterMark ?? HIGH_WATER_BYTES;
  }

  /** What waits for room: all else leaves at the end of the turn, as Node's sockets write at once. */
  get writableLength(): number {
    const { answer } = this;
    return answer === null || answer.hasRoom ? 0 : answer.unsentBytes;
  }

  get writableNeedDrain(): boolean {
    return this.answer?.hasRoom === false;
  }

  get writableEnded(): boolean {
    return !this.writable;
  }

  /** What is written in one turn leaves together anyhow; it is only counted. */
  cork(): void {
    this._writableState.corked++;
  }

  uncork(): void {
    if (this._writableState.corked > 0) this._writableState.corked--;
  }

  get writableCorked(): number {
    return this._writableState.corked;
  }

  address(): object {
    const { localAddress: address, localPort: port, localFamily: family } = this;
    return address === undefined ? {} : { address, family, port };
  }

  /** @hot */
  write(
    data: string | Uint8Array,
    encoding?: BufferEncoding | Callback | null,
    callback?: Callback | null,
  ): boolean {
    const done = typeof encoding === 'function' ? encoding : callback;
    const { answer } = this;
    if (this.destroyed || answer === null) {
      if (done != null) process.nextTick(done, streamDestroyed());
      return false;
    }
    if (this.timeout > 0) this.#movedAtMs = performance.now();
    this.bytesWritten += data.length;
    return answer.write(data, typeof encoding === 'string' ? encoding : null, done ?? null);
  }

  /** The connection ends behind what has been written. */
  end(
    data?: string | Uint8Array | Callback,
    encoding?: BufferEncoding | Callback,
    callback?: Callback,
  ): this {
    const done = [data, encoding, callback].find((each) => typeof each === 'function') as
      | Callback
      | undefined;
    if (typeof data === 'string' || data instanceof Uint8Array)
      this.write(data, typeof encoding === 'string' ? encoding : null);
    if (done !== undefined) this.once('close', () => done());
    this.writable = false;
    if (this.answer === null) this.destroy();
    else this.#endBehind(this.answer);
    return this;
  }

  /** Its end is told as an event of its own, as in Node, where the peer has to see it first. */
  #endBehind(answer: AnswerFace): void {
    this.#isLeaving = true;
    answer.endsConnection();
    setImmediate(() => {
      this.#isLeaving = false;
      if (this.isGone) answer.guard(() => this.lost());
    });
  }

  destroySoon(): void {
    this.end();
  }

  destroy(error?: Error): this {
    return this.#end(error, false);
  }

  #end(error: Error | undefined, isReset: boolean): this {
    if (this.destroyed) return this;
    if (this.#successor !== undefined) {
      this.#successor.destroy(error);
      return this;
    }
    this.#over();
    this.#error = error;
    // Node tells of the end when whoever destroys the socket has returned.
    this.#isLeaving = true;
    if (isReset && this.#owner.reset !== undefined) this.#owner.reset('destroyed-by-handler');
    else if (this.answer === null) this.#owner.abandon('destroyed-by-handler');
    else this.answer.abandon('destroyed-by-handler');
    process.nextTick(() => {
      this.#isLeaving = false;
      this.lost();
    });
    return this;
  }

  /** The connection is another socket's from now on; who knows this one can still end it, and is told of its end. */
  succeededBy(successor: Duplex): void {
    this.#successor = successor;
    successor.once('close', () => this.lost());
  }

  /** By RST, what is unsent dropped; a stream of HTTP/2 ends by its own reset anyhow. */
  resetAndDestroy(): this {
    return this.#end(undefined, true);
  }

  /** The connection is gone, and who works on it is told. */
  lost(): void {
    if (this.closed || this.#isLeaving) return;
    this.#over();
    this.#tellClosed(this.#error);
  }

  /** Attachment: told by who carries the exchanges. */
  ended(_reason: CloseReason): void {
    if (this.closed || this.#successor !== undefined) return;
    const { answer } = this;
    this.isGone = true;
    if (answer === null) this.lost();
    // Node emits 'finish' of an answer before its socket's 'close'; the answer tells us then.
    else if (!answer.isFinishing) answer.guard(() => this.lost());
  }

  #over(): void {
    this.destroyed = true;
    this.readable = false;
    this.writable = false;
    clearTimeout(this.#timer);
  }

  #tellClosed(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.answer?.abortRequest();
    if (error !== undefined && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close', error !== undefined);
  }

  /** 'timeout' when nothing has moved for so long, as on net.Socket; the deadlines of the server hold all the same. */
  setTimeout(timeoutMs: number, callback?: () => void): this {
    if (callback !== undefined) {
      if (timeoutMs === 0) this.off('timeout', callback);
      else this.once('timeout', callback);
    }
    this.timeout = timeoutMs;
    clearTimeout(this.#timer);
    this.#movedAtMs = performance.now();
    if (timeoutMs > 0 && !this.destroyed) this.#watch(timeoutMs);
    return this;
  }

  /** Between requests the server's time for idle connections holds, as in Node. */
  rests(): void {
    if (this.timeout > 0 && this.server.keepAliveTimeout !== 0) clearTimeout(this.#timer);
  }

  /** Another request has come. */
  works(): void {
    if (this.timeout === 0 || this.destroyed) return;
    clearTimeout(this.#timer);
    this.#movedAtMs = performance.now();
    this.#watch(this.timeout);
  }

  #watch(waitMs: number): void {
    this.#timer = setTimeout(() => {
      const leftMs = this.#movedAtMs + this.timeout - performance.now();
      if (leftMs > 1) this.#watch(leftMs);
      else this.#timedOut();
    }, waitMs);
    this.#timer.unref();
  }

  #timedOut(): void {
    this.emit('timeout');
    const { answer } = this;
    const isHeard = answer?.emitTimeout() === true;
    if (!this.server.emit('timeout', this) && !isHeard) this.destroy();
  }

  /** Bytes have come. */
  moved(): void {
    if (this.timeout > 0) this.#movedAtMs = performance.now();
  }

  // What has no meaning here, and is called all the same.

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }

  isPaused(): boolean {
    return false;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  /** RFC 9112 §2.2: a message is read as octets. */
  setEncoding(): never {
    throw Object.assign(new Error('Changing the socket encoding is not allowed per RFC7230 Section 3.'), {
      code: 'ERR_HTTP_SOCKET_ENCODING',
    });
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

function endBrokenSocket(this: ConnectionSocket, error: Error): void {
  if (this.server.listenerCount('clientError') === 0) this.destroy();
  else this.server.emit('clientError', error, this);
}

function streamDestroyed(): Error {
  return Object.assign(new Error('Cannot call write after a stream was destroyed'), {
    code: 'ERR_STREAM_DESTROYED',
  });
}
