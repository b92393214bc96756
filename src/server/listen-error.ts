/**
 * Why an address could not be had, in words that say which address and what to do about it. What engines throw there,
 * a SysError with its call or what Node's resolver says, becomes one ListenError.
 */
import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { dirname } from 'node:path';
import { SysError } from '../base/errors.ts';
import { unixText } from '../engine/unix-path.ts';
import type { PortAddress } from './operator-options.ts';
import { hostnameOf, portOf, type ServeOptions } from './options.ts';

/** Where it was to listen, and which option says so. */
export type ListenPlace =
  | (PortAddress & { readonly option: 'port' | 'admin' | 'health' | 'redirectHttp' })
  | { readonly option: 'unix'; readonly path: string }
  | { readonly option: 'fd'; readonly fd: number };

/** What a reader calls the options that he would change. */
interface PlaceNames {
  readonly port: string;
  readonly hostname: string;
}

/** An address cannot be bound: somebody else has it, this user may not, this machine has no such address. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** The system's name for it: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND` and others. */
  readonly code: string;
  /** The system's number for it, where it has one. */
  readonly errno: number | undefined;
  /** The option that says where to listen: `port`, `unix`, `fd`, `admin`, `health` or `redirectHttp`. */
  readonly option: ListenPlace['option'];
  /** The host name or address that was asked for, or the path of a unix socket. */
  readonly address: string | undefined;
  readonly port: number | undefined;

  constructor(place: ListenPlace, code: string, errno: number | undefined, message: string) {
    super(message);
    this.code = code;
    this.errno = errno;
    this.option = place.option;
    this.address = 'hostname' in place ? place.hostname : 'path' in place ? place.path : undefined;
    this.port = 'port' in place ? place.port : undefined;
  }
}

/** Where these options say to listen. */
export function placeOf(options: ServeOptions): ListenPlace {
  if (options.fd !== undefined) return { option: 'fd', fd: options.fd };
  if (options.unix !== undefined) return { option: 'unix', path: options.unix };
  return { option: 'port', port: portOf(options), hostname: hostnameOf(options) };
}

/**
 * @param error what was thrown while listening, or what a worker told of it
 * @returns a ListenError; the error itself where the system did not refuse
 */
export function asListenError(error: unknown, place: ListenPlace): unknown {
  const {
    code: told,
    errno,
    name,
    hint,
  } = (error ?? {}) as Partial<Omit<SysError, 'name'> & { name: string }>;
  const isRefusal = error instanceof SysError || name === 'ListenError' || isLookupCode(told);
  if (!isRefusal || typeof told !== 'string') return error;
  if (error instanceof ListenError && error.option === place.option) return error;
  // libuv says EACCES for a folder that is not there, as Windows does (uv__pipe_bind in src/unix/pipe.c).
  const isLost = told === 'EACCES' && 'path' in place && !existsSync(dirname(place.path));
  const code = isLost ? 'ENOENT' : told;
  const names =
    place.option === 'port'
      ? { port: '`port`', hostname: '`hostname`' }
      : { port: `\`${place.option}\``, hostname: `\`${place.option}.hostname\`` };
  return new ListenError(
    place,
    code,
    typeof errno === 'number' ? errno : undefined,
    listenMessage(code, place, names, isLost ? undefined : hint),
  );
}

/** getaddrinfo's answers (Node's dns.lookup). */
function isLookupCode(code: unknown): boolean {
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA';
}

/** One sentence: which address, what is wrong with it, what to do. */
export function listenMessage(code: string, place: ListenPlace, names: PlaceNames, hint?: string): string {
  const where = show(place);
  if (!('port' in place)) {
    const what = 'path' in place ? unixReason(code) : 'is no socket that listens and that this process has';
    return `${where} ${what}${hint === undefined || code === 'ENOENT' ? '' : `: ${hint}`} (${code})`;
  }
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use already (${code}); stop what listens there, or choose another port by ${names.port}, 0 for any free one`;
    case 'EACCES':
    case 'EPERM':
      return `${where} may not be bound by this user (${code})${
        place.port > 0 && place.port < 1024
          ? `; ports below 1024 are privileged: choose a higher one by ${names.port}, or give the process CAP_NET_BIND_SERVICE`
          : ''
      }`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address (${code}); ${names.hostname} takes one of its own, or 0.0.0.0 or :: for all of them`;
    case 'EAFNOSUPPORT':
      return `${where}: this machine has no addresses of that kind, IPv6 may be off (${code}); see ${names.hostname}`;
    default:
      return isLookupCode(code)
        ? `${where}: the name cannot be looked up (${code}); see ${names.hostname}`
        : `${where} cannot be listened on (${code})${hint === undefined ? '' : `: ${hint}`}`;
  }
}

function unixReason(code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'is in use';
    case 'EACCES':
    case 'EPERM':
      return 'may not be made by this user';
    case 'ENOENT':
      return 'cannot be made, because its folder does not exist';
    default:
      return 'cannot be made';
  }
}

function show(place: ListenPlace): string {
  if ('path' in place) return `the unix socket ${unixText(place.path)}`;
  if ('fd' in place) return `fd ${place.fd}`;
  const host = isIPv6(place.hostname) ? `[${place.hostname}]` : place.hostname;
  return `${place.option === 'port' ? '' : `${place.option} port `}${host}:${place.port}`;
}
