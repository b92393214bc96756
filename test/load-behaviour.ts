/**
 * What `holdfast load` counts of servers good and bad, whatever engine makes the load: for tests of one engine each. And how
 * such tests run it and add its figures up.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { type Ended, run } from './cli-run.ts';
import { freePort, OK, startServer } from './load-servers.ts';

export const respond = (text: string) => (socket: { write(text: string): unknown }) =>
  void socket.write(text);

/** Runs with `--json` and reads what it says. */
export async function load(
  t: TestContext,
  args: readonly string[],
): Promise<{ ended: Ended; result: LoadResult }> {
  const ended = await run(t, ['load', '--json', ...args]);
  assert.notEqual(ended.stdout, '', ended.stderr);
  return { ended, result: JSON.parse(ended.stdout) };
}

/** Every request that was begun has ended in one way. */
export function checkSums({ requests, statuses, errors, latency }: LoadResult): void {
  const answered = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  const lost = Object.values(errors).reduce((sum, count) => sum + count, 0);
  assert.equal(requests.answered, answered);
  assert.equal(requests.sent, answered + lost + requests.unfinished);
  assert.equal(requests.succeeded + requests.failed, answered + lost);
  const timeouts = (errors['timeout'] ?? 0) + (errors['connect timeout'] ?? 0);
  assert.equal(latency.count, answered + timeouts);
}

export function loadBehaves(engine: 'node' | 'auto'): void {
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
