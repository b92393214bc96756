/** What a service manager hands over and hears: sockets by LISTEN_FDS, state by datagrams, as systemd does both. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inheritedSocket } from '#src/cli/service-manager.ts';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '#src/sys/abi/socket.ts';
import { allocate } from '#src/sys/memory.ts';
import { probeFfi } from '#src/sys/probe.ts';
import { bindAddress, closeFd, recv, socket } from '#src/sys/socket.ts';
import { get } from './raw-client.ts';
import { until } from './until.ts';

const MAIN = new URL('../dist/cli/main.js', import.meta.url).pathname;
const skip = probeFfi().available ? false : 'datagrams of unix sockets are sent through FFI';

test('sockets are taken only where they were handed to this very process, and by their names', () => {
  const environment = { LISTEN_FDS: '3', LISTEN_PID: '77', LISTEN_FDNAMES: 'http:https:admin' };
  assert.equal(inheritedSocket(environment, 77, undefined), 3);
  assert.equal(inheritedSocket(environment, 77, 'https'), 4);
  assert.throws(
    () => inheritedSocket(environment, 77, 'smtp'),
    /no socket named "smtp" was handed over .*http, https, admin/,
  );
  assert.throws(() => inheritedSocket({ ...environment, LISTEN_FDS: '1' }, 77, 'https'), /no socket named/);
  assert.equal(inheritedSocket(environment, 78, undefined), undefined);
  for (const LISTEN_FDS of ['', '0', '-1', 'x', '99999', undefined])
    assert.equal(inheritedSocket({ ...environment, LISTEN_FDS }, 77, undefined), undefined);
});

/** A service manager that hears. */
function manager(t: TestContext, name: string) {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  assert.equal(bindAddress(fd, { family: 'unix', address: name.replace(/^@/, '\0'), port: 0 }), 0);
  const memory = allocate(4096);
  const heard: string[] = [];
  const timer = setInterval(() => {
    for (
      let length = recv(fd, memory.address, 4096, 0);
      length > 0;
      length = recv(fd, memory.address, 4096, 0)
    )
      heard.push(Buffer.from(memory.bytes.subarray(0, length)).toString());
  }, 5);
  t.after(() => {
    clearInterval(timer);
    closeFd(fd);
    memory.release();
  });
  return heard;
}

/** Starts the command as systemd does: the listening socket is descriptor 3, and the process knows that it is meant. */
async function activated(
  t: TestContext,
  notify: string,
  flags: string[],
): Promise<{ child: ChildProcess; port: number; ready: string }> {
  const listening: NetServer = createServer();
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as { port: number };
  const { fd } = (listening as unknown as { _handle: { fd: number } })._handle;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-activated-'));
  const module = join(folder, 'app.mjs');
  writeFileSync(module, "export default () => new Response('hello');\n");
  const child = spawn(
    '/bin/sh',
    ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, MAIN, 'serve', module, ...flags],
    {
      stdio: ['ignore', 'pipe', 'inherit', fd],
      env: {
        ...process.env,
        LISTEN_FDS: '1',
        LISTEN_FDNAMES: 'http',
        NOTIFY_SOCKET: notify,
        WATCHDOG_USEC: '200000',
      },
    },
  );
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  let ready = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (ready += text));
  await until(() => ready.includes('\n'), 'the ready line', 15_000);
  listening.close();
  return { child, port, ready };
}

for (const [what, flags] of [
  ['one thread', ['-w', '1']],
  ['two threads', ['-w', '2', '--listen', 'systemd:http']],
  ['the epoll engine', ['-w', '1', '--engine', 'epoll']],
  ['the node engine', ['-w', '1', '--engine', 'node']],
] as const) {
  test(`a socket that is handed over is served by ${what}, and the manager hears of all that happens`, {
    skip,
  }, async (t) => {
    const name = `@holdfast-test-${process.pid}-${what.replaceAll(' ', '-')}`;
    const heard = manager(t, name);
    const { child, port, ready } = await activated(t, name, [...flags]);
    assert.match(ready, new RegExp(`url=http://127\\.0\\.0\\.1:${port} `));
    assert.equal(await get(port, '/'), 'hello');
    await until(() => heard.includes('READY=1') && heard.includes('WATCHDOG=1'), 'ready, and alive');
    assert.equal(heard[0], 'READY=1');
    const before = heard.filter((text) => text === 'READY=1').length;
    child.kill('SIGHUP');
    await until(() => heard.filter((text) => text === 'READY=1').length > before, 'the reload', 10_000);
    const reloading = heard.find((text) => text.startsWith('RELOADING=1'));
    assert.match(reloading!, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    assert.equal(await get(port, '/'), 'hello');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.equal((await ended)[0], 0);
    await until(() => heard.includes('STOPPING=1'), 'the end');
  });
}
