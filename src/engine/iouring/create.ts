/** Makes the io_uring engine for this kernel. */
import { release } from 'node:os';
import type { EngineOptions } from '../engine.ts';
import type { IouringConnection } from './connection.ts';
import { IouringEngine } from './iouring-engine.ts';

/** @throws SysError when the kernel has no io_uring for us: the reason is in its code */
export function createIouringEngine(options: EngineOptions<IouringConnection>): IouringEngine {
  return new IouringEngine(options, hasMultishotReceive(release()));
}

/** Multishot receive came with Linux 6.0; there is no feature flag for it. */
function hasMultishotReceive(kernelRelease: string): boolean {
  const major = Number(/^\d+/.exec(kernelRelease)?.[0] ?? 0);
  return major >= 6;
}
