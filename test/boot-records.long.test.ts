/** What a boot server knows of machines: `/machines`, metrics, webhook and the file of records, over sockets on every engine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENGINES, folderOf, type RunningBoot, startBoot } from './boot-servers.ts';
import { endsWell } from './cli-run.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

/** More than the kernel takes in for a client that does not read. */
const INITRD_BYTES = 24 * 1024 * 1024;
const MAC = '52:54:00:00:00:01';

interface Transfer {
  readonly artifact: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly pauses: number;
  readonly stallMs: number;
  readonly restarts: number;
}

interface Machine {
  readonly machine: string;
  readonly boots: number;
  readonly facts: Record<string, string>;
  readonly transfers: readonly Transfer[];
  readonly restartLoops: readonly { artifact: string; starts: number; ends: string[] }[];
}

async function machineOf({ adminUrl }: RunningBoot, name = MAC): Promise<Machine | undefined> {
  const { machines } = (await (await fetch(`${adminUrl}/machines`)).json()) as { machines: Machine[] };
  return machines.find(({ machine }) => machine === name);
}

/** Says who it is, as iPXE does, from an address of its own where one is given. */
async function introduce({ url }: RunningBoot): Promise<void> {
  assert.equal((await fetch(`${url}/ipxe?mac=${MAC.replaceAll(':', '-')}&arch=x86_64`)).status, 200);
}

/** Begins to fetch, reads the head and stops reading. */
async function stall(server: RunningBoot): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  client.write('GET /initrd.gz HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until(({ text }) => text.includes('\r\n\r\n'), 'the head');
  client.socket.pause();
  return client;
}

/** A receiver of events. */
async function receiver(
  t: TestContext,
): Promise<{ url: string; events: { event: string; machine: string }[] }> {
  const events: { event: string; machine: string }[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    events.push(JSON.parse(text));
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, events };
}

for (const engine of ENGINES) {
  test(`transfers, pauses and restart loops are known while they happen (engine ${engine})`, async (t) => {
    const folder = folderOf(t, { vmlinuz: 'K'.repeat(100_000), 'initrd.gz': Buffer.alloc(INITRD_BYTES) });
    const hook = await receiver(t);
    const server = await startBoot(t, engine, folder, '--admin', '0', '--webhook', hook.url);
    if (server === undefined) return;
    await introduce(server);
    await (await fetch(`${server.url}/vmlinuz`)).arrayBuffer();
    const stalled = await stall(server);
    await until(async () => ((await machineOf(server))?.transfers[0]?.pauses ?? 0) === 1, 'a pause');
    const [initrd, kernel] = (await machineOf(server))!.transfers;
    assert.deepEqual(
      [kernel!.artifact, kernel!.outcome, kernel!.bytes, kernel!.pauses],
      ['/vmlinuz', 'completed', 100_000, 0],
    );
    assert.deepEqual(
      [initrd!.artifact, initrd!.outcome, initrd!.totalBytes],
      ['/initrd.gz', 'running', INITRD_BYTES],
    );
    assert.ok(initrd!.bytes > 0 && initrd!.bytes < INITRD_BYTES, `${initrd!.bytes} bytes`);
    assert.ok(initrd!.stallMs >= 2000, 'slow is shown as slow');
    stalled.socket.resetAndDestroy();
    (await stall(server)).socket.resetAndDestroy();
    await until(async () => (await machineOf(server))!.transfers[0]!.outcome === 'aborted', 'the second end');
    const third = await stall(server);
    const machine = await machineOf(server);
    assert.deepEqual([machine!.boots, machine!.facts['arch']], [1, 'x86_64']);
    assert.equal(machine!.restartLoops.length, 1);
    const { artifact, starts, ends } = machine!.restartLoops[0]!;
    assert.deepEqual([artifact, starts], ['/initrd.gz', 3]);
    for (const end of ends.slice(0, 2))
      assert.match(end, /^aborted after \d+ bytes \((client|peer)[a-z-]*\)$/);
    assert.equal(ends[2], 'running');
    const words = `restart loop: ${MAC} has begun /initrd.gz 3 times`;
    await server.cli.until(() => server.cli.stderr.includes(words), 'the warning');
    await until(() => hook.events.some(({ event }) => event === 'restart-loop'), 'the event');
    assert.deepEqual(
      hook.events.map(({ event, machine: who }) => [event, who]),
      ['boot', 'completed', 'aborted', 'aborted', 'restart-loop'].map((event) => [event, MAC]),
    );
    const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
    for (const line of [
      'holdfast_boot_machines 1',
      'holdfast_boot_transfers 1',
      'holdfast_boot_transfers_total{outcome="aborted"} 2',
      'holdfast_boot_restart_loops 1',
    ])
      assert.ok(metrics.includes(`\n${line}\n`), line);
    // It is read and forgotten: the client that keeps what it reads would take minutes.
    third.socket.removeAllListeners('data').resume();
    await until(
      async () => (await machineOf(server))!.transfers[0]!.outcome === 'completed',
      'its end',
      20_000,
    );
    third.socket.destroy();
  });
}

test('a server that is killed forgets nothing: the next one goes on where it was', async (t) => {
  const folder = folderOf(t, { 'initrd.gz': Buffer.alloc(INITRD_BYTES) });
  const state = join(folderOf(t, {}), 'machines');
  const first = (await startBoot(t, 'node', folder, '--admin', '0', '--state', state))!;
  await introduce(first);
  (await stall(first)).socket.resetAndDestroy();
  const open = await stall(first);
  await until(async () => ((await machineOf(first))?.transfers[0]?.bytes ?? 0) > 0, 'progress');
  // What a second stored at most may be lost.
  await sleep(1500);
  first.cli.child.kill('SIGKILL');
  await first.cli.ended;
  open.socket.destroy();
  const second = (await startBoot(t, 'node', folder, '--admin', '0', '--state', state))!;
  const { transfers, boots } = (await machineOf(second))!;
  assert.deepEqual(
    [boots, transfers[0]!.outcome, transfers[0]!.reason],
    [1, 'interrupted', 'the server ended'],
  );
  assert.ok(transfers[0]!.bytes > 0);
  assert.equal(transfers[1]!.outcome, 'aborted');
  const third = await stall(second);
  const [loop] = (await machineOf(second))!.restartLoops;
  assert.equal(loop!.starts, 3, 'the machine is known by its address, and the loop goes on');
  third.socket.destroy();
  second.cli.child.kill('SIGTERM');
  await endsWell(second.cli);
});

test('a file that cannot keep records, and flags that mean nothing, are refused', async (t) => {
  const folder = folderOf(t, { diary: 'dear diary, this is no database at all' });
  const start = (...args: string[]) => startBoot(t, 'node', folder, ...args);
  await assert.rejects(
    start('--state', join(folder, 'diary')),
    /--state: .*diary cannot keep machine records: /,
  );
  await assert.rejects(start('--webhook', 'ftp://x'), /--webhook: "ftp:\/\/x" is not allowed; a URL such as/);
});
