/** The end of a server in one thread, on every engine: delay, drain, force, and starts that fail. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FetchHandler, type ServeOptions, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const listens = (port: number): Promise<boolean> =>
  RawClient.open(port).then(
    (client) => {
      client.destroy();
      return true;
    },
    () => false,
  );

async function timed(promise: Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await promise;
  return performance.now() - startMs;
}

const ENGINES = await enginesHere();

describe('on all engines, side by side', { concurrency: true }, () => {
  for (const { engine, skip } of ENGINES)
    describe(`the end of a server (${engine})`, { skip: skip || false, concurrency: 1 }, () => {
      const open = (fetch: FetchHandler, options: ServeOptions = {}): Promise<Server> =>
        serve({ port: 0, engine, logger: quiet, fetch, ...options });

      it('close(true) after close() waits for nothing, and all calls get one report', async () => {
        const server = await open(() => new Promise<Response>(() => {}));
        const client = await RawClient.open(server.port);
        client.write(GET);
        await sleep(50);
        const first = server.close();
        await sleep(50);
        assert.ok((await timed(server.close(true))) < 1000);
        const report = await server.close();
        assert.equal(await first, report);
        assert.equal(await server.finished, report);
        assert.deepEqual(report, { drained: 0, forced: 1 });
        await client.until((c) => c.closed, 'the reset');
      });

      it('a kept connection that asks within the grace is answered, with Connection: close', async () => {
        const server = await open(() => new Response('ok'));
        const [asking, silent] = await Promise.all([
          RawClient.open(server.port),
          RawClient.open(server.port),
        ]);
        for (const client of [asking, silent]) {
          client.write(GET);
          await client.response();
        }
        const closed = server.close({ idleGraceMs: 400 });
        await sleep(100);
        assert.equal(await listens(server.port), false, 'nobody new is let in');
        assert.equal(silent.ended, false, 'an idle connection is not closed at once');
        asking.write(GET);
        const answer = await asking.response();
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('connection'), 'close');
        await silent.until((c) => c.ended, 'FIN after the grace');
        for (const client of [asking, silent]) client.destroy();
        assert.deepEqual(await closed, { drained: 2, forced: 0 });
      });

      it('an answer that began before the drain is followed by one more, for it promised to keep the connection', async () => {
        const server = await open(
          () =>
            new Response(
              new ReadableStream({
                async start(controller) {
                  controller.enqueue(new TextEncoder().encode('begun'));
                  await sleep(150);
                  controller.close();
                },
              }),
            ),
        );
        const client = await RawClient.open(server.port);
        client.write(GET);
        await client.until((c) => c.text.includes('begun'), 'the beginning');
        const closed = server.close();
        const first = await client.response();
        assert.notEqual(first.headers.get('connection'), 'close');
        await sleep(30);
        client.write(GET);
        const second = await client.response();
        assert.equal(second.headers.get('connection'), 'close');
        client.destroy();
        await closed;
      });

      it('during the delay it is not ready and serves all the same; force cuts it short', async () => {
        const server = await open(() => new Response('ok'), { admin: 0 });
        const readyz = async () => (await fetch(`${server.admin!.url}/readyz`)).status;
        assert.equal(await readyz(), 200);
        const kept = await RawClient.open(server.port);
        kept.write(GET);
        await kept.response();
        const closed = server.close({ delay: 400 });
        assert.equal(server.isAccepting, false);
        assert.equal(await readyz(), 503);
        const fresh = await RawClient.open(server.port);
        for (const client of [kept, fresh]) {
          client.write(GET);
          const answer = await client.response();
          assert.equal(answer.status, 200);
          assert.notEqual(answer.headers.get('connection'), 'close');
        }
        assert.ok((await timed(closed)) < 2000);
        for (const client of [kept, fresh]) client.destroy();
        const other = await open(() => new Response('ok'));
        void other.close({ delay: '1h' });
        assert.ok((await timed(other.close(true))) < 1000);
      });

      it('context.closing aborts when draining begins, and an endless stream can end itself', async () => {
        let isAborted: boolean | undefined;
        const server = await open((_request, context) => {
          isAborted = context.closing.aborted;
          return new Response(
            new ReadableStream({
              start(controller) {
                controller.enqueue(new TextEncoder().encode('data: 1\n\n'));
                context.closing.addEventListener('abort', () => controller.close());
              },
            }),
          );
        });
        const client = await RawClient.open(server.port);
        client.write(GET);
        await client.until((c) => c.text.includes('data: 1'), 'the first event');
        assert.equal(isAborted, false);
        const closed = server.close({ delay: 100 });
        await sleep(50);
        assert.equal(client.text.includes('0\r\n\r\n'), false, 'not before the delay is over');
        await client.response();
        client.destroy();
        assert.deepEqual(await closed, { drained: 1, forced: 0 });
      });

      it('a start that fails leaves nothing that listens', async () => {
        const probe = await open(() => new Response('ok'), { admin: 0 });
        const { port } = probe;
        const adminPort = probe.admin!.port;
        await probe.close(true);
        const fails = async (options: ServeOptions, problem: RegExp) => {
          await assert.rejects(
            open(() => new Response('ok'), { port, ...options }),
            problem,
          );
          assert.equal(await listens(port), false);
          assert.equal(await listens(adminPort), false);
        };
        const admin = adminPort;
        const thrown = (): never => {
          throw new Error('from onListen');
        };
        await fails({ admin, onListen: thrown }, /from onListen/);
        await fails({ admin, onListen: async () => thrown() }, /from onListen/);
        await fails({ admin, signal: {} as AbortSignal }, /signal/);
        await fails({ admin, logger: {} as typeof quiet }, /logger: .* debug, info, warn, error/);
        await fails({ admin, gracefulShutdown: { wait: 5 } as object }, /gracefulShutdown\.wait/);
        await fails({ admin, gracefulShutdown: { delay: -1 } }, /gracefulShutdown\.delay/);
        const other = await open(() => new Response('ok'), { admin });
        await assert.rejects(
          open(() => new Response('ok'), { port, admin }),
          { code: 'EADDRINUSE' },
        );
        assert.equal(await listens(port), false, 'the second server with the same admin port');
        await other.close(true);
      });

      it('a signal that is aborted, before the start or later, closes it', async () => {
        const server = await open(() => new Response('ok'), { signal: AbortSignal.abort() });
        assert.deepEqual(await server.finished, { drained: 0, forced: 0 });
        const controller = new AbortController();
        const later = await open(() => new Response('ok'), { signal: controller.signal });
        controller.abort();
        await later.finished;
        assert.equal(await listens(later.port), false);
      });
    });
});

describe('gracefulShutdown of a program of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-shutdown-'));
  after(() => rmSync(folder, { recursive: true }));

  async function start(options: string): Promise<{ child: ReturnType<typeof spawn>; port: number }> {
    const file = join(folder, 'program.mjs');
    writeFileSync(
      file,
      `import { serve } from ${JSON.stringify(import.meta.resolve('holdfast'))};
       const server = await serve({ port: 0, ${options}, fetch: async (request) => {
         console.log('asked');
         if (request.url.endsWith('/slow')) await new Promise((resolve) => setTimeout(resolve, 300));
         if (request.url.endsWith('/never')) await new Promise(() => {});
         return new Response('ok');
       } });
       console.log(server.port);`,
    );
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(child.stdout!, 'data')) as [Buffer];
    return { child, port: Number(text.toString()) };
  }

  it('finishes what is under way and lets the process end with 0', async () => {
    const { child, port } = await start('gracefulShutdown: true');
    const client = await RawClient.open(port);
    client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(child.stdout!, 'data');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    assert.equal((await client.response()).body, 'ok');
    client.destroy();
    assert.deepEqual(await exit, [0, null]);
  });

  it('keeps its own drain time, and a second SIGINT waits for nothing', async () => {
    for (const [options, signals, code] of [
      ["gracefulShutdown: { timeout: '200ms' }", ['SIGTERM'], 0],
      ['gracefulShutdown: true', ['SIGINT', 'SIGINT'], 130],
    ] as const) {
      const { child, port } = await start(options);
      const client = await RawClient.open(port);
      client.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(child.stdout!, 'data');
      const exit = once(child, 'exit');
      const startMs = performance.now();
      for (const signal of signals) {
        child.kill(signal);
        // It has heard the signal; a second one at the same moment would be that of the same keystroke.
        while (await listens(port)) await sleep(10);
        await sleep(50);
      }
      assert.deepEqual(await exit, [code, null]);
      assert.ok(performance.now() - startMs < 3000);
      client.destroy();
    }
  });

  it('is off unless it is asked for: the signal ends the process as any other', async () => {
    const { child } = await start('gracefulShutdown: false');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [null, 'SIGTERM']);
  });
});
