/**
 * A request that was due and not answered in time counts against the target in every figure: against what the
 * server itself has counted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { CliProcess, type Ended, run } from './cli-run.ts';
import { OK, startServer } from './load-servers.ts';

async function load(t: TestContext, args: readonly string[]): Promise<{ ended: Ended; result: LoadResult }> {
  const ended = await run(t, ['load', '--json', ...args]);
  assert.notEqual(ended.stdout, '', ended.stderr);
  return { ended, result: JSON.parse(ended.stdout) };
}

const met = ({ thresholds }: LoadResult) => thresholds.map(({ isMet }) => isMet);

// Each has its own server, and waits nearly all of its time.
describe('what was not answered in time counts in every figure', { concurrency: 4 }, () => {
  test('a limit is missed by requests that a reset took, however quick the others were', async (t) => {
    // Every tenth connection is dropped with its first request, which is no answer and may not be sent again.
    let connections = 0;
    const server = await startServer(t, (socket) => {
      if (++connections % 10 === 0) socket.resetAndDestroy();
      else socket.end(OK);
    });
    const { ended, result } = await load(t, [
      ...['-c', '2', '-n', '200', '--new-connection'],
      ...['--slo', 'p85=5s', '--slo', 'p95=5s', '--slo', 'max=20s', '--slo', 'mean=500ms', server.url],
    ]);
    assert.equal(ended.code, 99, ended.stderr);
    assert.equal(result.requests.failed, 20);
    assert.deepEqual(met(result), [true, false, false, false]);
  });

  test('a wait of which nothing came but a reset is among the latencies', async (t) => {
    let requests = 0;
    const server = await startServer(t, (socket) => {
      if (++requests % 5 === 0) setTimeout(() => socket.resetAndDestroy(), 400);
      else socket.end(OK);
    });
    const { result } = await load(t, ['-c', '2', '-n', '100', '--new-connection', server.url]);
    assert.equal(result.requests.failed, 20);
    assert.equal(result.latency.count, 100);
    assert.ok(result.latency.percentilesMs['90']! >= 390, `p90 ${result.latency.percentilesMs['90']} ms`);
    assert.ok(result.latency.meanMs! >= 0.2 * 390);
  });

  for (const [what, args] of [
    ['at a rate', ['-r', '200']],
    ['at once', []],
  ] as const) {
    test(`each second in which a server hangs shows how long requests have waited: ${what}`, async (t) => {
      let beganMs: number | undefined;
      const server = await startServer(t, (socket) => {
        beganMs ??= performance.now();
        if (performance.now() - beganMs < 1000) setTimeout(() => socket.write(OK), 5);
      });
      const { result } = await load(t, [
        ...['-c', '4', ...args, '-d', '5s', '--warmup', '0', '--timeout', '20s', server.url],
      ]);
      const waits = result.series.slice(0, 5).map(({ p99Ms }) => p99Ms ?? 0);
      // Connections are made a little later than the run begins, so the second second may have an answer yet.
      for (const [second, leastMs] of [
        [2, 1700],
        [3, 2700],
        [4, 3700],
      ] as const)
        assert.ok(waits[second]! >= leastMs && waits[second]! < leastMs + 600, JSON.stringify(waits));
      assert.ok(waits[0]! < 1000, JSON.stringify(waits));
    });
  }

  test('a second whose requests all ended by a reset shows their wait', async (t) => {
    let beganMs: number | undefined;
    const server = await startServer(t, (socket) => {
      beganMs ??= performance.now();
      if (performance.now() - beganMs < 1000) setTimeout(() => socket.end(OK), 5);
      else setTimeout(() => socket.resetAndDestroy(), 300);
    });
    const { result } = await load(t, [
      ...['-c', '4', '-d', '3s', '--new-connection', '--warmup', '0', server.url],
    ]);
    for (const sample of result.series.slice(1, 3)) {
      assert.ok(sample.failed > 0);
      assert.ok(sample.p99Ms! >= 290 && sample.p99Ms! < 900, `p99 ${sample.p99Ms} ms`);
    }
  });

  test('failures that are quick make no percentile better', async (t) => {
    let requests = 0;
    const server = await startServer(t, (socket) => {
      if (++requests % 2 === 0) socket.resetAndDestroy();
      else setTimeout(() => socket.end(OK), 30);
    });
    const { result } = await load(t, ['-c', '2', '-n', '60', '--new-connection', server.url]);
    assert.equal(result.requests.failed, 30);
    assert.ok(result.latency.minMs! >= 28 && result.latency.percentilesMs['50']! >= 28);
  });

  test('what was due in the warm-up counts neither for the target nor against it', async (t) => {
    // Nothing is answered in the first 800 ms; all of it at once then, and the rest without delay.
    let beganMs: number | undefined;
    const server = await startServer(t, (socket) => {
      beganMs ??= performance.now();
      setTimeout(() => socket.write(OK), Math.max(0, beganMs + 800 - performance.now()));
    });
    const args = ['-c', '500', '-r', '400', '-d', '1s', '--warmup', '700ms', '--threads', '2', server.url];
    const { result } = await load(t, args);
    assert.equal(result.requests.sent, 400);
    assert.equal(result.requests.answered, 400);
    assert.equal(result.latency.count, 400);
    assert.equal(server.requests, 400 + 280);
    assert.ok(result.requests.answeredPerSecond <= 404, `${result.requests.answeredPerSecond}/s`);
  });

  test('a server that hangs from the warm-up on fails all that was due in the measured time, and no more', async (t) => {
    let answered = 0;
    const server = await startServer(t, (socket) => {
      if (answered < 50) {
        answered++;
        socket.write(OK);
      }
    });
    const { ended, result } = await load(t, [
      ...[
        '-c',
        '3',
        '-r',
        '200',
        '-d',
        '1s',
        '--warmup',
        '500ms',
        '--timeout',
        '800ms',
        '--max-error-rate',
        '1%',
      ],
      server.url,
    ]);
    const { requests } = result;
    assert.equal(ended.code, 99);
    assert.equal(requests.answered, 0);
    assert.equal(requests.sent + requests.notSent, 200);
    assert.equal(requests.failed, 200);
    assert.equal(result.thresholds[0]!.measured, 1);
  });

  test('a ramp asks for half of its rate, and what it cannot send counts too', async (t) => {
    const server = await startServer(t, (socket, _head, { requests }) => {
      if (requests <= 100) socket.write(OK);
    });
    const { result } = await load(t, [
      ...['-c', '4', '-r', '400', '-d', '1s', '--ramp', '1s', '--timeout', '500ms', server.url],
    ]);
    const { requests } = result;
    assert.equal(requests.sent + requests.notSent, 200);
    assert.equal(requests.answered, 100);
    assert.equal(requests.failed, 100);
  });

  test('of a count at a rate, what hangs and what never left add up to what was due of it', async (t) => {
    const server = await startServer(t, () => {});
    const common = ['-c', '2', '-r', '100', '-n', '60', '--timeout', '400ms'];
    const timed = await load(t, [...common, '-d', '1s', server.url]);
    assert.equal(timed.result.requests.sent + timed.result.requests.notSent, 60);
    assert.equal(timed.result.requests.failed, 60);
    // Without a duration it is given up as hopeless, at a time when all of them were due.
    const endless = await load(t, [...common, server.url]);
    assert.equal(endless.ended.code, 1);
    const { requests } = endless.result;
    assert.equal(requests.sent + requests.notSent, 60);
    assert.equal(requests.failed, 60);
  });

  test('a script at a rate that a server does not keep fails what it could not send', async (t) => {
    const server = await startServer(t, (socket, _head, { requests }) => {
      if (requests <= 20) socket.write(OK);
    });
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-figure-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const script = join(dir, 'load.mjs');
    writeFileSync(script, `export const request = ({ count }) => ({ path: '/' + (count % 2) });\n`);
    const args = [
      '-c',
      '2',
      '-r',
      '100',
      '-d',
      '1s',
      '--warmup',
      '0',
      '--timeout',
      '500ms',
      '--script',
      script,
    ];
    const { result } = await load(t, [...args, server.url]);
    const { requests, byUrl, otherUrls } = result;
    assert.equal(requests.sent + requests.notSent, 100);
    assert.equal(requests.answered, 20);
    assert.equal(requests.failed, 80);
    const rows = [...byUrl, ...(otherUrls === undefined ? [] : [otherUrls])];
    assert.equal(
      rows.reduce((sum, { failed }) => sum + failed, 0),
      80,
    );
  });

  test('a server that drips is not in time, and one that closes at the end of the run is asked again', async (t) => {
    const dripping = await startServer(t, (socket) => {
      let at = 0;
      const timer = setInterval(() => {
        if (at < OK.length && socket.writable) socket.write(OK[at++]!);
        else clearInterval(timer);
      }, 100);
      socket.on('close', () => clearInterval(timer));
    });
    const dripped = await load(t, [
      '-c',
      '2',
      '-n',
      '4',
      '--timeout',
      '600ms',
      '--slo',
      'p50=500ms',
      dripping.url,
    ]);
    assert.equal(dripped.ended.code, 99);
    assert.deepEqual(dripped.result.errors, { timeout: 4 });
    assert.equal(dripped.result.latency.count, 4);

    let beganMs: number | undefined;
    const closing = await startServer(t, (socket) => {
      beganMs ??= performance.now();
      const ageMs = performance.now() - beganMs;
      // Kept connections are closed without an answer near the end; new ones are served.
      if (ageMs > 880 && ageMs < 1000) setTimeout(() => socket.destroy(), 200);
      else setTimeout(() => socket.write(OK), 20);
    });
    const { result } = await load(t, ['-c', '4', '-d', '1s', '--warmup', '0', closing.url]);
    assert.equal(result.requests.failed, 0, JSON.stringify(result.errors));
    assert.ok(result.requests.resent > 0);
    assert.equal(result.requests.answered, result.requests.sent);
  });

  for (const [what, args] of [
    ['at once', []],
    ['at a rate', ['-r', '200']],
    ['with a ramp', ['--ramp', '3s']],
    ['with new connections', ['--new-connection']],
    ['in a search', ['--find-limit', 'p99=10s', '-d', '3s']],
  ] as const) {
    test(`Ctrl-C tells what there is, and takes nothing for answered: ${what}`, async (t) => {
      let answered = 0;
      const server = await startServer(t, (socket) => {
        if (answered < 30) {
          answered++;
          socket.write(OK);
        }
      });
      const warmup = what === 'in a search' ? [] : ['--warmup', '0'];
      const load = new CliProcess(t, ['load', '--json', '-c', '4', ...args, ...warmup, server.url]);
      await load.until(() => answered >= 30 && server.requests > 31, 'the load');
      load.child.kill('SIGINT');
      const { code, stdout } = await load.ended;
      assert.equal(code, 130);
      const result: LoadResult = JSON.parse(stdout);
      const { requests } = result;
      assert.equal(result.interrupted, true);
      assert.ok(requests.answered <= 30, `${requests.answered} answered`);
      assert.ok(requests.sent >= requests.answered + requests.unfinished - 4);
      assert.ok(requests.unfinished > 0 || requests.failed > 0);
      assert.doesNotMatch(result.verdict.sentence, /highest rate that keeps/);
      assert.ok(result.thresholds.every(({ isMet }) => !isMet));
    });
  }
});
