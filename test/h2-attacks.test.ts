/** The attacks against the core of HTTP/2, in a process of its own: each is ended, rightly and in time, and costs no memory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { ATTACKS, attack, type Target } from './h2-attacks.ts';

const STALL_TIMEOUT_MS = 1500;
/** Exact bounds are tested on bytes; here a busy machine lets some more come before GOAWAY has arrived. */
const FRAMES_MAX = 10_000;
/** A page of the heap more or less is the collector's mood. */
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;

const server = spawn(
  process.execPath,
  [
    // The collector may not put off what it has to do: growth is to be seen.
    '--max-semi-space-size=1',
    'dist-test/h2-core-server.js',
    '0',
    JSON.stringify({ stallTimeoutMs: STALL_TIMEOUT_MS }),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let target: Target;

before(async () => {
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  target = {
    port: Number(/port=(\d+)/.exec(line.toString())![1]),
    late: '/late',
    hung: '/never',
    long: '/bytes/1000000',
  };
  // What a first run of anything makes is made now.
  for (const each of ATTACKS) await attack(target, each, 100);
});
after(() => {
  server.kill();
});

function residentBytes(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

for (const each of ATTACKS)
  test(`${each.name} is ended`, { skip: process.platform !== 'linux' }, async () => {
    const memory = residentBytes();
    const { frames, code } = await attack(target, each, STALL_TIMEOUT_MS + 4000);
    assert.ok(frames <= FRAMES_MAX, `after ${frames} frames`);
    assert.ok(code !== undefined && each.codes.includes(code), `GOAWAY said ${code}`);
    const growth = residentBytes() - memory;
    assert.ok(growth < GROWTH_BYTES_MAX, `memory grew by ${growth}`);
  });

test('a client beside all of them is answered', async () => {
  const client = http2.connect(`http://127.0.0.1:${target.port}`);
  await once(client, 'connect');
  // All attackers share the thread of this test, which may be slow beside other tests.
  const attacks = Promise.all(ATTACKS.map((each) => attack(target, each, STALL_TIMEOUT_MS + 20_000)));
  let isOver = false;
  const over = attacks.then((outcomes) => {
    isOver = true;
    return outcomes;
  });
  let answered = 0;
  while (!isOver) {
    const stream = client.request({ ':path': '/' });
    assert.equal((await buffer(stream)).toString(), 'Hello, World!');
    answered++;
  }
  const outcomes = await over;
  for (const [i, { name }] of ATTACKS.entries())
    assert.ok(Number.isFinite(outcomes[i]!.frames), `${name} was not ended`);
  // The attackers run in this process too, and hold it up more than the server: how quickly is not to be told here.
  assert.ok(answered > 5, `${answered} answers`);
  client.destroy();
});
