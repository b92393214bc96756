/**
 * Promises about `connect`: how an outgoing connection comes to stand, how it fails, and how it is given up
 * before it does either.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SysError } from '../../base/errors.ts';
import type { ConnectTarget, Engine, EngineConnection } from '../engine.ts';
import {
  descriptorCount,
  fill,
  onStage,
  type Subject,
  sleep,
  until,
  type Watched,
  write,
} from './harness.contract.ts';
import { startStuckServer } from './stuck-server.contract.ts';

const text = (it: Watched): string => Buffer.concat(it.received).toString('latin1');

export function connectingContract(subject: Subject): void {
  test('two connections of one engine talk to each other', async () => {
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number, it: Watched) {
        it.received.push(Buffer.from(bytes.slice(start, end)));
        if (!it.isMade && it.receivedBytes === 8) write(conn, 'answer');
        if (it.isMade && it.receivedBytes === 6) conn.close('answered');
      },
      onPeerEnd: (conn: EngineConnection) => conn.close('peer ended'),
    };
    await onStage(subject, plan, async ({ engine, make, accepted, listener }) => {
      const made = make();
      assert.equal(engine.connectionCount, 1, 'one that is being made counts');
      assert.deepEqual([...engine.connections()], [made.conn]);
      await until(() => made.connects === 1, 'onConnect');
      assert.deepEqual({ ...made.conn.remoteAddress() }, { ...listener.address });
      const own = made.conn.localAddress();
      const [it] = await accepted(1);
      assert.deepEqual({ ...it!.conn.remoteAddress() }, { ...own });
      assert.deepEqual({ ...it!.conn.localAddress() }, { ...listener.address });
      write(made.conn, 'question');
      await until(() => made.closed !== undefined && it!.closed !== undefined, 'onClosed of both');
      assert.deepEqual([text(it!), text(made)], ['question', 'answer']);
      assert.deepEqual([made.closed, it!.closed], ['answered', 'peer ended']);
      assert.deepEqual([made.conn.errorCode, it!.conn.errorCode], ['', '']);
      assert.equal(made.conn.localAddress(), undefined);
      const { accepted: count, connected, connectFailures, closed, open } = engine.stats();
      assert.deepEqual(
        { count, connected, connectFailures, closed, open },
        { count: 1, connected: 1, connectFailures: 0, closed: 2, open: 0 },
      );
    });
  });

  test('what is committed before the connection stands leaves when it does, in order', async () => {
    const plan = {
      onConnect: (conn: EngineConnection) => {
        write(conn, 'last');
        conn.shutdownWrite();
      },
      onPeerEnd: (conn: EngineConnection, it: Watched) => {
        if (!it.isMade) conn.close('done');
      },
    };
    await onStage(subject, plan, async ({ make, accepted }) => {
      const made = make();
      write(made.conn, 'first');
      fill(made.conn, 500_000, 0x61);
      assert.equal(made.conn.unsentBytes, 500_005);
      const [it] = await accepted(1);
      await until(() => it!.closed === 'done', 'everything and FIN');
      assert.equal(text(it!), `first${'a'.repeat(500_000)}last`);
      await until(() => made.drains > 0 && made.peerEnds === 1, 'onDrained, and FIN of the other side');
      made.conn.close('done');
    });
  });

  test('close and shutdownWrite before the connection stands keep what was committed', async () => {
    await onStage(subject, {}, async ({ make, accepted }) => {
      const made = [make(), make()] as const;
      for (const it of made) write(it.conn, 'all of it');
      made[0].conn.close('said all');
      made[1].conn.shutdownWrite();
      for (const it of await accepted(2)) {
        await until(() => it.peerEnds === 1, 'FIN');
        assert.equal(text(it), 'all of it');
      }
      await until(() => made[0].closed === 'said all', 'onClosed');
      assert.deepEqual([made[0].connects, made[1].connects], [0, 1]);
      assert.equal(made[0].conn.errorCode, '');
    });
  });

  test('reading that is paused before the connection stands stays paused until it is resumed', async () => {
    const plan = { onAccept: (conn: EngineConnection) => write(conn, 'hello') };
    await onStage(subject, plan, async ({ make }) => {
      const made = make();
      made.conn.pauseReading();
      await until(() => made.connects === 1, 'onConnect');
      await sleep(30);
      assert.equal(made.receivedBytes, 0);
      made.conn.resumeReading();
      await until(() => made.receivedBytes === 5, 'the bytes after the resume');
    });
  });

  test('a port that nobody listens on is connect-failed with ECONNREFUSED', async () => {
    await onStage(subject, {}, async ({ engine, make }) => {
      const port = await unusedPort();
      for (const family of ['IPv4', 'IPv6'] as const) {
        const made = make({ family, address: family === 'IPv4' ? '127.0.0.1' : '::1', port });
        write(made.conn, 'lost');
        await until(() => made.closed !== undefined, 'onClosed');
        assert.equal(made.closed, 'connect-failed');
        assert.match(made.conn.errorCode, family === 'IPv4' ? /^ECONNREFUSED$/ : /^(ECONNREFUSED|E.*NET.*)$/);
        assert.equal(made.conn.unsentBytes, 0);
      }
      const { connected, connectFailures, closed, bytesSent } = engine.stats();
      assert.deepEqual(
        { connected, connectFailures, closed, bytesSent },
        { connected: 0, connectFailures: 2, closed: 2, bytesSent: 0 },
      );
    });
  });

  test('IPv6 and unix sockets are connected to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-contract-'));
    const targets: [ConnectTarget, Server][] = [];
    try {
      const unix = join(folder, 'socket');
      targets.push([{ unix }, await serving({ path: unix })]);
      const six = await serving({ port: 0, host: '::1' }).catch(() => undefined);
      if (six !== undefined) targets.push([{ family: 'IPv6', address: '::1', port: portOf(six) }, six]);
      await onStage(subject, {}, async ({ make }) => {
        for (const [target] of targets) {
          const made = make(target);
          write(made.conn, 'hello');
          await until(() => made.receivedBytes === 11, 'the answer of node:net');
          assert.equal(text(made), 'heard hello');
          const isUnix = 'unix' in target;
          assert.equal(made.conn.localAddress()?.address, isUnix ? undefined : '::1');
          assert.equal(made.conn.remoteAddress()?.family, isUnix ? 'unix' : 'IPv6');
          await until(() => made.peerEnds === 1, 'FIN');
          made.conn.close('done');
          await until(() => made.closed === 'done', 'onClosed');
        }
        const nobody = make({ unix: join(folder, 'nobody') });
        await until(() => nobody.closed !== undefined, 'onClosed');
        assert.deepEqual([nobody.closed, nobody.conn.errorCode], ['connect-failed', 'ENOENT']);
      });
    } finally {
      for (const [, server] of targets) server.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('the source address is the one that was asked for', {
    skip: process.platform !== 'linux',
  }, async () => {
    await onStage(subject, {}, async ({ make, accepted, listener }) => {
      const { address, port } = listener.address;
      const target = { family: 'IPv4', address, port, localAddress: '127.0.0.77' } as const;
      const made = [make(target), make(target), make()] as const;
      await until(() => made.every((it) => it.connects === 1), 'onConnect');
      const seen = (await accepted(3)).map((it) => it.conn.remoteAddress()!);
      const own = made.map((it) => it.conn.localAddress()!);
      const byPort = (a: { port: number }, b: { port: number }): number => a.port - b.port;
      assert.deepEqual(
        own.map((each) => each.address),
        ['127.0.0.77', '127.0.0.77', '127.0.0.1'],
      );
      assert.deepEqual(
        seen.map((each) => ({ ...each })).sort(byPort),
        own.map((each) => ({ ...each })).sort(byPort),
      );
    });
  });

  test('a source address that is not ours is EADDRNOTAVAIL, and what is no address is EINVAL', async () => {
    await onStage(subject, {}, async ({ engine, make, watch, listener }) => {
      const { address, port } = listener.address;
      const before = watch.all.length;
      // TEST-NET-1 of RFC 5737: bind refuses it, so that nothing is sent.
      const target = { family: 'IPv4', address, port, localAddress: '192.0.2.1' } as const;
      const thrown = thrownBy(() => make(target));
      if (thrown === undefined) {
        const it = watch.all[before]!;
        await until(() => it.closed !== undefined, 'onClosed');
        assert.deepEqual([it.closed, it.conn.errorCode], ['connect-failed', 'EADDRNOTAVAIL']);
      } else {
        assert.ok(thrown instanceof SysError);
        assert.deepEqual([thrown.syscall, thrown.code], ['bind', 'EADDRNOTAVAIL']);
        assert.equal(engine.connectionCount, 0);
      }
      const wrong: ConnectTarget[] = [
        { family: 'IPv4', address: 'localhost', port },
        { family: 'IPv6', address: '127.0.0.1', port },
        { family: 'IPv4', address, port: 65_536 },
        { family: 'IPv4', address, port, localAddress: '::1' },
      ];
      for (const each of wrong) {
        const error = thrownBy(() => engine.connect(each));
        assert.ok(error instanceof SysError && error.code === 'EINVAL', JSON.stringify(each));
      }
      assert.equal(engine.connectionCount, 0);
    });
  });

  test('a connection that does not come about is given up at any time, and its deadline comes', async () => {
    const stuck = await startStuckServer();
    const target = { family: 'IPv4', address: '127.0.0.1', port: stuck.port } as const;
    try {
      const before = descriptorCount() ?? 0;
      const plan = { onDeadline: (conn: EngineConnection) => conn.reset('too late') };
      await onStage(subject, plan, async ({ engine, make }) => {
        const made = Array.from({ length: 7 }, () => make(target));
        const [closed, reset, late, written, hasty, shut, open] = made.map((it) => it.conn);
        // Within the call's own turn.
        hasty!.reset('hasty');
        written!.setDeadline(Number.POSITIVE_INFINITY);
        write(written!, 'lost');
        shut!.shutdownWrite();
        await sleep(30);
        assert.deepEqual(
          made.map((it) => it.closed),
          [undefined, undefined, undefined, undefined, 'hasty', undefined, undefined],
        );
        assert.equal(written!.unsentBytes, 4);
        assert.equal(open!.localAddress(), undefined);
        assert.equal(open!.remoteAddress(), undefined);
        late!.setDeadline(engine.nowMs + 20);
        closed!.close('closed');
        reset!.reset('reset');
        written!.reset('reset');
        shut!.close('closed');
        await until(() => made.filter((it) => it.closed !== undefined).length === 6, 'onClosed');
        assert.deepEqual(
          made.map((it) => [it.closed, it.conn.errorCode, it.connects]),
          ['closed', 'reset', 'too late', 'reset', 'hasty', 'closed', undefined].map((why) => [why, '', 0]),
        );
        // The last one is there when the engine is closed.
        assert.equal(engine.connectionCount, 1);
        const { connected, connectFailures } = engine.stats();
        assert.deepEqual({ connected, connectFailures }, { connected: 0, connectFailures: 0 });
      });
      // One for what an engine opens once, at its first use.
      await until(() => (descriptorCount() ?? 0) <= before + 1, 'every descriptor released');
    } finally {
      await stuck.stop();
    }
  });

  test('a connection that takes seconds to stand is made all the same', async () => {
    const stuck = await startStuckServer();
    const target = { family: 'IPv4', address: '127.0.0.1', port: stuck.port } as const;
    try {
      await onStage(subject, {}, async ({ make }) => {
        const made = [make(target), make(target)] as const;
        write(made[0].conn, 'patience');
        write(made[1].conn, 'farewell');
        made[1].conn.close('said all');
        await sleep(20);
        assert.deepEqual([made[0].connects, made[1].closed], [0, undefined]);
        stuck.goOn();
        await until(() => made[0].peerEnds === 1 && made[1].closed !== undefined, 'the answer', 30_000);
        assert.equal(text(made[0]), 'heard patience');
        assert.deepEqual([made[1].closed, made[1].conn.errorCode], ['said all', '']);
      });
    } finally {
      await stuck.stop();
    }
  });

  test('closing the engine ends connections that are being made', async () => {
    const round = (): Promise<void> =>
      onStage(subject, {}, async ({ engine, make }) => {
        const made = Array.from({ length: 20 }, () => make());
        for (const it of made) write(it.conn, 'lost');
        await engine.close();
        for (const it of made) assert.equal(it.closed, 'engine-closed');
        assert.throws(() => engine.connect({ family: 'IPv4', address: '127.0.0.1', port: 1 }));
      });
    // The first round loads what is loaded once.
    await round();
    const before = descriptorCount() ?? 0;
    await round();
    await until(() => (descriptorCount() ?? 0) <= before, 'every descriptor released');
  });

  test('releaseNow releases connections that are being made, and says nothing', async () => {
    const before = descriptorCount() ?? 0;
    const said: string[] = [];
    const say = (what: string) => () => void said.push(what);
    const handler = {
      onAccept: say('accept'),
      onConnect: say('connect'),
      onReceive: say('receive'),
      onDrained: say('drained'),
      onPeerEnd: say('end'),
      onDeadline: say('deadline'),
      onClosed: say('closed'),
    };
    const engine: Engine = await subject.create({ handler });
    const server = await serving({ port: 0, host: '127.0.0.1' });
    for (let i = 0; i < 5; i++)
      engine.connect({ family: 'IPv4', address: '127.0.0.1', port: portOf(server) });
    engine.unref();
    engine.releaseNow();
    await new Promise((resolve) => server.close(resolve));
    await sleep(20);
    assert.deepEqual(said, []);
    // The engine's wake-up goes with its thread.
    await until(() => (descriptorCount() ?? 0) <= before + 2, 'every descriptor released');
  });
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A server of node:net that repeats what it hears and ends. */
export function serving(at: { path: string } | { port: number; host: string }): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => socket.end(`heard ${bytes.toString('latin1')}`));
    });
    server.once('error', reject);
    server.listen(at, () => resolve(server));
  });
}

export function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

/** A port that was free a moment ago. */
async function unusedPort(): Promise<number> {
  const server = await serving({ port: 0, host: '127.0.0.1' });
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
