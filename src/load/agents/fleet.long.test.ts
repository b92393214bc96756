import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyCounts, NO_LATENCIES } from '../measure/latency-counts.ts';
import { mergeTotals, type RunTotals, type SecondReport, zeroCounters } from '../measure/run-totals.ts';
import { NO_URLS } from '../measure/url-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { LoadAgent } from './agent.ts';
import { AgentsError, Fleet, type FleetOptions } from './fleet.ts';
import { type FleetResult, runOnFleet } from './fleet-run.ts';
import { WIRE_VERSION } from './frame.ts';
import { agentSubject } from './link.ts';
import { type MemoryLink, MemoryNetwork } from './memory-link.fixture.ts';
import type { RunShare } from './run-share.ts';
import { SAMPLE_PLAN } from './sample-plan.fixture.ts';
import { TargetRules } from './target-rules.ts';

const SILENCE_MS = 1000;
const SOON = { leadMs: 500 };
const MACHINE = { os: 'Linux', cpu: 'a CPU', cores: 2, memoryBytes: 1e9, node: '20.0.0' };
const PLAN: LoadPlan = { ...SAMPLE_PLAN, requestCount: undefined, warmupMs: 0 };

/** A second in which each connection has got ten answers. */
function second(plan: LoadPlan, index: number): SecondReport {
  const latency = new LatencyCounts();
  for (let i = 0; i < plan.connections * 10; i++) latency.recordUs(1000 + i);
  return {
    second: index,
    lengthMs: 1000,
    counters: { ...zeroCounters(), sent: plan.connections * 10, answered: plan.connections * 10 },
    open: plan.connections,
    latency: latency.data(),
    lost: NO_LATENCIES,
    waiting: NO_LATENCIES,
    errors: {},
    threads: [{ wallMs: 1000, cpuMs: 500, waitedMs: 0 }],
  };
}

function totals(seconds: readonly SecondReport[]): RunTotals {
  const parts = seconds.map((each) => ({
    engine: 'none',
    measuredMs: 0,
    settledMs: 0,
    counters: each.counters,
    statuses: { '200': each.counters.answered },
    errors: {},
    checks: {},
    urls: NO_URLS,
    latency: each.latency,
    lost: each.latency,
    serviceTime: each.latency,
    connectTime: each.latency,
    handshakeTime: each.latency,
    handshakes: {},
    sendDelay: each.latency,
    threads: each.threads,
  }));
  return {
    ...mergeTotals(parts),
    engine: 'none',
    measuredMs: seconds.length * 1000,
    settledMs: seconds.length * 1000,
  };
}

/** Makes no load: counts three seconds in 150 ms, or as many as there are until it is stopped. */
class PretendedRun {
  plans: LoadPlan[] = [];
  startedAtMs: number[] = [];
  secondCount = 3;
  hasEnded = false;
  failure: Error | undefined;

  readonly run: RunShare = async (plan, observer, signal) => {
    this.plans.push(plan);
    this.hasEnded = false;
    try {
      if (this.failure !== undefined) throw this.failure;
      this.startedAtMs.push(await observer.startAtMs('none', 'because'));
      const done: SecondReport[] = [];
      for (let i = 0; i < this.secondCount && !signal.aborted; i++) {
        await sleep(50);
        done.push(second(plan, i));
        observer.onSecond(done.at(-1)!);
      }
      return { totals: totals(done), facts: { ...NO_FACTS, portsMax: 5 } };
    } finally {
      this.hasEnded = true;
    }
  };
}

const NO_FACTS = {
  cores: 2,
  userMs: 1,
  systemMs: 1,
  server: undefined,
  ports: undefined,
  portsMax: undefined,
  descriptorsMax: undefined,
  network: undefined,
};

interface TestAgent {
  readonly agent: LoadAgent;
  readonly link: MemoryLink;
  readonly pretended: PretendedRun;
  readonly log: string[];
}

function startAgent(
  t: TestContext,
  network: MemoryNetwork,
  name: string,
  { aheadMs = 0, allow = [] as string[] } = {},
): TestAgent {
  const link = network.link();
  const pretended = new PretendedRun();
  const log: string[] = [];
  const agent = new LoadAgent({
    link,
    group: 'g',
    id: `id-${name}`,
    name: name.replace(/\d$/, ''),
    holdfastVersion: '0.0.0',
    machine: MACHINE,
    rules: new TargetRules('--allow-target', allow),
    runShare: pretended.run,
    nowMs: () => performance.now() + 1e6 + aheadMs,
    newId: () => crypto.randomUUID(),
    log: { info: (text) => void log.push(text), warn: (text) => void log.push(text) },
  });
  atEnd(t, network).agents.push(agent);
  return { agent, link, pretended, log };
}

function gather(network: MemoryNetwork, options: Partial<FleetOptions> = {}): Promise<Fleet> {
  return Fleet.gather({
    link: network.link(),
    shown: 'nats://test:4222',
    group: 'g',
    name: 'host:1',
    waitMs: 100,
    silenceMs: SILENCE_MS,
    nowMs: () => performance.now(),
    newId: () => crypto.randomUUID(),
    onWarning: () => {},
    ...options,
  });
}

async function withFleet(
  t: TestContext,
  network: MemoryNetwork,
  options: Partial<FleetOptions> = {},
): Promise<{ fleet: Fleet; warnings: string[] }> {
  const warnings: string[] = [];
  const fleet = await gather(network, { onWarning: (text) => warnings.push(text), ...options });
  atEnd(t, network).fleets.push(fleet);
  return { fleet, warnings };
}

interface Ends {
  readonly fleets: Fleet[];
  readonly agents: LoadAgent[];
}

const ends = new WeakMap<MemoryNetwork, Ends>();

/** What a test leaves behind is given back first, and ended then. */
function atEnd(t: TestContext, network: MemoryNetwork): Ends {
  const known = ends.get(network);
  if (known !== undefined) return known;
  const mine: Ends = { fleets: [], agents: [] };
  ends.set(network, mine);
  t.after(async () => {
    await Promise.all(mine.fleets.map((fleet) => fleet.close()));
    await Promise.all(mine.agents.map((agent) => agent.leave('test is over')));
  });
  return mine;
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 10_000 && !isTrue(); waitedMs += 5) await sleep(5);
  assert.ok(isTrue(), what);
}

const answeredOf = ({ parts }: FleetResult) => parts.map(({ counters }) => counters.answered);

test('agents share a plan, begin at one moment of their own clocks, and their seconds are summed', async (t) => {
  const network = new MemoryNetwork();
  const [a, b] = [startAgent(t, network, 'a'), startAgent(t, network, 'b', { aheadMs: 3_600_000 })];
  const { fleet } = await withFleet(t, network);
  const seconds: SecondReport[] = [];
  const result = await runOnFleet(fleet, PLAN, SOON, { onSecond: (report) => void seconds.push(report) });
  assert.deepEqual(answeredOf(result), [1500, 1500]);
  assert.deepEqual(result.lost, []);
  assert.deepEqual(
    seconds.map((each) => [each.second, each.counters.answered, each.open, each.latency.count]),
    [0, 1, 2].map((index) => [index, 1000, 100, 1000]),
  );
  assert.equal(mergeTotals(result.parts).statuses['200'], 3000);
  assert.deepEqual(
    [a, b].map(({ pretended }) => pretended.plans[0]!.connections),
    [50, 50],
  );
  const apartMs = b.pretended.startedAtMs[0]! - a.pretended.startedAtMs[0]! - 3_600_000;
  const [first, other] = result.elsewhere.machines;
  const allowedMs = first!.startUncertaintyMs! + other!.startUncertaintyMs! + 1e-6;
  assert.ok(Math.abs(apartMs) <= allowedMs, `${apartMs} ms apart, ${allowedMs} told`);
  assert.deepEqual(
    result.elsewhere.shares.map(({ name, facts }) => [name, facts.portsMax]),
    [
      ['a', 5],
      ['b', 5],
    ],
  );
});

test('a long plan and long totals are cut, and a message that is lost is asked for again', async (t) => {
  const network = new MemoryNetwork();
  network.messageBytesMax = 2000;
  startAgent(t, network, 'a');
  const { fleet } = await withFleet(t, network);
  let count = 0;
  network.loses = () => ++count % 5 === 0;
  const bytes = Uint8Array.from({ length: 8000 }, () => Math.random() * 256);
  const plan = { ...PLAN, requests: [{ ...PLAN.requests[0]!, bytes }] };
  const result = await runOnFleet(fleet, plan, {}, {});
  assert.deepEqual(answeredOf(result), [3000]);
  assert.deepEqual(result.lost, []);
});

test('runs follow each other on the same agents', async (t) => {
  const network = new MemoryNetwork();
  const { pretended } = startAgent(t, network, 'a');
  const { fleet } = await withFleet(t, network);
  for (let i = 0; i < 2; i++) assert.deepEqual(answeredOf(await runOnFleet(fleet, PLAN, SOON, {})), [3000]);
  assert.equal(pretended.plans.length, 2);
});

test('an agent that falls silent in mid-run is lost, what it had reported counts, the others go on', async (t) => {
  const network = new MemoryNetwork();
  const [a, b] = [startAgent(t, network, 'a'), startAgent(t, network, 'b')];
  for (const { pretended } of [a, b]) pretended.secondCount = 40;
  const { fleet, warnings } = await withFleet(t, network);
  const seen: number[] = [];
  const result = await runOnFleet(fleet, PLAN, SOON, {
    onSecond: (report) => {
      seen.push(report.open);
      if (seen.length === 3) b.link.isSilent = true;
    },
  });
  assert.deepEqual(result.lost, ['b']);
  assert.equal(answeredOf(result)[0], 40 * 500);
  const [, gone] = result.parts;
  assert.ok(gone!.counters.answered >= 3 * 500 && gone!.counters.answered < 40 * 500, 'what it had told');
  assert.equal(gone!.latency.count, gone!.counters.answered);
  assert.match(
    result.elsewhere.machines[1]!.lost!,
    /^after \d+ s: nothing was heard from it for .* the rest/,
  );
  assert.ok(warnings.some((text) => text.startsWith('agent b was lost')));
  assert.equal(seen.length, 40, 'every second is told of, at the end those of one machine');
  assert.equal(seen.at(-1), 50);
  // The other side of it: the agent has not heard anything either, and is free again.
  await until(() => b.agent.busyWith === undefined && b.pretended.hasEnded, 'b is free');
});

test('a coordinator that dies leaves agents that stop by themselves and take the next', async (t) => {
  const network = new MemoryNetwork();
  const { agent, pretended, log } = startAgent(t, network, 'a');
  pretended.secondCount = 10_000;
  const link = network.link();
  const { fleet } = await withFleet(t, network, { link });
  let isRunning = false;
  const run = runOnFleet(fleet, PLAN, SOON, { onSecond: () => void (isRunning = true) });
  await until(() => isRunning, 'the run is on');
  link.isSilent = true;
  await until(() => agent.busyWith === undefined, 'the agent is free');
  assert.equal(pretended.hasEnded, true);
  assert.ok(log.some((text) => /^nothing heard from host:1 for/.test(text)));
  assert.deepEqual((await run).lost, ['a'], 'the run that was cut off ends, too');
  pretended.secondCount = 3;
  const next = await withFleet(t, network);
  assert.deepEqual(answeredOf(await runOnFleet(next.fleet, PLAN, SOON, {})), [3000]);
});

test('an agent works for one coordinator at a time, and says for whom', async (t) => {
  const network = new MemoryNetwork();
  startAgent(t, network, 'a');
  const { fleet } = await withFleet(t, network);
  await assert.rejects(gather(network, { name: 'other:2' }), (error: Error) => {
    assert.ok(error instanceof AgentsError);
    assert.match(error.message, /no agent is free .*; a is busy with the run of host:1$/);
    return true;
  });
  const b = startAgent(t, network, 'b');
  const other = await withFleet(t, network, { name: 'other:2' });
  assert.deepEqual(
    other.fleet.agents.map(({ kind }) => kind.name),
    ['b'],
  );
  assert.deepEqual(other.warnings, ['agent a is left out: it is busy with the run of host:1']);
  assert.equal(b.agent.busyWith, 'other:2');
  await fleet.close();
  assert.deepEqual(
    (await withFleet(t, network, { name: 'third:3' })).fleet.agents.map(({ kind }) => kind.name),
    ['a'],
  );
});

test('without agents the error says how to start one', async () => {
  await assert.rejects(
    gather(new MemoryNetwork()),
    /^AgentsError: no agent answers at nats:\/\/test:4222 in group g; start one on each machine: holdfast load-agent nats:\/\/test:4222 --group g$/,
  );
});

test('a count of agents is waited for, and not for ever', async (t) => {
  const network = new MemoryNetwork();
  startAgent(t, network, 'a');
  await assert.rejects(gather(network, { count: 2, waitMs: 300 }), /2 agents are wanted, and 1 is free/);
  const late = withFleet(t, network, { count: 2, waitMs: 10_000 });
  await sleep(100);
  startAgent(t, network, 'b');
  startAgent(t, network, 'c');
  assert.equal((await late).fleet.agents.length, 2);
});

test('agents of one name are told apart, and each has a connection or is left out', async (t) => {
  const network = new MemoryNetwork();
  for (const name of ['a1', 'a2', 'a3']) startAgent(t, network, name);
  const { fleet, warnings } = await withFleet(t, network);
  const result = await runOnFleet(fleet, { ...PLAN, connections: 2 }, SOON, {});
  assert.deepEqual(
    result.elsewhere.machines.map(({ name }) => name),
    ['a', 'a#2'],
  );
  assert.ok(warnings.some((text) => text.startsWith('agent a#3 is left out')));
});

test('a target that one agent refuses breaks the run off for all, before anybody begins', async (t) => {
  const network = new MemoryNetwork();
  const [a] = [startAgent(t, network, 'a'), startAgent(t, network, 'b', { allow: ['192.0.2.0/24'] })];
  const { fleet } = await withFleet(t, network);
  await assert.rejects(
    runOnFleet(fleet, PLAN, SOON, {}),
    /agent b cannot take its share: it is not allowed to load http:\/\/10\.0\.0\.9:8080 .*; the run was not begun/,
  );
  await fleet.close();
  await until(() => a.agent.busyWith === undefined, 'a is free');
  assert.deepEqual(a.pretended.startedAtMs, []);
});

test('an agent that gets the word too late says so, and nobody begins', async (t) => {
  const network = new MemoryNetwork();
  const [a, b] = [startAgent(t, network, 'a'), startAgent(t, network, 'b')];
  const { fleet } = await withFleet(t, network);
  // Its clock is set between the measuring and the word.
  const agent = fleet.agents[1]!;
  const measure = agent.measureClock.bind(agent);
  agent.measureClock = async () => {
    await measure();
    agent.clock = { ...agent.clock, offsetMs: agent.clock.offsetMs - 60_000 };
  };
  await assert.rejects(
    runOnFleet(fleet, PLAN, SOON, {}),
    /agent b cannot begin with the others: the word to begin came \d+ ms too late; the run was not begun/,
  );
  await until(() => a.pretended.hasEnded && b.pretended.hasEnded, 'both have ended');
  assert.deepEqual(b.pretended.startedAtMs, []);
});

test('an agent whose threads fail to begin is named with the reason', async (t) => {
  const network = new MemoryNetwork();
  startAgent(t, network, 'a').pretended.failure = new Error('no io_uring here');
  const { fleet } = await withFleet(t, network);
  await assert.rejects(runOnFleet(fleet, PLAN, SOON, {}), /agent a is not ready: no io_uring here/);
});

test('a run that is broken off ends with what there is', async (t) => {
  const network = new MemoryNetwork();
  const { pretended } = startAgent(t, network, 'a');
  pretended.secondCount = 10_000;
  const { fleet } = await withFleet(t, network);
  const controller = new AbortController();
  const result = await runOnFleet(
    fleet,
    PLAN,
    SOON,
    { onSecond: (report) => void (report.second === 2 && controller.abort()) },
    controller.signal,
  );
  assert.deepEqual(result.lost, []);
  assert.ok(answeredOf(result)[0]! >= 3000 && pretended.hasEnded);
  assert.equal(result.parts[0]!.statuses['200'], answeredOf(result)[0], 'with its statuses');
});

test('an agent that is ended by its operator hands over what it has, and the result says so', async (t) => {
  const network = new MemoryNetwork();
  const [a, b] = [startAgent(t, network, 'a'), startAgent(t, network, 'b')];
  a.pretended.secondCount = 10;
  b.pretended.secondCount = 10_000;
  const { fleet } = await withFleet(t, network);
  let left: Promise<void> | undefined;
  const result = await runOnFleet(fleet, PLAN, SOON, {
    onSecond: () => void (left ??= b.agent.leave('SIGTERM')),
  });
  assert.deepEqual(result.lost, ['b']);
  assert.match(result.elsewhere.machines[1]!.lost!, /ended by its operator \(SIGTERM\); what it had counted/);
  assert.equal(result.parts[1]!.statuses['200'], answeredOf(result)[1]);
  await fleet.close();
  await left;
});

test('messages that nobody understands are refused by name and change nothing', async (t) => {
  const network = new MemoryNetwork();
  const { log } = startAgent(t, network, 'a');
  const link = network.link();
  const ask = async (message: string) =>
    Buffer.from(await link.ask(agentSubject('g', 'id-a'), Buffer.from(message), 5000)).toString();
  const frame = (body: unknown) =>
    `${JSON.stringify({ holdfast: WIRE_VERSION, from: 'me', payload: 'p', part: 0, parts: 1, packed: false })}\n${JSON.stringify(body)}`;
  assert.match(await ask('hello'), /"refused","code":"malformed"/);
  assert.match(await ask('{"holdfast":9,"from":"me"}\n'), /"code":"version","message":"me speaks version 9/);
  assert.match(await ask(frame({ type: 'explode' })), /"code":"malformed"/);
  assert.match(await ask(frame({ type: 'poll', session: 'x' })), /"code":"session"/);
  assert.match(await ask(frame({ type: 'reserve', session: 's', silenceMs: 1 })), /"code":"malformed"/);
  assert.match(await ask(frame([])), /"code":"malformed"/);
  assert.match(await ask(frame({ type: 'reserve', session: 's', silenceMs: 1000 })), /"type":"reserved"/);
  assert.match(
    await ask(frame({ type: 'prepare', session: 's', run: 1, plan: { connections: 1e9 } })),
    /"code":"malformed","message":"plan\.targets/,
  );
  assert.match(await ask(frame({ type: 'start', session: 's', run: 1, atMs: 5 })), /"code":"state"/);
  assert.ok(log.some((text) => text.startsWith('refused me: ')));
});

test('an agent of another version is left out, and the warning says what to do', async (t) => {
  const network = new MemoryNetwork();
  startAgent(t, network, 'a');
  network
    .link()
    .listen('holdfast.load.g.agents', (_, reply) => reply(Buffer.from('{"holdfast":8,"from":"new"}\n')));
  const { fleet, warnings } = await withFleet(t, network);
  assert.equal(fleet.agents.length, 1);
  assert.match(warnings[0]!, /new speaks version 8 .*install the same Holdfast on all machines/);
});
