/** What engines that own descriptors do about a listening socket that cannot accept any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AF_INET, SHUT_RD, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '../../sys/abi/socket.ts';
import { bindAddress, shutdown, socket } from '../../sys/socket.ts';
import { sleep, until } from '../contract/harness.contract.ts';
import type { Engine, EngineHandler, EngineOptions } from '../engine.ts';
import { createEpollEngine } from '../epoll/create.ts';
import { createIouringEngine } from '../iouring/create.ts';

const engines: Record<string, (options: EngineOptions<never>) => Engine> = {
  epoll: createEpollEngine as never,
  iouring: createIouringEngine as never,
};

for (const [name, create] of Object.entries(engines)) {
  test(`${name}: a listener that somebody has shut down rests, is reported once, and can be closed`, async (context) => {
    const told: (string | undefined)[] = [];
    const handler = { onAcceptPaused: (error) => told.push(error?.code) } as Partial<EngineHandler>;
    let engine: Engine;
    try {
      engine = create({ handler: handler as EngineHandler<never> });
    } catch (error) {
      return context.skip(String(error));
    }
    const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert.equal(bindAddress(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 }), 0);
    const listener = await engine.listen({ fd });
    await sleep(20);
    assert.equal(shutdown(fd, SHUT_RD), 0);
    await until(() => told.length > 0, 'the report');
    const before = process.cpuUsage();
    const { turns } = engine.stats();
    await sleep(600);
    const { user, system } = process.cpuUsage(before);
    assert.ok(engine.stats().turns - turns < 20, `${engine.stats().turns - turns} turns`);
    assert.ok(user + system < 300_000, `${(user + system) / 1000} ms of CPU`);
    assert.deepEqual(told, ['EINVAL']);
    await listener.close();
    await engine.close();
  });
}
