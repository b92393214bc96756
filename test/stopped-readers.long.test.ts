/** Readers that stop cost memory while they are there, and none when they have left. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { enginesHere } from './engines.ts';
import { RawClient } from './raw-client.ts';

const READERS = 500;
const MIB = 2 ** 20;
/** Engines keep 1 MiB warm of each size of block; the rest is what malloc and code have grown by. Measured: 2 to 4. */
const LEFT_BYTES_MAX = 8 * MIB;
/** V8 lets its young generation grow under load, by 20 MiB and more, and gives that back when it pleases. */
const V8_FLAGS = ['--expose-gc', '--max-semi-space-size=1'];
const APP = fileURLToPath(new URL('../test/stopped-readers.app.mjs', import.meta.url));
const HOLDFAST = new URL('../dist/index.js', import.meta.url).href;

async function ask(child: ChildProcess): Promise<{ anonBytes: number; open: number }> {
  child.send('how much?');
  return (await once(child, 'message'))[0];
}

/** Waits until `isSo` holds for two answers in a row, and gives the last. */
async function settled(child: ChildProcess, isSo: (open: number) => boolean): Promise<number> {
  let last = await ask(child);
  for (let tries = 0, times = 0; tries < 400 && times < 2; tries++) {
    await sleep(200);
    last = await ask(child);
    times = isSo(last.open) ? times + 1 : 0;
  }
  assert.ok(isSo(last.open), `${last.open} connections are open`);
  return last.anonBytes;
}

async function stopReading(port: number, count: number, clients: RawClient[]): Promise<void> {
  for (let i = 0; i < count; i++) {
    const client = await RawClient.open(port);
    client.socket.pause();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    clients.push(client);
  }
}

function leave(clients: RawClient[]): void {
  for (const client of clients.splice(0)) client.destroy();
}

const engines = await enginesHere();

// Each engine is in a process of its own, of which memory and bytes are looked at, so they do not disturb each other.
describe('readers that stop, on engines side by side', { concurrency: true }, () => {
  for (const { engine, skip: whyNot } of engines) {
    const skip = process.platform === 'linux' ? whyNot : 'only Linux tells how much memory a process has';

    describe(`readers that stop (${engine})`, { skip }, () => {
      it('leave their memory to the system when they are gone', async () => {
        const child = fork(APP, [HOLDFAST, engine], { execArgv: V8_FLAGS, stdio: 'inherit' });
        const clients: RawClient[] = [];
        try {
          const [{ port }] = await once(child, 'message');
          // The first ones bring code and buffers that stay.
          await stopReading(port, 20, clients);
          await settled(child, (open) => open === 20);
          leave(clients);
          const before = await settled(child, (open) => open === 0);
          await stopReading(port, READERS, clients);
          await sleep(1000);
          const peak = await settled(child, (open) => open === READERS);
          leave(clients);
          await settled(child, (open) => open === 0);
          await sleep(5000);
          const left = (await ask(child)).anonBytes - before;
          assert.ok(peak - before > 25 * MIB, `the readers took ${peak - before} bytes`);
          assert.ok(left < LEFT_BYTES_MAX, `${left} bytes are left of ${peak - before}`);
        } finally {
          leave(clients);
          child.kill('SIGKILL');
        }
      });
    });
  }
});
