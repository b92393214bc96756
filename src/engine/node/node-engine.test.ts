import { engineContract } from '../engine.contract.ts';
import { nodeHasReusePort } from './listen.ts';
import { createNodeEngine, type NodeEngineOptions } from './node-engine.ts';

const capabilities = {
  // libuv accepts with a spare descriptor and closes: nothing that a handler could be told.
  acceptPauses: false,
  reusePort: process.platform === 'linux' && nodeHasReusePort(process.versions.node),
  module: { url: new URL('./node-engine.js', import.meta.url).href, createEngine: 'createNodeEngine' },
};

engineContract('node', (options) => createNodeEngine(options as NodeEngineOptions), capabilities);
