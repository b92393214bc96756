/**
 * Turns a ListenAddress into a listening `net.Server` and the errors of Node into ours. Knows no
 * connections.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, unlinkSync } from 'node:fs';
import type { ListenOptions, Server } from 'node:net';
import { SysError, UnavailableError } from '../../base/errors.ts';
import type { ListenAddress, RemoteAddress } from '../engine.ts';
import { clearStalePath, identify, isFilePath, removeIfSame, unixText } from '../unix-path.ts';

/** nginx 511, Go somaxconn. The kernel caps it at net.core.somaxconn. */
const BACKLOG_DEFAULT = 4096;

const HINTS: Record<string, string> = {
  EADDRINUSE: 'something else listens there',
  EACCES: 'a port below 1024 or a path that this user may not use',
  EADDRNOTAVAIL: 'no interface of this host has that address',
  EAFNOSUPPORT: 'this host has no such address family, IPv6 may be off',
  ENOTFOUND: 'the host name does not resolve',
};

export interface Bound {
  readonly address: RemoteAddress;
  /** To be called when the server stops listening: what was made for it and is still its own is removed. */
  release(): void;
}

/**
 * Resolves with what was bound.
 * @throws SysError when the system refuses
 * @throws UnavailableError for `reusePort` where Node cannot do it
 */
export async function listenOn(
  server: Server,
  address: ListenAddress,
  backlog: number | undefined,
): Promise<Bound> {
  if ('unix' in address && isFilePath(address.unix)) return listenOnPath(server, address.unix, backlog);
  if ('unix' in address) checkName('bind', address.unix);
  return { address: await listen(server, address, backlog), release() {} };
}

/** The longest path that the system binds: sun_path with its final NUL, 108 bytes on Linux and 104 elsewhere (unix(7)). */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;
/** How often a path that was found free may be taken by others who start at the same moment. */
const PATH_TRIES = 3;

/**
 * libuv removes the path that it has bound when it closes, whoever has that path by then. So it is given one of its
 * own, beside the wanted one, which is made a second name of the same socket: it cannot take another's by that either.
 */
async function listenOnPath(server: Server, path: string, backlog: number | undefined): Promise<Bound> {
  const own = `${path}.${randomBytes(3).toString('hex')}`;
  if (Buffer.byteLength(own) > PATH_BYTES_MAX) {
    if (identify(path) !== undefined) await clearStalePath(path);
    return { address: await listen(server, { unix: path }, backlog), release() {} };
  }
  await listen(server, { unix: own }, backlog).catch((error: Error) => {
    throw error instanceof SysError
      ? new SysError(error.syscall, error.errno, error.code, path, HINTS[error.code])
      : error;
  });
  try {
    await namePath(own, path);
  } catch (error) {
    server.close();
    throw error;
  }
  const file = identify(path);
  return { address: { family: 'unix', address: path, port: 0 }, release: () => removeIfSame(path, file) };
}

/** Makes `path` the name of the socket `own`. @throws SysError when somebody else has it */
async function namePath(own: string, path: string): Promise<void> {
  for (let left = PATH_TRIES; ; left--) {
    try {
      linkSync(own, path);
      unlinkSync(own);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST' || left === 1) {
        // A file system without second names.
        if (identify(path) !== undefined) throw asSysError(error as Error, path) ?? error;
        renameSync(own, path);
        return;
      }
      await clearStalePath(path);
    }
  }
}

function listen(server: Server, address: ListenAddress, backlog: number | undefined): Promise<RemoteAddress> {
  const options = listenOptions(address, backlog ?? BACKLOG_DEFAULT);
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      server.removeListener('listening', onListening);
      reject(refusal(error, address));
    };
    const onListening = (): void => {
      server.removeListener('error', onError);
      resolve(boundAddress(server));
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen(options);
  });
}

function listenOptions(address: ListenAddress, backlog: number): ListenOptions & { fd?: number } {
  // `exclusive`: in a cluster worker Node would otherwise share the primary's socket behind our back.
  if ('fd' in address) return { fd: address.fd, backlog, exclusive: true };
  if ('unix' in address) return { path: address.unix, backlog, exclusive: true };
  if (address.reusePort === true && !nodeHasReusePort(process.versions.node)) {
    throw new UnavailableError(
      `reusePort: the node engine needs Node 22.12 or 23.1 for it, this is ${process.versions.node}`,
    );
  }
  return {
    port: address.port,
    host: address.hostname,
    backlog,
    exclusive: true,
    ...(address.ipv6Only === true ? { ipv6Only: true } : {}),
    ...(address.reusePort === true ? { reusePort: true } : {}),
  };
}

/**
 * Node 20 binds and connects to abstract names with all of sun_path, NULs behind the name (libuv's uv_pipe_bind takes
 * a C string): another name than everybody else's. Node 22 takes just the name, by uv_pipe_bind2.
 */
export function nodeHasAbstractNames(version: string): boolean {
  return Number.parseInt(version, 10) >= 22;
}

/** @throws SysError EINVAL for a name that Node would make another one of */
export function checkName(syscall: 'bind' | 'connect', unix: string): void {
  if (process.platform !== 'linux' || !unix.startsWith('\0') || nodeHasAbstractNames(process.versions.node))
    return;
  const hint = `the node engine needs Node 22 for abstract names, this is ${process.versions.node}`;
  throw new SysError(syscall, 22, 'EINVAL', unixText(unix), hint);
}

/** `server.listen({ reusePort })` came with 23.1.0 and 22.12.0; earlier Nodes ignore it silently. */
export function nodeHasReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

function boundAddress(server: Server): RemoteAddress {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return { family: 'unix', address: bound ?? '', port: 0 };
  return { family: bound.family === 'IPv6' ? 'IPv6' : 'IPv4', address: bound.address, port: bound.port };
}

/** `undefined` when `error` is not one of the operating system. */
export function asSysError(error: Error, detail: string): SysError | undefined {
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || typeof errno !== 'number' || syscall === undefined) return undefined;
  return new SysError(syscall, Math.abs(errno), code, detail, HINTS[code]);
}

function refusal(error: Error, address: ListenAddress): Error {
  // libuv answers ENOTSUP where the kernel has no SO_REUSEPORT that spreads connections.
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOTSUP' && 'reusePort' in address && address.reusePort === true) {
    return new UnavailableError('reusePort: this system cannot share a port between listeners');
  }
  return asSysError(error, describe(address)) ?? error;
}

function describe(address: ListenAddress): string {
  if ('fd' in address) return `descriptor ${address.fd}`;
  if ('unix' in address) return unixText(address.unix);
  const host = address.hostname.includes(':') ? `[${address.hostname}]` : address.hostname;
  return `${host}:${address.port}`;
}

/**
 * Peers that the kernel has accepted already would be reset when the listener closes. libuv takes one of them each time
 * that it polls (from 1.45 on: "don't accept() connections in a loop", libuv's ChangeLog), and a whole poll lies between
 * two immediates: so this goes on until one has brought nobody. Then only a handshake can still become a connection.
 * Clients that come without end do not keep the listener open: no more are let in than can have waited.
 */
export async function letInWaiting(server: Server): Promise<void> {
  let accepted = 0;
  const count = (): void => void accepted++;
  server.on('connection', count);
  for (let before = -1; accepted > before && accepted < BACKLOG_DEFAULT && server.listening; ) {
    before = accepted;
    for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  server.off('connection', count);
}
