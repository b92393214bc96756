import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortFacts } from '../measure/source-ports.ts';
import { type PredictionInput, predictLimits } from './predict-limits.ts';

const REMOTE: PortFacts = {
  available: 28_232,
  heldMs: 60_000,
  reusesTimeWait: false,
  isLoopback: false,
  first: 32_768,
  last: 60_999,
};
const LOOPBACK: PortFacts = { ...REMOTE, heldMs: 1000, reusesTimeWait: true, isLoopback: true };
const KEPT: PredictionInput = {
  connections: 50,
  newConnection: false,
  ratePerSecond: undefined,
  requestCount: undefined,
  durationMs: 10_000,
  serverCloses: false,
  hasSourceAddresses: false,
  ports: REMOTE,
  portsTaken: 0,
  descriptorsMax: 20_000,
};
const NEW = { newConnection: true };

const CASES: [string, Partial<PredictionInput>, RegExp | undefined][] = [
  ['kept connections need no ports', { ratePerSecond: 100_000 }, undefined],
  ['more connections than ports', { connections: 30_000, descriptorsMax: 1e6 }, /30,000 connections are more than the 28,232 source ports that are free, of 28,232/],
  ['a rate that uses the ports up', { ...NEW, ratePerSecond: 14_000 }, /28,232 source ports to one destination; at 14,000 connections\/s they last 2\.0 s/],
  ['the same rate for a moment', { ...NEW, ratePerSecond: 14_000, durationMs: 1000 }, undefined],
  ['a rate that the ports last for', { ...NEW, ratePerSecond: 400, durationMs: 1e9 }, undefined],
  ['the same rate after another run', { ...NEW, ratePerSecond: 400, durationMs: 1e9, portsTaken: 20_000 }, /of which 20,000 are in TIME_WAIT already/],
  ['reuse after a second', { ...NEW, ports: LOOPBACK, ratePerSecond: 14_000 }, undefined],
  ['a rate that not even reuse keeps up with', { ...NEW, ports: LOOPBACK, ratePerSecond: 40_000 }, /they last 0\.7 s/],
  ['a count that is more than there are ports', { ...NEW, requestCount: 100_000, durationMs: undefined }, /100,000 new connections need more/],
  ['a count that fits', { ...NEW, requestCount: 20_000, durationMs: undefined }, undefined],
  ['as fast as it goes, over a network', NEW, /each held for 60 s after its connection: enough for 470 new connections a second/],
  ['as fast as it goes, on loopback', { ...NEW, ports: LOOPBACK }, undefined],
  ['the server closes first', { ...NEW, ratePerSecond: 14_000, serverCloses: true }, undefined],
  ['nothing is known', { ...NEW, ports: undefined, descriptorsMax: undefined, connections: 1e6 }, undefined],
  ['more connections than descriptors', { connections: 19_990 }, /19,990 connections need more than the 20,000 descriptors/],
]; // biome-ignore format: a case a line

for (const [what, change, wanted] of CASES) {
  test(`before a run: ${what}`, () => {
    const warnings = predictLimits({ ...KEPT, ...change });
    if (wanted === undefined) assert.deepEqual(warnings, []);
    else {
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!.sentence, wanted);
      assert.ok(warnings[0]!.remedies.length > 0);
    }
  });
}
