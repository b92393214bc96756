/**
 * The object that `serve` gives back as an owner of it uses it: `await using`, `finished`, `ref` and `unref`, over real
 * sockets on every engine that this host offers.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CloseReport, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { isRefused, RawClient } from './raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const APP = fileURLToPath(new URL('../test/server-handle.app.mjs', import.meta.url));
const HANDLER = new URL('../test/server-handle.app.handler.mjs', import.meta.url);

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [APP, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 20_000);
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(deadline);
  return { code, output };
}

for (const { engine, skip } of await enginesHere()) {
  for (const workers of engine === 'epoll' ? [0, 2] : [0]) {
    const open = async (): Promise<Server> =>
      workers === 0
        ? serve({ port: 0, engine, logger: quiet, fetch: (await import(HANDLER.href)).default })
        : serve({ port: 0, engine, logger: quiet, workers, module: HANDLER });

    describe(`the server's owner (${engine}, ${workers} workers)`, { skip }, () => {
      it('has it closed at the end of a block: what is under way is answered, and nobody listens then', async () => {
        const outside: { server?: Server; report?: CloseReport } = {};
        let client: RawClient;
        {
          await using server = await open();
          outside.server = server;
          void server.finished.then((report) => (outside.report = report));
          client = await RawClient.open(server.port);
          client.write(GET);
          while ((await server.stats()).requests === 0) await sleep(10);
          assert.equal(outside.report, undefined, 'it has not finished before its end');
        }
        const { server, report } = outside;
        assert.deepEqual(report, { drained: 1, forced: 0 });
        const response = await client.response();
        assert.equal(response.body, 'answered');
        assert.equal(response.headers.get('connection'), 'close');
        assert.equal(await isRefused(server!.port), true);
        await server![Symbol.asyncDispose]();
        assert.equal(await server!.close(), report);
        client.destroy();
      });

      it('has it closed when the block fails, with the error of the block', async () => {
        let port = 0;
        await assert.rejects(async () => {
          await using server = await open();
          port = server.port;
          throw new Error('on purpose');
        }, /on purpose/);
        assert.equal(await isRefused(port), true);
      });

      it('is told the end by `finished`, also of an end that somebody else wanted by force', async () => {
        const server = await open();
        const client = await RawClient.open(server.port);
        client.write(GET);
        while ((await server.stats()).requests === 0) await sleep(10);
        void server.close(true);
        assert.deepEqual(await server.finished, { drained: 0, forced: 1 });
        await client.until(({ closed }) => closed, 'the reset');
        client.destroy();
      });

      it('lets the process end by `unref`, keeps it by `ref`, and closes what is unreferenced as anything else', async () => {
        const ways = ['unref', 'ref again', 'close'];
        const ends = await Promise.all(ways.map((what) => run(engine, `${workers}`, what)));
        assert.deepEqual(ends, [
          { code: 0, output: '' },
          { code: 0, output: 'closed after 300 ms' },
          { code: 0, output: 'HTTP/1.1 200 OK' },
        ]);
      });
    });
  }
}
