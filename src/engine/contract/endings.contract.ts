/**
 * Promises: FIN after the last committed byte; `close` loses nothing; `reset` is RST; `onClosed` exactly
 * once with the reason; each way of dying at each stage is survived, and costs the same among many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../engine.ts';
import {
  type Client,
  connectionCountMax,
  descriptorCount,
  fill,
  onStage,
  type Subject,
  sleep,
  until,
  type Watched,
  write,
} from './harness.contract.ts';

/** More than the kernel takes for a peer that does not read: send buffers end at 4 MiB here, receive at 6. */
const STUCK_BYTES = 24 * 1024 * 1024;

export function endingsContract(subject: Subject): void {
  test('all bytes committed in one turn arrive though close follows at once', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        fill(conn, 3_000_000, 65);
        conn.close('said all');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.write('go');
      await client.ended();
      assert.equal(client.error, undefined);
      assert.equal(client.receivedBytes, 3_000_000);
      const [it] = await accepted(1);
      await until(() => it!.closed === 'said all', 'onClosed with the reason given');
    });
  });

  test('takesBytes is false from the end that was asked for, or from the failure, on', async () => {
    const ends: Record<string, (conn: EngineConnection) => void> = {
      close: (conn) => conn.close('over'),
      reset: (conn) => conn.reset('over'),
      shutdownWrite: (conn) => conn.shutdownWrite(),
    };
    await onStage(subject, {}, async ({ connect, accepted }) => {
      let count = 0;
      for (const end of Object.values(ends)) {
        const client = await connect();
        const it = (await accepted(++count)).at(-1)!;
        assert.ok(it.conn.takesBytes);
        end(it.conn);
        assert.equal(it.conn.takesBytes, false);
        client.reset();
        await until(() => it.closed !== undefined, 'onClosed');
      }
      const client = await connect();
      const it = (await accepted(++count)).at(-1)!;
      client.reset();
      await until(() => it.closed !== undefined, 'onClosed');
      assert.equal(it.conn.takesBytes, false);
    });
  });

  test('close waits for nothing from the peer', async () => {
    const plan = {
      onAccept(conn: EngineConnection) {
        write(conn, 'bye');
        conn.close('short');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.pause();
      const [it] = await accepted(1);
      await until(() => it!.closed === 'short', 'onClosed', 1000);
      client.socket.resume();
      await client.ended();
      assert.equal(client.text, 'bye');
    });
  });

  test('bytes that arrive after close are discarded', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        fill(conn, STUCK_BYTES, 65);
        conn.close('enough');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.pause();
      client.socket.write('go');
      const [it] = await accepted(1);
      await until(() => it!.receivedBytes === 2, 'the first bytes');
      client.socket.write('more');
      await sleep(30);
      assert.equal(it!.receivedBytes, 2);
      assert.equal(it!.closed, undefined);
      assert.ok(it!.conn.isOpen);
      client.socket.resume();
      await client.received(STUCK_BYTES);
      await until(() => it!.closed === 'enough', 'onClosed');
    });
  });

  test('bytes that wait unread, because reading is paused, do not spoil a close', async () => {
    for (const answerBytes of [10, STUCK_BYTES]) {
      const plan = {
        onReceive(conn: EngineConnection) {
          conn.pauseReading();
        },
      };
      await onStage(subject, plan, async ({ connect, accepted }) => {
        const client = await connect();
        client.socket.pause();
        client.socket.write('go');
        const [it] = await accepted(1);
        await until(() => it!.receivedBytes === 2, 'the first bytes');
        client.socket.write(Buffer.alloc(300_000));
        await sleep(30);
        fill(it!.conn, answerBytes, 65);
        it!.conn.close('enough');
        await sleep(30);
        client.socket.write(Buffer.alloc(300_000));
        client.socket.resume();
        await client.received(answerBytes);
        await until(() => it!.closed === 'enough', 'onClosed');
        await client.ended();
      });
    }
  });

  test('a peer that has sent FIN can still be written to', async () => {
    const plan = {
      onPeerEnd(conn: EngineConnection) {
        setTimeout(() => {
          fill(conn, 1_000_000, 66);
          conn.close('answered');
        }, 10);
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.end('question');
      await client.ended();
      assert.equal(client.receivedBytes, 1_000_000);
      const [it] = await accepted(1);
      assert.equal(it!.peerEnds, 1);
      await until(() => it!.closed === 'answered', 'onClosed');
    });
  });

  test('after shutdownWrite receiving goes on, and the connection stays until it is closed', async () => {
    const plan = {
      onAccept(conn: EngineConnection) {
        write(conn, 'last words');
        conn.shutdownWrite();
        conn.shutdownWrite();
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      await client.ended();
      assert.equal(client.text, 'last words');
      client.socket.write('still here');
      const [it] = await accepted(1);
      await until(() => it!.receivedBytes === 10, 'bytes after our FIN');
      client.socket.end();
      await until(() => it!.peerEnds === 1, 'onPeerEnd');
      await sleep(30);
      // Both directions have ended; whose slot it is, is for the layer above to say.
      assert.equal(it!.closed, undefined);
      assert.ok(it!.conn.isOpen);
      it!.conn.close('both done');
      await until(() => it!.closed === 'both done', 'onClosed');
    });
  });

  test('FIN of shutdownWrite waits for all that was committed', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        fill(conn, STUCK_BYTES, 67);
        conn.shutdownWrite();
      },
      onPeerEnd: (conn: EngineConnection) => conn.close('done'),
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.pause();
      client.socket.write('go');
      await sleep(50);
      client.socket.resume();
      await client.ended();
      assert.equal(client.receivedBytes, STUCK_BYTES);
      client.socket.end();
      const [it] = await accepted(1);
      await until(() => it!.closed === 'done', 'onClosed');
    });
  });

  test('close and reset work from within every callback', async () => {
    const stages = ['accept', 'receive', 'peerEnd', 'drained', 'deadline'] as const;
    for (const ending of ['close', 'reset'] as const) {
      for (const stage of stages) {
        const end = (at: (typeof stages)[number], conn: EngineConnection): void => {
          if (at === stage) conn[ending](`${ending} in ${at}`);
        };
        const plan = {
          onAccept(conn: EngineConnection) {
            if (stage === 'deadline') conn.setDeadline(0);
            end('accept', conn);
          },
          onReceive(conn: EngineConnection) {
            if (stage === 'drained') fill(conn, STUCK_BYTES, 68);
            end('receive', conn);
          },
          onPeerEnd: (conn: EngineConnection) => end('peerEnd', conn),
          onDrained: (conn: EngineConnection) => end('drained', conn),
          onDeadline: (conn: EngineConnection) => end('deadline', conn),
        };
        await onStage(subject, plan, async ({ connect, accepted }) => {
          const client = await connect();
          client.socket.write('go');
          if (stage === 'peerEnd') client.socket.end();
          const [it] = await accepted(1);
          await until(() => it!.closed !== undefined, `onClosed after ${ending} in ${stage}`);
          assert.equal(it!.closed, `${ending} in ${stage}`);
          await client.ended();
        });
      }
    }
  });

  test('reset is RST at each stage', async () => {
    const sent: Record<string, (it: Watched, client: Client) => Promise<void> | void> = {
      'before a byte': () => {},
      'after bytes came': async (it, client) => {
        client.socket.write('x');
        await until(() => it.receivedBytes === 1, 'a byte');
      },
      'while bytes wait for the peer': async (it, client) => {
        client.socket.pause();
        fill(it.conn, STUCK_BYTES, 69);
        await sleep(20);
        assert.ok(it.conn.unsentBytes > 0);
      },
      'with bytes committed in the same turn': (it) => fill(it.conn, 100_000, 70),
      'in the turn of shutdownWrite': (it) => it.conn.shutdownWrite(),
      'while FIN leaves': async (it) => {
        it.conn.shutdownWrite();
        await new Promise<void>((resolve) => process.nextTick(resolve));
      },
      'after shutdownWrite': async (it) => {
        it.conn.shutdownWrite();
        await sleep(10);
      },
      'after shutdownWrite behind bytes that wait': async (it, client) => {
        client.socket.pause();
        fill(it.conn, STUCK_BYTES, 71);
        it.conn.shutdownWrite();
        await sleep(20);
      },
      'after a close that waits': async (it, client) => {
        client.socket.pause();
        fill(it.conn, STUCK_BYTES, 72);
        it.conn.close('patient');
        await sleep(20);
        assert.equal(it.closed, undefined);
      },
    };
    const before = descriptorCount() ?? 0;
    for (const [stage, prepare] of Object.entries(sent)) {
      await onStage(subject, {}, async ({ connect, accepted }) => {
        const client = await connect();
        const [it] = await accepted(1);
        await prepare(it!, client);
        it!.conn.reset('forced');
        it!.conn.reset('again');
        await until(() => it!.closed !== undefined, `onClosed after reset ${stage}`, 1000);
        assert.match(it!.closed!, /^(forced|patient)$/);
        // A client that has seen our FIN learns of the RST by writing.
        client.socket.resume();
        client.socket.write('x');
        await sleep(5);
        client.socket.write('x');
        await until(() => client.hasClosed, `RST at the client, ${stage}`, 2000);
        assert.match(String(client.error?.code), /ECONNRESET|EPIPE/, stage);
      });
    }
    // One for what an engine opens once, at its first use.
    await until(() => (descriptorCount() ?? 0) <= before + 1, 'every descriptor released');
  });

  test('a peer that resets is survived at each stage', async () => {
    const stages: Record<string, (it: Watched, client: Client) => Promise<void> | void> = {
      idle: () => {},
      'in the midst of its bytes': (_it, client) => {
        client.socket.write(Buffer.alloc(300_000, 1));
      },
      'while bytes wait for it': async (it, client) => {
        client.socket.pause();
        fill(it.conn, STUCK_BYTES, 73);
        await sleep(20);
      },
      'after our FIN': async (it, client) => {
        it.conn.shutdownWrite();
        await client.ended();
      },
      'during a close that waits for it': async (it, client) => {
        client.socket.pause();
        fill(it.conn, STUCK_BYTES, 74);
        it.conn.close('patient');
        await sleep(20);
      },
    };
    for (const [stage, prepare] of Object.entries(stages)) {
      // libuv may report a RST that follows bytes as FIN. Then the next write must find out.
      const plan = { onPeerEnd: (conn: EngineConnection) => write(conn, 'are you there?') };
      await onStage(subject, plan, async ({ connect, accepted }) => {
        const client = await connect();
        const [it] = await accepted(1);
        await prepare(it!, client);
        client.reset();
        await until(() => it!.closed !== undefined, `onClosed after the peer reset ${stage}`, 2000);
        assert.match(
          it!.closed!,
          stage.startsWith('during') ? /^(patient|peer-reset)$/ : /^peer-reset$/,
          stage,
        );
      });
    }
  });

  test('a peer that resets before it is accepted leaves nothing behind', async () => {
    await onStage(subject, {}, async ({ engine, connect, watch }) => {
      for (let i = 0; i < 50; i++) (await connect()).reset();
      const last = await connect();
      last.socket.end();
      await until(() => watch.all.some((it) => it.peerEnds === 1), 'the client after the resets');
      await until(() => engine.connectionCount === 1, 'only the last connection left');
    });
  });

  test('calls on a connection that has closed do nothing', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      const first = await connect();
      const [gone] = await accepted(1);
      const { conn } = gone!;
      first.reset();
      await until(() => gone!.closed !== undefined, 'onClosed');
      const others = await Promise.all(Array.from({ length: 20 }, connect));
      await accepted(21);
      assert.equal(conn.isOpen, false);
      assert.equal(conn.unsentBytes, 0);
      for (let i = 0; i < 3; i++) fill(conn, 100_000, 75);
      conn.pauseReading();
      conn.resumeReading();
      conn.setDeadline(0);
      conn.shutdownWrite();
      conn.close('late');
      conn.reset('late');
      conn.remoteAddress();
      await sleep(30);
      for (const other of others) {
        assert.equal(other.receivedBytes, 0);
        assert.equal(other.hasEnded || other.hasClosed, false);
      }
      assert.equal(gone!.closed, 'peer-reset');
    });
  });

  test('writing to a peer that has vanished is harmless', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      const client = await connect();
      const [it] = await accepted(1);
      it!.conn.pauseReading();
      client.reset();
      await sleep(10);
      for (let i = 0; i < 20 && it!.closed === undefined; i++) {
        fill(it!.conn, 50_000, 76);
        await sleep(1);
      }
      await until(() => it!.closed === 'peer-reset', 'onClosed by the failed write');
    });
  });

  test('to end one of many connections costs about what it costs to end one of few', {
    skip: subject.connect !== undefined && 'their handshakes take most of the time',
  }, async () => {
    const COUNT = 300;
    const many = connectionCountMax(5000);
    const cost = { few: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY };
    const isAlike = () => cost.many < 2 * cost.few + 20;
    // What a neighbour on the machine adds is in one run and not in the next.
    for (let run = 0; run < 3 && !isAlike(); run++) {
      cost.few = Math.min(cost.few, await costOfResets(subject, COUNT, COUNT));
      cost.many = Math.min(cost.many, await costOfResets(subject, many, COUNT));
    }
    const text = `${cost.many.toFixed(1)} ms of CPU for ${COUNT} of ${many}, ${cost.few.toFixed(1)} for ${COUNT} of ${COUNT}`;
    assert.ok(isAlike(), text);
  });
}

/** @returns milliseconds of CPU, the clients' share included, for `count` resets evenly spread among `open` connections */
async function costOfResets(subject: Subject, open: number, count: number): Promise<number> {
  let costMs = 0;
  await onStage(subject, {}, async ({ connect, accepted }) => {
    for (let made = 0; made < open; ) {
      const size = Math.min(500, open - made);
      await Promise.all(Array.from({ length: size }, connect));
      made += size;
      await accepted(made);
    }
    const all = await accepted(open);
    const chosen = Array.from({ length: count }, (_, i) => all[Math.floor((i * open) / count)]!);
    const before = process.cpuUsage();
    for (const { conn } of chosen) conn.reset('one of many');
    await until(() => chosen.every(({ closed }) => closed !== undefined), 'onClosed');
    const { user, system } = process.cpuUsage(before);
    costMs = (user + system) / 1000;
  });
  return costMs;
}
