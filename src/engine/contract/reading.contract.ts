/** Promise: `pauseReading` stops `onReceive` at once, nothing is lost by it, `resumeReading` goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../engine.ts';
import { onStage, type Subject, sleep, until, type Watched } from './harness.contract.ts';

export function readingContract(subject: Subject): void {
  test('nothing is handed over while reading is paused, and nothing is lost by it', async () => {
    const paused = new Set<EngineConnection>();
    let whilePaused = 0;
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number, it: Watched) {
        if (paused.has(conn)) whilePaused++;
        it.received.push(Buffer.from(bytes.slice(start, end)));
        paused.add(conn);
        conn.pauseReading();
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      const sent: Buffer[] = [];
      const [it] = await accepted(1);
      for (let round = 0; round < 60; round++) {
        const chunk = Buffer.alloc(1 + round * 501, round);
        sent.push(chunk);
        client.socket.write(chunk);
        if (round % 2 === 0) await sleep(1);
        paused.delete(it!.conn);
        it!.conn.resumeReading();
      }
      const all = Buffer.concat(sent);
      await until(() => {
        paused.delete(it!.conn);
        it!.conn.resumeReading();
        return it!.receivedBytes === all.length;
      }, 'all bytes at the server');
      assert.equal(whilePaused, 0, 'onReceive while reading was paused');
      assert.ok(Buffer.concat(it!.received).equals(all));
    });
  });

  test('a pause from the first moment holds until resumed, and the last call of several counts', async () => {
    await onStage(subject, { onAccept: (conn) => conn.pauseReading() }, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.write('hello');
      const [it] = await accepted(1);
      await sleep(30);
      assert.equal(it!.receivedBytes, 0);
      it!.conn.resumeReading();
      it!.conn.pauseReading();
      await sleep(30);
      assert.equal(it!.receivedBytes, 0);
      it!.conn.pauseReading();
      it!.conn.resumeReading();
      it!.conn.resumeReading();
      await until(() => it!.receivedBytes === 5, 'the bytes after the resume');
    });
  });

  test('a paused connection pushes back on its peer', async () => {
    await onStage(subject, { onAccept: (conn) => conn.pauseReading() }, async ({ connect, accepted }) => {
      const client = await connect();
      const total = 32 * 1024 * 1024;
      client.socket.write(Buffer.alloc(total, 1));
      const [it] = await accepted(1);
      await sleep(150);
      assert.equal(it!.receivedBytes, 0);
      assert.ok(client.socket.writableLength > 0, 'the kernel cannot have taken 32 MiB');
      it!.conn.resumeReading();
      await until(() => it!.receivedBytes === total, 'all bytes after the resume');
    });
  });

  test('FIN behind bytes that wait comes after them', async () => {
    const plan = {
      onAccept: (conn: EngineConnection) => conn.pauseReading(),
      onPeerEnd(conn: EngineConnection, it: Watched) {
        it.note = it.receivedBytes;
        conn.close('done');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.end(Buffer.alloc(200_000, 7));
      const [it] = await accepted(1);
      await sleep(20);
      it!.conn.resumeReading();
      await until(() => it!.closed === 'done', 'onClosed');
      assert.equal(it!.note, 200_000);
    });
  });

  test('writing goes on while reading is paused', async () => {
    const plan = {
      onAccept(conn: EngineConnection) {
        conn.pauseReading();
        const at = conn.reserve(5);
        conn.out.set(Buffer.from('hello'), at);
        conn.commit(5);
      },
    };
    await onStage(subject, plan, async ({ connect }) => {
      const client = await connect();
      await client.received(5);
      assert.equal(client.text, 'hello');
    });
  });
}
