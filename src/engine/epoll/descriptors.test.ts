/** Tests whose descriptors they are, and that they go. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { describe, test } from 'node:test';
import { SysError } from '../../base/errors.ts';
import { F_GETFL, O_NONBLOCK } from '../../sys/abi/file.ts';
import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM } from '../../sys/abi/socket.ts';
import { fcntl } from '../../sys/descriptor.ts';
import { bindAddress, socket } from '../../sys/socket.ts';
import { connectionCountMax, descriptorCount, onStage, sleep } from '../contract/harness.contract.ts';
import { createEpollEngine } from './create.ts';
import { subject } from './subject.contract.ts';

describe('epoll: descriptors', () => {
  test('a listening descriptor that blocks is made not to', async () => {
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert.equal(bindAddress(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 }), 0);
    await onStage(
      subject,
      {},
      async ({ connect, accepted }) => {
        assert.notEqual(fcntl(fd, F_GETFL, 0) & O_NONBLOCK, 0);
        await connect();
        await accepted(1);
      },
      { fd },
    );
  });

  test('peers that wait when a listener closes are let in', async () => {
    await onStage(subject, {}, async ({ listener, connect, accepted }) => {
      // The engine's first turn comes before the connections.
      await sleep(2);
      const connecting = Array.from({ length: 200 }, connect);
      // The kernel has them; the engine's loop has not run yet.
      const closed = listener.close();
      const clients = await Promise.all(connecting);
      await closed;
      await accepted(1);
      const refused = clients.filter((client) => client.error !== undefined);
      assert.deepEqual(refused, []);
    });
  });

  // Descriptors are used up for it, one by one.
  const skip = connectionCountMax(100_000) > 50_000 || descriptorCount() === undefined;
  test('an engine that cannot be made leaves no descriptor behind', { skip }, async () => {
    // Sockets of earlier tests close their descriptors in the loop's closing phase.
    await sleep(50);
    // What is loaded once, and the AIO of an engine that can be made.
    await createEpollEngine({ handler: {} as never }).close();
    const spare: number[] = [];
    try {
      for (;;) spare.push(openSync('/dev/null', 'r'));
    } catch {
      // The process has no descriptors left.
    }
    try {
      for (let free = 0; free < 4; free++) {
        const before = descriptorsInUse(spare);
        assert.throws(
          () => createEpollEngine({ handler: {} as never }),
          (error: unknown) => error instanceof SysError && error.code === 'EMFILE',
        );
        // A socket of Node's closes its descriptor in the loop's closing phase.
        await sleep(5);
        assert.equal(descriptorsInUse(spare), before);
        closeSync(spare.pop()!);
      }
    } finally {
      for (const fd of spare) closeSync(fd);
    }
  });
});

/** With one descriptor lent for the counting itself. */
function descriptorsInUse(spare: number[]): number {
  closeSync(spare.pop()!);
  const count = descriptorCount()!;
  spare.push(openSync('/dev/null', 'r'));
  return count;
}
