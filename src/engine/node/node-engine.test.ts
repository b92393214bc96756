import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, onStage, sleep, until, write } from '../contract/harness.contract.ts';
import { engineContract } from '../engine.contract.ts';
import { NODE_ENGINE_CAPABILITIES as capabilities } from './capabilities.contract.ts';
import type { NodeConnection } from './connection.ts';
import { createNodeEngine, type NodeEngine } from './node-engine.ts';

engineContract('node', createNodeEngine, capabilities);

test('bytes that Node hands over although reading is paused are kept until it resumes', async () => {
  await onStage({ create: createNodeEngine, capabilities }, {}, async ({ engine, connect, accepted }) => {
    await connect();
    const [it] = await accepted(1);
    const conn = it!.conn as NodeConnection;
    conn.pauseReading();
    // Node does not do so today; the contract is not to hang on that.
    for (const text of ['he', 'llo']) {
      const goesOn = (engine as NodeEngine).received(conn, Buffer.from(`${text}...`), text.length);
      assert.equal(goesOn, false);
    }
    assert.equal(it!.receivedBytes, 0);
    conn.resumeReading();
    assert.equal(it!.receivedBytes, 0, 'not from within the call');
    await until(() => it!.receivedBytes === 5, 'what was kept');
    assert.equal(Buffer.concat(it!.received).toString(), 'hello');
  });
});

test('a handler that throws loses neither its bytes nor those of others', async () => {
  const crashes: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => crashes.push(error));
  try {
    const plan = {
      onReceive(conn: unknown) {
        write(conn as NodeConnection, 'sent');
        throw new RangeError('a bug of the layer above');
      },
    };
    await onStage({ create: createNodeEngine, capabilities }, plan, async ({ connect }) => {
      const clients = [await connect(), await connect()];
      for (const client of clients) client.socket.write('x');
      for (const client of clients) await client.received(4);
    });
    assert.equal(crashes.length, 2);

    // The handler throws while the turn is being flushed, another connection waits behind it.
    await onStage({ create: createNodeEngine, capabilities }, plan, async ({ engine, connect, accepted }) => {
      const clients = [await connect(), await connect()];
      const [first, second] = (await accepted(2)).map((it) => it.conn as NodeConnection);
      first!.pauseReading();
      (engine as NodeEngine).received(first!, Buffer.from('x'), 1);
      first!.resumeReading();
      write(second!, 'sent');
      for (const client of clients) await client.received(4);
    });
    assert.equal(crashes.length, 3);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

test('releaseNow closes every descriptor and says nothing', async () => {
  const calls: string[] = [];
  const engine = await createNodeEngine({
    handler: {
      onAccept: () => calls.push('accept'),
      onReceive() {},
      onDrained() {},
      onPeerEnd() {},
      onDeadline: () => calls.push('deadline'),
      onClosed: () => calls.push('closed'),
    },
  });
  const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const client = await Client.connect('127.0.0.1', address.port);
  await until(() => calls.length === 1, 'onAccept');
  for (const conn of engine.connections()) conn.setDeadline(engine.nowMs + 5);
  engine.releaseNow();
  await client.ended();
  await assert.rejects(Client.connect('127.0.0.1', address.port), { code: 'ECONNREFUSED' });
  await sleep(20);
  assert.deepEqual(calls, ['accept']);
  client.socket.destroy();
});
