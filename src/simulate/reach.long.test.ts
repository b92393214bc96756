/**
 * The gate of what the simulator reaches: every refusal of HTTP/1, every fault that ends a connection of HTTP/2, every end
 * of our own and of the engine's, over more worlds than the quick tests have. What it does not reach is named here with the
 * reason, and must leave the list once it is reached.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KERNEL_ERRORS } from '../engine/sim/kernel-errors.ts';
import * as faults from '../protocol/error.ts';
import * as h2Faults from '../protocol/h2/error-codes.ts';
import { runSeed } from './run.ts';
import type { Swarm } from './swarm.ts';
import { addTotals, noTotals, type Totals } from './totals.ts';

const SEEDS = 1500;
/** In which all clients send what is to be refused: there are too many kinds of that for a client in forty. */
const MALFORMED_SEEDS = 500;
/** In which system calls fail, more than they do elsewhere. */
const FAILING_SEEDS = 400;

const UNREACHED: Readonly<Record<string, string>> = {
  'h2-tiny-data-flood': 'takes two thousand frames that no handler reads',
  'bad-status-line': 'is of answers, which clients read',
  'chunk-extensions-too-large': 'takes kilobytes of extensions, in which no client here trades',
  'trailers-too-large': 'takes kilobytes of trailers, in which no client here trades',
  draining: 'is told to no client: the last connections are closed with their answers',
  'handler-failed': 'is answered with 500 and keeps the connection',
};

const ENDS = [
  ...[
    'answered',
    'client-closed',
    'client-closed-in-head',
    'client-closed-in-body',
    'drained',
    'idle-timeout',
  ],
  ...[
    'peer-reset',
    'peer-dead',
    'engine-closed',
    'response-failed',
    'file-short',
    'file-changed',
    'file-failed',
  ],
];

/** What makes a connection wait and ends none. */
const HARMLESS = [
  'shortReceives',
  'shortWrites',
  'lateSends',
  'receiveExhaustions',
  'ringsFull',
  'lateCloses',
];
/** However a connection ends, each of those may have struck it. */
const ORDINARY_ENDS = [
  ...['answered', 'client-closed', 'drained', 'idle-timeout', 'header-timeout', 'response-failed'],
  ...['handler-timeout', 'body-too-large', 'peer-reset', 'io-error', 'h2-settings-timeout'],
];

/** The phases of a connection in which it can be broken off from outside, by either protocol. */
const BROKEN_IN = ['accepted: closed', 'head: closed', 'idle: closed', 'exchange: closed', 'linger: closed'];

test('every refusal and every end of a connection is reached', async () => {
  const totals = await manyWorlds();
  const reached = (code: string): boolean => (totals.closes[code] ?? 0) > 0;
  const codes = Object.values(faults)
    .filter((each) => typeof each === 'object' && each !== null && 'status' in each)
    .map((fault) => (fault as { code: string }).code);
  assert.ok(codes.length >= 40, 'the table of faults has moved');
  const missed = [...codes, ...ENDS].filter((code) => !reached(code) && !(code in UNREACHED));
  assert.deepEqual(missed, [], 'not reached');
  assert.deepEqual(
    Object.keys(UNREACHED).filter((code) => reached(code)),
    [],
    'reached, so it is to leave the list',
  );
  for (const phase of BROKEN_IN)
    for (const protocol of ['', 'h2 '])
      assert.ok(
        (totals.endings[protocol + phase] ?? 0) > 0,
        `no connection is broken off: ${protocol}${phase}`,
      );
  for (const [error, failure] of KERNEL_ERRORS) {
    assert.ok((totals.struck[error] ?? 0) > 0, `no ${error}`);
    if (failure !== undefined)
      assert.ok((totals.struckEnds[`${error}: ${failure}`] ?? 0) > 0, `no connection ends by ${error}`);
  }
  for (const fault of HARMLESS)
    for (const end of ORDINARY_ENDS)
      assert.ok((totals.struckEnds[`${fault}: ${end}`] ?? 0) > 0, `none with ${fault} ended by ${end}`);
  const floods = Object.values(h2Faults)
    .map((each) => (each as { code?: string }).code ?? '')
    .filter((code) => code.endsWith('-flood'));
  assert.ok(floods.length >= 8, 'the table of HTTP/2 has moved');
  assert.deepEqual(
    floods.filter((code) => !reached(code) && !(code in UNREACHED)),
    [],
  );
});

async function manyWorlds(): Promise<Totals> {
  const totals = noTotals();
  const malformed = (swarm: Swarm): Swarm => ({ ...swarm, clientKinds: ['malformed', 'bad-chunks'] });
  const failing = (swarm: Swarm): Swarm => ({
    ...swarm,
    clientKinds: [...swarm.clientKinds, 'half-closer'],
    faults: { ...swarm.faults, acceptFailure: 0.1, acceptAbort: 0.2, sendFailure: 0.1, receiveFailure: 0.05 },
  });
  for (let seed = 1; seed <= SEEDS + MALFORMED_SEEDS + FAILING_SEEDS; seed++) {
    const adjust = seed > SEEDS + MALFORMED_SEEDS ? failing : seed > SEEDS ? malformed : undefined;
    const { findings, totals: more } = await runSeed(seed, adjust === undefined ? {} : { adjust });
    assert.deepEqual(findings, [], `seed ${seed}`);
    addTotals(totals, more);
  }
  return totals;
}
