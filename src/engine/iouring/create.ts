/** Makes the io_uring engine for this kernel. */
import type { EngineOptions } from '../engine.ts';
import type { IouringConnection } from './connection.ts';
import { IouringEngine } from './iouring-engine.ts';

/** @throws SysError when the kernel has no io_uring for us: the reason is in its code */
export function createIouringEngine(options: EngineOptions<IouringConnection>): IouringEngine {
  return new IouringEngine(options);
}
