/** What the conformance suite cannot see: when a source port is taken, and whose address is kept. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { closeFd, getsockname } from '../../sys/socket.ts';
import type { ConnectTarget } from '../engine.ts';
import { ConnectingSockets } from './connecting-socket.ts';

const addressOf = (fd: number): { address: string; port: number } => {
  const name = getsockname(fd);
  assert.ok(typeof name !== 'number');
  return name;
};

const skip = process.platform !== 'linux' && 'it makes system calls of Linux';

test('a source address takes its port when it connects, not when it is bound', { skip }, async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new ConnectingSockets();
  try {
    const { port } = server.address() as { port: number };
    const target = { family: 'IPv4', address: '127.0.0.1', port, localAddress: '127.0.0.9' } as const;
    const fd = sockets.open(target);
    try {
      assert.deepEqual({ ...addressOf(fd) }, { family: 'IPv4', address: '127.0.0.9', port: 0 });
      sockets.begin(fd, target);
      assert.ok(addressOf(fd).port > 0);
    } finally {
      closeFd(fd);
    }
  } finally {
    sockets.release();
    server.close();
  }
});

test('many targets by turns are not taken for each other', { skip }, () => {
  const sockets = new ConnectingSockets();
  try {
    const targets = Array.from(
      { length: 150 },
      (_, i): ConnectTarget => ({
        family: 'IPv4',
        address: '127.0.0.1',
        port: 1,
        localAddress: `127.0.1.${i + 1}`,
      }),
    );
    for (let round = 0; round < 2; round++) {
      for (const [i, target] of targets.entries()) {
        const fd = sockets.open(target);
        assert.equal(addressOf(fd).address, `127.0.1.${i + 1}`);
        closeFd(fd);
      }
    }
  } finally {
    sockets.release();
  }
});
