/**
 * Promises: `close` of an engine releases everything; nothing leaks however many connections come and
 * go; a slot's next owner never gets what belonged to the one before; running out of descriptors is
 * survived.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../engine.ts';
import { startChild } from './child-process.contract.ts';
import {
  Client,
  connectionCountMax,
  countOf,
  descriptorCount,
  fill,
  onStage,
  type Subject,
  sleep,
  until,
  type Watched,
  write,
} from './harness.contract.ts';

export function lifetimeContract(subject: Subject): void {
  test('closing the engine ends connections in every state and releases every descriptor', async () => {
    const round = (): Promise<void> =>
      onStage(subject, { onPeerEnd: () => {} }, async ({ engine, connect, accepted }) => {
        const clients = await Promise.all(Array.from({ length: 7 }, connect));
        const all = await accepted(7);
        // In the order of the clients: an engine may report what it accepts in another.
        const of = (i: number): Watched => {
          const port = clients[i]!.socket.localPort;
          return all.find((it) => it.conn.remoteAddress()?.port === port)!;
        };
        clients[1]!.socket.pause();
        fill(of(1).conn, 24 * 1024 * 1024, 65);
        clients[2]!.socket.pause();
        fill(of(2).conn, 24 * 1024 * 1024, 66);
        of(2).conn.close('patient');
        clients[3]!.socket.end();
        of(4).conn.shutdownWrite();
        of(5).conn.pauseReading();
        clients[5]!.socket.write('x');
        of(6).conn.setDeadline(engine.nowMs + 5);
        await sleep(20);
        const first = engine.close();
        write(of(0).conn, 'too late');
        await Promise.all([first, engine.close()]);
        assert.equal(engine.connectionCount, 0);
        for (const it of all) {
          assert.match(String(it.closed), it === of(2) ? /^(patient|engine-closed)$/ : /^engine-closed$/);
        }
        for (const client of clients) {
          client.socket.resume();
          await until(() => client.hasEnded || client.hasClosed, 'the end at the client');
        }
      });
    // The first round loads what is loaded once.
    await round();
    await settled();
    const before = descriptorCount();
    await round();
    await round();
    await until(
      () => (descriptorCount() ?? 0) <= (before ?? 0),
      () => `${before} descriptors, now ${descriptorCount()}`,
    );
  });

  test('an engine can be closed when nothing ever happened, and from within a callback', async () => {
    await onStage(subject, {}, async () => {});
    let closing: Promise<void> | undefined;
    let engine: { close(): Promise<void> } | undefined;
    const plan = { onReceive: () => (closing = engine!.close()) };
    await onStage(subject, plan, async (stage) => {
      engine = stage.engine;
      const client = await stage.connect();
      client.socket.write('x');
      await until(() => closing !== undefined, 'the callback');
      await closing;
      assert.equal(stage.watch.all[0]!.closed, 'engine-closed');
    });
  });

  test('thousands of connections in waves leak neither descriptor nor slot', async () => {
    const waveSize = connectionCountMax(500);
    const plan = {
      onReceive(conn: EngineConnection, _bytes: Uint8Array, _start: number, _end: number, it: Watched) {
        write(conn, 'pong');
        if (it.id % 3 === 0) conn.close('closed here');
      },
      onPeerEnd: (conn: EngineConnection) => conn.close('closed there'),
    };
    await onStage(subject, plan, async ({ engine, listener, accepted }) => {
      const { address, port } = listener.address;
      await settled();
      const before = descriptorCount();
      let opened = 0;
      const total = countOf(10_000, 3000);
      while (opened < total) {
        const size = Math.min(waveSize, total - opened);
        const wave = await Promise.all(Array.from({ length: size }, () => Client.connect(address, port)));
        opened += size;
        for (const client of wave) client.socket.write('ping');
        for (const [i, client] of wave.entries()) {
          await client.received(4);
          if (i % 5 === 0) client.reset();
          else client.socket.end();
        }
        await until(
          () => engine.connectionCount === 0 && wave.every((client) => client.hasClosed || client.hasEnded),
          'the wave to end',
        );
        for (const client of wave) client.socket.destroy();
      }
      await accepted(opened);
      const { accepted: count, closed, open } = engine.stats();
      assert.deepEqual({ count, closed, open }, { count: opened, closed: opened, open: 0 });
      assert.deepEqual([...engine.connections()], []);
      await until(
        () => (descriptorCount() ?? 0) <= (before ?? 0),
        () => `${before} descriptors, now ${descriptorCount()}`,
      );
    });
  });

  test('a connection never gets what belonged to the one that had its slot before', async () => {
    let crossed = 0;
    const plan = {
      onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number, it: Watched) {
        // Every connection sends one value only, so another value is another connection's byte.
        const value = bytes[start]!;
        for (let i = start; i < end; i++) if (bytes[i] !== value) crossed++;
        if (it.note === 0) it.note = value;
        if (it.note !== value) crossed++;
        fill(conn, 150_000, value);
        // A send is in flight, the socket goes: its completion finds the slot with another owner.
        if (it.id % 2 === 0) conn.reset('at once');
        else conn.close('after the bytes');
      },
    };
    await onStage(subject, plan, async ({ listener }) => {
      const { address, port } = listener.address;
      let opened = 0;
      const worker = async (): Promise<void> => {
        while (opened < countOf(3000, 1500)) {
          const value = 1 + (opened++ % 250);
          const client = await Client.connect(address, port);
          client.onBytes = (bytes) => {
            for (let i = 0; i < bytes.length; i += 101) if (bytes[i] !== value) crossed++;
            if (bytes[bytes.length - 1] !== value) crossed++;
          };
          client.socket.write(Buffer.alloc(3000, value));
          if (value % 7 === 0) client.socket.resetAndDestroy();
          await client.ended();
          client.socket.destroy();
        }
      };
      await Promise.all(Array.from({ length: 12 }, worker));
      assert.equal(crossed, 0, 'bytes of another connection');
    });
  });

  test('running out of descriptors does not spin, and serving goes on when there are some again', {
    skip: process.platform === 'win32',
  }, async () => {
    const child = await startChild(subject.capabilities, 'listen', { descriptorsMax: 80 });
    const clients: Client[] = [];
    try {
      const { port } = child.said[0]!['listening'] as { port: number };
      for (let i = 0; i < 120; i++) clients.push(await Client.connect('127.0.0.1', port));
      await until(
        () => clients.filter((client) => client.receivedBytes === 5).length > 20,
        'the first peers served',
      );
      await sleep(100);
      const served = clients.filter((client) => client.receivedBytes === 5);
      assert.ok(served.length < 80, 'more peers served than there are descriptors');
      const before = await child.ask();
      await sleep(500);
      const after = await child.ask();
      assert.ok(
        after.cpuMs - before.cpuMs < 150,
        `${after.cpuMs - before.cpuMs} ms of CPU in 500 ms with nothing to do`,
      );
      if (subject.capabilities.acceptPauses) {
        assert.equal(after.paused, 'EMFILE');
        assert.equal(after.acceptPauses > 0, true);
      }
      for (const client of served.slice(0, 20)) client.socket.destroy();
      if (subject.capabilities.acceptPauses) {
        // Those that waited are served without having to come again.
        await until(
          () => clients.filter((client) => client.receivedBytes === 5).length >= served.length + 15,
          'peers that waited',
          1500,
        );
      } else {
        await sleep(50);
        for (let i = 0; i < 10; i++) clients.push(await Client.connect('127.0.0.1', port));
        await until(
          () => clients.slice(-10).every((client) => client.receivedBytes === 5),
          'new peers served',
          1500,
        );
      }
      for (const client of clients) client.socket.destroy();
      let state = await child.ask();
      for (let i = 0; i < 100 && (state.open > 0 || state.paused !== ''); i++) {
        await sleep(10);
        state = await child.ask();
      }
      assert.deepEqual({ open: state.open, paused: state.paused }, { open: 0, paused: '' });
    } finally {
      for (const client of clients) client.socket.destroy();
      await child.stop();
    }
  });
}

/** Sockets of earlier tests close their descriptors in the loop's closing phase. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await sleep(2);
}
