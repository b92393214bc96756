/** Promise: what `takeReceived` gives away is the caller's, whatever comes behind it, and nothing is lost or doubled by it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../engine.ts';
import { onStage, type Subject, until } from './harness.contract.ts';

const SENT_BYTES = 8 * 1024 * 1024;

/** No two pages of it are the same. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  return bytes;
}

export function givenContract(subject: Subject): void {
  test('memory that was taken keeps what it was filled with, while others are received from', async () => {
    const pieces = new Map<EngineConnection, Uint8Array[]>();
    let taken = 0;
    let receives = 0;
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number) {
        const own = pieces.get(conn) ?? [];
        pieces.set(conn, own);
        // Every third stays lent, so that the engine goes on with what was not taken too.
        if (++receives % 3 !== 0 && conn.takeReceived?.(bytes) === true) {
          taken++;
          assert.equal(conn.takeReceived(bytes), false, 'taken twice');
          assert.equal(start, 0);
          assert.equal(end, bytes.length);
          assert.equal(bytes.length, bytes.buffer.byteLength);
          own.push(bytes);
          return;
        }
        const copy = Buffer.from(bytes.subarray(start, end));
        own.push(copy);
        // Now and then not at once.
        if (receives % 16 === 0) {
          conn.pauseReading();
          setImmediate(() => conn.resumeReading());
        }
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const sent = noise(SENT_BYTES);
      const clients = [await connect(), await connect()];
      const servers = await accepted(2);
      for (const { socket } of clients) socket.write(sent);
      await until(() => servers.every((it) => it.receivedBytes === sent.length), 'all bytes', 20_000);
      for (const it of servers) assert.ok(Buffer.concat(pieces.get(it.conn)!).equals(sent));
      if (servers[0]!.conn.takeReceived !== undefined) assert.ok(taken > 0, 'nothing was given away');
    });
  });

  test('nothing is given away when the call is over, and no memory but what is handed over', async () => {
    const answers: unknown[] = [];
    let last: Uint8Array | undefined;
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array) {
        answers.push(conn.takeReceived?.(new Uint8Array(bytes.length)));
        last = bytes;
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      const [it] = await accepted(1);
      client.socket.write(noise(SENT_BYTES));
      await until(() => it!.receivedBytes === SENT_BYTES, 'all bytes', 20_000);
      answers.push(it!.conn.takeReceived?.(last!));
      assert.ok(answers.every((answer) => answer !== true));
    });
  });
}
