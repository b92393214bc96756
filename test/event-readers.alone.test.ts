/**
 * What readers of server-sent events cost: 10,000 with an event a second take less than 15 % of a core, and those who have
 * stopped reading cost what the bound says.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from './raw-client.ts';

const READERS = 10_000;
const AT_ONCE = 200;
const WINDOW_MS = 8000;

interface Look {
  readonly cpu: NodeJS.CpuUsage;
  readonly rss: number;
  readonly readers: number;
}

async function look(child: ChildProcess): Promise<Look> {
  child.send('look');
  const [answer] = (await once(child, 'message')) as [Look];
  return answer;
}

test('10,000 readers with an event a second cost less than 15 % of a core', async (t) => {
  const child = fork(new URL('../test/event-readers.app.mjs', import.meta.url), [process.env['HOLDFAST_ENGINE'] ?? 'auto'], { stdio: 'inherit' }); // biome-ignore format: one call
  t.after(() => child.kill('SIGKILL'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const clients: RawClient[] = [];
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  while (clients.length < READERS) {
    const more = await Promise.all(Array.from({ length: AT_ONCE }, () => RawClient.open(port)));
    for (const client of more) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    clients.push(...more);
  }
  await sleep(2000);
  const before = await look(child);
  const receivedBefore = clients.map(({ received }) => received.length);
  const beganMs = performance.now();
  await sleep(WINDOW_MS);
  const after = await look(child);
  const seconds = (performance.now() - beganMs) / 1000;
  assert.equal(after.readers, READERS);
  const events = clients.map(({ received }, i) => (received.length - receivedBefore[i]!) / 130);
  t.diagnostic(`events a reader: ${Math.min(...events).toFixed(1)} and more in ${seconds.toFixed(1)} s`);
  assert.ok(Math.min(...events) > seconds - 3, 'everybody gets an event a second');
  const cpuMs = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1000;
  const share = cpuMs / 1000 / seconds;
  t.diagnostic(`${(share * 100).toFixed(1)} % of a core, ${((share * 1e6) / READERS).toFixed(1)} us an event, ${Math.round((after.rss - 60e6) / READERS)} bytes of memory a reader at most`); // biome-ignore format: one line
  assert.ok(share < 0.15, `${share} of a core`);
});
