/** Makes the epoll engine. */
import type { EngineOptions } from '../engine.ts';
import type { EpollConnection } from './connection.ts';
import { EpollEngine } from './epoll-engine.ts';

/** @throws SysError when the host does not let us (io_setup: ENOSYS, EPERM, EAGAIN), or has run out of descriptors */
export function createEpollEngine(options: EngineOptions<EpollConnection>): EpollEngine {
  return new EpollEngine(options);
}
