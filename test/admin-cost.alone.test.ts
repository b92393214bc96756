/**
 * What it costs to be watched: with 5,000 connections and 200 transfers, a status each second takes less than 3 % of a
 * core. Seconds in which somebody listens and others in which nobody does take turns, so that the difference is the cost.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '#src/observe/status.ts';
import { EventStreamReader } from '#src/page/event-stream.ts';
import { RawClient } from './raw-client.ts';

const CONNECTIONS = 5000;
const TRANSFERS = 200;
const WINDOW_MS = 4000;
const ROUNDS = 2;

async function cpuMs(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return (user + system) / 1000;
}

/** @returns the share of a core that the server takes while `during` lasts */
async function shareOf(child: ChildProcess, during: () => Promise<void>): Promise<number> {
  const [beganMs, beforeMs] = [performance.now(), await cpuMs(child)];
  await during();
  return ((await cpuMs(child)) - beforeMs) / (performance.now() - beganMs);
}

async function listen(url: string): Promise<Status[]> {
  const abort = AbortSignal.timeout(WINDOW_MS);
  const statuses: Status[] = [];
  const events = new EventStreamReader();
  const text = new TextDecoder();
  try {
    const response = await fetch(`${url}/events`, { signal: abort });
    for await (const piece of response.body!)
      for (const { data } of events.read(text.decode(piece as Uint8Array, { stream: true })))
        statuses.push(JSON.parse(data) as Status);
  } catch (error) {
    if (!abort.aborted) throw error;
  }
  return statuses;
}

test('5,000 connections and 200 transfers are watched for less than 3 % of a core', async (t) => {
  const child = fork(new URL('../test/admin-cost.app.mjs', import.meta.url), { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const [{ port, admin }] = (await once(child, 'message')) as [{ port: number; admin: string }];
  const clients: RawClient[] = [];
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  while (clients.length < CONNECTIONS)
    clients.push(...(await Promise.all(Array.from({ length: TRANSFERS }, () => RawClient.open(port)))));
  for (const [i, client] of clients.entries())
    client.write(`GET ${i < TRANSFERS ? '/transfer' : '/'} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await sleep(2000);
  const [quiet, watched]: [number[], number[]] = [[], []];
  let statuses: Status[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    quiet.push(await shareOf(child, () => sleep(WINDOW_MS)));
    watched.push(
      await shareOf(child, async () => {
        statuses = await listen(admin);
      }),
    );
  }
  const last = statuses.at(-1)!;
  assert.equal(last.open, CONNECTIONS);
  assert.equal(last.transfers.open, TRANSFERS);
  assert.equal(last.transfers.rows.length, TRANSFERS);
  assert.ok(statuses.length >= 3, `${statuses.length} statuses`);
  const mean = (shares: number[]) => shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const cost = mean(watched) - mean(quiet);
  const inPercent = (share: number) => `${(share * 100).toFixed(2)} %`;
  const told = `quiet ${quiet.map(inPercent).join(', ')}; watched ${watched.map(inPercent).join(', ')}`;
  t.diagnostic(`being watched costs ${inPercent(cost)} of a core (${told})`);
  assert.ok(cost < 0.03, told);
});
