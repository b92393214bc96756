/** Serving on several threads: spreading, crashes, reload, and the end. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '#src/index.ts';
import { quiet } from './quiet-logger.ts';
import { get, RawClient } from './raw-client.ts';

const linux = process.platform === 'linux';

describe('workers', { skip: linux ? false : 'several threads need SO_REUSEPORT as Linux has it' }, () => {
  let folder: string;
  let module: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-workers-'));
    module = join(folder, 'app.mjs');
    writeApp('one');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function writeApp(version: string): void {
    writeFileSync(
      module,
      `import { threadId } from 'node:worker_threads';
       export default async (request) => {
         const { pathname } = new URL(request.url);
         if (pathname === '/crash') setTimeout(() => { throw new Error('on purpose'); }, 50);
         if (pathname === '/exit') setTimeout(() => process.exit(3), 50);
         if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, 200));
         return new Response(pathname === '/version' ? '${version}' : String(threadId));
       };`,
    );
  }

  for (const engine of ['iouring', 'node'] as const) {
    it(`serves a module on two threads and adds up their numbers (${engine})`, async () => {
      const server = await serve({ module, workers: 2, port: 0, engine, logger: quiet });
      const seen = new Set<string>();
      for (let i = 0; i < 60; i++) seen.add(await get(server.port, '/'));
      assert.equal(seen.size, 2, 'both threads were given connections');
      const stats = await server.stats();
      assert.equal(stats.workers, 2);
      assert.equal(stats.requests, 60);
      await server.close();
      await assert.rejects(RawClient.open(server.port), /ECONNREFUSED/);
    });
  }

  for (const [how, path] of [
    ['throws', '/crash'],
    ['exits', '/exit'],
  ] as const) {
    it(`replaces a worker that ${how}; its clients see the end, the other worker goes on`, async () => {
      const server = await serve({ module, workers: 2, port: 0, logger: quiet });
      const before = readdirSync('/proc/self/fd').length;
      const idle = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.port)));
      for (const client of idle) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const threads = await Promise.all(idle.map(async (client) => (await client.response()).body));
      const crashed = await get(server.port, path);
      await Promise.all(
        idle.map(
          async (client, i) => threads[i] !== crashed || client.until((c) => c.closed || c.ended, 'the end'),
        ),
      );
      for (const [i, client] of idle.entries())
        if (threads[i] !== crashed) assert.equal(client.ended, false, 'the other worker goes on');
      await sleep(300);
      const seen = new Set<string>();
      for (let i = 0; i < 40; i++) seen.add(await get(server.port, '/'));
      assert.equal(seen.size, 2, 'there are two workers again');
      assert.equal(seen.has(crashed), false);
      for (const client of idle) client.destroy();
      await sleep(50);
      assert.ok(
        readdirSync('/proc/self/fd').length <= before + 2,
        'descriptors of the crashed thread were released',
      );
      await server.close(true);
    });
  }

  for (const engine of ['iouring', 'epoll'] as const) {
    it(`gives each of few connections to the worker that has the fewest (${engine})`, async () => {
      const server = await serve({ module, workers: 2, balance: 'least', port: 0, engine, logger: quiet });
      for (let round = 0; round < 5; round++) {
        const clients: RawClient[] = [];
        const perThread = new Map<string, number>();
        for (let i = 0; i < 8; i++) {
          const client = await RawClient.open(server.port);
          clients.push(client);
          client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          const thread = (await client.response()).body;
          perThread.set(thread, (perThread.get(thread) ?? 0) + 1);
        }
        assert.deepEqual([...perThread.values()], [4, 4], `round ${round}`);
        for (const client of clients) client.socket.end();
        await Promise.all(clients.map((client) => client.until((c) => c.closed, 'the end')));
        await sleep(20);
      }
      // A place is free again after a reload, and the new threads share among themselves.
      await server.reload();
      const stats = await server.stats();
      assert.equal(stats.requests >= 40, true);
      await server.close(true);
    });
  }

  it('reloads with no request lost', async () => {
    writeApp('one');
    const server = await serve({ module, workers: 2, port: 0, logger: quiet });
    let stop = false;
    let served = 0;
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!stop) {
          const version = await get(server.port, '/version');
          assert.match(version, /^(one|two)$/);
          served++;
        }
      }),
    );
    await sleep(100);
    writeApp('two');
    await server.reload();
    await sleep(100);
    assert.equal(await get(server.port, '/version'), 'two');
    stop = true;
    await load;
    assert.ok(served > 20);
    await server.close();
  });

  it('keeps the old workers when the new module cannot be loaded', async () => {
    writeApp('one');
    const server = await serve({ module, workers: 1, port: 0, logger: quiet });
    writeFileSync(module, 'export default 5;');
    await assert.rejects(server.reload(), /exports no handler/);
    assert.equal(await get(server.port, '/version'), 'one');
    await server.close();
    writeApp('one');
  });

  it('takes no port that another server has, unless both are told to share it', async () => {
    const options = { module, workers: 2, logger: quiet };
    const first = await serve({ ...options, port: 0 });
    try {
      const { port } = first;
      await assert.rejects(serve({ ...options, port }), { code: 'EADDRINUSE', name: 'ListenError', port });
      await assert.rejects(serve({ ...options, workers: 1, port }), { code: 'EADDRINUSE' });
      assert.match(await get(port, '/'), /^\d+$/);
    } finally {
      await first.close(true);
    }
    const sharing = await serve({ ...options, port: 0, reusePort: true });
    const other = await serve({ ...options, port: sharing.port, reusePort: true });
    await Promise.all([sharing.close(true), other.close(true)]);
  });

  it('rejects when the module is bad, and leaves nothing running', async () => {
    await assert.rejects(
      serve({ module: join(folder, 'missing.mjs'), workers: 2, port: 0, logger: quiet }),
      /cannot be loaded/,
    );
  });
});
