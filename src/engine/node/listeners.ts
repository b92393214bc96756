/**
 * The `net.Server`s of the node engine, each from `listen` until the last of its sockets has closed: sockets that they
 * accept go to the engine, which knows what becomes of them. How an address becomes a listening server is for listen.ts.
 */
import type { Server, Socket } from 'node:net';
import type { ListenAddress, Listener } from '../engine.ts';
import { Handshakes } from './handshakes.ts';
import { asSysError, type Bound, letInWaiting, listenOn } from './listen.ts';
import type { NodeEngineOptions, ServerFactory } from './options.ts';

const LIBUV_PROBES_SECONDS = 10;

/** What the listeners need of their engine. */
export interface ListenersOwner {
  readonly isClosing: boolean;
  readonly isRefed: boolean;
  accept(socket: Socket, isUnix: boolean, mayAdopt: boolean): void;
  /** One more server is gone with all its sockets. */
  listenerGone(): void;
}

export class Listeners {
  readonly #owner: ListenersOwner;
  readonly #options: NodeEngineOptions;
  readonly #makeServer: ServerFactory;
  readonly #readBufferBytes: number;
  /** With the handshakes of each, if it speaks TLS. A server leaves when the last of its sockets has closed. */
  readonly #servers = new Map<Server, Handshakes | undefined>();
  /** What each made that is to be removed when it stops listening. */
  readonly #releases = new Map<Server, () => void>();

  constructor(
    owner: ListenersOwner,
    options: NodeEngineOptions,
    makeServer: ServerFactory,
    readBufferBytes: number,
  ) {
    this.#owner = owner;
    this.#options = options;
    this.#makeServer = makeServer;
    this.#readBufferBytes = readBufferBytes;
  }

  /** Whether all servers and their sockets are gone. */
  get areGone(): boolean {
    return this.#servers.size === 0;
  }

  get handshakeCount(): number {
    let count = 0;
    for (const handshakes of this.#servers.values()) count += handshakes?.count ?? 0;
    return count;
  }

  async listen(address: ListenAddress): Promise<Listener> {
    const { keepAlive, tls, sharedReadBuffer, backlog } = this.#options;
    const server = this.#makeServer({
      allowHalfOpen: true,
      noDelay: true,
      highWaterMark: this.#readBufferBytes,
      ...(keepAlive && { keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs(keepAlive) }),
    });
    let isUnix = 'unix' in address;
    let handshakes: Handshakes | undefined;
    // Before listening: the first peer may be there as soon as the socket is.
    if (tls === undefined) {
      const mayAdopt = sharedReadBuffer !== false;
      server.on('connection', (socket: Socket) => this.#owner.accept(socket, isUnix, mayAdopt));
    } else {
      handshakes = new Handshakes(server, this.#options.handshakes);
      server.on('secureConnection', (socket: Socket) => this.#owner.accept(socket, isUnix, false));
    }
    this.#servers.set(server, handshakes);
    let bound: Bound;
    try {
      bound = await listenOn(server, address, backlog);
    } catch (error) {
      this.#servers.delete(server);
      this.#owner.listenerGone();
      throw error;
    }
    isUnix = bound.address.family === 'unix';
    this.#watch(server, bound);
    let stopped: Promise<void> | undefined;
    return {
      address: bound.address,
      close: () => {
        stopped ??= this.#stop(server).then(() => handshakes?.settled());
        return stopped;
      },
    };
  }

  #watch(server: Server, bound: Bound): void {
    this.#releases.set(server, bound.release);
    server.on('error', (error: Error) =>
      this.#options.onError?.(asSysError(error, 'while accepting') ?? error),
    );
    server.once('close', () => {
      this.#servers.delete(server);
      this.#releases.delete(server);
      this.#owner.listenerGone();
    });
    if (!this.#owner.isRefed) server.unref();
    // The engine may have been closed while the name was looked up.
    if (this.#owner.isClosing) this.#close(server);
  }

  ref(): void {
    for (const server of this.#servers.keys()) server.ref();
  }

  unref(): void {
    for (const server of this.#servers.keys()) server.unref();
  }

  /** No more is accepted. */
  close(): void {
    for (const server of this.#servers.keys()) this.#close(server);
  }

  endHandshakes(): void {
    for (const handshakes of this.#servers.values()) handshakes?.destroyAll();
  }

  async #stop(server: Server): Promise<void> {
    await letInWaiting(server);
    this.#close(server);
  }

  #close(server: Server): void {
    if (!server.listening) return;
    this.#releases.get(server)?.();
    server.close();
  }
}

/**
 * libuv fixes the rest: ten probes, one a second (uv__tcp_keepalive in src/unix/tcp.c). So they begin ten
 * seconds before the period ends, and a period below eleven seconds cannot be kept.
 */
function keepAliveDelayMs(keepAlive: NonNullable<NodeEngineOptions['keepAlive']>): number {
  const { idleSeconds, intervalSeconds, probes } = keepAlive;
  return Math.max(1, idleSeconds + intervalSeconds * probes - LIBUV_PROBES_SECONDS) * 1000;
}
