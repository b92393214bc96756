/**
 * A server with the face of node:http's: for programs and frameworks that make one and listen on it, Fastify's
 * `serverFactory`, `ws`, Socket.IO. Behind it is a server of ours, as `serve` starts it, whose deadlines and limits hold.
 *
 * `listen` has its address when it returns, as in Node, wherever no name has to be looked up: connections wait in the
 * kernel's queue until the engine has begun, and 'listening' follows then.
 */
import type { ServerOptions } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { OptionError } from '../base/errors.ts';
import { parseDuration } from '../base/units.ts';
import { CORE_CLASSES, type MessageClasses } from '../compat/core.ts';
import { GivenStreams } from '../compat/given-streams.ts';
import { ListenerApp, ListenerServer } from '../compat/listener-app.ts';
import { refusalOf } from '../compat/refusals.ts';
import { fetchOf } from '../compat/to-fetch.ts';
import {
  type ListeningSocket,
  openListenerNow,
  whyListenersCannotBeShared,
} from '../engine/descriptor/listening-socket.ts';
import type { RemoteAddress } from '../engine/engine.ts';
import { unixAddressOf } from '../engine/unix-path.ts';
import type { NodeListener } from './handler-shape.ts';
import {
  type HttpServerOptions,
  type ListenArguments,
  listenArguments,
  serveOptionsOf,
  timeoutOf,
} from './http-server-options.ts';
import { checkOptions, readOptions, type ServeOptions, type Settings } from './options.ts';
import { keepAliveFor, serveHere, type ThreadServer } from './thread-server.ts';

/** Where Node listens when nobody says where, best first: everywhere, by IPv6 where there is such. */
const EVERYWHERE = ['::', '0.0.0.0'];

type Callback = (error?: Error) => void;

type TimeoutListener = (socket: Socket) => void;

const RESTART_LOOK_MS = 1;

/** Names of our timeouts, by those of Node's. */
const LIVE = { keepAliveTimeout: 'idleMs', headersTimeout: 'headerMs', requestTimeout: 'bodyMs' } as const;

class HttpServer extends ListenerServer {
  maxHeadersCount: number | null = null;
  maxRequestsPerSocket = 0;
  maxConnections: number | undefined = undefined;
  /** Of sockets that are silent, as of Node's; 0 is off. */
  timeout = 0;
  /** A client that has sent FIN gets its answer all the same; node:http takes it for gone. */
  httpAllowHalfOpen = false;
  requireHostHeader: boolean;
  readonly shouldUpgradeCallback: ((request: unknown) => boolean) | undefined;
  joinDuplicateHeaders: boolean;
  rejectNonStandardBodyWrites: boolean;
  highWaterMark: number;
  readonly #options: HttpServerOptions;
  readonly #timeouts: Record<keyof typeof LIVE, number | undefined>;
  /** Those of the server that runs. */
  #settings: Settings | undefined = undefined;
  #address: RemoteAddress | undefined = undefined;
  #starting: Promise<ThreadServer> | undefined = undefined;
  #running: ThreadServer | undefined = undefined;
  #isRefed = true;
  /** Servers that were closed and have not ended. */
  #ending = 0;
  #given: GivenStreams | undefined = undefined;

  constructor(options: HttpServerOptions, listener: NodeListener | undefined) {
    super();
    this.#options = options;
    const { keepAliveTimeout, headersTimeout, requestTimeout } = options;
    this.#timeouts = { keepAliveTimeout, headersTimeout, requestTimeout };
    this.requireHostHeader = options.requireHostHeader !== false;
    this.shouldUpgradeCallback = options.shouldUpgradeCallback;
    this.joinDuplicateHeaders = options.joinDuplicateHeaders === true;
    this.rejectNonStandardBodyWrites = options.rejectNonStandardBodyWrites === true;
    this.highWaterMark = options.highWaterMark ?? 65_536;
    if (listener !== undefined) this.on('request', checkedListener(listener));
    // What is wrong is told where it was written.
    this.#serveOptions();
  }

  /** A stream that is given as a 'connection' is served as node:http would serve it. */
  override emit(event: string | symbol, ...given: unknown[]): boolean {
    const isHeard = super.emit(event, ...given);
    if (event !== 'connection' || !(given[0] instanceof Duplex)) return isHeard;
    this.#given ??= new GivenStreams(this, this.#options as ServerOptions);
    this.#given.take(given[0]);
    return true;
  }

  get keepAliveTimeout(): number {
    return this.#timeoutMs('keepAliveTimeout');
  }

  set keepAliveTimeout(timeoutMs: number) {
    this.#setTimeoutMs('keepAliveTimeout', timeoutMs);
  }

  get headersTimeout(): number {
    return this.#timeoutMs('headersTimeout');
  }

  set headersTimeout(timeoutMs: number) {
    this.#setTimeoutMs('headersTimeout', timeoutMs);
  }

  get requestTimeout(): number {
    return this.#timeoutMs('requestTimeout');
  }

  set requestTimeout(timeoutMs: number) {
    this.#setTimeoutMs('requestTimeout', timeoutMs);
  }

  #timeoutMs(name: keyof typeof LIVE): number {
    const set = this.#timeouts[name];
    if (set !== undefined) return set;
    const timeoutMs = (this.#settings ?? checkOptions({ ...this.#serveOptions(), fetch: unused })).timeouts[
      LIVE[name]
    ];
    return Number.isFinite(timeoutMs) ? timeoutMs : 0;
  }

  #setTimeoutMs(name: keyof typeof LIVE, timeoutMs: number | undefined): void {
    // Fastify copies what one server has to another, and has nothing where a program said nothing.
    if (timeoutMs === undefined) return;
    const duration = timeoutOf(name, timeoutMs);
    this.#timeouts[name] = timeoutMs;
    // Each deadline that is set from now on counts by it.
    const live = this.#settings?.timeouts as Record<string, number> | undefined;
    if (live !== undefined) live[LIVE[name]] = parseDuration(name, duration);
  }

  #serveOptions(): ServeOptions {
    const { maxHeadersCount, maxRequestsPerSocket, maxConnections } = this;
    return serveOptionsOf(this.#options, {
      ...this.#timeouts,
      maxHeadersCount,
      maxRequestsPerSocket,
      maxConnections,
    });
  }

  get listening(): boolean {
    return this.#address !== undefined;
  }

  /** Node's own; supertest looks here whether there is anything to close. */
  get _handle(): object | null {
    return this.#address === undefined ? null : this.#address;
  }

  /** What `server.address()` of node:net tells: a unix socket is its path, and it is null while nobody listens. */
  address(): { address: string; family: string; port: number } | string | null {
    const address = this.#address;
    if (address === undefined) return null;
    if (address.family === 'unix') return address.address;
    return { address: address.address, family: address.family, port: address.port };
  }

  /** All forms of Node's: (port, host, backlog, callback), (path, callback), (options, callback), (callback). */
  listen(...given: unknown[]): this {
    if (this.#starting !== undefined)
      throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    const where = listenArguments(given);
    if (where.onListening !== undefined) this.once('listening', where.onListening);
    const { signal } = where;
    if (signal?.aborted === true) {
      process.nextTick(() => this.close());
      return this;
    }
    signal?.addEventListener('abort', () => this.close(), { once: true });
    const starting = this.#ending === 0 ? this.#start(where) : this.#restart(where);
    this.#starting = starting;
    starting.then(
      (server) => this.#started(server),
      (error) => this.#failed(error, where),
    );
    return this;
  }

  /** Node frees its port when it is closed; ours is free when the engine has let go of it, a moment later. */
  async #restart(where: ListenArguments): Promise<ThreadServer> {
    while (this.#ending > 0) {
      try {
        return await this.#start(where);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error;
        await setTimeout(RESTART_LOOK_MS);
      }
    }
    return this.#start(where);
  }

  /** Binds at once where it can: what throws in here is told by 'error'. */
  #start(where: ListenArguments): Promise<ThreadServer> {
    try {
      const options = readOptions(this.#serveOptions());
      const place = this.#place(where, options);
      const fetch = fetchOf(new ListenerApp(this, classesOf(this.#options)), refusalOf);
      const served = { ...options, ...place, fetch };
      this.#settings = checkOptions(served);
      return serveHere(served, this.#settings);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #place(where: ListenArguments, options: ServeOptions): ServeOptions {
    const { path, fd, host, port, reusePort } = where;
    if (fd !== undefined) return { fd };
    const isName = host !== undefined && isIP(host) === 0;
    const { deadPeerMs } = checkOptions({ ...options, fetch: unused }).timeouts;
    if (path === undefined && !isName && whyListenersCannotBeShared() === undefined) {
      const socket = openFirst(host === undefined ? EVERYWHERE : [host], where, keepAliveFor(deadPeerMs));
      this.#address = socket.address;
      return { fd: socket.fd };
    }
    return path === undefined
      ? { port, hostname: host ?? '0.0.0.0', reusePort }
      : { unix: path.startsWith('@') ? `./${path}` : path };
  }

  #started(server: ThreadServer): void {
    this.#running = server;
    const { hostname: address, port } = server;
    const family = server.url.startsWith('unix:') ? 'unix' : isIP(address) === 6 ? 'IPv6' : 'IPv4';
    this.#address ??= { address: unixAddressOf(address), port, family };
    if (!this.#isRefed) server.unref();
    this.emit('listening');
  }

  #failed(error: unknown, { host, port, path }: ListenArguments): void {
    this.#starting = undefined;
    this.#address = undefined;
    const told = error instanceof Error ? error : new Error(String(error));
    const at = path === undefined ? { address: host ?? '::', port } : { address: path };
    this.emit('error', Object.assign(told, { syscall: 'listen', ...at }));
  }

  /** Stops accepting, ends idle connections and waits for answers under way, at most for `timeouts.drain`; 'close' follows. */
  close(callback?: Callback): this {
    const starting = this.#starting;
    if (starting === undefined) {
      if (callback !== undefined) {
        const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
        process.nextTick(callback, error);
      }
      return this;
    }
    if (callback !== undefined) this.once('close', callback);
    this.#starting = undefined;
    this.#address = undefined;
    const running = this.#running;
    this.#ending++;
    // Programs that end what is left in their own way put theirs in its place.
    this.closeIdleConnections();
    // At once where it runs: the next answer is to say that it is the last.
    const closing =
      running === undefined
        ? starting.then((server) => server.close({ idleGraceMs: 0 }))
        : running.close({ idleGraceMs: 0 });
    void closing
      .catch(() => undefined)
      .then(() => {
        this.#ending--;
        // Unless it listens again already.
        if (this.#running === running && this.#starting === undefined) {
          this.#running = undefined;
          this.#settings = undefined;
        }
        this.#given?.close();
        this.#given = undefined;
        this.emit('close');
      });
    return this;
  }

  closeAllConnections(): void {
    this.#running?.endConnections(false);
  }

  closeIdleConnections(): void {
    this.#running?.endConnections(true);
  }

  getConnections(callback: (error: null, count: number) => void): this {
    const count = this.#running?.connectionCount ?? 0;
    process.nextTick(callback, null, count);
    return this;
  }

  setTimeout(timeoutMs?: number | TimeoutListener, callback?: TimeoutListener): this {
    const listener = typeof timeoutMs === 'function' ? timeoutMs : callback;
    if (typeof timeoutMs === 'number') this.timeout = timeoutMs;
    if (listener !== undefined) this.on('timeout', listener);
    return this;
  }

  ref(): this {
    this.#isRefed = true;
    this.#running?.ref();
    return this;
  }

  unref(): this {
    this.#isRefed = false;
    this.#running?.unref();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#starting === undefined) resolve();
      else this.close(() => resolve());
    });
  }
}

function checkedListener(listener: unknown): NodeListener {
  if (typeof listener === 'function') return listener as NodeListener;
  throw Object.assign(new OptionError('listener', listener, 'a function (req, res)'), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}

/** Messages of a program's own classes, which Node takes too. */
function classesOf({ IncomingMessage, ServerResponse }: HttpServerOptions): MessageClasses | undefined {
  if (IncomingMessage === undefined && ServerResponse === undefined) return undefined;
  return {
    request: (IncomingMessage ?? CORE_CLASSES.request) as MessageClasses['request'],
    response: (ServerResponse ?? CORE_CLASSES.response) as MessageClasses['response'],
  };
}

/** Where a handler is checked and none is there yet. */
const unused = (): never => {
  throw new Error('no handler');
};

function openFirst(
  hosts: readonly string[],
  { port, ipv6Only, reusePort, backlog }: ListenArguments,
  keepAlive: ReturnType<typeof keepAliveFor>,
): ListeningSocket {
  const [hostname, ...others] = hosts;
  try {
    const options = backlog === undefined ? { keepAlive } : { keepAlive, backlog };
    return openListenerNow({ hostname: hostname!, port, ipv6Only, reusePort }, options);
  } catch (error) {
    const { code } = error as { code?: unknown };
    // A machine without IPv6.
    if (others.length === 0 || code === 'EADDRINUSE' || code === 'EACCES') throw error;
    return openFirst(others, { port, ipv6Only, reusePort, backlog } as ListenArguments, keepAlive);
  }
}

/** `http.createServer`: the listener alone, or options before it. */
export function createServer(first?: HttpServerOptions | NodeListener, second?: NodeListener): HttpServer {
  if (typeof first === 'function') return new HttpServer({}, first);
  if (first != null && (typeof first !== 'object' || Array.isArray(first)))
    throw Object.assign(new OptionError('options', first, 'an object, or a function (req, res)'), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  return new HttpServer(first ?? {}, second);
}

/** For Fastify: `Fastify({ serverFactory: serverFactory() })`. */
export function serverFactory(options: HttpServerOptions = {}): (handler: NodeListener) => HttpServer {
  return (handler) => new HttpServer(options, handler);
}
