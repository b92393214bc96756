import { describe } from 'node:test';
import { bytesContract } from '../contract/bytes.contract.ts';
import { endingsContract } from '../contract/endings.contract.ts';
import { readingContract } from '../contract/reading.contract.ts';
import { type CreateEngine, engineContract } from '../engine.contract.ts';
import { nodeHasReusePort } from './listen.ts';
import { createNodeEngine } from './node-engine.ts';

const capabilities = {
  // libuv accepts with a spare descriptor and closes: nothing that a handler could be told.
  acceptPauses: false,
  reusePort: process.platform === 'linux' && nodeHasReusePort(process.versions.node),
  module: { url: new URL('./node-engine.js', import.meta.url).href, createEngine: 'createNodeEngine' },
};

engineContract('node', createNodeEngine, capabilities);

// The other way to read; it differs in nothing but how bytes and the end of them arrive.
describe("node with 'data' events", () => {
  const create: CreateEngine = (options) => createNodeEngine({ ...options, sharedReadBuffer: false });
  const subject = { create, capabilities };
  bytesContract(subject);
  readingContract(subject);
  endingsContract(subject);
});
