/**
 * Nobody starves on a thread that is flooded: its timers run, a quiet client is answered, and signals are heard,
 * on every engine that this host offers. bench/scenarios/floods.mjs says how well; here it is held that it is so.
 *
 * Lateness is counted in CPU time of the server's thread, which is its own doing. On a busy machine the clock tells
 * of the neighbours: it is held to seconds only.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { enginesHere } from './engines.ts';
import { RawClient } from './raw-client.ts';

/** A pipeliner with an async handler; many; downloads of a generated stream; streams opened and left. */
const FLOODS = ['pipeline', 'pipelines', 'downloads', 'open-close'];
const ROOT = new URL('../', import.meta.url);
const WARM_UP_MS = 250;
const MEASURED_MS = 400;
/** Turns end after some 3 ms; what has not been compiled yet, and a major collection (up to 54 ms were seen), take their share. */
const LATE_CPU_MS_MAX = 60;
/** What starves does so for ever. */
const STARVED_MS = 4000;
const EXIT_MS_MAX = 1000;
const LEAVERS = 40;

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

function start(file: string, ...args: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, ROOT)), args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

/** The next message of `child`, which is to come though it is flooded. */
async function told<T>(child: ChildProcess, question?: string): Promise<T> {
  const answer = new Promise((resolve) => child.once('message', resolve));
  if (question !== undefined) child.send(question);
  return (await inTime(answer, STARVED_MS, 'a message of the server')) as T;
}

async function inTime<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} has not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One request after the other. @returns how many were answered */
async function askQuietly(port: number, forMs: number): Promise<number> {
  const client = await RawClient.open(port);
  let answers = 0;
  for (const endMs = performance.now() + forMs; performance.now() < endMs; answers++) {
    client.received = Buffer.alloc(0);
    client.write(get('/quiet'));
    await client.until((each) => each.text.endsWith('hello'), 'an answer', STARVED_MS);
    await sleep(3);
  }
  client.socket.destroy();
  return answers;
}

for (const { engine, skip } of await enginesHere()) {
  describe(`a flooded thread (${engine})`, { skip }, () => {
    for (const flood of FLOODS) {
      it(`serves others beside ${flood}`, async () => {
        const server = start('bench/scenarios/floods-server.mjs', engine, fileURLToPath(ROOT));
        const { port } = await told<{ port: number }>(server);
        const clients = start('bench/scenarios/floods-client.mjs', flood, String(port));
        try {
          await sleep(WARM_UP_MS);
          await askQuietly(port, WARM_UP_MS);
          server.send('begin');
          const answers = await askQuietly(port, MEASURED_MS);
          const { busyMs } = await told<{ busyMs: number[] }>(server, 'end');
          assert.ok(answers >= 2, `${answers} answers for a quiet client`);
          assert.ok(busyMs.length >= 2, `${busyMs.length} timers ran`);
          const latestMs = busyMs.at(-1)!;
          assert.ok(latestMs <= LATE_CPU_MS_MAX, `a timer came after ${latestMs} ms of other work`);
          const exited = new Promise((resolve) => server.once('exit', resolve));
          server.kill('SIGTERM');
          await inTime(exited, EXIT_MS_MAX, 'the end after SIGTERM');
        } finally {
          clients.kill('SIGKILL');
          server.kill('SIGKILL');
        }
      });
    }

    it('goes on when clients of endless streams reset in a turn that is spent', async () => {
      const server = start('test/gone-in-a-turn.app.mjs', engine);
      try {
        const { port } = await told<{ port: number }>(server);
        const leavers = await Promise.all(Array.from({ length: LEAVERS }, () => RawClient.open(port)));
        for (const each of leavers) each.write(get('/gated'));
        for (const each of leavers) await each.until((it) => it.received.length > 1024, 'the first piece');
        const [busy, opener] = [await RawClient.open(port), await RawClient.open(port)];
        busy.write(get('/burn'));
        await sleep(100);
        for (const each of leavers) each.socket.resetAndDestroy();
        opener.write(get('/open'));
        await opener.until((each) => each.text.endsWith('done'), 'an answer', STARVED_MS);
        opener.write(get('/again'));
        await opener.until((each) => each.text.split('done').length === 3, 'an answer', STARVED_MS);
        for (const each of [busy, opener]) each.socket.destroy();
      } finally {
        server.kill('SIGKILL');
      }
    });
  });
}
