/**
 * The attacks on HTTP/2 of the last years over sockets, on every engine: each is ended with the right code and within its
 * bound, costs no memory and no other client its answers. And clients that look like one, and are honest, are never cut.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ENHANCE_YOUR_CALM } from '#src/protocol/h2/error-codes.ts';
import * as frame from '#src/protocol/h2/frames.ts';
import { headersOf, joined, resetOf, windowUpdateOf } from '#src/protocol/h2/server/core.fixture.ts';
import { enginesHere } from './engines.ts';
import { ATTACKS, attack, framesAllowed, type Target } from './h2-attacks.ts';
import { ask, connectH2, leave } from './h2-client.ts';
import { framesIn, goAwayCode, openRawH2, requestOf } from './h2-raw-client.ts';

const APP = fileURLToPath(new URL('../test/http2-attacks.app.mjs', import.meta.url));
const HOLDFAST = new URL('../dist/index.js', import.meta.url).href;
/** V8 lets its young generation grow under load, and gives that back when it pleases. */
const V8_FLAGS = ['--expose-gc', '--max-semi-space-size=1'];
const GROWTH_BYTES_MAX = 4 * 2 ** 20;
/** `timeouts.stall` of the server; its default is tested on the core, where the clock stands where the test puts it. */
const STALL_MS = 3000;
const idOf = (n: number): number => 2 * n + 1;

interface Report {
  readonly anonBytes: number;
  readonly open: number;
  readonly faults: Readonly<Record<string, number>>;
}

async function report(child: ChildProcess): Promise<Report> {
  child.send('how is it?');
  return (await once(child, 'message'))[0] as Report;
}

/** When the attackers have gone, and only `open` connections are left. */
async function reportAt(child: ChildProcess, count: number): Promise<Report> {
  for (let tries = 0; tries < 200; tries++) {
    const now = await report(child);
    if (now.open === count) return now;
    await sleep(50);
  }
  return assert.fail('connections stay open');
}

// Each has a server of its own, and most of the time is spent on waiting.
describe('HTTP/2 under attack', { concurrency: true }, async () => {
  for (const { engine, skip: whyNot } of await enginesHere()) {
    const skip = process.platform === 'linux' ? whyNot : 'only Linux tells how much memory a process has';

    describe(`attacks on HTTP/2 (${engine})`, { skip, concurrency: 1 }, () => {
      let child: ChildProcess;
      let server: { port: number; url: string };
      let target: Target;
      before(async () => {
        const args = [HOLDFAST, engine, String(STALL_MS)];
        child = fork(APP, args, { execArgv: V8_FLAGS, stdio: 'inherit' });
        server = (await once(child, 'message'))[0] as typeof server;
        target = { port: server.port, late: '/never', hung: '/never', long: '/video' };
      });
      after(() => child.kill('SIGKILL'));

      for (const each of ATTACKS)
        it(`${each.name} is ended within its bound, and others are answered`, async () => {
          // The first time brings code and buffers that stay.
          await attack(target, each, 2 * STALL_MS);
          const before = await reportAt(child, 0);
          const good = await connectH2(server.url);
          let isOver = false;
          const answers = (async () => {
            let count = 0;
            while (!isOver || count === 0) {
              assert.equal((await ask(good, '/hello')).status, 200);
              count++;
            }
          })();
          const { frames, seconds, code } = await attack(target, each, 2 * STALL_MS);
          isOver = true;
          await answers;
          await leave(good);
          const { anonBytes, faults } = await reportAt(child, 0);
          assert.equal(code, ENHANCE_YOUR_CALM);
          const allowed = framesAllowed(each, seconds);
          assert.ok(frames <= allowed, `ended after ${frames}, not within ${allowed}`);
          const counted = each.faults.map((fault) => (faults[fault] ?? 0) - (before.faults[fault] ?? 0));
          assert.equal(Math.max(...counted), 1);
          const growth = anonBytes - before.anonBytes;
          assert.ok(growth < GROWTH_BYTES_MAX, `${growth} bytes more`);
        });

      it('a client that resets after every answer, 200 a second, is never cut', async () => {
        const client = await openRawH2(server.port);
        for (let n = 0; n < 2000; n += 5) {
          const ids = [0, 1, 2, 3, 4].map((at) => idOf(n + at));
          client.write(joined(...ids.map((id) => headersOf(id, requestOf('POST', '/hello'), false))));
          const last = ids.at(-1)!;
          await client.until(
            (each) => framesIn(each.received, frame.FRAME_DATA).some(({ id }) => id === last),
            'an answer',
          );
          client.received = Buffer.alloc(0);
          client.write(joined(...ids.map((id) => resetOf(id)), windowUpdateOf(0, 65)));
          await sleep(25);
        }
        assert.equal(goAwayCode(client), undefined);
        assert.equal(client.ended, false);
        client.destroy();
      });

      it('a player that cancels fifty ranges a second is never cut', async () => {
        const client = await openRawH2(server.port, [frame.SETTINGS_INITIAL_WINDOW_SIZE, 2 ** 20]);
        let taken = 0;
        client.socket.on('data', (bytes: Buffer) => {
          taken += bytes.length;
          client.received = Buffer.alloc(0);
        });
        for (let n = 0; n < 600; n++) {
          client.write(headersOf(idOf(n), requestOf('GET', '/video')));
          await sleep(20);
          client.write(resetOf(idOf(n)));
          if (taken > 0) client.write(windowUpdateOf(0, taken));
          taken = 0;
          assert.equal(client.ended, false, `after ${n}`);
        }
        client.destroy();
      });

      it('a thousand calls in flight are all answered', async () => {
        const client = await connectH2(server.url);
        client.setMaxListeners(0);
        for (let round = 0; round < 5; round++) {
          const calls = Array.from({ length: 1000 }, () =>
            ask(client, '/late', { te: 'trailers' }, 'a message'),
          );
          for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
        }
        await leave(client);
      });
    });
  }
});
