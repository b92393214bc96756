/**
 * `serve`: the public function. It checks the options, picks the engine, listens, and gives back a
 * handle. In this thread it is all here; with `workers` the handle is WorkerServer's (workers.ts), and
 * each worker calls `startThread` below.
 */
import { pathToFileURL } from 'node:url';
import { OptionError } from '../base/errors.ts';
import type {
  Engine,
  EngineName,
  EngineOptions,
  EngineStats,
  ListenAddress,
  Listener,
  RemoteAddress,
} from '../engine/engine.ts';
import { selectEngine } from '../engine/select.ts';
import { type AccessLog, createAccessLog } from '../observe/access-log.ts';
import { busiestFirst, type ConnectionRow } from '../observe/connection-row.ts';
import { createLogger } from '../observe/logger.ts';
import { installGlobals } from '../web/globals.ts';
import type { AdminServer } from './admin.ts';
import { loadHandler } from './module.ts';
import {
  adminAddressOf,
  checkOptions,
  type FetchHandler,
  hostnameOf,
  portOf,
  type ServeOptions,
  type Settings,
} from './options.ts';
import { ServerThread, type ServerThreadStats } from './server-thread.ts';

/** How long the end of a server waits for the last lines of its access log. */
const LOG_FLUSH_MS = 500;
/** Rows of `connections()` when nobody says how many. */
export const CONNECTION_ROWS_MAX = 1000;

/** A thread's place among those that share connections (engine/handoff.ts). */
export type HandoffPlace = NonNullable<EngineOptions['handoff']>;
/** What the engine of a worker thread shares with other threads. */
export type SharedMemory = Pick<EngineOptions, 'handoff' | 'ledger'>;

export interface EngineChoice {
  readonly name: EngineName;
  /** Why this one, in a sentence. */
  readonly reason: string;
}

export interface ServerStats extends ServerThreadStats {
  readonly engine: EngineStats;
  readonly workers: number;
}

export interface CloseOptions {
  /** Reset what is open instead of waiting for answers under way. @default false */
  readonly force?: boolean;
  /**
   * How long a connection that is idle may still ask, and be answered with `Connection: close`, before it
   * is closed. A request that crosses with our FIN is lost to its client; after a second without one that
   * is rare. @default 0
   */
  readonly idleGraceMs?: number;
}

/** What became of the connections that were open when `close` was called. */
export interface CloseReport {
  /** Ended by themselves within the drain deadline. */
  readonly drained: number;
  /** Reset at the deadline, or at once when forced. */
  readonly forced: number;
}

export interface AdminAddress {
  readonly url: string;
  readonly port: number;
  readonly hostname: string;
}

export interface Server {
  /** Where clients reach it, as `http://127.0.0.1:8080`; `unix:/path` for a unix socket. */
  readonly url: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly hostname: string;
  readonly engine: EngineChoice;
  /** The admin port, where one was asked for. */
  readonly admin: AdminAddress | undefined;
  /** True from when connections are accepted until `close`. */
  readonly isAccepting: boolean;
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number;
  /** Resolves when connections are accepted; `serve` resolves then too. */
  readonly ready: Promise<Server>;
  /** Resolves when the server has closed. */
  readonly finished: Promise<CloseReport>;
  /** Graceful by default: stop accepting, answer what is under way, close idle connections. Idempotent. */
  close(options?: CloseOptions | boolean): Promise<CloseReport>;
  /** New requests go to `handler`; with workers, they load the module anew, one after the other. */
  reload(handler?: FetchHandler): Promise<void>;
  stats(): Promise<ServerStats>;
  /** Open connections, one row each, at most `countMax`: those that stall first. @default 1000 */
  connections(countMax?: number): Promise<ConnectionRow[]>;
  /** Calls the handler without a socket. */
  fetch(request: Request): Promise<Response>;
  ref(): void;
  unref(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server. `serve(handler)`, `serve(options, handler)` and `serve({ fetch, ...options })` are the same.
 * @throws OptionError when an option is not allowed
 * @throws SysError when the address cannot be bound (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 * @throws UnavailableError when the engine that was asked for is not to be had
 */
export async function serve(handler: FetchHandler): Promise<Server>;
export async function serve(options: ServeOptions, handler?: FetchHandler): Promise<Server>;
export async function serve(first: FetchHandler | ServeOptions, second?: FetchHandler): Promise<Server> {
  const options: ServeOptions =
    typeof first === 'function'
      ? { fetch: first }
      : second === undefined
        ? first
        : { ...first, fetch: second };
  const settings = checkOptions(options);
  if (options.globals === true) installGlobals();
  const address = adminAddressOf(options);
  // First, for it must be able to say that the server is starting, and its port may be taken.
  const admin =
    address === undefined ? undefined : await (await import('./admin.ts')).openAdmin(address, options.logger);
  try {
    const server = await start(options, settings, admin);
    admin?.watch(server);
    return server;
  } catch (error) {
    await admin?.close();
    throw error;
  }
}

async function start(
  options: ServeOptions,
  settings: Settings,
  admin: AdminServer | undefined,
): Promise<Server> {
  if ((options.workers ?? 0) > 0) {
    const { startWorkers } = await import('./workers.ts');
    return startWorkers(options, settings, admin);
  }
  const fetch = options.fetch ?? (await loadHandler(moduleUrl(options.module!)));
  const server = await serveHere({ ...options, fetch }, settings, admin);
  options.onListen?.({ url: server.url, port: server.port, hostname: server.hostname });
  options.signal?.addEventListener('abort', () => void server.close(), { once: true });
  if (options.signal?.aborted) void server.close();
  return server;
}

/** Serves in this thread, with nothing around it: what a worker does too. */
export async function serveHere(
  options: ServeOptions & { fetch: FetchHandler },
  settings: Settings,
  admin?: AdminServer,
  shared?: SharedMemory,
): Promise<ThreadServer> {
  return new ThreadServer(await startThread(options, settings, options.fetch, shared), admin);
}

/** A path from the current folder, or a URL, as a module URL. */
export function moduleUrl(module: string | URL): URL {
  if (module instanceof URL) return module;
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? new URL(module) : pathToFileURL(module);
}

interface RunningThread {
  readonly thread: ServerThread;
  readonly engine: Engine;
  readonly listener: Listener;
  readonly choice: EngineChoice;
  readonly settings: Settings;
  readonly accessLog: AccessLog | undefined;
}

/** The engine and the HTTP server above it, listening, in this thread. */
/** @param options of one thread: its share of what is limited for the whole */
async function startThread(
  options: ServeOptions,
  settings: Settings,
  fetch: FetchHandler,
  shared: SharedMemory = {},
): Promise<RunningThread> {
  const logger = options.logger ?? createLogger();
  const accessLog =
    options.accessLog === undefined || options.accessLog === 'off'
      ? undefined
      : createAccessLog(options.accessLog);
  const address = listenAddress(options);
  const selection = await selectEngine(
    options.tls === undefined ? (options.engine ?? 'auto') : tlsEngine(options),
  );
  const thread = new ServerThread({
    fetch,
    error: options.error,
    settings,
    logger,
    accessLog,
    scheme: options.tls === undefined ? 'http' : 'https',
  });
  const engine = await selection.create({
    handler: thread,
    keepAlive: keepAliveFor(settings.timeouts.deadPeerMs),
    onError: (error) => logger.error('engine', error),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...shared,
  });
  if (selection.shortage !== undefined)
    logger.warn(`the engine is ${engine.name}, for another could not be had: ${selection.shortage}`);
  thread.attach(engine);
  try {
    const listener = await engine.listen(address);
    thread.defaultAuthority = authorityOf(listener.address);
    return {
      thread,
      engine,
      listener,
      choice: { name: selection.name, reason: selection.reason },
      settings,
      accessLog,
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function tlsEngine(options: ServeOptions): EngineName {
  if (options.engine !== undefined && options.engine !== 'auto' && options.engine !== 'node') {
    throw new OptionError('engine', options.engine, 'TLS is spoken by the node engine only');
  }
  return 'node';
}

function listenAddress(options: ServeOptions): ListenAddress {
  if (options.fd !== undefined) return { fd: options.fd };
  if (options.unix !== undefined) return { unix: options.unix };
  return { port: portOf(options), hostname: hostnameOf(options), reusePort: options.reusePort === true };
}

/**
 * The dead-peer period in the kernel's terms: half of it idle, then probes until it is over. Probes come
 * every sixth of the rest, so that single lost ones do no harm.
 */
export function keepAliveFor(deadPeerMs: number): {
  idleSeconds: number;
  intervalSeconds: number;
  probes: number;
} {
  const seconds = Math.min(deadPeerMs / 1000, 32767); // TCP_KEEPIDLE and TCP_KEEPINTVL end at 32767 s (tcp(7))
  const idleSeconds = Math.max(1, Math.floor(seconds / 2));
  const intervalSeconds = Math.max(1, Math.floor((seconds - idleSeconds) / 6));
  return {
    idleSeconds,
    intervalSeconds,
    probes: Math.max(1, Math.min(127, Math.floor((seconds - idleSeconds) / intervalSeconds))),
  };
}

function authorityOf(address: RemoteAddress): string {
  if (address.family === 'unix') return 'localhost';
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

export function urlOf(scheme: string, address: RemoteAddress): string {
  return address.family === 'unix' ? `unix:${address.address}` : `${scheme}://${authorityOf(address)}`;
}

/** A server in this thread. */
export class ThreadServer implements Server {
  readonly url: string;
  readonly port: number;
  readonly hostname: string;
  readonly engine: EngineChoice;
  readonly admin: AdminServer | undefined;
  readonly startedAtMs = performance.now();
  readonly ready: Promise<Server>;
  readonly finished: Promise<CloseReport>;
  readonly #running: RunningThread;
  #closing: Promise<CloseReport> | undefined;
  #resolveFinished!: (report: CloseReport) => void;
  #force: (() => void) | undefined;

  /** @param admin closed when this has closed */
  constructor(running: RunningThread, admin?: AdminServer) {
    this.#running = running;
    this.admin = admin;
    const { address } = running.listener;
    this.url = urlOf(running.thread.scheme, address);
    this.port = address.port;
    this.hostname = address.address;
    this.engine = running.choice;
    this.ready = Promise.resolve(this);
    this.finished = new Promise((resolve) => {
      this.#resolveFinished = resolve;
    });
  }

  close(options: CloseOptions | boolean = false): Promise<CloseReport> {
    const force = typeof options === 'boolean' ? options : options.force === true;
    const idleGraceMs = typeof options === 'boolean' ? 0 : (options.idleGraceMs ?? 0);
    const forced = new Promise<void>((resolve) => (this.#force = resolve));
    this.#closing ??= closeThread(this.#running, forced, idleGraceMs).then(async (report) => {
      await this.admin?.close();
      this.#resolveFinished(report);
      return report;
    });
    if (force) this.#force?.();
    return this.#closing;
  }

  async reload(handler?: FetchHandler): Promise<void> {
    if (typeof handler !== 'function')
      throw new OptionError('reload', handler, 'a function (request) => Response');
    this.#running.thread.fetch = handler;
  }

  async stats(): Promise<ServerStats> {
    return { ...this.#running.thread.stats(), engine: this.#running.engine.stats(), workers: 0 };
  }

  async connections(countMax = CONNECTION_ROWS_MAX): Promise<ConnectionRow[]> {
    return this.#running.thread.connectionRows(countMax).sort(busiestFirst);
  }

  get isAccepting(): boolean {
    return this.#closing === undefined;
  }

  async fetch(request: Request): Promise<Response> {
    const context = {
      remoteAddress: undefined,
      completed: Promise.resolve(),
      waitUntil() {},
      earlyHints() {},
    };
    return this.#running.thread.fetch(request, context);
  }

  /** Releases every descriptor at once, without a word to the clients: for a thread that is about to end. */
  releaseNow(): void {
    this.#running.engine.releaseNow();
  }

  ref(): void {
    this.#running.engine.ref();
    this.admin?.ref();
  }

  unref(): void {
    this.#running.engine.unref();
    this.admin?.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Drains, until all connections have ended, the drain deadline passes or `forced` resolves; then closes the engine. */
async function closeThread(
  running: RunningThread,
  forced: Promise<void>,
  idleGraceMs: number,
): Promise<CloseReport> {
  const { thread, engine, listener, settings } = running;
  thread.drain(idleGraceMs);
  await listener.close();
  const open = thread.openConnections;
  const isLate = await waitForEnd(thread, settings.timeouts.drainMs, forced);
  const left = thread.openConnections;
  if (isLate) thread.deadlines.drain += left;
  thread.resetAll(isLate ? 'drain-timeout' : 'forced');
  await engine.close();
  await running.accessLog?.flush(LOG_FLUSH_MS);
  return { drained: open - left, forced: left };
}

/** @returns whether the drain deadline came first */
async function waitForEnd(thread: ServerThread, drainMs: number, forced: Promise<void>): Promise<boolean> {
  let over = false;
  let isLate = false;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const end = Promise.race([
    forced,
    new Promise<void>((resolve) => {
      if (drainMs === Number.POSITIVE_INFINITY) return;
      deadline = setTimeout(() => {
        isLate = true;
        resolve();
      }, drainMs);
    }),
  ]).then(() => {
    over = true;
  });
  // Ends are seen by polling: closing is rare, and this needs no hook in the life of every connection.
  while (!over && (thread.openConnections > 0 || thread.pendingWork.size > 0)) {
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 5))]);
  }
  clearTimeout(deadline);
  return isLate;
}
