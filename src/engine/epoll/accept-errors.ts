/**
 * Which errors of accept concern one connection only, so that the next one can be accepted at once. All
 * others (EMFILE, ENFILE, ENOMEM, ENOBUFS, and any that nobody foresaw) will be there again at the next call:
 * accepting pauses for them, since trying on would spin.
 *
 * accept(2): Linux passes errors of the new connection's network on as errors of accept; they are to be
 * treated like "try again". EPERM comes from a firewall that forbids the connection.
 */
import { ERRNO } from '../../sys/errno.ts';

/** @param errno as accept4 answers it: negative */
export function isOfOneConnection(errno: number): boolean {
  switch (-errno) {
    case ERRNO.ECONNABORTED:
    case ERRNO.EINTR:
    case ERRNO.EPERM:
    case ERRNO.EPROTO:
    case ERRNO.ENETDOWN:
    case ERRNO.ENOPROTOOPT:
    case ERRNO.EHOSTDOWN:
    case ERRNO.ENONET:
    case ERRNO.EHOSTUNREACH:
    case ERRNO.EOPNOTSUPP:
    case ERRNO.ENETUNREACH:
    case ERRNO.ETIMEDOUT:
      return true;
    default:
      return false;
  }
}
