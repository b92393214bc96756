/**
 * The conformance suite: what `engine.ts` promises, held against any engine, by raw `node:net` clients.
 * An engine's test file calls `engineContract` and adds only what is its own.
 */
import { describe } from 'node:test';
import { bytesContract } from './contract/bytes.contract.ts';
import { connectingContract } from './contract/connecting.contract.ts';
import { deadlinesContract } from './contract/deadlines.contract.ts';
import { endingsContract } from './contract/endings.contract.ts';
import { failedSendContract } from './contract/failed-send.contract.ts';
import { filesContract } from './contract/files.contract.ts';
import { givenContract } from './contract/given.contract.ts';
import type { CreateEngine, EngineCapabilities } from './contract/harness.contract.ts';
import { lifetimeContract } from './contract/lifetime.contract.ts';
import { listeningContract } from './contract/listening.contract.ts';
import { outgoingContract } from './contract/outgoing.contract.ts';
import { readingContract } from './contract/reading.contract.ts';
import { resetsContract } from './contract/resets.contract.ts';
import { threadEndsContract } from './contract/thread-ends.contract.ts';
import { throwingContract } from './contract/throwing.contract.ts';
import { wakingContract } from './contract/waking.contract.ts';

export type { CreateEngine, EngineCapabilities };

export function engineContract(name: string, create: CreateEngine, capabilities: EngineCapabilities): void {
  const subject = { create, capabilities };
  describe(`${name}: bytes`, () => bytesContract(subject));
  describe(`${name}: pausing`, () => readingContract(subject));
  describe(`${name}: received memory given away`, () => givenContract(subject));
  describe(`${name}: files`, () => filesContract(subject));
  describe(`${name}: endings`, () => endingsContract(subject));
  describe(`${name}: resets`, () => resetsContract(subject));
  describe(`${name}: failed sends`, () => failedSendContract(subject));
  describe(`${name}: deadlines`, () => deadlinesContract(subject));
  describe(`${name}: waking`, () => wakingContract(subject));
  describe(`${name}: listening`, () => listeningContract(subject));
  describe(`${name}: connecting`, () => connectingContract(subject));
  describe(`${name}: outgoing`, () => outgoingContract(subject));
  describe(`${name}: throwing`, () => throwingContract(subject));
  describe(`${name}: ends of threads`, () => threadEndsContract(subject));
  describe(`${name}: lifetime`, () => lifetimeContract(subject));
}
