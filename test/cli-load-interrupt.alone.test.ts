/**
 * Ctrl-C while the server lets nobody in: one ends the run in good order with what was measured, two wait for
 * nothing.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { CliProcess } from './cli-run.ts';
import { OK, startHangingServer, startServer } from './load-servers.ts';

const ENDS_WITHIN_MS = 1000;
/** So many of `-c` the kernel lets stand in the accept queue though nobody accepts them. */
const QUEUED_MAX = 3;

/** Resolves when so many connections to `url` are being made: SYN_SENT, which is 02 in /proc/net/tcp. */
async function untilConnecting(url: string, count: number): Promise<void> {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  const isOne = (line: string) => line.includes(`:${port} 02 `);
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    if (readFileSync('/proc/net/tcp', 'utf8').split('\n').filter(isOne).length >= count) return;
    await sleep(20);
  }
  throw new Error('no connection hangs');
}

/** One Ctrl-C, which ends it well. */
async function interrupted(load: CliProcess): Promise<{ result: LoadResult; tookMs: number }> {
  const askedMs = performance.now();
  load.child.kill('SIGINT');
  const { code, stdout, stderr } = await load.ended;
  const tookMs = performance.now() - askedMs;
  assert.equal(code, 130, stderr);
  return { result: JSON.parse(stdout), tookMs };
}

const skip = process.platform === 'linux' ? false : 'only Linux tells of connections that are being made';

for (const engine of ['node', 'auto']) {
  test(`one Ctrl-C while connecting hangs tells what was measured, within a second (engine ${engine})`, {
    skip,
  }, async (t) => {
    const { url, hangs } = await startHangingServer(t, 40);
    const load = new CliProcess(t, [
      ...['load', '--json', '--new-connection', '-c', '8', '-d', '60s', '--warmup', '0', '--timeout', '60s'],
      ...['--engine', engine],
      url,
    ]);
    await hangs;
    await untilConnecting(url, 8 - QUEUED_MAX);
    const { result, tookMs } = await interrupted(load);
    assert.ok(tookMs < ENDS_WITHIN_MS, `it took ${Math.round(tookMs)} ms`);
    assert.equal(result.interrupted, true);
    assert.ok(result.requests.answered >= 40, `${result.requests.answered} answered`);
    assert.equal(result.requests.unfinished, 8);
    assert.equal(result.requests.answered + result.requests.unfinished, result.requests.sent);
  });
}

for (const args of [[], ['-r', '100'], ['--h2'], ['--find-limit', 'p99=10ms']]) {
  test(`one Ctrl-C ends a run without a single connection: load ${args.join(' ')}`, { skip }, async (t) => {
    const { url, hangs } = await startHangingServer(t, 0);
    await hangs;
    // The queue itself takes what comes first.
    const load = new CliProcess(t, ['load', '--json', '-c', '6', ...args, url]);
    await untilConnecting(url, 6 - QUEUED_MAX);
    const { result, tookMs } = await interrupted(load);
    assert.ok(tookMs < ENDS_WITHIN_MS, `it took ${Math.round(tookMs)} ms`);
    assert.equal(result.requests.answered, 0);
    assert.ok(result.thresholds.every(({ isMet }) => !isMet));
  });
}

test('one Ctrl-C tells what there is though a script never returns', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { script, mark } = neverReturns(t, 20);
  const load = new CliProcess(t, [
    ...['load', '--json', '-c', '1', '-d', '60s', '--warmup', '0', '--think', '100ms', '--script', script],
    server.url,
  ]);
  await load.until(() => existsSync(mark), 'the last check');
  const { requests } = (await interrupted(load)).result;
  assert.ok(requests.answered >= 5 && requests.answered <= 20, `${requests.answered} answered`);
});

/** A script whose check loops for ever once it has been called so many times; `mark` is a file that is there then. */
function neverReturns(t: TestContext, after: number): { script: string; mark: string } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-interrupt-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mark = join(folder, 'loops');
  const script = join(folder, 'load.mjs');
  writeFileSync(
    script,
    `import { writeFileSync } from 'node:fs';
let left = ${after};
export const request = () => ({ path: '/' });
export const check = () => {
  if (left-- > 0) return;
  writeFileSync(${JSON.stringify(mark)}, '');
  for (;;);
};
`,
  );
  return { script, mark };
}

test('a second Ctrl-C does not wait for a script that never returns', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { script, mark } = neverReturns(t, 0);
  const load = new CliProcess(t, ['load', '-c', '1', '--warmup', '0', '--script', script, server.url]);
  await load.until(() => existsSync(mark), 'the first check');
  load.child.kill('SIGINT');
  await sleep(200);
  assert.equal(load.child.exitCode, null, 'the first waits for the thread');
  const askedMs = performance.now();
  load.child.kill('SIGINT');
  const { code, stderr } = await load.ended;
  assert.equal(code, 130);
  assert.ok(performance.now() - askedMs < ENDS_WITHIN_MS);
  assert.match(stderr, /interrupted twice/);
});
