/** `holdfast prove --agents` and `holdfast prove-agent` as users run them, over a NATS server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENT_PROMISES, startFaulty } from '#src/prove/faulty-server.fixture.ts';
import type { ProveResult } from '#src/prove/results.ts';
import { CliProcess, run } from './cli-run.ts';
import { NATS_MISSING, startNats } from './nats-server.ts';

const skip = NATS_MISSING;

test('two agents attack at the same time, and each says what it found', { skip }, async (t) => {
  const nats = await startNats(t);
  const agents = ['west', 'east'].map((name) => new CliProcess(t, ['prove-agent', nats.url, '--name', name]));
  await Promise.all(agents.map((agent) => agent.ready()));
  const server = await startFaulty({ overlooks: (all) => all.replace(/[ \t]+:/g, ':') }, PATIENT_PROMISES);
  t.after(() => server.close());
  const flags = [
    '--slices',
    'malformed',
    '--for',
    '1s',
    '--seed',
    '4',
    '-c',
    '8',
    '--json',
    '--capsules',
    'off',
  ];
  const ended = await run(t, [
    'prove',
    server.target.url,
    '--agents',
    nats.url,
    '--agent-count',
    '2',
    ...flags,
  ]);
  assert.equal(ended.code, 99, ended.stderr);
  assert.match(ended.stderr, /^agents: east, west$/m);
  const { targets } = JSON.parse(ended.stdout) as ProveResult;
  assert.deepEqual(
    targets.map(({ name }) => name.replace(/^\S+ /, '')),
    ['from east', 'from west'],
  );
  for (const { quiet, slices } of targets) {
    assert.ok(quiet!.answered > 0);
    const [finding] = slices[0]!.findings.filter(({ id }) => id === 'malformed/space-before-colon');
    assert.match(finding!.target, / from (east|west)$/);
  }
  assert.notEqual(targets[0]!.slices[0]!.findings[0]!.seed, targets[1]!.slices[0]!.findings[0]!.seed);
});

test('an agent attacks no other machine than its own, whoever asks', { skip }, async (t) => {
  const nats = await startNats(t);
  await new CliProcess(t, ['prove-agent', nats.url, '--name', 'careful']).ready();
  const ended = await run(t, ['prove', 'http://192.0.2.1/', '--agents', nats.url, '--slices', 'malformed']);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /agent careful: .*192\.0\.2\.1 is not this machine/);
});

test('without agents nobody is attacked', { skip }, async (t) => {
  const nats = await startNats(t);
  const ended = await run(t, ['prove', 'http://127.0.0.1:1/', '--agents', nats.url]);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /0 agents that are free answered, and 1 are needed/);
});
