/**
 * What `createServer` and `listen` of node:http are given, in our terms: options by either name, and every form of
 * `listen`. Names of Node's that have no meaning here are let pass, since programs set them for all servers alike.
 */
import { OptionError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { LimitOptions, ServeOptions, TimeoutOptions } from './options.ts';

/** Options of Node's `http.createServer`, as far as they mean something here, and those of `serve` beside them. */
export interface HttpServerOptions
  extends Pick<
    ServeOptions,
    'engine' | 'timeouts' | 'limits' | 'logger' | 'accessLog' | 'trustProxy' | 'tls' | 'http2' | 'error'
  > {
  /** The same as `timeouts.idle`, in milliseconds; 0 is off. */
  keepAliveTimeout?: number;
  /** The same as `timeouts.header`. */
  headersTimeout?: number;
  /** The same as `timeouts.body`, which counts between bytes. */
  requestTimeout?: number;
  /** The same as `limits.headerBytes`. */
  maxHeaderSize?: number;
  /** Values of fields that come more than once are joined by a comma. @default false */
  joinDuplicateHeaders?: boolean;
  /** Requests of HTTP/1.1 without a Host field are refused. @default true */
  requireHostHeader?: boolean;
  /** Whether a request that asks for another protocol goes to 'upgrade'. @default where somebody listens for that */
  shouldUpgradeCallback?: (request: unknown) => boolean;
  /** A write to an answer that has no content throws. @default false */
  rejectNonStandardBodyWrites?: boolean;
  /** Classes of messages, derived from node:http's. */
  IncomingMessage?: unknown;
  ServerResponse?: unknown;
  /** Above which `write` of an answer says false. */
  highWaterMark?: number;
}

/** What a program may set on the server until it listens, and later for connections to come. */
interface HttpServerSettings {
  keepAliveTimeout: number | undefined;
  headersTimeout: number | undefined;
  requestTimeout: number | undefined;
  maxHeadersCount: number | null;
  maxRequestsPerSocket: number;
  maxConnections: number | undefined;
}

const OWN = ['engine', 'logger', 'accessLog', 'trustProxy', 'tls', 'http2', 'error'] as const;

/** @param settings which were changed since, and count before what was given */
export function serveOptionsOf(given: HttpServerOptions, settings: HttpServerSettings): ServeOptions {
  const timeouts: TimeoutOptions = { ...given.timeouts };
  const limits: LimitOptions = { ...given.limits };
  const { keepAliveTimeout, headersTimeout, requestTimeout } = settings;
  if (keepAliveTimeout !== undefined) timeouts.idle = timeoutOf('keepAliveTimeout', keepAliveTimeout);
  if (headersTimeout !== undefined) timeouts.header = timeoutOf('headersTimeout', headersTimeout);
  if (requestTimeout !== undefined) timeouts.body = timeoutOf('requestTimeout', requestTimeout);
  if (given.maxHeaderSize !== undefined) limits.headerBytes = given.maxHeaderSize;
  if (settings.maxHeadersCount !== null && settings.maxHeadersCount > 0)
    limits.headerCount = settings.maxHeadersCount;
  if (settings.maxRequestsPerSocket > 0) limits.requestsPerConnection = settings.maxRequestsPerSocket;
  if (settings.maxConnections !== undefined) limits.connections = settings.maxConnections;
  const options: ServeOptions = { timeouts, limits };
  for (const name of OWN) if (given[name] !== undefined) Object.assign(options, { [name]: given[name] });
  return options;
}

/** 0 is off, as in Node. */
export function timeoutOf(option: string, timeoutMs: unknown): Duration {
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs) || timeoutMs < 0)
    throw new OptionError(option, timeoutMs, 'milliseconds, a number that is not negative; 0 is off');
  return timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs;
}

/** Where to listen, out of any form of the arguments. */
export interface ListenArguments {
  readonly port: number;
  /** Absent: all addresses of this machine. */
  readonly host: string | undefined;
  readonly path: string | undefined;
  readonly fd: number | undefined;
  readonly backlog: number | undefined;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onListening: (() => void) | undefined;
}

interface NodeListenOptions {
  readonly port?: unknown;
  readonly host?: string;
  readonly path?: string;
  readonly fd?: number;
  readonly backlog?: number;
  readonly ipv6Only?: boolean;
  readonly reusePort?: boolean;
  readonly signal?: AbortSignal;
}

/** @throws OptionError */
export function listenArguments(given: readonly unknown[]): ListenArguments {
  const rest = [...given];
  const last = rest.at(-1);
  const onListening = typeof last === 'function' ? (rest.pop() as () => void) : undefined;
  const [first, second, third] = rest;
  const options: NodeListenOptions =
    typeof first === 'object' && first !== null
      ? (first as NodeListenOptions)
      : typeof first === 'string' && !/^\d+$/.test(first)
        ? { path: first }
        : {
            port: first ?? 0,
            ...(typeof second === 'string' ? { host: second } : {}),
            ...(typeof second === 'number' ? { backlog: second } : {}),
            ...(typeof third === 'number' ? { backlog: third } : {}),
          };
  const { path, fd, host, backlog, signal } = options;
  const isPlaced = 'port' in options || path !== undefined || fd !== undefined || typeof first !== 'object';
  if (!isPlaced)
    throw Object.assign(new OptionError('listen', first, 'an object with `port`, `path` or `fd`'), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
  return {
    port: portOf(options.port ?? 0),
    host: host === '' ? undefined : host,
    path,
    fd,
    backlog,
    ipv6Only: options.ipv6Only === true,
    reusePort: options.reusePort === true,
    signal,
    onListening,
  };
}

function portOf(value: unknown): number {
  const port = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw Object.assign(
    new RangeError(`options.port should be >= 0 and < 65536. Received ${typeof value} (${String(value)}).`),
    { code: 'ERR_SOCKET_BAD_PORT' },
  );
}
