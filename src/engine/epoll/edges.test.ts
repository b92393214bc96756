/** An edge comes once: what it told must not be forgotten, and what it did not tell must be asked for. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AF_INET,
  IPPROTO_TCP,
  MSG_NOSIGNAL,
  MSG_OOB,
  SOCK_CLOEXEC,
  SOCK_STREAM,
} from '../../sys/abi/socket.ts';
import { TCP_NODELAY } from '../../sys/abi/tcp.ts';
import { allocate } from '../../sys/memory.ts';
import { closeFd, connectAddress, send, setsockoptInt, socket } from '../../sys/socket.ts';
import { fill, onStage, sleep, until, write } from '../contract/harness.contract.ts';
import type { EngineConnection } from '../engine.ts';
import { subject } from './subject.contract.ts';

describe('epoll: edges', () => {
  test('bytes that fill the receive buffer exactly are followed by the rest, without another edge', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      const client = await connect();
      const [it] = await accepted(1);
      let sent = 0;
      for (const size of [65_536, 131_072, 65_535, 65_537, 1, 262_144]) {
        it!.conn.pauseReading();
        client.socket.write(Buffer.alloc(size));
        sent += size;
        await sleep(10);
        it!.conn.resumeReading();
        await until(() => it!.receivedBytes === sent, `${sent} bytes at the server`);
      }
    });
  });

  test('FIN that comes together with bytes is seen though the receive left room', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      for (let i = 0; i < 20; i++) {
        const client = await connect();
        const it = (await accepted(i + 1))[i]!;
        client.socket.end('question');
        await until(() => it.peerEnds === 1, 'onPeerEnd');
        assert.equal(it.receivedBytes, 8);
      }
    });
  });

  test('what comes later is seen of a connection that has been received from at once, whatever was there then', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      for (let i = 0; i < 200; i++) {
        const client = await connect();
        const hasBegun = i % 3 !== 0;
        if (hasBegun) client.socket.write('begun ');
        const it = (await accepted(i + 1))[i]!;
        if (i % 3 === 2) await until(() => it.receivedBytes === 6, 'the first bytes');
        client.socket.end('ended');
        await until(() => it.peerEnds === 1, 'onPeerEnd', 1000);
        assert.equal(Buffer.concat(it.received).toString('latin1'), hasBegun ? 'begun ended' : 'ended');
      }
    });
  });

  test('an answer that does not fit leaves whole, to a client whose request was there when it was accepted', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        fill(conn, 24 * 1024 * 1024, 65);
        conn.close('said all');
      },
    };
    await onStage(subject, plan, async ({ connect }) => {
      for (let i = 0; i < 3; i++) {
        const client = await connect();
        client.socket.pause();
        client.socket.write('go');
        await sleep(20);
        client.socket.resume();
        await client.ended();
        assert.equal(client.receivedBytes, 24 * 1024 * 1024);
      }
    });
  });

  test('bytes behind urgent data arrive, though the kernel ends a receive there', async () => {
    await onStage(subject, {}, async ({ listener, accepted }) => {
      const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const memory = allocate(64);
      try {
        assert.equal(connectAddress(fd, { ...listener.address }), 0);
        setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        memory.bytes.set(Buffer.from('before!after'));
        const [it] = await accepted(1);
        it!.conn.pauseReading();
        await sleep(5);
        assert.equal(send(fd, memory.address, 6, MSG_NOSIGNAL), 6);
        assert.equal(send(fd, memory.address + 6, 1, MSG_NOSIGNAL | MSG_OOB), 1);
        assert.equal(send(fd, memory.address + 7, 5, MSG_NOSIGNAL), 5);
        await sleep(5);
        it!.conn.resumeReading();
        await until(() => it!.receivedBytes >= 11, 'the bytes behind the urgent one', 2000);
        assert.equal(Buffer.concat(it!.received).toString('latin1'), 'beforeafter');
      } finally {
        closeFd(fd);
        memory.release();
      }
    });
  });

  test('a reset is noticed while reading is paused, and after FIN', async () => {
    await onStage(subject, {}, async ({ connect, accepted }) => {
      const paused = await connect();
      const [first] = await accepted(1);
      first!.conn.pauseReading();
      paused.socket.write('never read');
      await sleep(5);
      paused.reset();
      await until(() => first!.closed === 'peer-reset', 'onClosed while paused', 1000);
      assert.equal(first!.receivedBytes, 0);

      const ended = await connect();
      const second = (await accepted(2))[1]!;
      ended.socket.pause();
      fill(second.conn, 24 * 1024 * 1024, 65);
      ended.socket.end();
      await until(() => second.peerEnds === 1, 'onPeerEnd');
      ended.reset();
      await until(() => second.closed === 'peer-reset', 'onClosed after FIN', 1000);
    });
  });

  test('close discards what was not read, so that the answer is not destroyed by a reset', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        conn.pauseReading();
        write(conn, 'too much');
        setTimeout(() => conn.close('refused'), 20);
      },
    };
    await onStage(subject, plan, async ({ connect }) => {
      const client = await connect();
      client.socket.write(Buffer.alloc(400_000));
      await client.ended();
      assert.equal(client.error, undefined);
      assert.equal(client.text, 'too much');
    });
  });
});
