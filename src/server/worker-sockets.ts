/** The listening sockets that workers get duplicates of: all of one address, each with a queue of its own. */
import { lookup } from 'node:dns/promises';
import { UnavailableError } from '../base/errors.ts';
import {
  type ListeningSocket,
  openListener,
  whyListenersCannotBeShared,
} from '../engine/descriptor/listening-socket.ts';
import { unixAddressOf } from '../engine/unix-path.ts';
import { hostnameOf, portOf, type ServeOptions, type Settings } from './options.ts';
import { keepAliveFor } from './thread-server.ts';

/**
 * @param first the one that was opened before all others, whose port they share
 * @returns undefined where workers must bind for themselves (not Linux, or no FFI)
 * @throws UnavailableError where several then cannot; SysError as `listen`
 */
export async function openWorkerSocket(
  options: ServeOptions,
  settings: Settings,
  first: ListeningSocket | undefined,
): Promise<ListeningSocket | undefined> {
  const reason = whyListenersCannotBeShared();
  if (reason !== undefined) {
    if (options.workers! > 1 || portOf(options) === 0) {
      throw new UnavailableError(
        `workers: threads share a port by system calls of Linux; here one thread has to serve (workers: 0, or -w 1 on the command line): ${reason}`,
      );
    }
    return undefined;
  }
  const { unix, fd, reusePort = false } = options;
  if ((unix ?? fd) !== undefined && first !== undefined) return first;
  const keepAlive = keepAliveFor(settings.timeouts.deadPeerMs);
  if (fd !== undefined) return openListener({ fd }, { keepAlive }, lookup);
  return openListener(
    unix !== undefined
      ? { unix: unixAddressOf(unix) }
      : {
          // The first may take any free port; the others take the same.
          port: first === undefined ? portOf(options) : first.address.port,
          hostname: hostnameOf(options),
          reusePort: reusePort || first !== undefined,
        },
    {
      keepAlive,
      opensPort: first === undefined && options.workers! > 1,
    },
    lookup,
  );
}
