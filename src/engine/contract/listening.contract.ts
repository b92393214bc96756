/** Promises about listeners and addresses, and what the engine says of itself. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SysError, UnavailableError } from '../../base/errors.ts';
import type { EngineConnection } from '../engine.ts';
import { startChild } from './child-process.contract.ts';
import { Client, onStage, type Subject, sleep, until, write } from './harness.contract.ts';

async function hasIPv6(): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(0, '::1', () => probe.close(() => resolve(true)));
  });
}

const greet = { onAccept: (conn: EngineConnection) => write(conn, 'hello') };

export function listeningContract(subject: Subject): void {
  test('port 0 is told as the port that was bound, and the peer address is the peer', async () => {
    await onStage(subject, greet, async ({ listener, connect, accepted }) => {
      assert.ok(listener.address.port > 0);
      assert.deepEqual({ ...listener.address, port: 0 }, { family: 'IPv4', address: '127.0.0.1', port: 0 });
      const client = await connect();
      const [it] = await accepted(1);
      const expected = { family: 'IPv4', address: '127.0.0.1', port: client.socket.localPort };
      assert.deepEqual({ ...it!.conn.remoteAddress() }, expected);
      client.reset();
      await until(() => it!.closed !== undefined, 'onClosed');
      assert.deepEqual({ ...it!.conn.remoteAddress() }, expected, 'the address is kept once asked for');
    });
  });

  test('a listener that closes lets in all that the kernel has accepted before', async () => {
    await onStage(subject, greet, async ({ listener, accepted }) => {
      const { address: host, port } = listener.address;
      // A connect to loopback is done when its call returns, and the engine has had no turn until the close.
      const sockets = Array.from({ length: 50 }, () => createConnection({ host, port }));
      const ends = sockets.map((socket) => {
        let text = '';
        return new Promise<string>((resolve) =>
          socket
            .setEncoding('utf8')
            .on('data', (piece: string) => {
              text += piece;
              if (text === 'hello') resolve(text);
            })
            .on('error', ({ message }) => resolve(message)),
        );
      });
      // Node calls connect(2) in the next tick.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      await listener.close();
      try {
        for (const end of ends) assert.equal(await end, 'hello');
        await accepted(50);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  });

  test('IPv6 addresses are text without brackets', async (context) => {
    if (!(await hasIPv6())) return context.skip('this host has no IPv6 loopback');
    const address = { port: 0, hostname: '::1' };
    await onStage(
      subject,
      greet,
      async ({ listener, connect, accepted }) => {
        assert.deepEqual({ ...listener.address, port: 0 }, { family: 'IPv6', address: '::1', port: 0 });
        const client = await connect();
        const [it] = await accepted(1);
        const expected = { family: 'IPv6', address: '::1', port: client.socket.localPort };
        assert.deepEqual({ ...it!.conn.remoteAddress() }, expected);
        await client.received(5);
      },
      address,
    );
  });

  test('unix sockets work, and their path is free again after close', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-contract-'));
    const address = { unix: join(folder, 'socket') };
    try {
      for (let round = 0; round < 2; round++) {
        await onStage(
          subject,
          greet,
          async ({ listener, connect, accepted }) => {
            assert.deepEqual({ ...listener.address }, { family: 'unix', address: address.unix, port: 0 });
            const client = await connect();
            await client.received(5);
            const [it] = await accepted(1);
            assert.deepEqual({ ...it!.conn.remoteAddress() }, { family: 'unix', address: '', port: 0 });
            client.socket.write('x');
            await until(() => it!.receivedBytes === 1, 'a byte');
            const second = await connect();
            const other = (await accepted(2))[1]!;
            other.conn.reset('forced');
            await second.ended();
            await until(() => other.closed === 'forced', 'onClosed');
          },
          address,
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a name in the abstract namespace is bound and connected to as it is, and in no file', {
    skip: process.platform === 'linux' ? false : 'only Linux has that namespace',
  }, async () => {
    const name = `holdfast-contract-${process.pid}-${Math.random()}`;
    const address = { unix: `\0${name}` };
    if (!subject.capabilities.abstractNames) {
      await onStage(subject, greet, async ({ engine }) => {
        const isRefused = { code: 'EINVAL', message: /Node 22/ };
        await assert.rejects(engine.listen(address), isRefused);
        assert.throws(() => engine.connect(address), isRefused);
      });
      return;
    }
    const bound = (): string[] =>
      readFileSync('/proc/net/unix', 'utf8')
        .split('\n')
        .filter((line) => line.includes(name))
        .map((line) => line.slice(line.indexOf('@')));
    for (let round = 0; round < 2; round++) {
      await onStage(
        subject,
        greet,
        async ({ engine, listener, make, accepted }) => {
          assert.deepEqual({ ...listener.address }, { family: 'unix', address: address.unix, port: 0 });
          assert.deepEqual(bound(), [`@${name}`]);
          await assert.rejects(engine.listen(address), {
            code: 'EADDRINUSE',
            message: new RegExp(`@${name}`),
          });
          const made = make(address);
          await until(() => made.receivedBytes === 5, 'the greeting');
          const [it] = await accepted(1);
          write(made.conn, 'x');
          await until(() => it!.receivedBytes === 1, 'a byte');
          made.conn.close('done');
          await until(() => it!.peerEnds === 1, 'FIN');
        },
        address,
      );
      assert.deepEqual(bound(), []);
    }
  });

  test('an address in use is a SysError that says so', async () => {
    await onStage(subject, greet, async ({ engine, listener, connect }) => {
      const { port, address } = listener.address;
      await assert.rejects(engine.listen({ port, hostname: address }), (error: unknown) => {
        assert.ok(error instanceof SysError);
        assert.equal(error.code, 'EADDRINUSE');
        assert.ok(error.errno > 0);
        assert.match(error.message, new RegExp(`EADDRINUSE.*127\\.0\\.0\\.1:${port}`));
        return true;
      });
      await (await connect()).received(5);
    });
  });

  test('an address that is not ours and a name that is not known are refused', async () => {
    await onStage(subject, greet, async ({ engine }) => {
      await assert.rejects(engine.listen({ port: 0, hostname: '192.0.2.1' }), { code: 'EADDRNOTAVAIL' });
      await assert.rejects(engine.listen({ unix: '/nonexistent/folder/socket' }), (error: unknown) => {
        assert.ok(error instanceof SysError);
        return true;
      });
    });
  });

  test('a closed listener refuses new peers, leaves connections alone, and frees its port', async () => {
    await onStage(subject, greet, async ({ engine, listener, connect, accepted }) => {
      const client = await connect();
      await client.received(5);
      await Promise.all([listener.close(), listener.close()]);
      const { address, port } = listener.address;
      await assert.rejects(Client.connect(address, port), { code: 'ECONNREFUSED' });
      client.socket.write('still');
      const [it] = await accepted(1);
      await until(() => it!.receivedBytes === 5, 'bytes after the listener closed');
      write(it!.conn, 'there');
      await client.received(10);
      const again = await engine.listen({ port, hostname: address });
      await (await connect()).received(5);
      await again.close();
    });
  });

  test('when closing a listener has resolved, no connection comes from it any more', async () => {
    await onStage(subject, greet, async ({ listener, connect, watch }) => {
      const connecting = Array.from({ length: 60 }, () => connect().catch(() => undefined));
      await Promise.race(connecting);
      await listener.close();
      const count = watch.all.length;
      // Whoever was not accepted is told so, and does not wait for ever.
      for (const client of await Promise.all(connecting)) {
        if (client !== undefined)
          await until(() => client.receivedBytes === 5 || client.hasEnded || client.hasClosed, 'an answer');
      }
      await sleep(20);
      assert.equal(watch.all.length, count);
    });
  });

  test('one engine serves several listeners', async () => {
    await onStage(subject, greet, async ({ engine, connect }) => {
      const second = await engine.listen({ port: 0, hostname: '127.0.0.1' });
      const client = await Client.connect('127.0.0.1', second.address.port);
      await client.received(5);
      await (await connect()).received(5);
      client.socket.destroy();
    });
  });

  test('reusePort lets two engines share a port, or is refused aloud', async () => {
    const { reusePort } = subject.capabilities;
    const address = { port: 0, hostname: '127.0.0.1', reusePort: true };
    if (!reusePort) {
      await onStage(subject, greet, async ({ engine }) => {
        await assert.rejects(engine.listen(address), UnavailableError);
      });
      return;
    }
    await onStage(
      subject,
      greet,
      async ({ listener, connect }) => {
        const same = { ...address, port: listener.address.port };
        await onStage(subject, greet, async () => (await connect()).received(5), same);
      },
      address,
    );
  });

  test('a listening descriptor from another process is served', {
    skip: process.platform === 'win32',
  }, async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const child = await startChild(subject.capabilities, 'inherit', { inherit: fd });
    try {
      server.close();
      const client = await Client.connect('127.0.0.1', port);
      await client.received(5);
      assert.equal(client.text, 'hello');
      assert.deepEqual(child.said[0], { listening: { family: 'IPv4', address: '127.0.0.1', port } });
      client.socket.destroy();
    } finally {
      await child.stop();
    }
  });

  test('an engine that is unref-ed does not keep the process alive', async () => {
    const child = await startChild(subject.capabilities, 'unref', {});
    try {
      await until(() => child.hasExited, 'the process to end by itself', 5000);
    } finally {
      await child.stop();
    }
  });

  test('connections, count and stats say what is open', async () => {
    await onStage(subject, greet, async ({ engine, connect, accepted }) => {
      assert.deepEqual([...engine.connections()], []);
      const clients = await Promise.all(Array.from({ length: 5 }, connect));
      const all = await accepted(5);
      assert.equal(engine.connectionCount, 5);
      assert.deepEqual(new Set(engine.connections()), new Set(all.map((it) => it.conn)));
      for (const client of clients) {
        await client.received(5);
        client.socket.write('12345678');
      }
      await until(() => engine.stats().bytesReceived === 40, 'bytes counted');
      clients[0]!.reset();
      await until(() => engine.connectionCount === 4, 'one connection less');
      const stats = engine.stats();
      assert.deepEqual(
        { accepted: stats.accepted, closed: stats.closed, open: stats.open, bytesSent: stats.bytesSent },
        { accepted: 5, closed: 1, open: 4, bytesSent: 25 },
      );
      assert.ok(stats.turns > 0);
    });
  });
}
