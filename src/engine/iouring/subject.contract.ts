/** The io_uring engine as the conformance suite takes it, in the clear and below TLS. */
import type { Subject } from '../contract/harness.contract.ts';
import type { EngineOptions } from '../engine.ts';
import type { IouringConnection } from './connection.ts';
import { createIouringEngine } from './create.ts';

export const subject: Subject = {
  create: (options) => createIouringEngine(options as EngineOptions<IouringConnection>),
  capabilities: {
    acceptPauses: true,
    abstractNames: true,
    reusePort: true,
    module: { url: new URL('./create.js', import.meta.url).href, createEngine: 'createIouringEngine' },
  },
};
