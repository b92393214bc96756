/** `holdfast load` as users run it: what it counts of servers good and bad, what it prints, how it ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { CliProcess, run } from './cli-run.ts';
import { checkSums, load, loadBehaves, respond } from './load-behaviour.ts';
import { OK, startServer } from './load-servers.ts';

loadBehaves('auto');

test('answers of 500 are failed requests with their status, and no errors', async (t) => {
  const server = await startServer(t, respond('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'));
  const { ended, result } = await load(t, ['-n', '50', '-c', '5', '--max-error-rate', '1%', server.url]);
  assert.equal(ended.code, 99);
  assert.deepEqual(result.statuses, { '500': 50 });
  assert.equal(result.requests.failed, 50);
  assert.deepEqual(
    result.thresholds.map(({ isMet }) => isMet),
    [false],
  );
  checkSums(result);
});

test('a body is sent with each request, and read to its end by the server', async (t) => {
  const server = await startServer(t, (socket, head) => {
    const isRight = /^POST \/in\?a=1 HTTP\/1\.1\r\n/.test(head) && /\r\nX-Test: yes\r\n/.test(head);
    socket.write(isRight ? OK : 'HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n');
  });
  const body = 'x'.repeat(300_000); // many times what is written at once
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'body'), body);
  const args = ['-n', '30', '-c', '3', '-H', 'X-Test: yes', '--body-file', join(folder, 'body')];
  const { result } = await load(t, [...args, `${server.url}in?a=1`]);
  assert.deepEqual(result.statuses, { '200': 30 });
  assert.ok(result.bytesSent > 30 * 300_000);
});

test('a constant rate is kept, and a stall shows in the latency that users see', async (t) => {
  let stalledUntilMs = 0;
  const server = await startServer(t, (socket, _head, { requests }) => {
    if (requests === 150) stalledUntilMs = performance.now() + 600;
    const waitMs = stalledUntilMs - performance.now();
    if (waitMs <= 0) socket.write(OK);
    else setTimeout(() => socket.write(OK), waitMs);
  });
  const args = ['-d', '3s', '-r', '200', '-c', '5', '--warmup', '0'];
  const { ended, result } = await load(t, [...args, server.url]);
  assert.equal(ended.code, 0, ended.stderr);
  // 600 requests were due; the last of them may have been answered just after the end.
  assert.ok(
    result.requests.answered >= 590 && result.requests.answered <= 601,
    `${result.requests.answered}`,
  );
  // A fifth of them fell due in the stall and waited, most of them unsent, since 5 connections were soon all
  // busy: users see that in the 90th percentile, and a clock that starts when a request leaves does not.
  const { latency, serviceTime } = result;
  assert.ok(latency.percentilesMs['90']! > 250, JSON.stringify(latency.percentilesMs));
  assert.ok(serviceTime!.percentilesMs['90']! < latency.percentilesMs['90']! / 2);
  checkSums(result);
});

test('Ctrl-C prints what there is and ends with 130', async (t) => {
  const server = await startServer(t, respond(OK));
  const process = new CliProcess(t, ['load', '-d', '60s', '--warmup', '0', '-c', '3', '--json', server.url]);
  await process.until(() => server.requests > 200, 'load');
  process.child.kill('SIGINT');
  const ended = await process.ended;
  assert.equal(ended.code, 130);
  const result: LoadResult = JSON.parse(ended.stdout);
  assert.equal(result.interrupted, true);
  assert.ok(result.requests.answered > 100);
  assert.ok(result.durationMs > 0 && result.durationMs < 60_000);
  checkSums(result);
});

test('a pipe gets no progress, and text without colours', async (t) => {
  const server = await startServer(t, respond(OK));
  const ended = await run(t, ['load', '-d', '1s', '--warmup', '0', '-c', '2', server.url]);
  assert.equal(ended.code, 0);
  assert.equal(ended.stderr, '');
  assert.ok(!ended.stdout.includes('\u001b'));
  assert.match(ended.stdout, /^holdfast load \d+\.\d+\.\d+ {2}GET http:\/\/127\.0\.0\.1:\d+\/\n/);
  for (const wanted of [
    /^Requests +[\d,.]+\/s/m,
    /^Latency +mean +p50/m,
    /^Statuses +200 +[\d,]+$/m,
    /^limited by: /m,
  ])
    assert.match(ended.stdout, wanted);
});

test('a reader that leaves early costs no file and no exit code', async (t) => {
  const server = await startServer(t, respond(OK));
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'result.json');
  for (const command of [
    ['load', '-n', '20', '-c', '2'],
    ['siege', '-b', '-q', '-c', '2', '-r', '10'],
  ]) {
    const process = new CliProcess(t, [...command, '--save', file, server.url]);
    process.child.stdout!.destroy();
    const { code, stderr } = await process.ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal((JSON.parse(readFileSync(file, 'utf8')) as LoadResult).requests.answered, 20);
  }
});

test('thresholds decide the exit code, and a result can be saved, drawn and compared with', async (t) => {
  const server = await startServer(t, respond(OK));
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [saved, html] = [join(folder, 'before.json'), join(folder, 'report.html')];
  const common = ['load', '-n', '300', '-c', '3'];
  const kept = await run(t, [...common, '--slo', 'p99=10s', '--save', saved, server.url]);
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stdout, /Thresholds +kept +p99 <= 10 s/);
  const missed = await run(t, [
    ...common,
    '--slo',
    'p50=1us',
    '--compare',
    saved,
    '--html',
    html,
    server.url,
  ]);
  assert.equal(missed.code, 99);
  assert.match(missed.stdout, /MISSED +p50 <= 1 µs/);
  assert.match(missed.stdout, /^Compared +before +now +ratio$/m);
  assert.match(missed.stdout, /^ {2}requests\/s +[\d,.]+ +[\d,.]+ +\d+\.\d+x$/m);
  assert.match(readFileSync(html, 'utf8'), /^<!doctype html>/i);
});

test('a search for the limit ends with the highest rate that keeps it', async (t) => {
  const server = await startServer(t, respond(OK));
  const args = ['--find-limit', 'p50=5s', '-d', '100ms', '--warmup', '0', '-c', '4', server.url];
  const { ended, result } = await load(t, args);
  assert.equal(ended.code, 0, ended.stderr);
  assert.ok(result.limitSearch.length >= 2);
  const best = Math.max(
    ...result.limitSearch.filter(({ isMet }) => isMet).map(({ ratePerSecond }) => ratePerSecond),
  );
  assert.equal(result.plan.ratePerSecond, best);
  assert.match(result.verdict.sentence, /is the highest rate that keeps p50 <= 5 s/);
});
