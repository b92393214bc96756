/**
 * Every option of `serve`, with its default and why, and the check that turns what a caller wrote into
 * what the server uses. This file is the manual of the options.
 */
import { OptionError } from '../base/errors.ts';
import { parseDuration, parseSize } from '../base/units.ts';
import type { EngineName } from '../engine/engine.ts';
import type { RequestContext } from '../web/context.ts';
import { parsePause } from './close-plan.ts';

/** A number of milliseconds, or `'500ms'`, `'10s'`, `'2m'`, `'1h'`; `Infinity` is off. */
export type Duration = number | string;
/** A number of bytes, or `'64k'`, `'10m'`; `Infinity` is off. */
export type Size = number | string;

export type FetchHandler = (request: Request, context: RequestContext) => Response | Promise<Response>;
/** Turns what a handler threw into the answer that the client gets. */
export type ErrorHandler = (error: unknown, request: Request) => Response | Promise<Response>;

/** What the server logs through: the shape of console, pino and most others. */
export interface LoggerLike {
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

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
  /** What becomes of a connection over the limit: a 503, or it waits in the kernel's queue. @default 'refuse' */
  whenFull?: 'refuse' | 'pause';
  /** Open connections from one address, for each worker; over it, a 503. @default Infinity: NAT puts many behind one */
  connectionsPerAddress?: number;
  /** Requests on one connection before it is closed. @default Infinity */
  requestsPerConnection?: number;
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

/** The admin port: metrics, health and the connection table, for operators only. */
export interface AdminOptions {
  /** 0 is any free port. */
  port: number | string;
  /** @default '127.0.0.1': what it shows is nobody else's business */
  hostname?: string;
}

export interface ServeOptions {
  /** The handler: `(request, context) => Response | Promise<Response>`. */
  fetch?: FetchHandler;
  /** Instead of `fetch`: a module (path or file URL) whose default export is a handler or has `fetch`. Needed for `workers`. */
  module?: string | URL;
  /** 0 is any free port. @default the PORT environment variable, else 3000 */
  port?: number | string;
  /** @default the HOST environment variable, else '127.0.0.1' */
  hostname?: string;
  /** Path of a unix socket; excludes port and hostname. */
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
  /** Answers for handlers that throw or reject. @default a bare 500, and the error in the log */
  error?: ErrorHandler;
  /** Called when connections are accepted. */
  onListen?: (address: { readonly url: string; readonly port: number; readonly hostname: string }) => void;
  /**
   * SIGTERM and SIGINT close the server gracefully; a second SIGINT does not wait. The process ends by itself then,
   * unless something else keeps it. The command `holdfast serve` always does so.
   * @default false: the signals of a process belong to its program
   */
  gracefulShutdown?: boolean | GracefulShutdownOptions;
  /** Aborting it closes the server gracefully. */
  signal?: AbortSignal;
  /** @default a logger to stderr that never blocks */
  logger?: LoggerLike;
  /** Lines about each request. @default 'off' */
  accessLog?: 'pretty' | 'json' | 'off';
  /** Make `Request` and `Response` the light ones everywhere in this process. @default false */
  globals?: boolean;
  /**
   * A second port with `/metrics`, `/healthz`, `/readyz` and `/connections`. A number is a port on loopback.
   * @default none
   */
  admin?: AdminOptions | number | string;
  /** Certificate and key, as PEM text: HTTPS, on the node engine. */
  tls?: { readonly cert: string; readonly key: string; readonly passphrase?: string };
}

/** Options after the check: every duration in ms, every size in bytes. */
export interface Settings {
  readonly timeouts: {
    readonly headerMs: number;
    readonly idleMs: number;
    readonly bodyMs: number;
    readonly handlerMs: number;
    readonly deadPeerMs: number;
    readonly lingerMs: number;
    readonly drainMs: number;
    readonly startMs: number;
  };
  readonly limits: {
    readonly headBytesMax: number;
    readonly headerCountMax: number;
    readonly targetBytesMax: number;
    readonly bodyBytesMax: number;
    readonly requestsPerConnectionMax: number;
    readonly connectionsMax: number;
    readonly connectionsPerAddressMax: number;
    readonly pausesWhenFull: boolean;
  };
}

const OPTION_NAMES = new Set([
  'fetch', 'module', 'port', 'hostname', 'unix', 'fd', 'reusePort', 'workers', 'engine', 'timeouts', 'limits',
  'error', 'onListen', 'signal', 'logger', 'accessLog', 'globals', 'tls', 'admin',
  'balance', 'gracefulShutdown',
]); // biome-ignore format: one list
const TIMEOUT_NAMES = ['header', 'idle', 'body', 'handler', 'deadPeer', 'linger', 'drain', 'start'] as const;
const LIMIT_NAMES = [
  'headerBytes',
  'headerCount',
  'targetBytes',
  'bodyBytes',
  'requestsPerConnection',
  'connections',
  'connectionsPerAddress',
  'whenFull',
] as const;
const LOG_METHODS = ['debug', 'info', 'warn', 'error'] as const;
const ADMIN_HOSTNAME = '127.0.0.1';
const ENGINES = ['auto', 'iouring', 'epoll', 'node'];

type CountName = 'headerCount' | 'requestsPerConnection' | 'connections' | 'connectionsPerAddress';

/** @throws OptionError naming the first option that is not allowed */
export function checkOptions(options: ServeOptions): Settings {
  if (typeof options !== 'object' || options === null)
    throw new OptionError('options', options, 'give an object');
  refuseUnknown('', Object.keys(options), OPTION_NAMES);
  refuseUnknown('timeouts.', Object.keys(options.timeouts ?? {}), new Set(TIMEOUT_NAMES));
  refuseUnknown('limits.', Object.keys(options.limits ?? {}), new Set(LIMIT_NAMES));
  for (const name of ['fetch', 'error', 'onListen'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new OptionError(name, options[name], 'a function');
  }
  if (options.fetch === undefined && options.module === undefined) {
    throw new OptionError(
      'fetch',
      options.fetch,
      'a function (request) => Response is needed, or a `module` that exports one',
    );
  }
  if (options.fetch !== undefined && options.module !== undefined)
    throw new OptionError('module', options.module, 'not together with `fetch`');
  if (options.engine !== undefined && !ENGINES.includes(options.engine)) {
    throw new OptionError('engine', options.engine, `one of ${ENGINES.join(', ')}`);
  }
  checkCount('workers', options.workers ?? 0, 0, 1024);
  if ((options.workers ?? 0) > 0 && options.module === undefined) {
    throw new OptionError(
      'workers',
      options.workers,
      'threads load a `module`; a `fetch` function cannot be sent to them',
    );
  }
  for (const name of ['reusePort', 'globals'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'boolean')
      throw new OptionError(name, options[name], 'true or false');
  }
  if (options.balance !== undefined && options.balance !== 'kernel' && options.balance !== 'least') {
    throw new OptionError('balance', options.balance, "'kernel' or 'least'");
  }
  if (options.accessLog !== undefined && !['pretty', 'json', 'off'].includes(options.accessLog)) {
    throw new OptionError('accessLog', options.accessLog, "'pretty', 'json' or 'off'");
  }
  checkAddress(options);
  checkCompanions(options);
  adminAddressOf(options);
  const whenFull = options.limits?.whenFull;
  if (whenFull !== undefined && whenFull !== 'refuse' && whenFull !== 'pause') {
    throw new OptionError('limits.whenFull', whenFull, "'refuse' or 'pause'");
  }
  const timeouts = options.timeouts ?? {};
  const limits = options.limits ?? {};
  const ms = (name: (typeof TIMEOUT_NAMES)[number], fallback: Duration) =>
    parseDuration(`timeouts.${name}`, timeouts[name] ?? fallback);
  const bytes = (name: 'headerBytes' | 'targetBytes' | 'bodyBytes', fallback: Size) =>
    parseSize(`limits.${name}`, limits[name] ?? fallback);
  const count = (name: CountName, fallback: number) => {
    const value = limits[name] ?? fallback;
    if (value !== Number.POSITIVE_INFINITY) checkCount(`limits.${name}`, value, 1, 2 ** 31);
    return value;
  };
  const headBytesMax = bytes('headerBytes', '16k');
  if (headBytesMax < 256 || headBytesMax > 1024 * 1024) {
    throw new OptionError(
      'limits.headerBytes',
      limits.headerBytes,
      '256 bytes to 1m: a head is held in memory whole',
    );
  }
  return {
    timeouts: {
      headerMs: ms('header', '10s'),
      idleMs: ms('idle', '76s'),
      bodyMs: ms('body', '30s'),
      handlerMs: ms('handler', Number.POSITIVE_INFINITY),
      deadPeerMs: ms('deadPeer', '2m'),
      lingerMs: ms('linger', '2s'),
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
      pausesWhenFull: limits.whenFull === 'pause',
      requestsPerConnectionMax: count('requestsPerConnection', Number.POSITIVE_INFINITY),
    },
  };
}

/** What belongs to the caller and is used later, when a wrong one would end more than this call. */
function checkCompanions(options: ServeOptions): void {
  const { signal, logger, gracefulShutdown } = options;
  if (signal !== undefined && !isAbortSignal(signal))
    throw new OptionError('signal', signal, 'an AbortSignal');
  if (logger !== undefined) {
    const missing = LOG_METHODS.filter((name) => typeof logger?.[name] !== 'function');
    if (missing.length > 0)
      throw new OptionError(
        'logger',
        logger,
        `an object with the methods ${LOG_METHODS.join(', ')}, such as console; ${missing.join(', ')} missing`,
      );
  }
  if (gracefulShutdown === undefined || typeof gracefulShutdown === 'boolean') return;
  if (typeof gracefulShutdown !== 'object' || gracefulShutdown === null)
    throw new OptionError('gracefulShutdown', gracefulShutdown, 'true, false or { delay, timeout }');
  refuseUnknown('gracefulShutdown.', Object.keys(gracefulShutdown), new Set(['delay', 'timeout']));
  parsePause('gracefulShutdown.delay', gracefulShutdown.delay);
  if (gracefulShutdown.timeout !== undefined)
    parseDuration('gracefulShutdown.timeout', gracefulShutdown.timeout);
}

/** By its shape: it may come from another realm, or be somebody's polyfill. */
function isAbortSignal(value: unknown): boolean {
  const signal = value as Partial<AbortSignal> | null;
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function';
}

function checkAddress(options: ServeOptions): void {
  if (options.unix !== undefined) {
    if (options.port !== undefined || options.hostname !== undefined)
      throw new OptionError('unix', options.unix, 'not together with `port` or `hostname`');
    // sun_path holds 108 bytes with its final NUL (unix(7)).
    if (typeof options.unix !== 'string' || options.unix === '' || Buffer.byteLength(options.unix) > 107) {
      throw new OptionError('unix', options.unix, 'a path of 1 to 107 bytes');
    }
  }
  if (options.fd !== undefined) {
    if (options.unix !== undefined || options.port !== undefined || options.hostname !== undefined) {
      throw new OptionError('fd', options.fd, 'not together with `port`, `hostname` or `unix`');
    }
    checkCount('fd', options.fd, 0, 2 ** 31 - 1);
  }
  if (options.port !== undefined) portNumber('port', options.port);
  if (options.hostname !== undefined && (typeof options.hostname !== 'string' || options.hostname === '')) {
    throw new OptionError('hostname', options.hostname, 'a host name or an address');
  }
}

/**
 * @returns where the admin port listens; undefined when none is wanted
 * @throws OptionError
 */
export function adminAddressOf(
  options: Pick<ServeOptions, 'admin'>,
): { readonly port: number; readonly hostname: string } | undefined {
  const { admin } = options;
  if (admin === undefined) return undefined;
  if (typeof admin !== 'object') return { port: portNumber('admin', admin), hostname: ADMIN_HOSTNAME };
  if (admin === null) throw new OptionError('admin', admin, 'a port, or { port, hostname }');
  refuseUnknown('admin.', Object.keys(admin), new Set(['port', 'hostname']));
  const { hostname = ADMIN_HOSTNAME } = admin;
  if (typeof hostname !== 'string' || hostname === '')
    throw new OptionError('admin.hostname', hostname, 'a host name or an address');
  return { port: portNumber('admin.port', admin.port), hostname };
}

/** @returns the port to bind, from the option, else PORT, else 3000. */
export function portOf(options: ServeOptions): number {
  if (options.port !== undefined) return portNumber('port', options.port);
  const variable = process.env['PORT'];
  return variable === undefined || variable === '' ? 3000 : portNumber('PORT', variable);
}

export function hostnameOf(options: ServeOptions): string {
  return options.hostname ?? (process.env['HOST'] || '127.0.0.1');
}

function portNumber(option: string, value: number | string): number {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new OptionError(option, value, 'a port is a whole number from 0 (any free one) to 65535');
  }
  return port;
}

function checkCount(option: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new OptionError(option, value, `a whole number from ${least} to ${most}`);
  }
}

function refuseUnknown(prefix: string, given: string[], known: ReadonlySet<string>): void {
  for (const name of given) {
    if (!known.has(name))
      throw new OptionError(
        `${prefix}${name}`,
        '(given)',
        `no such option; known are ${[...known].join(', ')}`,
      );
  }
}
