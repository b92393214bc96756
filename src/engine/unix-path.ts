/**
 * The path of a unix socket, as the file that it is: whether somebody listens there, whose it is, its removal. A server
 * that was killed leaves its path behind, and bind(2) refuses a path that exists: so one on which nobody listens is
 * replaced, and what else is there is told as what it is. Only what is our own is removed.
 */
import { lstatSync, type Stats, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { SysError } from '../base/errors.ts';

/** A socket whose owner does not accept answers all the same, or says that its queue is full. */
const PROBE_MS = 1000;
/** errno of EADDRINUSE, where the system did not tell it: Linux's. */
const EADDRINUSE = 98;

/** Which file it is, whatever its name. While a socket is bound to it, its number is not given to another. */
interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** @returns undefined when nothing is there */
export function identify(path: string): FileIdentity | undefined {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts && { dev: facts.dev, ino: facts.ino };
}

/** Removes `path` if it still is that file: another server may have taken it meanwhile. */
export function removeIfSame(path: string, identity: FileIdentity | undefined): void {
  try {
    if (identity !== undefined && isSame(identify(path), identity)) unlinkSync(path);
  } catch {
    // Its folder is gone, or no longer ours to change: the next server finds a path on which nobody listens.
  }
}

function isSame(one: FileIdentity | undefined, other: FileIdentity): boolean {
  return one !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/**
 * What people write as `@name`, as Go, ss(8) and systemd do, is a name in Linux's abstract namespace. There it begins with
 * a NUL (unix(7)), and engines take and tell it so. A file that is called that is `./@name`.
 */
export function unixAddressOf(text: string): string {
  return text.startsWith('@') ? `\0${text.slice(1)}` : text;
}

/** The address of a unix socket as people write it. */
export function unixText(address: string): string {
  return address.startsWith('\0') ? `@${address.slice(1)}` : address;
}

/** In Linux's abstract namespace there are no files (unix(7)); nor are Windows' pipes files. */
export function isFilePath(path: string): boolean {
  return !path.startsWith('\0') && process.platform !== 'win32';
}

/**
 * `path` could not be bound because it exists: removes it, if it is a socket on which nobody listens.
 * @throws SysError EADDRINUSE that says what is there; or why it cannot be removed
 */
export async function clearStalePath(path: string): Promise<void> {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  if (!facts.isSocket()) throw taken(path, `${kindOf(facts)} is there and no socket; it is not replaced`);
  switch (await probe(path)) {
    case 'ENOENT':
      return;
    case 'ECONNREFUSED':
      break;
    case 'EACCES':
    case 'EPERM':
      throw taken(path, 'a socket is there which this user may not connect to, to see whether it is in use');
    case 'EPROTOTYPE':
      throw taken(path, 'a socket of another kind is there; it is not replaced');
    default:
      throw taken(path, 'another server listens there');
  }
  // Another one that has just started may have replaced it meanwhile, and been given the number of what it replaced.
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (!isSame(now, facts) || now!.ctimeMs !== facts.ctimeMs) return;
  try {
    unlinkSync(path);
  } catch (error) {
    const { code = 'EIO', errno = 0 } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new SysError(
      'unlink',
      Math.abs(errno),
      code,
      path,
      'nobody listens there any more, and this user may not remove it',
    );
  }
}

function taken(path: string, hint: string): SysError {
  return new SysError('bind', EADDRINUSE, 'EADDRINUSE', path, hint);
}

function kindOf(facts: Stats): string {
  if (facts.isDirectory()) return 'a folder';
  if (facts.isSymbolicLink()) return 'a symbolic link';
  return facts.isFile() ? 'a file' : 'something else';
}

/** @returns the error's code of a connection that fails; empty for one that stands, or is not answered */
function probe(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (code: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const timer = setTimeout(() => end(''), PROBE_MS);
    socket.once('connect', () => end(''));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? ''));
  });
}
