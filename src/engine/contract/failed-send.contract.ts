/**
 * Promise: what a peer has sent before it was gone is handed over, although sending to it has failed meanwhile: a server
 * refuses an upload and closes, and its answer waits to be read behind our failure to send the rest. A caller that pauses reading
 * does without it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../engine.ts';
import { type Client, fill, onStage, type Subject, until, type Watched, write } from './harness.contract.ts';

/** Less than the window that a new connection has on loopback, and several receive buffers of some engines. */
const MUCH_BYTES = 40_000;

/** Each call is synchronous down to the kernel, so the engine finds all of it at once. */
const ENDINGS: Record<string, (client: Client) => void> = {
  'bytes, then RST': ({ socket }) => {
    socket.write('answer');
    socket.resetAndDestroy();
  },
  'much, then RST': ({ socket }) => {
    socket.write(Buffer.alloc(MUCH_BYTES, 'x'));
    socket.resetAndDestroy();
  },
};

/** A send outside of a turn comes before the engine has looked what else there is. */
function sendAtOnce(it: Watched): void {
  write(it.conn, 'the rest of the upload');
}

export function failedSendContract(subject: Subject): void {
  test('what waits to be read is handed over when sending fails', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      let count = 0;
      for (let round = 0; round < 20; round++)
        for (const [name, end] of Object.entries(ENDINGS)) {
          const client = await connect();
          client.socket.setNoDelay();
          const it = (await accepted(++count)).at(-1)!;
          end(client);
          sendAtOnce(it);
          await until(() => it.closed !== undefined, `onClosed after ${name}`);
          assert.equal(it.receivedBytes, name.startsWith('much') ? MUCH_BYTES : 6, name);
          assert.equal(it.closed, 'peer-reset');
          assert.match(it.conn.errorCode, /^(ECONNRESET|EPIPE)$/);
        }
    });
  });

  test('an answer that ended with FIN, before the rest of an upload made the peer reset, is read to its end', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      for (let round = 0; round < 20; round++) {
        const client = await connect();
        const it = (await accepted(round + 1)).at(-1)!;
        client.socket.pause();
        fill(it.conn, 300_000, 1);
        await until(() => client.socket.readableLength > 0, 'bytes at the client');
        client.socket.end('refused');
        // What it has not read makes its close a reset, behind the FIN.
        await until(() => client.socket.writableFinished, 'FIN');
        client.socket.destroy();
        sendAtOnce(it);
        await until(() => it.closed !== undefined, 'onClosed');
        assert.equal(Buffer.concat(it.received).toString(), 'refused');
        assert.equal(it.peerEnds, 1);
        assert.equal(it.closed, 'peer-reset');
      }
    });
  });

  test('who pauses, closes or resets while that is handed over gets no more of it', async () => {
    const endings: ((conn: EngineConnection) => void)[] = [
      (conn) => conn.pauseReading(),
      (conn) => conn.close('enough'),
      (conn) => conn.reset('enough'),
    ];
    const plan = {
      onReceive: (conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) => {
        it.note++;
        endings[(it.id / 2) | 0]!(conn);
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      for (let id = 0; id < endings.length * 2; id++) {
        const client = await connect();
        const it = (await accepted(id + 1)).at(-1)!;
        client.socket.write(Buffer.alloc(MUCH_BYTES, 'x'));
        client.socket.resetAndDestroy();
        sendAtOnce(it);
        await until(() => it.closed !== undefined, 'onClosed');
        assert.ok(it.note <= 1, `called ${it.note} times`);
        assert.match(it.closed!, id < 2 ? /^peer-reset$/ : /^(enough|peer-reset)$/);
      }
    });
  });

  test('what is written after that is dropped, and a FIN that is wanted harms nothing', async () => {
    const plan = {
      onReceive(conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) {
        if (it.note++ === 0) return;
        write(conn, 'more');
        conn.shutdownWrite();
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      const it = (await accepted(1))[0]!;
      client.socket.write('one');
      await until(() => it.note === 1, 'the first bytes');
      client.socket.write(Buffer.alloc(MUCH_BYTES, 'x'));
      client.reset();
      sendAtOnce(it);
      await until(() => it.closed !== undefined, 'onClosed');
      assert.equal(it.receivedBytes, MUCH_BYTES + 3);
      assert.equal(it.closed, 'peer-reset');
      assert.equal(it.conn.takesBytes, false);
    });
  });
}
