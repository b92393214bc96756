/** Nothing is slept through, nothing is spun for, nobody waits for a busy peer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { fill, onStage, sleep, until, write } from '../contract/harness.contract.ts';
import type { EngineConnection } from '../engine.ts';
import type { FloodPlan } from './flood.contract.ts';
import { subject } from './subject.contract.ts';

function startFlood(plan: FloodPlan): Worker {
  return new Worker(new URL('./flood.contract.js', import.meta.url), { workerData: plan });
}

/** Answers each byte; `later` says when. */
function echo(later: (answer: () => void) => void) {
  return {
    onReceive(conn: EngineConnection, _bytes: Uint8Array, start: number, end: number) {
      for (let i = start; i < end; i++) later(() => write(conn, 'y'));
    },
    onPeerEnd: (conn: EngineConnection) => conn.close('done'),
  };
}

describe('epoll: waking', () => {
  const ways: Record<string, (answer: () => void) => void> = {
    'in the callback': (answer) => answer(),
    'from a promise': (answer) => void Promise.resolve().then(answer),
    'from another phase of the loop': (answer) => void setImmediate(answer),
  };
  for (const [way, later] of Object.entries(ways)) {
    test(`no news is slept through when answers are written ${way}`, async () => {
      await onStage(subject, echo(later), async ({ engine, listener }) => {
        // One connection at a time sleeps between all rounds; several meet the moment before the sleep.
        for (const connections of [1, 3]) {
          const rounds = 3000;
          const before = engine.stats().bytesReceived;
          const worker = startFlood({ mode: 'ping', port: listener.address.port, connections, rounds });
          let isDone = false;
          worker.once('message', () => (isDone = true));
          await until(
            () => isDone,
            () => `${connections * rounds} bytes, there were ${engine.stats().bytesReceived - before}`,
            20_000,
          );
          assert.equal(engine.stats().bytesReceived - before, connections * rounds);
          await worker.terminate();
        }
      });
    });
  }

  test('an engine with nothing to do rests, also with unread bytes, a peer that does not read and a FIN', async () => {
    const plan = { onAccept: (conn: EngineConnection) => conn.pauseReading() };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      const unread = await connect();
      unread.socket.write(Buffer.alloc(100_000));
      const ended = await connect();
      ended.socket.end('x');
      const stuck = await connect();
      stuck.socket.pause();
      const all = await accepted(3);
      fill(all[2]!.conn, 24 * 1024 * 1024, 65);
      await sleep(100);
      const before = engine.stats().turns;
      await sleep(200);
      assert.ok(engine.stats().turns - before <= 2, `${engine.stats().turns - before} turns`);
    });
  });
});

describe('epoll: fairness', () => {
  test('a peer that sends without end keeps neither other peers nor timers waiting', async () => {
    const plan = {
      onReceive(conn: EngineConnection, _bytes: Uint8Array, start: number, end: number) {
        if (end - start === 4) write(conn, 'pong');
      },
    };
    await onStage(subject, plan, async ({ engine, listener, connect }) => {
      const worker = startFlood({ mode: 'flood', port: listener.address.port, connections: 2, rounds: 0 });
      await until(() => engine.stats().bytesReceived > 4 * 1024 * 1024, 'the flood');
      const client = await connect();
      for (let round = 1; round <= 20; round++) {
        client.socket.write('ping');
        await client.received(round * 4);
      }
      // `until` looks every millisecond: the timers ran.
      worker.postMessage('stop');
      await once(worker, 'message');
      await worker.terminate();
    });
  });

  test('a peer that reads without end does not hold a writer in one turn', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    const more = (conn: EngineConnection): void => {
      if (written >= total) return;
      fill(conn, 64 * 1024, 65);
      written += 64 * 1024;
    };
    await onStage(subject, { onReceive: more, onDrained: more }, async ({ engine, connect }) => {
      const client = await connect();
      client.onBytes = () => {};
      client.socket.write('go');
      await client.received(total);
      // At most 16 blocks of 64 KiB a turn.
      assert.ok(engine.stats().turns >= total / (17 * 64 * 1024), `${engine.stats().turns} turns`);
    });
  });
});
