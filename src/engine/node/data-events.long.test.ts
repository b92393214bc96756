/** The node engine where it reads by 'data' events: it differs in nothing but how bytes and the end of them arrive. */
import { describe } from 'node:test';
import { bytesContract } from '../contract/bytes.contract.ts';
import { connectingContract } from '../contract/connecting.contract.ts';
import { endingsContract } from '../contract/endings.contract.ts';
import { readingContract } from '../contract/reading.contract.ts';
import type { CreateEngine } from '../engine.contract.ts';
import { NODE_ENGINE_CAPABILITIES as capabilities } from './capabilities.contract.ts';
import { createNodeEngine } from './node-engine.ts';

describe("node with 'data' events", () => {
  const create: CreateEngine = (options) => createNodeEngine({ ...options, sharedReadBuffer: false });
  const subject = { create, capabilities };
  bytesContract(subject);
  connectingContract(subject);
  readingContract(subject);
  endingsContract(subject);
});
