/**
 * Every option of `serve`, with its default and why, and the check that turns what a caller wrote into
 * what the server uses. This file is the manual of the options.
 */
import { OptionError } from '../base/errors.ts';
import {
  checkBoolean,
  checkChoice,
  checkCount,
  checkCountOrOff,
  checkFunction,
  given,
  snapshot,
} from '../base/option-checks.ts';
import { type Duration, parseDuration, parsePause, parseSize, type Size } from '../base/units.ts';
import type { EngineName } from '../engine/engine.ts';
import type { ErrorHandler, HttpSettings } from '../http/exchange-host.ts';
import { parseTrustProxy, type TrustedProxies, type TrustProxy } from '../http/trusted-proxies.ts';
import type { WebSocketSettings } from '../http/websocket/settings.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { DEFAULT_H2_SETTINGS } from '../protocol/h2/server/server-settings.ts';
import type { Routes } from '../routes/route-types.ts';
import type { FetchHandler } from '../web/context.ts';
import type { WebSocketOptions } from '../web/websocket-options.ts';
import { guardedLogger } from './guarded-logger.ts';
import { LISTENER_ADVICE, listenerKind, type NodeListener } from './handler-shape.ts';
import { checkHttp2Limits, type Http2LimitOptions, readHttp2Limits } from './http2-limits.ts';
import {
  type AdminOptions,
  adminSettingsOf,
  type HealthOptions,
  healthAddressOf,
  readAdmin,
  readHealth,
} from './operator-options.ts';
import {
  checkHostname,
  checkLogger,
  checkNode,
  checkProxyProtocol,
  checkSignal,
  checkUnix,
  portNumber,
} from './option-checks.ts';
import { checkPubsub, type PubsubOptions, type PubsubSettings, readPubsub } from './pubsub-options.ts';
import { type RedirectHttpOptions, readRedirect, redirectSettingsOf } from './redirect-options.ts';
import { readTlsOptions, type TlsOptions } from './tls-options.ts';
import { checkWebSocket, readWebSocket } from './websocket-options.ts';

export interface TimeoutOptions {
  /**
   * From accept, or from the first byte of a later request, to the end of its head. Absolute: more bytes
   * never extend it.
   * @default '10s'
   */
  header?: Duration;
  /** Keep-alive without a request; announced in `Keep-Alive`. @default '76s', above the usual load balancers' 60 and 75 s */
  idle?: Duration;
  /** Between bytes of a request body that the handler waits for. @default '30s' */
  body?: Duration;
  /** From the handler's start to its answer: 503 and `request.signal` aborted. @default Infinity */
  handler?: Duration;
  /** A silent peer is found dead after this long (TCP keepalive). @default '2m' */
  deadPeer?: Duration;
  /** How long late data is discarded after the last byte of a closing connection. @default '2s' */
  linger?: Duration;
  /**
   * How long an answer over HTTP/2 may wait for a window that its client keeps shut, until 16 KiB of it have moved: its
   * stream is reset. Behind them it may wait for ever.
   * @default '60s'
   */
  stall?: Duration;
  /**
   * How long `close()` waits for answers under way.
   * @default '25s': below the 30 s after which Kubernetes kills, and the time that a process needs to end
   */
  drain?: Duration;
  /**
   * How long a worker may take to load the module at a reload or after a crash. One that takes longer is ended, and
   * the old one serves on. Nothing bounds the first start.
   * @default '30s'
   */
  start?: Duration;
}

export interface LimitOptions {
  /** Request line and fields together: 431. @default '16k' */
  headerBytes?: Size;
  /** Fields of one request: 431. @default 100 */
  headerCount?: number;
  /** Request target: 414. @default '8k' */
  targetBytes?: Size;
  /** Request body: 413. @default '100m' */
  bodyBytes?: Size;
  /**
   * Open connections. Each worker takes its share.
   * @default Infinity: descriptors are the limit
   */
  connections?: number;
  /**
   * What becomes of a connection over the limit: a 503, or it waits in the kernel's queue, which the node engine cannot
   * do: there `'pause'` is refused, and where `auto` lands on it, 503 it is, with a warning.
   * @default 'refuse'
   */
  whenFull?: 'refuse' | 'pause';
  /** Open connections from one address, for each worker; over it, a 503. @default Infinity: NAT puts many behind one */
  connectionsPerAddress?: number;
  /**
   * TLS handshakes under way from one address, for each worker; beyond, a connection is closed. Each holds some 30 KiB, where
   * an idle connection in the clear holds 1.
   * @default 4096: as many as may wait to be accepted
   */
  handshakesPerAddress?: number;
  /** Requests on one connection before it is closed. @default Infinity */
  requestsPerConnection?: number;
  /** What a client that speaks HTTP/2 may cost: beyond, its connection is ended. */
  http2?: Http2LimitOptions;
}

/** How a server ends on SIGTERM and SIGINT. */
export interface GracefulShutdownOptions {
  /**
   * How long everything goes on as before, while `/readyz` already answers 503: load balancers learn of it and
   * send their clients elsewhere. Longer than their probes take to fail.
   * @default 0
   */
  delay?: Duration;
  /** How long answers under way are waited for, after the delay. @default `timeouts.drain` */
  timeout?: Duration;
}

/** What `onListen` is told: ours and, as `address` and `family`, what `server.address()` of node:net tells. */
export interface ListenAddressInfo {
  readonly url: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly hostname: string;
  /** The same as `hostname`; the path of a unix socket. */
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6' | 'unix';
}

export type OnListen = (address: ListenAddressInfo) => void;

/** @typeParam Pattern what `routes` has: their parameters are typed */
export interface ServeOptions<Pattern extends string = string> {
  /** The handler: `(request, context) => Response | Promise<Response>`. */
  fetch?: FetchHandler;
  /**
   * Instead of `fetch`: what runs on node:http, a listener `(req, res) => void`, an app of Express, Connect, Koa or Fastify, or a
   * server that does not listen. With `module`, true says that its default export is such (docs/node-http.md).
   */
  node?: NodeListener | object | true;
  /** With `'exact'` a listener runs on node:http's own server, for what needs its quirks (docs/node-http.md). */
  compat?: 'exact';
  /** Handlers and fixed answers by path and method, before `fetch`, which may be left out then (docs/routes.md). */
  routes?: Routes<Pattern>;
  /** Instead of `fetch`: a module (path or file URL) whose default export is a handler or has `fetch`. Needed for `workers`. */
  module?: string | URL;
  /** 0 is any free port. @default the PORT environment variable, else 3000 */
  port?: number | string;
  /** @default the HOST environment variable, else '127.0.0.1' */
  hostname?: string;
  /** Path of a unix socket, or `@name` in Linux's abstract namespace; excludes port and hostname. */
  unix?: string;
  /** A listening socket to adopt; excludes port, hostname and unix. */
  fd?: number;
  /** Let other processes bind the same port (SO_REUSEPORT). @default false */
  reusePort?: boolean;
  /** Threads that serve `module`, each with its own engine; 0 is this thread. @default 0 */
  workers?: number;
  /**
   * Which worker gets a new connection: the one that the kernel's hash names (SO_REUSEPORT), or the one
   * that has the fewest. The hash costs nothing and is even over thousands of connections; over tens it
   * is not.
   * @default 'kernel'
   */
  balance?: 'kernel' | 'least';
  /** @default 'auto': the fastest that this host allows */
  engine?: 'auto' | EngineName;
  timeouts?: TimeoutOptions;
  limits?: LimitOptions;
  /**
   * Answers for handlers that throw or reject. It takes the place of the log, as in Bun, srvx and Hono: what is worth a
   * line is for it to say.
   * @default a bare 500, and the error in the log
   */
  error?: ErrorHandler;
  /** Called when connections are accepted; `serve(options, onListen)` is the same. */
  onListen?: OnListen;
  /**
   * SIGTERM and SIGINT close the server gracefully; a second SIGINT does not wait. The process ends by itself then,
   * unless something else keeps it. The command `holdfast serve` always does so.
   * @default false: the signals of a process belong to its program
   */
  gracefulShutdown?: boolean | GracefulShutdownOptions;
  /** Aborting it closes the server gracefully. */
  signal?: AbortSignal;
  /**
   * Called with a message and, where there is one, the error: `error('handler failed: GET /', error)`. pino and bunyan
   * get `({ err }, message)`, which they write with its stack.
   * @default a logger to stderr that never blocks
   */
  logger?: LoggerLike;
  /** Lines about each request. @default 'off' */
  accessLog?: 'pretty' | 'json' | 'off';
  /** Make `Request` and `Response` the light ones everywhere, in each thread that loads the handler. @default false */
  globals?: boolean;
  /**
   * A second port with a page of what the server does now, `/metrics`, `/healthz`, `/readyz` and more (docs/admin.md). A
   * number is a port on loopback.
   * @default none
   */
  admin?: AdminOptions | number | string;
  /**
   * One more port with `/healthz` and `/readyz` alone, for a kubelet or a load balancer, while the admin port stays
   * closed to them. A number is a port on the server's own `hostname`.
   * @default none
   */
  health?: HealthOptions | number | string;
  /**
   * Names those whose `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` are believed, for `context.ip`, `request.url` and the
   * access log: false, nobody; a number of hops; addresses, CIDR ranges and `'loopback'`, `'linklocal'`,
   * `'uniquelocal'`; true, everybody, which is right only where nobody can get past the proxy.
   * `limits.connectionsPerAddress` always counts by the other end of the connection.
   * @default false
   */
  trustProxy?: TrustProxy;
  /**
   * Connections begin with a header of the PROXY protocol, before TLS too: all with true, which is right only where nobody gets
   * past the proxy; or those from addresses, CIDR ranges and names that `trustProxy` takes. @default false
   */
  proxyProtocol?: boolean | string | readonly string[];
  /**
   * Speak HTTP/2 with clients that begin so: with prior knowledge (RFC 9113 §3.3), by `Upgrade: h2c`, or by ALPN where TLS is.
   * HTTP/1.1 is spoken on the same port.
   * @default true
   */
  http2?: boolean;
  /** Certificate and key, as PEM text or the paths of files with it: HTTPS, on the node engine. */
  tls?: TlsOptions | readonly TlsOptions[];
  /**
   * One more port, of plain HTTP, whose clients are sent to this server by 308: same host, path and query. Challenges of ACME go to
   * the handler. A number is a port on the server's own `hostname`.
   * @default none
   */
  redirectHttp?: RedirectHttpOptions | number | string;
  /**
   * Bounds of topics and messages, how long messages are kept for who comes back, and the NATS server by which they
   * reach other machines; as a text, that server alone (docs/events.md).
   */
  pubsub?: PubsubOptions | string;
  /** Hooks and settings of WebSocket connections (docs/websocket.md); with `workers`, an export of the module. */
  websocket?: WebSocketOptions;
}

/** Options after the check: every duration in ms, every size in bytes. */
export interface Settings extends HttpSettings {
  /** undefined where nobody is trusted. */
  readonly proxies: TrustedProxies | undefined;
  /** Whose connections begin with a PROXY header. */
  readonly headerProxies: TrustedProxies | undefined;
  readonly http2: boolean;
  readonly pubsub: PubsubSettings;
  readonly websocket: WebSocketSettings;
  readonly timeouts: HttpSettings['timeouts'] & {
    readonly drainMs: number;
    readonly startMs: number;
  };
  readonly limits: HttpSettings['limits'] & {
    readonly connectionsMax: number;
    readonly connectionsPerAddressMax: number;
    readonly handshakesPerAddressMax: number;
    readonly pausesWhenFull: boolean;
  };
}

const OPTION_NAMES = [
  'fetch', 'routes', 'node', 'compat', 'module', 'port', 'hostname', 'unix', 'fd', 'reusePort', 'workers', 'engine', 'timeouts', 'limits',
  'error', 'onListen', 'signal', 'logger', 'accessLog', 'globals', 'tls', 'admin',
  'balance', 'gracefulShutdown', 'trustProxy', 'health', 'http2', 'pubsub', 'redirectHttp', 'websocket', 'proxyProtocol',
] as const; // biome-ignore format: one list
/** Handlers of other events, which modules for Cloudflare Workers export beside `fetch`. */
const FOREIGN_NAMES = ['scheduled', 'queue', 'email', 'tail', 'tailStream', 'trace', 'test'] as const;
const TIMEOUT_NAMES = [
  'header',
  'idle',
  'body',
  'handler',
  'deadPeer',
  'linger',
  'stall',
  'drain',
  'start',
] as const;
const LIMIT_NAMES = [
  'headerBytes',
  'headerCount',
  'targetBytes',
  'bodyBytes',
  'requestsPerConnection',
  'connections',
  'connectionsPerAddress',
  'handshakesPerAddress',
  'whenFull',
  'http2',
] as const;
const SHUTDOWN_NAMES = ['delay', 'timeout'] as const;
const ENGINES = ['auto', 'iouring', 'epoll', 'node'];

type CountName =
  | 'headerCount'
  | 'requestsPerConnection'
  | 'connections'
  | 'connectionsPerAddress'
  | 'handshakesPerAddress';

/**
 * A copy of what a caller gave, each property read once.
 * @throws OptionError for names that are not known, and for getters that throw
 */
export function readOptions(given: unknown): ServeOptions {
  const options = snapshot<ServeOptions>('', given, OPTION_NAMES, FOREIGN_NAMES);
  const { timeouts, limits, admin, health, tls, gracefulShutdown, logger, pubsub, redirectHttp } = options;
  checkLogger('logger', logger);
  if (logger !== undefined) options.logger = guardedLogger(logger);
  if (timeouts !== undefined) options.timeouts = snapshot('timeouts.', timeouts, TIMEOUT_NAMES);
  if (limits !== undefined) {
    options.limits = snapshot<LimitOptions>('limits.', limits, LIMIT_NAMES);
    const { http2 } = options.limits;
    if (http2 !== undefined) options.limits.http2 = readHttp2Limits(http2);
  }
  if (typeof admin === 'object') options.admin = readAdmin(admin);
  if (typeof health === 'object') options.health = readHealth(health);
  if (typeof redirectHttp === 'object') options.redirectHttp = readRedirect(redirectHttp);
  if (typeof gracefulShutdown === 'object')
    options.gracefulShutdown = snapshot('gracefulShutdown.', gracefulShutdown, SHUTDOWN_NAMES);
  if (pubsub !== undefined) options.pubsub = readPubsub(pubsub);
  if (options.websocket !== undefined) options.websocket = readWebSocket(options.websocket);
  if (tls !== undefined) options.tls = readTlsOptions(tls) as unknown as TlsOptions; // serve.ts reads what it means.
  return options;
}

/** @throws OptionError naming the first option that is not allowed */
export function checkOptions(options: ServeOptions): Settings {
  for (const name of ['fetch', 'error', 'onListen'] as const) checkFunction(name, options[name]);
  for (const name of ['reusePort', 'globals', 'http2'] as const) checkBoolean(name, options[name]);
  checkChoice('engine', options.engine, ENGINES);
  checkChoice('compat', options.compat, ['exact']);
  checkChoice('balance', options.balance, ['kernel', 'least']);
  checkChoice('accessLog', options.accessLog, ['pretty', 'json', 'off']);
  checkChoice('limits.whenFull', options.limits?.whenFull, ['refuse', 'pause']);
  if (options.limits?.whenFull === 'pause' && options.engine === 'node')
    throw new OptionError(
      'limits.whenFull',
      'pause',
      "'refuse', with the node engine: it cannot leave connections waiting",
    );
  checkHandler(options);
  checkAddress(options);
  checkCompanions(options);
  adminSettingsOf(options.admin);
  healthAddressOf(options.health, healthHostnameOf(options));
  redirectSettingsOf(options.redirectHttp, options.tls !== undefined, healthHostnameOf(options));
  const timeouts = options.timeouts ?? {};
  const limits = options.limits ?? {};
  const ms = (name: (typeof TIMEOUT_NAMES)[number], fallback: Duration) =>
    parseDuration(`timeouts.${name}`, given(timeouts[name], fallback));
  const bytes = (name: 'headerBytes' | 'targetBytes' | 'bodyBytes', fallback: Size) =>
    parseSize(`limits.${name}`, given(limits[name], fallback));
  const count = (name: CountName, fallback: number) =>
    checkCountOrOff(`limits.${name}`, given(limits[name], fallback), 1, 2 ** 31);
  const headBytesMax = bytes('headerBytes', '16k');
  if (headBytesMax < 256 || headBytesMax > 1024 * 1024) {
    throw new OptionError(
      'limits.headerBytes',
      limits.headerBytes,
      '256 bytes to 1m: a head is held in memory whole',
    );
  }
  return {
    proxies: parseTrustProxy('trustProxy', given(options.trustProxy, false)),
    headerProxies: checkProxyProtocol(given(options.proxyProtocol, false)),
    http2: given(options.http2, true),
    pubsub: checkPubsub(readPubsub(options.pubsub ?? {})),
    websocket: checkWebSocket(options.websocket),
    timeouts: {
      headerMs: ms('header', '10s'),
      idleMs: ms('idle', '76s'),
      bodyMs: ms('body', '30s'),
      handlerMs: ms('handler', Number.POSITIVE_INFINITY),
      deadPeerMs: ms('deadPeer', '2m'),
      lingerMs: ms('linger', '2s'),
      stallMs: ms('stall', DEFAULT_H2_SETTINGS.stallTimeoutMs),
      drainMs: ms('drain', '25s'),
      startMs: ms('start', '30s'),
    },
    limits: {
      headBytesMax,
      headerCountMax: count('headerCount', 100),
      targetBytesMax: Math.min(bytes('targetBytes', '8k'), headBytesMax),
      bodyBytesMax: bytes('bodyBytes', '100m'),
      connectionsMax: count('connections', Number.POSITIVE_INFINITY),
      connectionsPerAddressMax: count('connectionsPerAddress', Number.POSITIVE_INFINITY),
      handshakesPerAddressMax: count('handshakesPerAddress', 4096),
      pausesWhenFull: limits.whenFull === 'pause',
      requestsPerConnectionMax: count('requestsPerConnection', Number.POSITIVE_INFINITY),
      http2: checkHttp2Limits(limits.http2 ?? {}),
    },
  };
}

/** What belongs to the caller and is used later, when a wrong one would end more than this call. */
function checkCompanions({ signal, logger, gracefulShutdown }: ServeOptions): void {
  checkSignal('signal', signal);
  checkLogger('logger', logger);
  if (gracefulShutdown === undefined || typeof gracefulShutdown === 'boolean') return;
  if (typeof gracefulShutdown !== 'object' || gracefulShutdown === null)
    throw new OptionError('gracefulShutdown', gracefulShutdown, 'true, false or { delay, timeout }');
  parsePause('gracefulShutdown.delay', gracefulShutdown.delay);
  if (gracefulShutdown.timeout !== undefined)
    parseDuration('gracefulShutdown.timeout', gracefulShutdown.timeout);
}

function checkHandler(options: ServeOptions): void {
  const { fetch, routes, node, module, error, websocket, workers = 0 } = options;
  checkNode(node, fetch, module);
  if (routes !== undefined && module !== undefined)
    throw new OptionError('routes', routes, 'not together with `module`, which exports them');
  if ([fetch, module, node, routes].every((each) => each === undefined)) {
    throw new OptionError(
      'fetch',
      fetch,
      'a function (request) => Response is needed, or a `module` that exports one',
    );
  }
  const listener = listenerKind(fetch);
  if (listener !== undefined) throw new OptionError('fetch', fetch, `it is ${listener}: ${LISTENER_ADVICE}`);
  if (fetch !== undefined && module !== undefined)
    throw new OptionError('module', module, 'not together with `fetch`');
  if (module !== undefined && !(module instanceof URL) && (typeof module !== 'string' || module === ''))
    throw new OptionError('module', module, 'a path or a URL');
  checkCount('workers', workers, 0, 1024);
  if (workers > 0 && error !== undefined)
    throw new OptionError(
      'error',
      error,
      'with `workers` the hook is an export of the module, `export const error = ...` or `export default { fetch, error }`: a function cannot be sent to threads',
    );
  if (workers > 0 && websocket !== undefined)
    throw new OptionError(
      'websocket',
      '(given)',
      'with `workers` it is an export of the module, `export const websocket = ...`: hooks cannot be sent to threads',
    );
  if (workers > 0 && module === undefined)
    throw new OptionError(
      'workers',
      workers,
      'threads load a `module`; a `fetch` function cannot be sent to them',
    );
}

function checkAddress(options: ServeOptions): void {
  if (options.unix !== undefined) {
    if (options.port !== undefined || options.hostname !== undefined)
      throw new OptionError('unix', options.unix, 'not together with `port` or `hostname`');
    checkUnix(options.unix);
  }
  if (options.fd !== undefined) {
    if (options.unix !== undefined || options.port !== undefined || options.hostname !== undefined) {
      throw new OptionError('fd', options.fd, 'not together with `port`, `hostname` or `unix`');
    }
    checkCount('fd', options.fd, 0, 2 ** 31 - 1);
  }
  if (options.unix === undefined && options.fd === undefined) portOf(options);
  if (options.hostname !== undefined) checkHostname('hostname', options.hostname);
}

/** @returns the name or address at which a health port listens by default; undefined where the server has no port */
export function healthHostnameOf(
  options: Pick<ServeOptions, 'unix' | 'fd' | 'hostname'>,
): string | undefined {
  return options.unix === undefined && options.fd === undefined ? hostnameOf(options) : undefined;
}

/** @returns the port to bind, from the option, else PORT, else 3000. */
export function portOf(options: ServeOptions): number {
  if (options.port !== undefined) return portNumber('port', options.port);
  const variable = process.env['PORT'];
  return variable === undefined || variable === '' ? 3000 : portNumber('PORT', variable);
}

export function hostnameOf(options: Pick<ServeOptions, 'hostname'>): string {
  return options.hostname ?? (process.env['HOST'] || '127.0.0.1');
}
