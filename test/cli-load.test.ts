/** `holdfast load` as users run it: what it counts of servers good and bad, what it prints, how it ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { CliProcess, type Ended, run } from './cli-run.ts';
import { freePort, OK, startServer } from './load-servers.ts';

const respond = (text: string) => (socket: { write(text: string): unknown }) => void socket.write(text);

/** Runs with `--json` and reads what it says. */
async function load(t: TestContext, args: readonly string[]): Promise<{ ended: Ended; result: LoadResult }> {
  const ended = await run(t, ['load', '--json', ...args]);
  assert.notEqual(ended.stdout, '', ended.stderr);
  return { ended, result: JSON.parse(ended.stdout) };
}

/** Every request that was begun has ended in one way. */
function checkSums({ requests, statuses, errors, latency }: LoadResult): void {
  const answered = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  const lost = Object.values(errors).reduce((sum, count) => sum + count, 0);
  assert.equal(requests.answered, answered);
  assert.equal(requests.sent, answered + lost + requests.unfinished);
  assert.equal(requests.succeeded + requests.failed, answered + lost);
  const timeouts = (errors['timeout'] ?? 0) + (errors['connect timeout'] ?? 0);
  assert.equal(latency.count, answered + timeouts);
}

for (const engine of ['node', 'auto']) {
  test(`a count of requests is made exactly, over kept connections (engine ${engine})`, async (t) => {
    const server = await startServer(t, respond(OK));
    const { ended, result } = await load(t, [
      '-n',
      '1000',
      '-c',
      '7',
      '-t',
      '2',
      '--engine',
      engine,
      server.url,
    ]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(server.requests, 1000);
    assert.equal(server.connections, 7);
    assert.deepEqual(result.statuses, { '200': 1000 });
    assert.equal(result.connections.opened, 7);
    assert.equal(result.connections.reused, 993);
    assert.equal(result.plan.threads, 2);
    assert.equal(result.bytesReceived, 1000 * OK.length);
    checkSums(result);
  });

  test(`a connection is made for each request when asked (engine ${engine})`, async (t) => {
    const server = await startServer(t, respond(OK));
    const args = ['-n', '200', '-c', '5', '--new-connection', '--engine', engine, server.url];
    const { ended, result } = await load(t, args);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(server.requests, 200);
    assert.equal(server.connections, 200);
    assert.equal(result.connections.opened, 200);
    assert.equal(result.connections.reused, 0);
    checkSums(result);
  });

  test(`requests are pipelined to the depth asked for (engine ${engine})`, async (t) => {
    let deepest = 0;
    const waiting = new Map<object, number>();
    const server = await startServer(t, (socket) => {
      const count = (waiting.get(socket) ?? 0) + 1;
      waiting.set(socket, count);
      deepest = Math.max(deepest, count);
      if (count > 1) return;
      setImmediate(() => {
        socket.write(OK.repeat(waiting.get(socket)!));
        waiting.set(socket, 0);
      });
    });
    const args = ['-n', '960', '-c', '3', '--pipeline', '8', '--engine', engine, server.url];
    const { result } = await load(t, args);
    assert.deepEqual(result.statuses, { '200': 960 });
    assert.equal(deepest, 8);
    assert.equal(result.connections.opened, 3);
    checkSums(result);
  });

  test(`a target that refuses is counted under the system's name (engine ${engine})`, async (t) => {
    const port = await freePort();
    const args = ['-d', '500ms', '--warmup', '0', '-c', '4', '--engine', engine, `http://127.0.0.1:${port}/`];
    const { ended, result } = await load(t, args);
    assert.equal(ended.code, 1);
    assert.deepEqual(Object.keys(result.errors), ['ECONNREFUSED']);
    assert.equal(result.connections.refused, result.requests.failed);
    assert.ok(result.connections.refused >= 4);
    assert.equal(result.verdict.limit, 'errors');
    checkSums(result);
  });

  test(`a target that resets is counted as that (engine ${engine})`, async (t) => {
    const server = await startServer(t, (socket) => socket.resetAndDestroy());
    const { ended, result } = await load(t, ['-n', '40', '-c', '4', '--engine', engine, server.url]);
    assert.equal(ended.code, 1);
    assert.deepEqual(result.errors, { ECONNRESET: 40 });
    assert.equal(result.connections.reset, 40);
    checkSums(result);
  });

  test(`a target that hangs ends by the time limit, and its requests are in the latencies (engine ${engine})`, async (t) => {
    const server = await startServer(t, () => {});
    const startMs = performance.now();
    const args = [
      '-d',
      '1s',
      '--timeout',
      '400ms',
      '--warmup',
      '0',
      '-c',
      '3',
      '--engine',
      engine,
      server.url,
    ];
    const { ended, result } = await load(t, args);
    assert.ok(performance.now() - startMs < 15_000, 'it took too long');
    assert.equal(ended.code, 1);
    assert.deepEqual(Object.keys(result.errors), ['timeout']);
    assert.ok(result.requests.failed >= 3);
    assert.ok(result.latency.minMs! >= 399, String(result.latency.minMs));
    assert.equal(result.requests.unfinished, 0);
    checkSums(result);
  });

  test(`garbage is told from answers (engine ${engine})`, async (t) => {
    const server = await startServer(t, respond('SSH-2.0-OpenSSH_9.2\r\n\r\n'));
    const { ended, result } = await load(t, ['-n', '20', '-c', '2', '--engine', engine, server.url]);
    assert.equal(ended.code, 1);
    assert.deepEqual(result.errors, {
      'garbage: the status line is not HTTP version, one space, three digits, a reason (RFC 9112 §4)': 20,
    });
    checkSums(result);
  });

  test(`a server that closes in the middle of an answer is counted as that (engine ${engine})`, async (t) => {
    const server = await startServer(t, (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal'),
    );
    const { result } = await load(t, ['-n', '20', '-c', '2', '--engine', engine, server.url]);
    assert.deepEqual(result.errors, { 'closed early': 20 });
    assert.equal(result.connections.closedEarly, 20);
    checkSums(result);
  });

  test(`a server that ends each connection after three answers loses no request (engine ${engine})`, async (t) => {
    const counts = new WeakMap<object, number>();
    const server = await startServer(t, (socket) => {
      const count = (counts.get(socket) ?? 0) + 1;
      counts.set(socket, count);
      if (count < 3) socket.write(OK);
      else if (count === 3) socket.end(OK.replace('200 OK', '200 OK\r\nConnection: close'));
    });
    const { result } = await load(t, ['-n', '90', '-c', '3', '--engine', engine, server.url]);
    assert.deepEqual(result.statuses, { '200': 90 });
    assert.deepEqual(result.errors, {});
    // The last connection of each slot may have been needed for one or two answers only.
    const { opened } = result.connections;
    assert.ok(opened >= 30 && opened <= 32, String(opened));
    checkSums(result);
  });

  test(`a server that closes without having said so loses no request (engine ${engine})`, async (t) => {
    const server = await startServer(t, (socket) => socket.end(OK));
    const { result } = await load(t, ['-n', '30', '-c', '3', '--engine', engine, server.url]);
    assert.deepEqual(result.statuses, { '200': 30 });
    assert.deepEqual(result.errors, {});
    checkSums(result);
  });
}

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
  const args = ['--find-limit', 'p50=5s', '-d', '300ms', '--warmup', '0', '-c', '4', server.url];
  const { ended, result } = await load(t, args);
  assert.equal(ended.code, 0, ended.stderr);
  assert.ok(result.limitSearch.length >= 2);
  const best = Math.max(
    ...result.limitSearch.filter(({ isMet }) => isMet).map(({ ratePerSecond }) => ratePerSecond),
  );
  assert.equal(result.plan.ratePerSecond, best);
  assert.match(result.verdict.sentence, /is the highest rate that keeps p50 <= 5 s/);
});
