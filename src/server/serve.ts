/**
 * `serve`: the public function. It checks the options, picks the engine, listens, and gives back a
 * handle. In this thread it is all here; with `workers` the handle is WorkerServer's (workers.ts), and
 * each worker calls `startThread` below.
 */
import { pathToFileURL } from 'node:url';
import { OptionError } from '../base/errors.ts';
import type {
  EngineName,
  EngineOptions,
  EngineStats,
  ListenAddress,
  RemoteAddress,
} from '../engine/engine.ts';
import { selectEngine } from '../engine/select.ts';
import { createAccessLog } from '../observe/access-log.ts';
import { busiestFirst, type ConnectionRow } from '../observe/connection-row.ts';
import { createLogger } from '../observe/logger.ts';
import type { FetchApp, FetchHandler } from '../web/context.ts';
import { installGlobals } from '../web/globals.ts';
import type { OperatorPorts } from './admin.ts';
import { limitsOn } from './admission.ts';
import { callPlace, seenFrom } from './call-place.ts';
import { readCall } from './call-shape.ts';
import { type CloseOptions, type ClosePlan, closePlan } from './close-plan.ts';
import { fetchDetached } from './detached.ts';
import { ServerClosedError } from './errors.ts';
import { guardedLogger } from './guarded-logger.ts';
import { introduce } from './introduce.ts';
import { asListenError, placeOf } from './listen-error.ts';
import { Measures } from './measures.ts';
import { anotherInstance, loadModule } from './module.ts';
import {
  adminAddressOf,
  checkOptions,
  type ErrorHandler,
  healthAddressOf,
  hostnameOf,
  type OnListen,
  portOf,
  type ServeOptions,
  type Settings,
} from './options.ts';
import { ServerThread, type ServerThreadStats } from './server-thread.ts';
import { type CloseReport, type ClosingThread, ThreadClosing } from './thread-closing.ts';
import type { TlsMaterial } from './tls-material.ts';

export type { CloseOptions } from './close-plan.ts';
export type { CloseReport } from './thread-closing.ts';

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
  /** The health port, where one was asked for. */
  readonly health: AdminAddress | undefined;
  /** True from when connections are accepted until `close`, whose delay no longer counts: what `/readyz` tells. */
  readonly isAccepting: boolean;
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number;
  /** Resolves when connections are accepted; `serve` resolves then too. */
  readonly ready: Promise<Server>;
  /** Resolves when the server has closed, however that went. */
  readonly finished: Promise<CloseReport>;
  /**
   * Graceful by default: stop accepting, answer what is under way, close idle connections. Idempotent: later calls
   * get the report of the first, and one that forces cuts it short.
   */
  close(options?: CloseOptions | boolean): Promise<CloseReport>;
  /**
   * New requests go to `handler`. Without one the module is loaded anew, with workers by one after the other; where it
   * cannot be loaded, it rejects and the old one goes on.
   */
  reload(handler?: FetchHandler): Promise<void>;
  stats(): Promise<ServerStats>;
  /** Open connections, one row each, at most `countMax`: those that stall first. @default 1000 */
  connections(countMax?: number): Promise<ConnectionRow[]>;
  /** Calls the handler without a socket. */
  fetch(request: Request): Promise<Response>;
  /** The server keeps the process alive, as it does from the start. */
  ref(): void;
  /** It does not, nor do its connections and requests under way. `close` is waited for all the same. */
  unref(): void;
  /** `await using`: closes gracefully. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a function beside them means, a handler or `onListen`, is told by what the options hold. */
type OptionsWithoutHandler = ServeOptions & { fetch?: undefined; module?: undefined };

/**
 * Starts a server. `serve(app)`, `serve(app, options)`, `serve(options)` and `serve(options, onListen)`;
 * call-shape.ts says what is what.
 * @throws OptionError when an option is not allowed
 * @throws ListenError when the address cannot be bound (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 * @throws UnavailableError when the engine that was asked for is not to be had
 */
export async function serve(options: OptionsWithoutHandler, app: FetchHandler | FetchApp): Promise<Server>;
export async function serve(
  first: ServeOptions | FetchHandler | FetchApp,
  second?: OnListen | ServeOptions,
): Promise<Server>;
export async function serve(first: unknown, second?: unknown): Promise<Server> {
  const place = callPlace(serve);
  try {
    return await open(readCall(first, second));
  } catch (error) {
    throw seenFrom(error, place);
  }
}

async function open(options: ServeOptions): Promise<Server> {
  const settings = checkOptions(options);
  if (options.globals === true) installGlobals();
  const admin = adminAddressOf(options);
  const health = healthAddressOf(options);
  // First, for they must be able to say that the server is starting, and their ports may be taken.
  const ports =
    admin === undefined && health === undefined
      ? undefined
      : await (await import('./admin.ts')).openOperatorPorts(admin, health, options.logger);
  try {
    const server = await start(options, settings, ports);
    ports?.watch(server);
    return server;
  } catch (error) {
    await ports?.close();
    throw error;
  }
}

async function start(
  options: ServeOptions,
  settings: Settings,
  ports: OperatorPorts | undefined,
): Promise<Server> {
  if ((options.workers ?? 0) > 0) {
    const { startWorkers } = await import('./workers.ts');
    return startWorkers(options, settings, ports);
  }
  if (options.fetch !== undefined)
    return introduce(await serveHere({ ...options, fetch: options.fetch }, settings, { ports }), options);
  const source: ModuleSource = { url: moduleUrl(options.module!), errorHook: options.error };
  const { fetch, error } = await loadModule(source.url);
  const hook = source.errorHook ?? error;
  const served = { ...options, fetch, ...(hook === undefined ? {} : { error: hook }) };
  return introduce(await serveHere(served, settings, { ports, source }), options);
}

/** Serves in this thread, with nothing around it: what a worker does too. */
export async function serveHere(
  options: ServeOptions & { fetch: FetchHandler },
  settings: Settings,
  surroundings: Surroundings = {},
): Promise<ThreadServer> {
  const running = await startThread(options, settings, options.fetch, surroundings);
  return new ThreadServer(running, surroundings);
}

/** A path from the current folder, or a URL, as a module URL. */
export function moduleUrl(module: string | URL): URL {
  if (module instanceof URL) return module;
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? new URL(module) : pathToFileURL(module);
}

/** The module that `reload()` loads anew. */
interface ModuleSource {
  readonly url: URL;
  /** The caller's own, which comes before the module's. */
  readonly errorHook: ErrorHandler | undefined;
}

/** What a server in one thread may have around it. */
export interface Surroundings {
  /** Closed when the server has closed. */
  readonly ports?: OperatorPorts | undefined;
  /** Of a worker thread: there is an admin port, in the main thread. */
  readonly measures?: boolean;
  readonly source?: ModuleSource;
  /** Of a worker thread: shared with other threads. */
  readonly shared?: SharedMemory;
  /** The engine is about to take the listening socket that it was given; it closes it from now on. */
  readonly onAdopt?: () => void;
  /** The closing server accepts no connection any more. */
  readonly onStopped?: () => void;
}

interface RunningThread extends ClosingThread {
  readonly choice: EngineChoice;
  readonly settings: Settings;
}

/**
 * The engine and the HTTP server above it, listening, in this thread.
 * @param options of one thread: its share of what is limited for the whole
 */
async function startThread(
  options: ServeOptions,
  wanted: Settings,
  fetch: FetchHandler,
  { shared = {}, onAdopt, onStopped, ports, measures = ports?.admin !== undefined }: Surroundings,
): Promise<RunningThread> {
  const logger = guardedLogger(options.logger ?? createLogger());
  const accessLog =
    options.accessLog === undefined || options.accessLog === 'off'
      ? undefined
      : createAccessLog(options.accessLog);
  const address = listenAddress(options);
  const selection = await selectEngine(options.tls === undefined ? (options.engine ?? 'auto') : 'node');
  const settings = {
    ...wanted,
    limits: limitsOn(selection.name, wanted.limits, (message) => logger.warn(message)),
  };
  const thread = new ServerThread({
    fetch,
    error: options.error,
    settings,
    logger,
    accessLog,
    scheme: options.tls === undefined ? 'http' : 'https',
    measures: measures ? new Measures() : undefined,
  });
  const engine = await selection.create({
    handler: thread,
    keepAlive: keepAliveFor(settings.timeouts.deadPeerMs),
    onError: (error) => logger.error('engine', error),
    // Read and checked by `readOptions`.
    ...(options.tls === undefined ? {} : { tls: options.tls as TlsMaterial }),
    handshakes: {
      timeoutMs: settings.timeouts.headerMs,
      mayBegin: (address) => thread.admission.mayBegin(address),
      onEnd: (address) => thread.admission.handshakeEnded(address),
      onTimeout: () => void thread.deadlines.header++,
    },
    ...shared,
  });
  if (selection.shortage !== undefined)
    logger.warn(`the engine is ${engine.name}, for another could not be had: ${selection.shortage}`);
  thread.attach(engine);
  try {
    onAdopt?.();
    const listener = await engine.listen(address);
    thread.defaultAuthority = authorityOf(listener.address);
    return {
      thread,
      engine,
      listener,
      choice: { name: selection.name, reason: selection.reason },
      settings,
      accessLog,
      onStopped,
    };
  } catch (error) {
    await engine.close();
    throw asListenError(error, placeOf(options));
  }
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
  readonly #ports: OperatorPorts | undefined;
  readonly startedAtMs = performance.now();
  readonly ready: Promise<Server>;
  readonly finished: Promise<CloseReport>;
  readonly #running: RunningThread;
  readonly #source: ModuleSource | undefined;
  #reloadsBegun = 0;
  /** The latest reload that has come to its end. */
  #reloadsDone = 0;
  #closing: ThreadClosing | undefined;
  #closed: Promise<CloseReport> | undefined;
  #resolveFinished!: (report: CloseReport) => void;

  constructor(running: RunningThread, { ports, source }: Surroundings = {}) {
    this.#running = running;
    this.#ports = ports;
    this.#source = source;
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
    return this.closeBy(closePlan(options, this.#running.settings.timeouts.drainMs));
  }

  closeBy(plan: ClosePlan): Promise<CloseReport> {
    if (this.#closing === undefined) {
      this.#closing = new ThreadClosing(this.#running, plan);
      this.#closed = this.#finish(this.#closing);
    } else if (plan.force) this.#closing.force();
    return this.#closed!;
  }

  /** A drain that is under way already is for this end too, and has its time. */
  extendDrain(drainMs: number): void {
    this.#closing?.extend(drainMs);
  }

  async #finish(closing: ThreadClosing): Promise<CloseReport> {
    let report: CloseReport = { drained: 0, forced: 0 };
    try {
      report = await closing.report;
      this.#running.thread.measures?.stop();
      await this.#ports?.close();
    } finally {
      this.#resolveFinished(report);
    }
    return report;
  }

  async reload(handler?: FetchHandler): Promise<void> {
    const { thread } = this.#running;
    if (this.#closing !== undefined) throw new ServerClosedError('reload');
    const turn = ++this.#reloadsBegun;
    if (handler === undefined && this.#source !== undefined) {
      const { fetch, error } = await loadModule(anotherInstance(this.#source.url, `${Date.now()}.${turn}`));
      if (this.#closing !== undefined) throw new ServerClosedError('reload');
      // A module that was asked for later and came sooner is not put back.
      if (turn < this.#reloadsDone) return;
      thread.fetch = fetch;
      thread.errorHandler = this.#source.errorHook ?? error;
    } else if (typeof handler === 'function') thread.fetch = handler;
    else
      throw new OptionError(
        'reload',
        handler,
        'a function (request) => Response, where no `module` is served',
      );
    this.#reloadsDone = turn;
  }

  async stats(): Promise<ServerStats> {
    return { ...this.#running.thread.stats(), engine: this.#running.engine.stats(), workers: 0 };
  }

  async connections(countMax = CONNECTION_ROWS_MAX): Promise<ConnectionRow[]> {
    return this.#running.thread.connectionRows(countMax).sort(busiestFirst);
  }

  get admin(): AdminAddress | undefined {
    return this.#ports?.admin;
  }

  get health(): AdminAddress | undefined {
    return this.#ports?.health;
  }

  get isAccepting(): boolean {
    return this.#closing === undefined;
  }

  async fetch(request: Request): Promise<Response> {
    return fetchDetached(request, this.#running.thread);
  }

  /** Takes connections of which another thread was told that will not take them. */
  lookNow(): void {
    this.#running.listener.lookNow?.();
  }

  /** Releases every descriptor at once, without a word to the clients: for a thread that is about to end. */
  releaseNow(): void {
    this.#running.engine.releaseNow();
  }

  ref(): void {
    this.#running.engine.ref();
    this.#ports?.ref();
  }

  unref(): void {
    this.#running.engine.unref();
    this.#ports?.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
