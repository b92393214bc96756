import type { EngineOptions } from '../engine.ts';
import { engineContract } from '../engine.contract.ts';
import { createIouringEngine } from './create.ts';
import type { IouringConnection } from './connection.ts';

engineContract('iouring', (options) => createIouringEngine(options as EngineOptions<IouringConnection>), {
  acceptPauses: true,
  reusePort: true,
  module: { url: new URL('./create.js', import.meta.url).href, createEngine: 'createIouringEngine' },
});
