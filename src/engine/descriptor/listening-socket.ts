/**
 * Opens listening sockets through sys, for the engines that own descriptors. What accepted sockets
 * need (TCP_NODELAY, keepalive) is set here once: Linux copies it from the listener to every socket
 * that it accepts, so a new connection costs no system call for it.
 */

import { isIPv4 } from 'node:net';
import { SysError } from '../../base/errors.ts';
import { F_DUPFD_CLOEXEC } from '../../sys/abi/file.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../sys/abi/socket.ts';
import { TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY, TCP_RTO_MAX_MS } from '../../sys/abi/tcp.ts';
import { fcntl, setNonBlocking } from '../../sys/descriptor.ts';
import { ERRNO, sysError } from '../../sys/errno.ts';
import { probeFfi } from '../../sys/probe.ts';
import { bindAddress, closeFd, getsockname, listen, setsockoptInt, socket } from '../../sys/socket.ts';
import type { ListenAddress, RemoteAddress } from '../engine.ts';
import { clearStalePath, identify, isFilePath, removeIfSame, unixText } from '../unix-path.ts';

/** Queue of connections that the kernel has accepted for us; net.core.somaxconn caps it. */
const BACKLOG_DEFAULT = 4096;

/** Threads share a port by system calls of Linux. @returns why there are none to be had here */
export function whyListenersCannotBeShared(): string | undefined {
  const { available, reason } = probeFfi();
  return available ? undefined : reason;
}

export interface ListeningSocket {
  readonly fd: number;
  readonly address: RemoteAddress;
  /** A descriptor of the same socket for another thread to close. @throws SysError EMFILE */
  duplicate(): number;
  /** Closes a duplicate that nobody has taken. */
  closeDuplicate(fd: number): void;
  close(): void;
}

interface ListeningOptions {
  readonly backlog?: number;
  /**
   * Nobody may listen there yet, but listeners with `reusePort` may join later. Sockets of one user that bind
   * with SO_REUSEPORT share a port without a word: a server started twice would answer half of the requests.
   * Set after bind(2), where the kernel compares, it lets others in and was not let in itself (socket(7)).
   */
  readonly opensPort?: boolean;
  readonly keepAlive?: {
    readonly idleSeconds: number;
    readonly intervalSeconds: number;
    readonly probes: number;
  };
}

/** Resolves a host name to addresses, best first. */
export type Lookup = (
  hostname: string,
  options: { all: true },
) => Promise<{ address: string; family: number }[]>;

/** @throws SysError naming the call and the address; the cause of a failed name is ENOTFOUND of the resolver */
export async function openListener(
  address: ListenAddress,
  options: ListeningOptions,
  lookup: Lookup,
): Promise<ListeningSocket> {
  if ('fd' in address) {
    // One that was handed over may block, and accepting from it would then wait for ever.
    setNonBlocking(address.fd, true);
    return adopt(address.fd, options);
  }
  if ('unix' in address) return openUnix(address.unix, options);
  const { hostname } = address;
  const [resolved] = isIPv4(hostname)
    ? [{ address: hostname, family: 4 }]
    : await lookup(hostname, { all: true });
  if (resolved === undefined) throw sysError('getaddrinfo', ERRNO.EADDRNOTAVAIL, address.hostname);
  const family = resolved.family === 6 ? 'IPv6' : 'IPv4';
  return open(
    { family, address: resolved.address, port: address.port },
    options,
    address.reusePort === true,
    address.ipv6Only === true,
  );
}

/**
 * The same at once, for an address that is no name and no path.
 * @throws SysError naming the call and the address
 */
export function openListenerNow(
  { hostname, port, reusePort, ipv6Only }: Extract<ListenAddress, { hostname: string }>,
  options: ListeningOptions,
): ListeningSocket {
  const family = isIPv4(hostname) ? 'IPv4' : 'IPv6';
  return open({ family, address: hostname, port }, options, reusePort === true, ipv6Only === true);
}

/** How often a path that was found free may be taken by others who start at the same moment. */
const UNIX_TRIES = 3;

async function openUnix(path: string, options: ListeningOptions): Promise<ListeningSocket> {
  for (let left = UNIX_TRIES; ; left--) {
    try {
      return open({ family: 'unix', address: path, port: 0 }, options, false, false);
    } catch (error) {
      const isTaken = error instanceof SysError && error.code === 'EADDRINUSE' && error.syscall === 'bind';
      if (!isTaken || !isFilePath(path) || left === 1) throw error;
      await clearStalePath(path);
    }
  }
}

function open(
  address: RemoteAddress,
  options: ListeningOptions,
  reusePort: boolean,
  ipv6Only: boolean,
): ListeningSocket {
  const domain = address.family === 'unix' ? AF_UNIX : address.family === 'IPv6' ? AF_INET6 : AF_INET;
  const text = show(address);
  const fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw sysError('socket', -fd, text);
  const check = (call: string, result: number) => {
    if (result >= 0) return;
    closeFd(fd);
    throw sysError(call, -result, text);
  };
  if (domain !== AF_UNIX) {
    check('setsockopt', setsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    if (reusePort) check('setsockopt', setsockoptInt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    if (domain === AF_INET6)
      check('setsockopt', setsockoptInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0));
  }
  check('bind', bindAddress(fd, address));
  if (options.opensPort === true && domain !== AF_UNIX)
    check('setsockopt', setsockoptInt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
  return adopt(fd, options, text, address.family === 'unix' ? address.address : undefined);
}

/** @param path of the unix socket that we made, to be removed with it */
function adopt(fd: number, options: ListeningOptions, text = `fd ${fd}`, path?: string): ListeningSocket {
  const name = getsockname(fd);
  if (typeof name === 'number') {
    closeFd(fd);
    throw sysError('getsockname', -name, text);
  }
  if (name.family !== 'unix') {
    setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    setsockoptInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    const keepAlive = options.keepAlive;
    if (keepAlive !== undefined) {
      setsockoptInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepAlive.idleSeconds);
      setsockoptInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepAlive.intervalSeconds);
      setsockoptInt(fd, IPPROTO_TCP, TCP_KEEPCNT, keepAlive.probes);
      // Retransmissions and window probes come at least three times in the period, so that a living peer is
      // heard in it (6.15; an older kernel refuses, and backs off to two minutes).
      const periodMs = (keepAlive.idleSeconds + keepAlive.intervalSeconds * keepAlive.probes) * 1000;
      setsockoptInt(
        fd,
        IPPROTO_TCP,
        TCP_RTO_MAX_MS,
        Math.min(Math.max(Math.floor(periodMs / 3), 1000), 120_000),
      );
    }
  }
  const result = listen(fd, options.backlog ?? BACKLOG_DEFAULT);
  if (result < 0) {
    closeFd(fd);
    throw sysError('listen', -result, text);
  }
  const file = path === undefined || !isFilePath(path) ? undefined : identify(path);
  let open = true;
  return {
    fd,
    address: name,
    duplicate() {
      const duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
      if (duplicate < 0) throw sysError('fcntl', -duplicate, 'F_DUPFD_CLOEXEC');
      return duplicate;
    },
    closeDuplicate: closeFd,
    close() {
      if (!open) return;
      open = false;
      // First, so that nobody finds a path on which nobody listens.
      if (path !== undefined) removeIfSame(path, file);
      closeFd(fd);
    },
  };
}

function show(address: RemoteAddress): string {
  if (address.family === 'unix') return unixText(address.address);
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}
