/**
 * Opening below a folder in some ten microseconds, without the thread pool: by calls of the kernel that follow no link on the way and
 * come back at once where the disk would have to be asked. What they find is inside the folder, whatever is swapped meanwhile, and
 * what is no regular file is seen to be none before it is opened. For everything else the way through the pool is there.
 */
import { constants, fstatSync, openSync, type Stats } from 'node:fs';
import { ERRNO } from '../sys/errno.ts';
import { isFfiLoaded } from '../sys/ffi.ts';
import { openFolderPath, openPathBeneath } from '../sys/open-beneath.ts';
import { closeFd } from '../sys/socket.ts';
import { OPEN_FLAGS } from './descriptor.ts';
import type { RawPath } from './source.ts';

type FoundBeneath =
  | { readonly kind: 'file'; readonly fd: number; readonly stats: Stats }
  | { readonly kind: 'directory' }
  /** Nothing, or nothing that may be had. */
  | { readonly kind: 'missing'; readonly isNamed: boolean };

const NO_MORE = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

export class Beneath {
  /** Where the kernel has no such call (Linux before 5.12), or a sandbox forbids it, it is not asked again. */
  #isThere = process.platform === 'linux' && constants.O_NONBLOCK !== undefined;

  readonly #loads: boolean;

  /**
   * @param loads load what calls the kernel, where the engine has not: it takes milliseconds, and Node's own (node:ffi) prints a warning,
   *   which whoever chose the node engine did not ask for
   */
  constructor(loads: boolean) {
    this.#loads = loads;
  }

  /**
   * @param root the folder's name, links and all
   * @param isKnown whether it still leads to the folder that it led to
   * @returns undefined where it cannot be said without waiting, or there is a link on the way
   */
  open(root: Buffer, path: RawPath, isKnown: (stats: Stats) => boolean): FoundBeneath | undefined {
    if (!this.#isThere || path === '' || !(this.#loads || isFfiLoaded())) return undefined;
    let rootFd = -1;
    let pathFd = -1;
    try {
      rootFd = openFolderPath(root);
      if (rootFd < 0) return this.#refused(rootFd);
      if (!isKnown(fstatSync(rootFd))) return undefined;
      pathFd = openPathBeneath(rootFd, Buffer.from(path, 'latin1'));
      if (pathFd === -ERRNO.ENOENT) return { kind: 'missing', isNamed: false };
      if (pathFd < 0) return this.#refused(pathFd);
      const stats = fstatSync(pathFd);
      if (stats.isDirectory()) return { kind: 'directory' };
      if (!stats.isFile()) return { kind: 'missing', isNamed: true };
      return { kind: 'file', fd: openSync(`/proc/self/fd/${pathFd}`, OPEN_FLAGS), stats };
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // No FFI on this host, or no /proc: it will not come.
      if (rootFd < 0 || code === 'ENOENT') this.#isThere = false;
      // The other way knows what to say of what may not be read, and of a host that has run out.
      if (NO_MORE.has(code)) throw error;
      return undefined;
    } finally {
      // By the same way: of a descriptor that Node has not opened, a worker of its warns when Node is to close it.
      if (pathFd >= 0) closeFd(pathFd);
      if (rootFd >= 0) closeFd(rootFd);
    }
  }

  #refused(negativeErrno: number): undefined {
    if (GONE_FOR_GOOD.has(-negativeErrno)) this.#isThere = false;
    return undefined;
  }
}

/** What sandboxes and older kernels answer to a call or a flag that they do not know. */
const GONE_FOR_GOOD = new Set<number>([ERRNO.EPERM, ERRNO.EINVAL, ERRNO.ENOSYS]);
