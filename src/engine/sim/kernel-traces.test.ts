/**
 * The simulator must not be kinder than kernels are: the events of all engines are held to the same rules while anything happens, and
 * what one with real sockets tells a connection, in which state and behind what, the simulated one has to tell as well.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SysError } from '../../base/errors.ts';
import { SeededRandom } from '../../base/random.ts';
import { anything, liveAnyhow } from '../contract/anything.contract.ts';
import { onStage, type Stage, Watch } from '../contract/harness.contract.ts';
import type { Engine, EngineHandler, EngineOptions } from '../engine.ts';
import { createEpollEngine } from '../epoll/create.ts';
import { createIouringEngine } from '../iouring/create.ts';
import { NODE_ENGINE_CAPABILITIES as capabilities } from '../node/capabilities.contract.ts';
import { createNodeEngine } from '../node/node-engine.ts';
import type { SimConnection } from './connection.ts';
import { type NetworkFaults, NO_FAULTS } from './faults.ts';
import { SimNetwork } from './network.ts';
import type { PeerHandler, SimPeer } from './peer.ts';
import { SimEngine } from './sim-engine.ts';

const SEEDS = 300;
/** What is rare may take more: what is not shown in these is not simulated. */
const SEEDS_MAX = 5000;
/** A dozen clients come in each. */
const ROUNDS = 2;

type Create = (options: never) => Engine | Promise<Engine>;

const ENGINES: Readonly<Record<string, Create>> = {
  iouring: createIouringEngine,
  epoll: createEpollEngine,
  node: createNodeEngine,
};

class AnyClient implements PeerHandler {
  peer!: SimPeer;
  onConnect(): void {}
  onData(): void {}
  onEnd(): void {}
  onReset(): void {}
}

function drawnFaults(random: SeededRandom): NetworkFaults {
  return {
    ...NO_FAULTS,
    latencyMsMax: random.pick([0, 5]),
    tinySegment: 0.2,
    shortReceive: 0.3,
    shortWrite: 0.3,
    lateSend: 0.3,
    turnDelay: 0.2,
    turnDelayMsMax: 30,
    linkReset: 0.2,
    linkResetWithinMs: 300,
    ringFull: 0.1,
    receiveExhaustion: 0.1,
    acceptAbort: 0.1,
    sendFailure: random.pick([0, 0.05]),
    receiveFailure: random.pick([0, 0.05]),
    addressFailure: 0.1,
    givenReceive: 0.5,
    closeDelayMsMax: random.pick([0, 10]),
    resetDropsUnread: 0.5,
    deadlinesFirst: 0.5,
  };
}

/** One simulated world in which anything happens. @returns the transitions that were seen */
async function simulate(seed: number): Promise<ReadonlySet<string>> {
  const random = new SeededRandom(seed);
  const network = new SimNetwork(random, drawnFaults(random));
  const watch = new Watch(anything(random, () => network.nowMs));
  watch.nowMs = () => network.nowMs;
  const engine = new SimEngine(network, { handler: watch as EngineHandler<SimConnection> });
  const { address } = await engine.listen({ port: 0, hostname: '192.0.2.2' });
  for (let i = 0; i < 5; i++) {
    const client = new AnyClient();
    client.peer = network.connect({ port: address.port, receiveBufferBytes: 65_536 }, client);
    for (let act = 0; act < 6; act++) network.after(random.int(400), () => actOf(random, client.peer));
  }
  let isOver = false;
  network.after(random.int(20_000), () => (isOver = true));
  await network.run(() => isOver);
  void engine.close();
  await network.run(() => false);
  assert.deepEqual(watch.violations, [], `seed ${seed}`);
  assert.equal(engine.connectionCount, 0, `seed ${seed}`);
  for (const it of watch.all) assert.ok(it.closed !== undefined, `seed ${seed}: one was never closed`);
  return watch.rules.transitions;
}

function actOf(random: SeededRandom, peer: SimPeer): void {
  const what = random.int(10);
  if (what === 0) peer.end();
  else if (what === 1) peer.reset();
  else if (what === 2) peer.destroy();
  else if (what === 3) peer.vanish();
  else if (what === 4) peer.pauseReading();
  else if (what === 5) peer.resumeReading();
  else {
    const bytes = Buffer.alloc(random.int(5000), 'z');
    peer.write(bytes, 0, bytes.length);
  }
}

const known = new Set<string>();
let seeds = 0;

/** Further worlds, up to so many in all. @param isEnough is asked before each */
async function simulateUntil(seedsMax: number, isEnough: () => boolean): Promise<void> {
  while (seeds < seedsMax && !isEnough()) for (const each of await simulate(++seeds)) known.add(each);
}

test('whatever handlers, peers and the network do, the promises of the contract hold', async () => {
  await simulateUntil(SEEDS, () => false);
});

async function isThere(create: Create): Promise<boolean> {
  try {
    const engine = await create({ handler: new Watch({}) } as never);
    await engine.close();
    return true;
  } catch (error) {
    if (error instanceof SysError) return false;
    throw error;
  }
}

/** @returns undefined where this machine has no such engine */
async function liveOn(create: Create): Promise<ReadonlySet<string> | undefined> {
  const all = new Set<string>();
  if (!(await isThere(create))) return undefined;
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    let stage: Stage | undefined;
    const plan = anything(random, () => stage!.engine.nowMs);
    const subject = { create: (options: EngineOptions) => create(options as never), capabilities };
    await onStage(subject, plan, async (made) => {
      stage = made;
      await liveAnyhow(random, made);
    });
    for (const each of stage!.watch.rules.transitions) all.add(each);
  }
  return all;
}

for (const [name, create] of Object.entries(ENGINES))
  test(`what the engine ${name} tells, and in which order, the simulator tells too`, async (context) => {
    const shown = await liveOn(create);
    if (shown === undefined) {
      context.skip('not on this machine');
      return;
    }
    const missing = (): string[] => [...shown].filter((each) => !known.has(each)).sort();
    await simulateUntil(SEEDS_MAX, () => missing().length === 0);
    context.diagnostic(`${shown.size} transitions, in ${seeds} seeds`);
    assert.deepEqual(missing(), []);
  });
