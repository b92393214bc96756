/**
 * Promise: who resets is noticed though reading is paused or has ended and nothing is sent; who has only
 * finished sending is told apart, and not taken for gone. And what an engine does to notice it stays in nobody's way.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import type { EngineConnection } from '../engine.ts';
import { type Client, onStage, type Subject, sleep, until, type Watched, write } from './harness.contract.ts';

export function resetsContract(subject: Subject): void {
  test('a peer that resets is noticed while it is not read', async () => {
    const stages: Record<string, (it: Watched, client: Client) => Promise<void> | void> = {
      'at once': () => {},
      'after a while': () => sleep(250),
      'with bytes that wait': async (_it, client) => {
        client.socket.write(Buffer.alloc(200_000, 1));
        await sleep(20);
      },
      'with bytes that wait, after a while': async (_it, client) => {
        client.socket.write(Buffer.alloc(200_000, 1));
        await sleep(250);
      },
      'right behind bytes': (_it, client) => {
        client.socket.write('never read');
      },
      'paused by the bytes before': async (it, client) => {
        it.conn.resumeReading();
        it.note = 1;
        client.socket.write('one');
        await until(() => it.receivedBytes === 3, 'the first bytes');
        client.socket.write('two');
      },
      'after reading went on in between': async (it, client) => {
        await sleep(250);
        it.conn.resumeReading();
        client.socket.write('x');
        await until(() => it.receivedBytes === 1, 'a byte');
        it.conn.pauseReading();
      },
      'after FIN': async (it, client) => {
        it.conn.resumeReading();
        client.socket.end();
        await until(() => it.peerEnds === 1, 'onPeerEnd');
        await sleep(20);
      },
      'after FIN that was not read': async (_it, client) => {
        client.socket.end('x');
        await sleep(250);
      },
    };
    const plan = {
      onAccept: (conn: EngineConnection) => conn.pauseReading(),
      onReceive(conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) {
        if (it.note === 1) conn.pauseReading();
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const reset = async (stage: string, client: Client, it: Watched): Promise<void> => {
        await stages[stage]!(it, client);
        client.reset();
        await until(() => it.closed !== undefined, `onClosed after a reset ${stage}`);
        assert.equal(it.closed, 'peer-reset', stage);
        // EPIPE is what the kernel says of a reset behind FIN (tcp_reset).
        assert.match(it.conn.errorCode, /^(ECONNRESET|EPIPE)$/, stage);
      };
      const resets: Promise<void>[] = [];
      for (const stage of Object.keys(stages)) {
        const client = await connect();
        const all = await accepted(resets.length + 1);
        resets.push(reset(stage, client, all.at(-1)!));
      }
      await Promise.all(resets);
    });
  });

  test('resets at any moment of pausing are noticed', async () => {
    const random = new SeededRandom(7);
    const plan = {
      onReceive(conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) {
        // Now and then it goes on, from without a turn.
        conn.pauseReading();
        if (it.note++ < 2) setTimeout(() => conn.resumeReading(), random.int(3));
      },
    };
    await onStage(subject, plan, async ({ engine, connect }) => {
      const one = async (): Promise<void> => {
        const client = await connect();
        const pieces = 1 + random.int(5);
        for (let i = 0; i < pieces; i++) {
          client.socket.write(Buffer.alloc(1 + random.int(3) * 50_000, 1));
          if (random.int(2) === 0) await sleep(random.int(4));
        }
        client.reset();
      };
      for (let wave = 0; wave < 5; wave++) {
        await Promise.all(Array.from({ length: 80 }, one));
        await until(
          () => engine.connectionCount === 0,
          () => `all of wave ${wave} closed, ${engine.connectionCount} are left`,
        );
      }
    });
  });

  test('FIN while reading is paused is told, and means nothing else until reading goes on', async () => {
    const plan = {
      onAccept: (conn: EngineConnection) => conn.pauseReading(),
      onPeerEnd: (conn: EngineConnection) => {
        write(conn, 'answer');
        conn.close('done');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const clients = [await connect(), await connect(), await connect(), await connect()];
      const all = await accepted(4);
      clients[0]!.socket.end();
      clients[1]!.socket.end('question');
      clients[2]!.socket.write('question');
      await sleep(250);
      clients[2]!.socket.end();
      await until(() => all.slice(0, 3).every((it) => it.peerEndsSeen === 1), 'onPeerEndSeen');
      await sleep(1000);
      for (const it of all) assert.deepEqual([it.peerEnds, it.receivedBytes, it.closed], [0, 0, undefined]);
      assert.equal(all[3]!.peerEndsSeen, 0);
      clients[3]!.socket.end('more');
      await until(() => all[3]!.peerEndsSeen === 1, 'onPeerEndSeen of the last');
      for (const it of all) it.conn.resumeReading();
      for (const client of clients) {
        await client.ended();
        assert.equal(client.text, 'answer');
        assert.equal(client.error, undefined);
      }
      await until(() => all.every((it) => it.closed === 'done'), 'onClosed');
      assert.deepEqual(
        all.map((it) => it.receivedBytes),
        [0, 8, 8, 4],
      );
    });
  });

  test('FIN that came before reading is paused again is told once, at any moment of pausing', async () => {
    const plan = {
      onReceive(conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) {
        conn.pauseReading();
        if (it.note++ < 1) setTimeout(() => conn.resumeReading(), it.id % 4);
      },
      onPeerEnd: (conn: EngineConnection) => conn.close('done'),
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const random = new SeededRandom(11);
      const clients: Client[] = [];
      for (let i = 0; i < 40; i++) {
        const client = await connect();
        clients.push(client);
        client.socket.write('one');
        if (random.int(2) === 0) await sleep(random.int(4));
        client.socket.write('two');
        if (random.int(2) === 0) await sleep(random.int(4));
        client.socket.end('three');
      }
      const all = await accepted(40);
      const told = (it: Watched): boolean => it.peerEndsSeen === 1 || it.closed === 'done';
      await until(() => all.every(told), 'that all are told');
      for (const it of all) it.note = -1_000_000;
      const going = setInterval(() => {
        for (const it of all) if (it.closed === undefined) it.conn.resumeReading();
      }, 5);
      await until(() => all.every((it) => it.closed === 'done'), 'onClosed').finally(() =>
        clearInterval(going),
      );
      assert.ok(all.every((it) => it.receivedBytes === 11));
    });
  });

  test('after a long pause bytes, close and reset are what they always are', async () => {
    await onStage(subject, { onAccept: (conn) => conn.pauseReading() }, async ({ connect, accepted }) => {
      const endings = ['close', 'reset', 'close while paused', 'reset while paused'] as const;
      for (const [index, ending] of endings.entries()) {
        const client = await connect();
        const it = (await accepted(index + 1))[index]!;
        client.socket.write('question');
        await sleep(400);
        assert.equal(it.receivedBytes, 0);
        if (!ending.endsWith('paused')) {
          it.conn.resumeReading();
          await until(() => it.receivedBytes === 8, 'the bytes after the resume');
          it.conn.pauseReading();
          it.conn.resumeReading();
          client.socket.write('more');
          await until(() => it.receivedBytes === 12, 'more bytes');
          write(it.conn, 'answer');
          await client.received(6);
        }
        it.conn[ending.startsWith('close') ? 'close' : 'reset'](ending);
        await until(() => it.closed === ending, 'onClosed');
        await client.ended();
        if (ending === 'close') assert.deepEqual([client.hasEnded, client.error], [true, undefined]);
        if (ending.startsWith('reset')) {
          await client.closed();
          assert.equal(client.error?.code, 'ECONNRESET');
        }
      }
    });
  });
}
