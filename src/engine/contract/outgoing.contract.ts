/**
 * Promises about connections that the engine has made and that stand: they end as accepted ones do, keep the
 * process alive, and leave nothing behind however many come and go.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { EngineConnection } from '../engine.ts';
import { startChild } from './child-process.contract.ts';
import { portOf, serving } from './connecting.contract.ts';
import {
  countOf,
  descriptorCount,
  fill,
  onStage,
  type Subject,
  until,
  type Watched,
  write,
} from './harness.contract.ts';

export function outgoingContract(subject: Subject): void {
  test('large bodies pass both ways between two connections of one engine', async () => {
    const sizes = { made: 3_000_000, accepted: 2_000_000 };
    const plan = {
      onConnect(conn: EngineConnection) {
        fill(conn, sizes.made, 1);
        conn.shutdownWrite();
      },
      onAccept(conn: EngineConnection) {
        fill(conn, sizes.accepted, 2);
        conn.shutdownWrite();
      },
      onReceive(_conn: EngineConnection, bytes: Uint8Array, start: number, end: number, it: Watched) {
        for (let i = start; i < end; i++) if (bytes[i] !== (it.isMade ? 2 : 1)) it.note++;
      },
      onPeerEnd: (conn: EngineConnection) => conn.close('done'),
    };
    await onStage(subject, plan, async ({ make, watch }) => {
      for (let i = 0; i < 5; i++) make();
      await until(
        () => watch.all.length === 10 && watch.all.every((it) => it.closed === 'done'),
        'all closed',
      );
      for (const it of watch.all) {
        assert.equal(it.receivedBytes, it.isMade ? sizes.accepted : sizes.made);
        assert.equal(it.note, 0, 'bytes that were not sent');
      }
    });
  });

  test('a server that closes is onPeerEnd, and one that resets is peer-reset with ECONNRESET', async () => {
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      sockets.push(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const target = { family: 'IPv4', address: '127.0.0.1', port: portOf(server) } as const;
      await onStage(subject, {}, async ({ make }) => {
        const ended = make(target);
        await until(() => sockets.length === 1 && ended.connects === 1, 'a connection');
        sockets[0]!.end('bye');
        await until(() => ended.peerEnds === 1, 'onPeerEnd');
        assert.equal(ended.receivedBytes, 3);
        assert.equal(ended.closed, undefined, 'it is open until it is closed here');
        ended.conn.close('done');
        await until(() => ended.closed === 'done', 'onClosed');
        assert.equal(ended.conn.errorCode, '');

        const reset = make(target);
        await until(() => sockets.length === 2 && reset.connects === 1, 'a connection');
        sockets[1]!.resetAndDestroy();
        await until(() => reset.closed !== undefined, 'onClosed');
        assert.deepEqual([reset.closed, reset.conn.errorCode], ['peer-reset', 'ECONNRESET']);
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  test('reset sends RST and leaves no connection in TIME_WAIT', async () => {
    const errors: unknown[] = [];
    const server = createServer((socket) => socket.on('error', (error) => errors.push(error)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const target = { family: 'IPv4', address: '127.0.0.1', port: portOf(server) } as const;
      await onStage(subject, {}, async ({ make }) => {
        const made = Array.from({ length: 10 }, () => make(target));
        await until(() => made.every((it) => it.connects === 1), 'ten connections');
        const ports = made.map((it) => it.conn.localAddress()!.port);
        // Some while bytes are committed, some with FIN on its way.
        for (const it of made.slice(0, 3)) write(it.conn, 'dropped');
        for (const it of made.slice(3, 6)) it.conn.shutdownWrite();
        for (const it of made) it.conn.reset('enough');
        await until(() => made.every((it) => it.closed === 'enough'), 'onClosed');
        await until(
          () => errors.length === 10,
          () => `ten resets at the server, there are ${errors.length}`,
        );
        const waiting = timeWaitPorts(target.port);
        assert.deepEqual(
          ports.filter((port) => waiting.has(port)),
          [],
        );
      });
    } finally {
      server.close();
    }
  });

  test('thousands of connections, fifty at a time, leak neither descriptor nor slot', async () => {
    const total = countOf(5000, 2000);
    const server = await serving({ port: 0, host: '127.0.0.1' });
    let begun = 0;
    let answered = 0;
    let next = (): void => {};
    const plan = {
      // This is what a client does that opens a connection for each request, and only keeps an eye on the whole answer.
      onReceive(conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) {
        if (it.receivedBytes < 10) return;
        answered++;
        // Those that wait for the server's FIN leave no TIME_WAIT here, the others reset or do leave it.
        if (it.id % 3 === 0) conn.reset('answered');
        else if (it.id % 3 === 1) conn.close('answered');
      },
      onPeerEnd: (conn: EngineConnection) => conn.close('answered'),
      onClosed: () => next(),
    };
    try {
      const target = { family: 'IPv4', address: '127.0.0.1', port: portOf(server) } as const;
      await onStage(subject, plan, async ({ engine, make, watch }) => {
        const before = descriptorCount() ?? 0;
        next = () => {
          if (begun === total) return;
          begun++;
          write(make(target).conn, 'ping');
        };
        for (let i = 0; i < 50; i++) next();
        await until(
          () => watch.all.length === total && engine.connectionCount === 0,
          () => `${total} connections, ${watch.all.length} have been begun`,
          60_000,
        );
        assert.equal(answered, total);
        assert.ok(watch.all.every((it) => it.closed === 'answered'));
        const slots = watch.all.map((it) => (it.conn as unknown as { slot: number }).slot);
        assert.ok(Math.max(...slots) < 60, 'slots are used again');
        const { connected, connectFailures, closed, open } = engine.stats();
        assert.deepEqual(
          { connected, connectFailures, closed, open },
          { connected: total, connectFailures: 0, closed: total, open: 0 },
        );
        await until(
          () => (descriptorCount() ?? 0) <= before,
          () => `${before} descriptors, now ${descriptorCount()}`,
        );
      });
    } finally {
      server.close();
    }
  });

  test('a deadline of a connection that was made comes, also when it was set before it stood', async () => {
    const plan = {
      onDeadline: (conn: EngineConnection, it: Watched) => {
        it.note = it.connects;
        conn.reset('too late');
      },
    };
    await onStage(subject, plan, async ({ engine, make }) => {
      const made = make();
      const atMs = engine.nowMs + 40;
      made.conn.setDeadline(atMs);
      await until(() => made.closed === 'too late', 'onDeadline');
      assert.ok(performance.now() >= atMs);
      assert.equal(made.note, 1);
    });
  });

  test('a connection that was made keeps the process alive, until the engine is unref-ed', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      sockets.push(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const child = await startChild(subject.capabilities, 'connect', { connectTo: portOf(server) });
    try {
      await until(() => sockets.length === 1, 'the connection of the child');
      // Nothing else keeps it: its stdin is not read.
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(child.hasExited, false);
      sockets[0]!.write('let go');
      await until(() => child.hasExited, 'the process to end by itself');
    } finally {
      await child.stop();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
}

/** Local ports of connections to `port` that are in TIME_WAIT (state 06), IPv4. */
function timeWaitPorts(port: number): Set<number> {
  const ports = new Set<number>();
  let table = '';
  try {
    table = readFileSync('/proc/net/tcp', 'latin1');
  } catch {
    // No procfs: then there is nothing to be seen.
  }
  const row = /^\s*\d+: [0-9A-F]{8}:([0-9A-F]{4}) [0-9A-F]{8}:([0-9A-F]{4}) 06 /gm;
  for (const [, local = '', remote = ''] of table.matchAll(row))
    if (Number.parseInt(remote, 16) === port) ports.add(Number.parseInt(local, 16));
  return ports;
}
