import type { EngineOptions } from '../engine.ts';
import { engineContract } from '../engine.contract.ts';
import type { EpollConnection } from './connection.ts';
import { createEpollEngine } from './create.ts';

engineContract('epoll', (options) => createEpollEngine(options as EngineOptions<EpollConnection>), {
  acceptPauses: true,
  reusePort: true,
  module: { url: new URL('./create.js', import.meta.url).href, createEngine: 'createEpollEngine' },
});
