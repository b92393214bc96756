/**
 * A server in one thread: the engine, the HTTP server above it, and the handle. What `serve` starts without workers,
 * what each worker starts, and what operator ports are.
 */
import { OptionError } from '../base/errors.ts';
import { checkFunction } from '../base/option-checks.ts';
import type { EngineOptions, ListenAddress, RemoteAddress } from '../engine/engine.ts';
import { selectEngine } from '../engine/select.ts';
import type { EngineTlsOptions } from '../engine/tls/tls-options.ts';
import { unixAddressOf, unixText } from '../engine/unix-path.ts';
import { STATE_IDLE } from '../http/connection-account.ts';
import type { ErrorHandler } from '../http/exchange-host.ts';
import { createAccessLog } from '../observe/access-log.ts';
import { busiestFirst, type ConnectionRow } from '../observe/connection-row.ts';
import { createLogger } from '../observe/logger.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { MessageData, PublishOptions } from '../pubsub/message.ts';
import type { RoutedHandler } from '../routes/route-types.ts';
import type { FetchHandler } from '../web/context.ts';
import { limitsOn } from './admission.ts';
import { type CloseOptions, type ClosePlan, closePlan } from './close-plan.ts';
import { fetchDetached } from './detached.ts';
import { ServerClosedError } from './errors.ts';
import { guardedLogger } from './guarded-logger.ts';
import { asListenError, placeOf } from './listen-error.ts';
import { Measures } from './measures.ts';
import { anotherInstance, loadModule } from './module.ts';
import type { NodeMode } from './node-listener.ts';
import type { Observation } from './observation.ts';
import { hostnameOf, portOf, type ServeOptions, type Settings } from './options.ts';
import { ProxyLayer } from './proxy-layer.ts';
import {
  type AdminAddress,
  CONNECTION_ROWS_MAX,
  type EngineChoice,
  type Server,
  type ServerStats,
  type SharedMemory,
} from './server.ts';
import { ServerThread } from './server-thread.ts';
import { type CloseReport, type ClosingThread, ThreadClosing } from './thread-closing.ts';
import { type ThreadLink, ThreadRelay } from './thread-relay.ts';
import { changeTls, type ThreadTls, type TlsMaterial } from './tls-material.ts';
import type { TlsOptions } from './tls-options.ts';
import type { OperatorPorts, WatchedServer } from './watched-server.ts';
import { checkWebSocket } from './websocket-options.ts';

/** Serves in this thread, with nothing around it: what a worker does too. */
export async function serveHere(
  options: ServeOptions & { fetch: FetchHandler },
  settings: Settings,
  surroundings: Surroundings = {},
): Promise<ThreadServer> {
  const running = await startThread(options, settings, options.fetch, surroundings);
  return new ThreadServer(running, surroundings);
}

/** The module that `reload()` loads anew. */
export interface ModuleSource {
  readonly url: URL;
  /** The caller's own, which comes before the module's. */
  readonly errorHook: ErrorHandler | undefined;
  /** The caller has given `websocket`, which comes before the module's. */
  readonly hasWebSocket: boolean;
  readonly mode: NodeMode;
}

/** What a server in one thread may have around it. */
interface Surroundings {
  /** Where TLS is served. */
  readonly tls?: ThreadTls | undefined;
  /** Closed when the server has closed. */
  readonly ports?: OperatorPorts | undefined;
  /** Is true in a worker thread when there is an admin port, in the main thread. */
  readonly measures?: boolean;
  readonly source?: ModuleSource;
  /** What a worker thread shares with other threads. */
  readonly shared?: SharedMemory;
  /** By which the hubs of other threads and this one hear each other. */
  readonly links?: readonly ThreadLink[];
  /** The engine is about to take the listening socket that it was given; it closes it from now on. */
  readonly onAdopt?: () => void;
  /** The closing server accepts no connection any more. */
  readonly onStopped?: () => void;
}

interface RunningThread extends ClosingThread {
  readonly choice: EngineChoice;
  readonly settings: Settings;
  readonly relay: ThreadRelay | undefined;
}

/**
 * The engine and the HTTP server above it, listening, in this thread.
 * @param options of one thread: its share of what is limited for the whole
 */
async function startThread(
  options: ServeOptions,
  wanted: Settings,
  fetch: FetchHandler,
  { shared = {}, onAdopt, onStopped, links, ports, tls, measures = ports?.admin !== undefined }: Surroundings,
): Promise<RunningThread> {
  const logger = guardedLogger(options.logger ?? createLogger());
  const accessLog =
    options.accessLog === undefined || options.accessLog === 'off'
      ? undefined
      : createAccessLog(options.accessLog);
  const address = listenAddress(options);
  const selection = await selectEngine(options.engine ?? 'auto', { tls: tls !== undefined });
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
    scheme: tls === undefined ? 'http' : 'https',
    measures: measures ? new Measures() : undefined,
  });
  const engine = await selection.create({
    handler: thread,
    keepAlive: keepAliveFor(settings.timeouts.deadPeerMs),
    onError: (error) => logger.error('engine', error),
    ...(tls === undefined ? {} : { tls: tlsOf(tls, tls.material, settings) }),
    handshakes: thread.handshakeRules(),
    below: proxyLayer(thread, settings),
    ...shared,
  });
  if (selection.shortage !== undefined)
    logger.warn(`the engine is ${engine.name}, for another could not be had: ${selection.shortage}`);
  thread.attach(engine);
  try {
    if (settings.http2) await thread.http2.prepare();
    await thread.websockets.code.prepare();
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
      relay: links && relayOf(thread.hub, logger, links),
    };
  } catch (error) {
    await engine.close();
    throw asListenError(error, placeOf(options));
  }
}

function relayOf(hub: Hub, logger: LoggerLike, links: readonly ThreadLink[]): ThreadRelay {
  const relay = new ThreadRelay(hub, logger);
  for (const link of links) relay.join(link);
  return relay;
}

/** What reads the headers of proxies in front, where there are some. */
function proxyLayer(thread: ServerThread, { headerProxies, timeouts }: Settings): EngineOptions['below'] {
  if (headerProxies === undefined) return undefined;
  return (next) =>
    new ProxyLayer(next, {
      expects: (peer) => headerProxies.includes(peer),
      timeoutMs: timeouts.headerMs,
      nowMs: () => thread.nowMs,
      refused(reason, peer) {
        thread.countClose(reason);
        if (reason !== 'proxy-timeout') return;
        thread.deadlines.header++;
        thread.offended('timeouts.header', peer);
      },
    });
}

function listenAddress(options: ServeOptions): ListenAddress {
  if (options.fd !== undefined) return { fd: options.fd };
  if (options.unix !== undefined) return { unix: unixAddressOf(options.unix) };
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
  return address.family === 'unix'
    ? `unix:${unixText(address.address)}`
    : `${scheme}://${authorityOf(address)}`;
}

/** What is offered to clients, the better first (RFC 7301); which one it became, the first bytes tell. */
function tlsOf(
  { find }: ThreadTls,
  { asksForNames, ...material }: TlsMaterial,
  { http2 }: Settings,
): EngineTlsOptions {
  return {
    ...material,
    ...(asksForNames ? { findCertificate: find } : {}),
    alpn: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    answerToPlainText: PLAIN_HTTP_ANSWER,
  };
}

/** For HTTP without TLS: nobody could read anything else. nginx answers so too. */
const PLAIN_HTTP_ANSWER = new TextEncoder().encode(
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 62\r\n\r\n' +
    '400 Bad Request: this port speaks HTTPS; ask with https://...\n',
);

async function routed({ routes, fetch }: RoutedHandler): Promise<FetchHandler> {
  checkFunction('fetch', fetch);
  const { compileRoutes } = await import('../routes/routes.ts');
  return compileRoutes(routes, fetch);
}

/** A server in this thread. */
export class ThreadServer implements WatchedServer {
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
  readonly #tls: ThreadTls | undefined;
  #reloadsBegun = 0;
  /** The latest reload that has come to its end. */
  #reloadsDone = 0;
  #closing: ThreadClosing | undefined;
  #closed: Promise<CloseReport> | undefined;
  #resolveFinished!: (report: CloseReport) => void;

  constructor(running: RunningThread, { ports, source, tls }: Surroundings = {}) {
    this.#tls = tls;
    this.#running = running;
    this.#ports = ports;
    this.#source = source;
    const { address } = running.listener;
    this.url = urlOf(running.thread.scheme, address);
    this.port = address.port;
    this.hostname = unixText(address.address);
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

  /** Another thread has come, whose hub and this one's are to hear each other. */
  joinThread(link: ThreadLink): void {
    this.#running.relay?.join(link);
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
      this.#running.relay?.close();
      this.#running.thread.websockets.release();
      await this.#ports?.close();
    } finally {
      this.#resolveFinished(report);
    }
    return report;
  }

  async reload(given?: FetchHandler | RoutedHandler): Promise<void> {
    const { thread } = this.#running;
    if (this.#closing !== undefined) throw new ServerClosedError('reload');
    const turn = ++this.#reloadsBegun;
    const handler = typeof given === 'object' && given !== null ? await routed(given) : given;
    if (handler === undefined && this.#source !== undefined) {
      const { url, mode, hasWebSocket, errorHook } = this.#source;
      const another = anotherInstance(url, `${Date.now()}.${turn}`);
      const { fetch, error, websocket } = await loadModule(another, undefined, mode);
      if (this.#closing !== undefined) throw new ServerClosedError('reload');
      // A module that was asked for later and came sooner is not put back.
      if (turn < this.#reloadsDone) return;
      thread.serve(fetch, hasWebSocket ? undefined : checkWebSocket(websocket));
      thread.errorHandler = errorHook ?? error;
    } else if (typeof handler === 'function') thread.serve(handler);
    else
      throw new OptionError(
        'reload',
        handler,
        'a function (request) => Response or { routes, fetch }, where no `module` is served',
      );
    this.#reloadsDone = turn;
  }

  setTls(tls?: TlsOptions | readonly TlsOptions[]): Promise<void> {
    return changeTls(this.#tls, this.#closing !== undefined, tls);
  }

  async takeTls(material: TlsMaterial): Promise<void> {
    const { engine, settings } = this.#running;
    engine.tls?.replace(tlsOf(this.#tls!, material, settings));
  }

  takeTicketKeys(keys: readonly Uint8Array[]): void {
    this.#running.engine.tls?.setTicketKeys(keys);
  }

  async stats(): Promise<ServerStats> {
    return { ...this.#running.thread.stats(), engine: this.#running.engine.stats(), workers: 0 };
  }

  get hub(): Hub {
    return this.#running.thread.hub;
  }

  publish(topic: string, data: MessageData, options?: PublishOptions): number {
    return this.#running.thread.hub.publish(topic, data, options);
  }

  async subscriberCount(topic: string): Promise<number> {
    return this.#running.thread.hub.subscriberCount(topic);
  }

  async observe(): Promise<Observation> {
    const stats = await this.stats();
    const { requests, loopLag } = stats.byWorker['0']!;
    const { open } = stats.engine;
    return {
      ...this.#running.thread.observe(),
      stats,
      workers: [{ index: 0, state: 'serving', isSilent: false, open, requests, loopLag }],
    };
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

  get redirect(): AdminAddress | undefined {
    return this.#ports?.redirect;
  }

  get isAccepting(): boolean {
    return this.#closing === undefined;
  }

  async fetch(request: Request): Promise<Response> {
    return fetchDetached(request, this.#running.thread);
  }

  get connectionCount(): number {
    return this.#running.thread.openConnections;
  }

  /** Ends all connections, or those that are idle, at once. */
  endConnections(idleOnly: boolean): void {
    const { thread } = this.#running;
    for (const session of [...thread.connections()]) if (session.state === STATE_IDLE) session.drain(0);
    if (!idleOnly) thread.resetAll('closed-by-program');
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
