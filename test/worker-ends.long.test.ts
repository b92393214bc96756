/** How workers end and are replaced while other things happen: crashes, reloads, the close, modules that hang. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { MAIN } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { get, isRefused, RawClient } from './raw-client.ts';
import { until } from './until.ts';

const skip = process.platform === 'linux' ? false : 'several threads need SO_REUSEPORT as Linux has it';
/** Sockets, rings and eventfds: a thread that is terminated while Node reads a module leaves that file to Node. */
const descriptors = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^(socket|anon_inode):/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;

class Log {
  readonly lines: unknown[][] = [];
  readonly debug = (...values: unknown[]) => void this.lines.push(values);
  readonly info = this.debug;
  readonly warn = this.debug;
  readonly error = this.debug;
  get text(): string {
    return this.lines.map((values) => values.map(String).join(' ')).join('\n');
  }
}

for (const { engine, skip: absent } of await enginesHere())
  describe(`the ends of workers (${engine})`, { skip: skip || absent || false }, () => {
    let folder: string;
    let module: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'holdfast-ends-'));
      module = join(folder, 'app.mjs');
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    function writeApp(version: string, prologue = ''): void {
      writeFileSync(
        module,
        `${prologue}
         export const error = (error) => new Response('hook ${version}: ' + error.message, { status: 418 });
         export default async (request, context) => {
           const { pathname } = new URL(request.url);
           if (pathname === '/exit') process.exit(0);
           if (pathname === '/throw') {
             const error = Object.assign(new RangeError('on purpose'), { code: 'E_PURPOSE' });
             context.waitUntil(Promise.reject(error));
             throw error;
           }
           if (pathname === '/spin') for (;;);
           if (pathname === '/slow')
             return new Response((async function* () {
               for (let i = 0; i < 10; i++) { yield '${version}'; await new Promise((r) => setTimeout(r, 100)); }
             })());
           return new Response('${version}');
         };`,
      );
    }

    async function open(log: Log, options: ServeOptions = {}): Promise<Server> {
      return serve({ module, workers: 2, port: 0, engine, logger: log, ...options });
    }

    /** Nothing of it is left: no listener, no descriptor, no thread. */
    async function assertGone(server: Server, before: number): Promise<void> {
      await until(() => isRefused(server.port), 'the port to be closed');
      await until(() => descriptors() <= before, `${descriptors()} descriptors to become ${before}`);
    }

    it('crash, reload and close in any order leave nothing behind', async () => {
      writeApp('one');
      await (await open(new Log())).close(true);
      const before = descriptors();
      for (const order of [
        ['crash', 'reload', 'close'],
        ['crash', 'reload', 'crash', 'close'],
        ['reload', 'crash', 'close'],
        ['reload', 'reload', 'reload', 'close'],
        ['crash', 'close'],
        ['reload', 'close'],
        ['reload', 'close', 'force'],
      ]) {
        const server = await open(new Log(), { workers: 1 });
        const pending: Promise<unknown>[] = [];
        for (const step of order) {
          if (step === 'crash') {
            // It may hit the moment in which nobody serves: it is then answered by the next, or not at all.
            const client = await RawClient.open(server.port);
            client.write('GET /exit HTTP/1.1\r\nHost: a\r\n\r\n');
            await client.until((c) => c.closed || c.ended, 'the crash');
            client.destroy();
          } else if (step === 'reload') pending.push(server.reload().catch((error) => error));
          else pending.push(server.close(step === 'force'));
          await sleep(10);
        }
        const results = await Promise.all(pending);
        for (const result of results)
          if (result instanceof Error)
            assert.match(String(result), /closing|another start|ended with code 0/);
        await server.finished;
        await assertGone(server, before);
      }
    });

    it('a module that never finishes loading does not hold up the next reload, and its worker is named', async () => {
      writeApp('one');
      const log = new Log();
      const server = await open(log);
      const before = descriptors();
      const marker = join(folder, 'loading');
      const hang = 'setInterval(() => {}, 1000); await new Promise(() => {});';
      writeApp(
        'two',
        `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, ''); ${hang}`,
      );
      const hanging = server.reload();
      hanging.catch(() => {});
      await until(() => existsSync(marker), 'the module to be read');
      writeApp('three');
      const startMs = performance.now();
      await server.reload();
      assert.ok(performance.now() - startMs < 10_000);
      await assert.rejects(
        hanging,
        /worker 0 was given up: .*app\.mjs had not finished loading \(timeouts\.start\)/,
      );
      assert.equal(await get(server.port, '/'), 'three');
      await until(() => descriptors() <= before, 'the descriptors of those that were given up');
      rmSync(marker);
      writeApp('four', 'await new Promise(() => {});');
      await assert.rejects(server.reload(), /waits for what never comes/);
      await server.close();
      assert.ok(await isRefused(server.port));
    });

    it('keeps timeouts.start at a reload with nobody waiting', async () => {
      writeApp('one');
      const server = await open(new Log(), { workers: 1, timeouts: { start: '700ms' } });
      writeApp('two', 'for (;;);');
      await assert.rejects(server.reload(), { code: 'HOLDFAST_START_TIMEOUT' });
      assert.equal(await get(server.port, '/'), 'one');
      await server.close();
      await assert.rejects(server.reload(), { code: 'HOLDFAST_CLOSED' });
    });

    it('a failed reload leaves no listening socket behind', async () => {
      writeApp('one');
      const server = await open(new Log());
      const before = descriptors();
      writeFileSync(module, 'setInterval(() => {}, 1000); throw new Error("no database");');
      for (let i = 0; i < 3; i++) await assert.rejects(server.reload(), /no database/);
      await until(() => descriptors() <= before, 'the descriptors of the failed');
      await server.close();
      assert.ok(await isRefused(server.port), 'nobody listens after the close');
    });

    it('a download under way at a reload has the time of a later close', async () => {
      writeApp('one');
      const server = await open(new Log(), { workers: 1, timeouts: { drain: '900ms' } });
      const client = await RawClient.open(server.port);
      client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until((c) => c.text.includes('one'), 'the beginning');
      await server.reload();
      await sleep(400);
      const closed = server.close();
      assert.equal((await client.response()).body, 'one'.repeat(10));
      client.destroy();
      const { forced } = await closed;
      assert.equal(forced, 0);
    });

    it('a worker in an endless loop holds up neither a close, nor one by force, nor a reload', async () => {
      writeApp('one');
      const spin = async (server: Server): Promise<RawClient> => {
        const client = await RawClient.open(server.port);
        client.write('GET /spin HTTP/1.1\r\nHost: a\r\n\r\n');
        await sleep(150);
        return client;
      };
      for (const force of [false, true]) {
        const log = new Log();
        const server = await open(log, { timeouts: { drain: '300ms' } });
        const client = await spin(server);
        const startMs = performance.now();
        const report = await server.close(force);
        assert.ok(performance.now() - startMs < (force ? 1500 : 3000));
        assert.match(
          log.text,
          /worker \d did not end in its time and was terminated .* connections were closed/,
        );
        if (engine !== 'node') assert.equal(report.forced, 1);
        await client.until((c) => c.closed || c.ended, 'the end');
        client.destroy();
        await until(() => isRefused(server.port), 'the port to be closed');
      }
      const log = new Log();
      const server = await open(log, { workers: 1, timeouts: { drain: '300ms' } });
      const client = await spin(server);
      writeApp('two');
      await server.reload();
      await client.until((c) => c.closed || c.ended, 'the end of the old one', 8000);
      client.destroy();
      await until(async () => (await get(server.port, '/')) === 'two', 'the new one');
      await server.close();
    });

    it('a worker that ends with code 0 is replaced all the same', async () => {
      writeApp('one');
      const log = new Log();
      const server = await open(log, { workers: 1 });
      const client = await RawClient.open(server.port);
      client.write('GET /exit HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until((c) => c.closed || c.ended, 'the end');
      client.destroy();
      assert.equal(await get(server.port, '/'), 'one');
      assert.match(log.text, /worker 0 ended unexpectedly; a new one starts in \d+ ms .*code 0/);
      await server.close();
    });

    it("the module's error hook answers, and other errors reach the logger with class, code and stack", async () => {
      writeApp('one');
      const log = new Log();
      const server = await open(log);
      const client = await RawClient.open(server.port);
      client.write('GET /throw HTTP/1.1\r\nHost: a\r\n\r\n');
      const answer = await client.response();
      assert.equal(answer.status, 418);
      assert.equal(answer.body, 'hook one: on purpose');
      client.destroy();
      await until(() => log.lines.length > 0, 'the log');
      const values = log.lines.flat();
      const error = values
        .flatMap((value) => (value instanceof Error ? [value] : Object.values(value as object)))
        .find((value) => value instanceof Error) as Error & { code: string };
      assert.equal(error.name, 'RangeError');
      assert.equal(error.code, 'E_PURPOSE');
      assert.match(error.stack ?? '', /app\.mjs:\d+/);
      await server.close();
      await assert.rejects(open(log, { error: () => new Response('') }), /error: .*export const error/);
      await assert.rejects(open(log, { fd: 0 }), /fd/);
    });

    it('an abort ends a start that waits for its module, and nothing is left', async () => {
      writeApp('one', 'setInterval(() => {}, 1000); await new Promise(() => {});');
      await sleep(200);
      const before = descriptors();
      const controller = new AbortController();
      const starting = open(new Log(), { signal: controller.signal });
      await sleep(300);
      controller.abort(new Error('not wanted any more'));
      await assert.rejects(starting, /not wanted any more/);
      await until(() => descriptors() <= before, 'the descriptors');
    });

    it('busy keep-alive clients lose no request at SIGTERM', async () => {
      writeApp('one');
      const cli = spawn(process.execPath, [MAIN, 'serve', '-w', '2', '-p', '0', '--engine', engine, module], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [ready] = (await once(cli.stdout.setEncoding('utf8'), 'data')) as [string];
      const port = Number(/:(\d+) /.exec(ready)?.[1]);
      const exit = once(cli, 'exit');
      let answered = 0;
      const lost: string[] = [];
      const lane = async (): Promise<void> => {
        const client = await RawClient.open(port);
        for (;;) {
          client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          const answer = await client.response().catch((error: Error) => error);
          if (answer instanceof Error) {
            lost.push(answer.message);
            break;
          }
          answered++;
          if (answer.headers.get('connection') === 'close') break;
          await sleep(Math.random() * 20);
        }
        client.destroy();
      };
      const lanes = Array.from({ length: 50 }, lane);
      await sleep(500);
      cli.kill('SIGTERM');
      await Promise.all(lanes);
      assert.deepEqual(lost, []);
      assert.ok(answered > 100);
      assert.deepEqual(await exit, [0, null]);
    });
  });

describe('workers that do not hold the process', { skip }, () => {
  it('process.exit() may come at any moment of their start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-exit-'));
    writeFileSync(join(folder, 'app.mjs'), "export default () => new Response('ok');\n");
    writeFileSync(
      join(folder, 'main.mjs'),
      `import { serve } from ${JSON.stringify(import.meta.resolve('holdfast'))};
       void serve({ port: 0, workers: 4, module: ${JSON.stringify(join(folder, 'app.mjs'))} });
       setTimeout(() => process.exit(7), Number(process.argv[2]));`,
    );
    // From before the threads run to after they serve: some 60 to 250 ms on a machine with nothing else to do.
    for (let ms = 40; ms <= 280; ms += 30) {
      const child = spawn(process.execPath, [join(folder, 'main.mjs'), String(ms)], { stdio: 'inherit' });
      assert.deepEqual(await once(child, 'exit'), [7, null], `process.exit() after ${ms} ms`);
    }
    rmSync(folder, { recursive: true });
  });

  it('unref() lets it end, also after a worker has been replaced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-unref-'));
    writeFileSync(join(folder, 'app.mjs'), "export default () => new Response('ok');\n");
    writeFileSync(
      join(folder, 'main.mjs'),
      `import { serve } from ${JSON.stringify(import.meta.resolve('holdfast'))};
       const server = await serve({ port: 0, workers: 2, module: ${JSON.stringify(join(folder, 'app.mjs'))} });
       server.unref();
       await server.reload();
       console.log('done');`,
    );
    const child = spawn(process.execPath, [join(folder, 'main.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const [code] = await once(child, 'exit');
    clearTimeout(late);
    rmSync(folder, { recursive: true });
    assert.equal(code === 0 || code === 13, true, `code ${code}`);
  });
});
