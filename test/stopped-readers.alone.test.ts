/** Readers that stop cost memory while they are there, and none when they have left. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { selectEngine } from '#src/engine/select.ts';
import { RawClient } from './raw-client.ts';

const READERS = 500;
const MIB = 2 ** 20;
const APP = fileURLToPath(new URL('../test/stopped-readers.app.mjs', import.meta.url));
const HOLDFAST = new URL('../dist/index.js', import.meta.url).href;

async function ask(child: ChildProcess): Promise<{ rssBytes: number; open: number }> {
  child.send('how much?');
  return (await once(child, 'message'))[0];
}

/** Waits until `isSo` holds for two answers in a row, and gives the last. */
async function settled(child: ChildProcess, isSo: (open: number) => boolean): Promise<number> {
  let last = await ask(child);
  for (let tries = 0, times = 0; tries < 100 && times < 2; tries++) {
    await sleep(200);
    last = await ask(child);
    times = isSo(last.open) ? times + 1 : 0;
  }
  assert.ok(isSo(last.open), `${last.open} connections are open`);
  return last.rssBytes;
}

for (const engine of ['iouring', 'epoll', 'node'] as const) {
  const isMissing = await selectEngine(engine).then(
    () => false,
    () => true,
  );
  const skip = process.platform !== 'linux' || isMissing ? `${engine} is not available here` : false;

  describe(`readers that stop (${engine})`, { skip }, () => {
    it('leave their memory to the system when they are gone', async () => {
      const child = fork(APP, [HOLDFAST, engine], { execArgv: ['--expose-gc'], stdio: 'inherit' });
      const clients: RawClient[] = [];
      try {
        const [{ port }] = await once(child, 'message');
        const before = await settled(child, (open) => open === 0);
        for (let i = 0; i < READERS; i++) {
          const client = await RawClient.open(port);
          client.socket.pause();
          client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          clients.push(client);
        }
        await sleep(1000);
        const peak = await settled(child, (open) => open === READERS);
        for (const client of clients) client.destroy();
        await settled(child, (open) => open === 0);
        await sleep(5000);
        const left = (await ask(child)).rssBytes - before;
        assert.ok(peak - before > 25 * MIB, `the readers took ${peak - before} bytes`);
        // All of it was left before blocks were given back. Pieces that V8 has freed stay with malloc for a while.
        assert.ok(left < (peak - before) * 0.8, `${left} bytes are left of ${peak - before}`);
      } finally {
        for (const client of clients) client.destroy();
        child.kill('SIGKILL');
      }
    });
  });
}
