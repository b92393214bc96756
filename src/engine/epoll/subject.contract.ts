/** The epoll engine as the conformance suite and this room's own tests take it. */
import type { Subject } from '../contract/harness.contract.ts';
import type { EngineOptions } from '../engine.ts';
import type { EpollConnection } from './connection.ts';
import { createEpollEngine } from './create.ts';

export const subject: Subject = {
  create: (options) => createEpollEngine(options as EngineOptions<EpollConnection>),
  capabilities: {
    acceptPauses: true,
    abstractNames: true,
    reusePort: true,
    module: { url: new URL('./create.js', import.meta.url).href, createEngine: 'createEpollEngine' },
  },
};
