/** The engine as it is on a kernel without multishot receive: 5.19. For tests, and the processes that they start. */
import type { EngineOptions } from '../engine.ts';
import type { IouringConnection } from './connection.ts';
import { IouringEngine } from './iouring-engine.ts';

export function createOneShotEngine(options: EngineOptions): IouringEngine {
  return new IouringEngine(options as EngineOptions<IouringConnection>, false);
}
