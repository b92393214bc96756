/**
 * `serve`: the public function. It checks the options, opens the operator ports, loads the module, and gives back a
 * handle: ThreadServer's for a server in this thread (thread-server.ts), WorkerServer's with `workers` (workers.ts).
 */
import { createLogger } from '../observe/logger.ts';
import type { FetchApp, FetchHandler } from '../web/context.ts';
import { installGlobals } from '../web/globals.ts';
import { callPlace, seenFrom } from './call-place.ts';
import { readCall } from './call-shape.ts';
import { finishStart } from './finish-start.ts';
import { guardedLogger } from './guarded-logger.ts';
import { loadModule, moduleUrl, takenSentence } from './module.ts';
import { listenerFetch, nodeModeOf } from './node-listener.ts';
import { adminSettingsOf, healthAddressOf } from './operator-options.ts';
import {
  checkOptions,
  healthHostnameOf,
  type OnListen,
  type ServeOptions,
  type Settings,
} from './options.ts';
import type { NatsSettings } from './pubsub-options.ts';
import { redirectSettingsOf } from './redirect-options.ts';
import type { Server } from './server.ts';
import { type ModuleSource, serveHere } from './thread-server.ts';
import type { TlsKeeper } from './tls-keeper.ts';
import type { GivenTls } from './tls-options.ts';
import type { OperatorPorts, WatchedServer } from './watched-server.ts';
import { checkWebSocket } from './websocket-options.ts';

/** What a function beside them means, a handler or `onListen`, is told by what the options hold. */
type OptionsWithoutHandler = ServeOptions & { fetch?: undefined; node?: undefined; module?: undefined };

/**
 * Starts a server. `serve(app)`, `serve(app, options)`, `serve(options)` and `serve(options, onListen)`;
 * call-shape.ts says what is what.
 * @throws OptionError when an option is not allowed
 * @throws ListenError when the address cannot be bound (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 * @throws UnavailableError when the engine that was asked for is not to be had
 */
export async function serve(options: OptionsWithoutHandler, app: FetchHandler | FetchApp): Promise<Server>;
export async function serve<Pattern extends string = string>(
  first: ServeOptions<Pattern> | FetchHandler | FetchApp,
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
  const isServedHere = (options.workers ?? 0) === 0;
  // Only where the module is loaded: putting ours in place loads the platform's, from Node 24 on.
  if (options.globals === true && isServedHere) installGlobals();
  const admin = adminSettingsOf(options.admin);
  const hostname = healthHostnameOf(options);
  const health = healthAddressOf(options.health, hostname);
  const redirect = redirectSettingsOf(options.redirectHttp, options.tls !== undefined, hostname);
  const tls = options.tls === undefined ? undefined : await keeperOf(options);
  // First, for they must be able to say that the server is starting, and their ports may be taken.
  const ports =
    admin === undefined && health === undefined && redirect === undefined
      ? undefined
      : await (await import('./admin.ts')).openOperatorPorts({ admin, health, redirect }, options);
  try {
    const server = await start(options, settings, { ports, tls }, isServedHere);
    if (settings.pubsub.nats !== undefined) await joinOthers(server, settings.pubsub.nats, options);
    ports?.watch(server);
    tls?.serve(server);
    return server;
  } catch (error) {
    await ports?.close();
    throw error;
  }
}

/** Topics are those of all machines from now on. */
async function joinOthers(
  server: WatchedServer,
  nats: NatsSettings,
  { logger = createLogger() }: ServeOptions,
): Promise<void> {
  const { NatsRelay } = await import('./nats-relay.ts');
  const relay = new NatsRelay(server.hub, nats, guardedLogger(logger));
  void server.finished.then(() => relay.close());
  await relay.start();
}

/** Loaded when there is TLS. @throws OptionError naming what is not right */
async function keeperOf({ tls, logger }: ServeOptions): Promise<TlsKeeper> {
  const { TlsKeeper } = await import('./tls-keeper.ts');
  // `readOptions` has made a copy of it.
  return new TlsKeeper(tls as unknown as GivenTls, guardedLogger(logger ?? createLogger()));
}

/** The caller's own handler, behind the caller's routes. */
async function handlerIn({ routes, node, compat, fetch }: ServeOptions): Promise<FetchHandler | undefined> {
  const given = node === undefined || node === true ? fetch : await listenerFetch(node, compat === 'exact');
  if (routes === undefined) return given;
  const { compileRoutes } = await import('../routes/routes.ts');
  return compileRoutes(routes, given);
}

async function start(
  options: ServeOptions,
  settings: Settings,
  around: { readonly ports: OperatorPorts | undefined; readonly tls: TlsKeeper | undefined },
  isServedHere: boolean,
): Promise<WatchedServer> {
  if (!isServedHere) {
    const { startWorkers } = await import('./workers.ts');
    return startWorkers(options, settings, around.ports, around.tls);
  }
  const own = await handlerIn(options);
  if (own !== undefined)
    return finishStart(await serveHere({ ...options, fetch: own }, settings, around), options);
  const source: ModuleSource = {
    url: moduleUrl(options.module!),
    errorHook: options.error,
    hasWebSocket: options.websocket !== undefined,
    mode: nodeModeOf(options),
  };
  const { fetch, error, websocket, taken } = await loadModule(source.url, undefined, source.mode);
  if (taken !== undefined) guardedLogger(options.logger ?? createLogger()).info(takenSentence(taken));
  const hook = source.errorHook ?? error;
  const served = { ...options, fetch, ...(hook === undefined ? {} : { error: hook }) };
  const hooks =
    websocket === undefined || source.hasWebSocket ? settings.websocket : checkWebSocket(websocket);
  return finishStart(
    await serveHere(served, { ...settings, websocket: hooks }, { ...around, source }),
    options,
  );
}
