/** `holdfast load` against servers that send what nobody asked for: on every engine, over real sockets. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { type Ended, run } from './cli-run.ts';
import { OK, startServer } from './load-servers.ts';

const respond = (text: string) => (socket: { write(text: string): unknown }) => void socket.write(text);

/** Runs with `--json` and reads what it says. */
async function load(t: TestContext, args: readonly string[]): Promise<{ ended: Ended; result: LoadResult }> {
  const ended = await run(t, ['load', '--json', ...args]);
  assert.notEqual(ended.stdout, '', ended.stderr);
  return { ended, result: JSON.parse(ended.stdout) };
}

for (const engine of ['iouring', 'epoll', 'node']) {
  test(`a server that sends more than it was asked for gives no more answers than requests (engine ${engine})`, async (t) => {
    const server = await startServer(t, respond(OK + OK));
    const args = ['-n', '100', '-c', '2', '--engine', engine, server.url];
    const { result } = await load(t, args);
    assert.ok(result.requests.answered <= server.requests, `${result.requests.answered} ${server.requests}`);
    assert.deepEqual(Object.keys(result.errors), ['unsolicited answer']);
    assert.equal(result.connections.unsolicited, result.requests.answered);
    assert.equal(server.connections, result.connections.unsolicited);
    assert.equal(result.requests.failed, result.errors['unsolicited answer']);
    const text = await run(t, ['load', ...args]);
    assert.match(text.stdout, /unsolicited answer/);
  });

  test(`content after an answer to HEAD is told from an answer (engine ${engine})`, async (t) => {
    const server = await startServer(t, respond(OK));
    const { result } = await load(t, ['-n', '40', '-c', '2', '-m', 'HEAD', '--engine', engine, server.url]);
    assert.ok(result.requests.answered <= server.requests);
    assert.deepEqual(Object.keys(result.errors), ['unsolicited answer']);
  });

  test(`an answer on an idle connection ends it, and is the answer to nothing (engine ${engine})`, async (t) => {
    const server = await startServer(t, (socket) => {
      socket.write(OK);
      setTimeout(() => socket.write(OK), 15);
    });
    const args = ['-r', '10', '-c', '1', '-d', '2s', '--warmup', '0', '--engine', engine, server.url];
    const { result } = await load(t, args);
    assert.ok(result.connections.unsolicited >= 5, JSON.stringify(result.connections));
    assert.ok((result.errors['unsolicited answer'] ?? 0) >= result.connections.unsolicited);
    assert.ok(result.requests.answered <= server.requests);
    assert.equal(
      result.requests.succeeded + result.requests.failed,
      result.requests.answered + result.errors['unsolicited answer']!,
    );
  });

  test(`a 408 on an idle connection is the server's way to close it (engine ${engine})`, async (t) => {
    const server = await startServer(t, (socket) => {
      socket.write(OK);
      setTimeout(() => socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'), 15);
    });
    const args = ['-r', '10', '-c', '1', '-d', '1s', '--warmup', '0', '--engine', engine, server.url];
    const { ended, result } = await load(t, args);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(result.errors, {});
    assert.ok(server.connections >= 5);
    assert.equal(result.requests.sent, result.requests.answered);
  });
}
