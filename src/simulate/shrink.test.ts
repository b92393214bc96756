import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCapsule, readCapsule } from './capsule.ts';
import { checkedNarrowing } from './narrowing.ts';
import { PLANTED } from './planted.fixture.ts';
import { Recording } from './recording.ts';
import { type RunOptions, type RunReport, runSeed } from './run.ts';
import { kindOf } from './shrink.ts';

const SEEDS_MAX = 200;
/** A world that is small from the start is not what shrinking is for. */
const EVENTS_MIN = 300;
/** A share of the events of the whole world, in the median. */
const SHARE_MAX = 0.1;
/** Planted bugs that are shrunk here, a few of each kind. */
const SHRUNK = [
  'a byte from the client is dropped',
  'idle connections are not closed',
  'the server is not told of FIN',
  'a byte more is sent than a window of HTTP/2 allows',
];

/** The first in a world that is worth it. */
async function firstFailure(options: RunOptions): Promise<RunReport> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const report = await runSeed(seed, options);
    if (report.findings.length > 0 && report.totals.events >= EVENTS_MIN) return report;
  }
  assert.fail(`not found in ${SEEDS_MAX} seeds`);
}

test('the world of a finding is made smaller, and the same is found in it, by the capsule too', async (context) => {
  const shares: number[] = [];
  for (const bug of SHRUNK) {
    const options = PLANTED[bug]!;
    const whole = await firstFailure(options);
    const capsule = await makeCapsule(whole, options);
    assert.equal(kindOf(capsule.finding), kindOf(whole.findings[0]!), bug);
    shares.push(capsule.events / capsule.eventsBefore);
    const { seed, narrowing, traceHash } = readCapsule(JSON.stringify(capsule));
    const recording = new Recording();
    const again = await runSeed(seed, { ...options, narrowing, endsWithFinding: true, recording });
    assert.equal(again.findings[0], capsule.finding, bug);
    assert.equal(recording.hash(), traceHash, bug);
    assert.ok(
      capsule.connections.some(({ toServer }) => toServer !== ''),
      bug,
    );
    context.diagnostic(`${bug}: ${capsule.eventsBefore} events, then ${capsule.events}`);
  }
  shares.sort((a, b) => a - b);
  const median = shares[Math.floor(shares.length / 2)]!;
  assert.ok(median <= SHARE_MAX, `the median is ${median} of the events`);
});

test('what is kept of a world is what was drawn', async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const recording = new Recording();
    const whole = await runSeed(seed);
    const narrow = await runSeed(seed, { recording, narrowing: { clients: [0], steps: { 0: [0] } } });
    assert.deepEqual(narrow.clients, whole.clients, `seed ${seed}`);
    assert.deepEqual(
      recording.connections.map(({ client }) => client),
      [whole.clients[0]!.kind],
      `seed ${seed}`,
    );
    assert.ok(narrow.totals.connections <= 1, `seed ${seed}`);
  }
});

test('a seed is the same run in another process', async () => {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  for (const seed of [1, 2, 3]) {
    const recording = new Recording();
    await runSeed(seed, { recording });
    const printed = execFileSync(process.execPath, [main, '--seed', String(seed), '--hash'], {
      encoding: 'utf8',
    });
    assert.equal(printed.trimEnd().split('\n').at(-1), recording.hash(), `seed ${seed}`);
  }
});

test('a narrowing that means nothing is refused with what is allowed', () => {
  assert.throws(() => checkedNarrowing([]), /a narrowing is an object/);
  assert.throws(() => checkedNarrowing({ client: [1] }), /client: a narrowing has clients/);
  assert.throws(() => checkedNarrowing({ clients: ['a'] }), /clients: "a" is none of these: whole numbers/);
  assert.throws(
    () => checkedNarrowing({ calm: ['storm'] }),
    /calm: "storm" is none of these: of latencyMsMax/,
  );
  assert.throws(() => checkedNarrowing({ without: 'drain' }), /without: a list is needed/);
  assert.throws(() => readCapsule('{}'), /no capsule of the simulator/);
});
