/**
 * What a failed accept means, for every engine that owns descriptors: the next connection can be accepted at once, or
 * accepting is to rest for a while, and be reported. Whatever is not in the table rests: an error that nobody foresaw
 * will be there again at the next call, and trying on would spin, unseen.
 */
import { ERRNO } from '../../sys/errno.ts';

/**
 * Errors that concern one connection. accept(2): Linux passes errors of the new connection's network on as errors of
 * accept, to be treated like "try again". EPERM comes from a firewall that forbids the connection. All others rest:
 * EMFILE, ENFILE, ENOMEM and ENOBUFS end when something is released, and EINVAL (no longer listening), EBADF, ENOTSOCK,
 * EACCES or ENOSYS hardly ever do.
 */
const OF_ONE_CONNECTION: ReadonlySet<number> = new Set([
  ERRNO.EINTR,
  ERRNO.ECONNABORTED,
  ERRNO.EPERM,
  ERRNO.EPROTO,
  ERRNO.ENETDOWN,
  ERRNO.ENOPROTOOPT,
  ERRNO.EHOSTDOWN,
  ERRNO.ENONET,
  ERRNO.EHOSTUNREACH,
  ERRNO.EOPNOTSUPP,
  ERRNO.ENETUNREACH,
  ERRNO.ETIMEDOUT,
]);

/**
 * After so many failures in a row, with no connection accepted between them, no single connection can be the cause: a
 * seccomp filter or a security module answers each accept with EPERM, and a socket that cannot listen with EOPNOTSUPP.
 */
const FAILURES_IN_ROW_MAX = 64;

/** Counts the failures of one listener. */
export class AcceptFailures {
  #inRow = 0;

  /** A connection has been accepted. @hot */
  succeeded(): void {
    this.#inRow = 0;
  }

  /** @param errno positive @returns whether accepting is to rest */
  failed(errno: number): boolean {
    if (OF_ONE_CONNECTION.has(errno) && ++this.#inRow < FAILURES_IN_ROW_MAX) return false;
    this.#inRow = 0;
    return true;
  }
}
