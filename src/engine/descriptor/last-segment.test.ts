/** FIN leaves with the last bytes: a segment of its own is a journey through the whole stack on both sides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AF_INET, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_STREAM } from '../../sys/abi/socket.ts';
import { tcp_info } from '../../sys/abi/tcp.ts';
import { allocate } from '../../sys/memory.ts';
import { closeFd, connectAddress, recv, send, socket, tcpInfo } from '../../sys/socket.ts';
import { type CreateEngine, onStage, sleep, until, write } from '../contract/harness.contract.ts';
import type { EngineConnection, EngineHandler, EngineOptions } from '../engine.ts';
import type { EpollConnection } from '../epoll/connection.ts';
import { createEpollEngine } from '../epoll/create.ts';
import type { IouringConnection } from '../iouring/connection.ts';
import { createIouringEngine } from '../iouring/create.ts';

const ANSWER = 'the answer, and the end';
const MEMORY_BYTES = 1024;

const engines: Record<string, CreateEngine> = {
  iouring: (options) => createIouringEngine(options as EngineOptions<IouringConnection>),
  epoll: (options) => createEpollEngine(options as EngineOptions<EpollConnection>),
};
const ends: Record<string, (conn: EngineConnection) => void> = {
  close: (conn) => conn.close('said all'),
  shutdownWrite: (conn) => conn.shutdownWrite(),
};

for (const [name, create] of Object.entries(engines)) {
  for (const [call, end] of Object.entries(ends)) {
    test(`${name}: FIN of ${call} comes in the segment of the last bytes`, async (context) => {
      try {
        const engine = await create({ handler: {} as EngineHandler });
        await engine.close();
      } catch (error) {
        return context.skip(String(error));
      }
      const plan = {
        onReceive(conn: EngineConnection) {
          write(conn, ANSWER);
          end(conn);
        },
      };
      const capabilities = {
        acceptPauses: true,
        reusePort: true,
        abstractNames: true,
        module: { url: '', createEngine: '' },
      };
      await onStage({ create, capabilities }, plan, async ({ listener, accepted }) => {
        const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const memory = allocate(MEMORY_BYTES);
        const view = new DataView(memory.buffer);
        /** Segments with and without data that have come. */
        const segmentsIn = (): number => {
          assert.ok(tcpInfo(fd, memory.address, MEMORY_BYTES) >= tcp_info.offset.tcpi_segs_in + 4);
          return view.getUint32(tcp_info.offset.tcpi_segs_in, true);
        };
        try {
          assert.equal(connectAddress(fd, { ...listener.address }), 0);
          await accepted(1);
          const before = segmentsIn();
          assert.equal(send(fd, memory.address, 1, MSG_NOSIGNAL), 1);
          let received = 0;
          await until(() => {
            const size = recv(fd, memory.address, MEMORY_BYTES, MSG_DONTWAIT);
            if (size > 0) received += size;
            return size === 0;
          }, 'the end');
          assert.equal(received, ANSWER.length);
          await sleep(5);
          // The acknowledgement of the request, which is not delayed in a young connection, and the answer.
          assert.ok(segmentsIn() - before <= 2, `${segmentsIn() - before} segments`);
        } finally {
          closeFd(fd);
          memory.release();
        }
      });
    });
  }
}
