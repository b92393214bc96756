/** What the suite that every engine must pass may expect of the node engine. */
import { nodeHasAbstractNames, nodeHasReusePort } from './listen.ts';

export const NODE_ENGINE_CAPABILITIES = {
  // libuv accepts with a spare descriptor and closes: nothing that a handler could be told.
  acceptPauses: false,
  reusePort: process.platform === 'linux' && nodeHasReusePort(process.versions.node),
  abstractNames: nodeHasAbstractNames(process.versions.node),
  module: { url: new URL('./node-engine.js', import.meta.url).href, createEngine: 'createNodeEngine' },
};
