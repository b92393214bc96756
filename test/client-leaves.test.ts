/**
 * What a handler learns when its client leaves, by FIN and by RST, through real sockets, on every engine that
 * this host offers: the signal, the stream, the body, and what an access log says of it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  installGlobals,
  Response as LightResponse,
  type ServeOptions,
  type Server,
  serve,
} from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

/** The node engine probes every half second, and the machine may be busy. */
const NOTICED_MS = 3000;
const LINGER_MS = 300;

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const light = (body: ConstructorParameters<typeof LightResponse>[0]): Response =>
  new LightResponse(body) as unknown as Response;

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

for (const { engine, skip } of await enginesHere()) {
  async function withServer(
    fetch: ServeOptions['fetch'],
    use: (server: Server) => Promise<void>,
    options: Partial<ServeOptions> = {},
  ): Promise<void> {
    const server = await serve({
      port: 0,
      engine,
      logger: quiet,
      timeouts: { linger: LINGER_MS },
      ...options,
      fetch: fetch!,
    });
    try {
      await use(server);
    } finally {
      await server.close(true);
    }
  }

  describe(`a client leaves (${engine})`, { skip }, () => {
    it('by FIN while the handler works: the signal aborts at once, and an answer is sent all the same', async () => {
      const answers = gate();
      let signal: AbortSignal | undefined;
      let completed = '';
      await withServer(
        async (request, context) => {
          signal = request.signal;
          context.completed.then(
            () => (completed = 'resolved'),
            () => (completed = 'rejected'),
          );
          await answers.opened;
          return light('all of it');
        },
        async (server) => {
          const client = await RawClient.open(server.port);
          client.write(get('/'));
          await until(() => signal !== undefined, 'the handler');
          assert.equal(signal!.aborted, false);
          client.socket.end();
          await until(() => signal!.aborted, 'the signal');
          assert.equal((signal!.reason as { code: string }).code, 'HOLDFAST_CLIENT_GONE');
          await sleep(LINGER_MS + 200);
          answers.open();
          assert.equal((await client.response()).body, 'all of it');
          await client.until((each) => each.ended, 'FIN');
          assert.equal(client.error, undefined);
          await until(() => completed !== '', 'completed');
          assert.equal(completed, 'resolved');
        },
      );
    });

    it('by FIN behind requests that wait: who works for it is told', async () => {
      const answers = gate();
      const seen: string[] = [];
      await withServer(
        async (request) => {
          const { pathname } = new URL(request.url);
          if (request.signal.aborted) seen.push(`${pathname} from the start`);
          request.signal.addEventListener('abort', () => seen.push(pathname));
          if (pathname === '/1') await answers.opened;
          else await sleep(1);
          return light(pathname);
        },
        async (server) => {
          const client = await RawClient.open(server.port);
          client.write(get('/1') + get('/2') + get('/3'));
          await sleep(50);
          client.socket.end();
          await until(() => seen.length > 0, 'the signal');
          assert.deepEqual(seen, ['/1']);
          answers.open();
          for (const path of ['/1', '/2', '/3']) assert.equal((await client.response()).body, path);
          await client.until((each) => each.ended, 'FIN');
          assert.deepEqual(seen, ['/1', '/2 from the start', '/3 from the start']);
        },
      );
    });

    it('by FIN behind a body that nobody reads: who works for it is told, and the body is whole', async () => {
      const reads = gate();
      let signal: AbortSignal | undefined;
      // Beyond the high-water mark, so that the socket is not read.
      const body = 'x'.repeat(150_000);
      await withServer(
        async (request) => {
          signal = request.signal;
          await reads.opened;
          return light(String((await request.text()).length));
        },
        async (server) => {
          const client = await RawClient.open(server.port);
          client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
          await until(() => signal !== undefined, 'the handler');
          await sleep(150);
          client.socket.end();
          await until(() => signal!.aborted, 'the signal');
          reads.open();
          assert.equal((await client.response()).body, String(body.length));
        },
      );
    });

    it('by FIN while a stream has nothing to send: it is cancelled after `timeouts.linger`', async () => {
      let cancelled: unknown;
      let signal: AbortSignal | undefined;
      let completed: unknown;
      await withServer(
        (request, context) => {
          signal = request.signal;
          context.completed.catch((error) => (completed = error));
          return light(
            new ReadableStream({
              start: (controller) => controller.enqueue(new TextEncoder().encode(': open\n\n')),
              pull: () => new Promise(() => {}),
              cancel: (reason) => void (cancelled = reason),
            }),
          );
        },
        async (server) => {
          const client = await RawClient.open(server.port);
          client.write(get('/events'));
          await client.until((each) => each.text.includes('open'), 'the first event');
          await sleep(LINGER_MS + 100);
          assert.equal(signal!.aborted, false, 'a quiet stream whose client is there goes on');
          const leftAtMs = performance.now();
          client.socket.end();
          await until(() => signal!.aborted, 'the signal');
          await until(() => cancelled !== undefined, 'cancel');
          assert.ok(performance.now() - leftAtMs >= LINGER_MS - 1, 'not before its time');
          assert.equal(cancelled, signal!.reason);
          await until(() => completed !== undefined, 'completed');
          await client.until((each) => each.ended || each.closed, 'the end');
          assert.ok(!client.text.endsWith('0\r\n\r\n'), 'a stream that was cut must not pass for whole');
          // The client may hear of the end before the server counts it.
          let stats = await server.stats();
          for (let i = 0; i < 100 && stats.closeReasons['client-closed'] === undefined; i++) {
            await sleep(5);
            stats = await server.stats();
          }
          assert.equal(stats.deadlines.linger, 1);
          assert.equal(stats.closeReasons['client-closed'], 1);
        },
      );
    });

    it('by FIN while a stream goes on, and a slow one: both are sent whole', async () => {
      await withServer(
        () => {
          let left = 10;
          return light(
            new ReadableStream({
              async pull(controller) {
                await sleep(LINGER_MS / 3);
                if (left-- === 0) controller.close();
                else controller.enqueue(new Uint8Array(100_000));
              },
            }),
          );
        },
        async (server) => {
          const client = await RawClient.open(server.port);
          client.write(get('/'));
          client.socket.end();
          await client.until((each) => each.received.length > 0, 'the head');
          // Longer than linger: what waits for a slow reader is no silence of the stream.
          client.socket.pause();
          await sleep(LINGER_MS * 2);
          client.socket.resume();
          assert.equal((await client.response()).body.length, 1_000_000);
        },
      );
    });

    it('with a body that had come as a whole: it can be read, whenever', async () => {
      const read: string[] = [];
      await withServer(
        async (request, context) => {
          if (request.url.endsWith('/completed'))
            context.completed.catch(async () => void read.push(await request.text()));
          else
            context.waitUntil(
              (async () => {
                await sleep(100);
                read.push(await request.text());
              })(),
            );
          if (request.url.endsWith('/answered')) return light('');
          return new Promise(() => {});
        },
        async (server) => {
          for (const path of ['/completed', '/left', '/answered']) {
            const client = await RawClient.open(server.port);
            client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
            await sleep(30);
            client.reset();
            await until(() => read.at(-1) === path, `the body of ${path}`);
          }
        },
      );
    });

    it('with half a body: reading it rejects with the reason of the signal', async () => {
      const seen: { error: unknown; reason: unknown }[] = [];
      await withServer(
        async (request, context) => {
          if (request.url.endsWith('/late'))
            context.completed.catch(async () => {
              const error = await request.text().then(String, (reason) => reason);
              seen.push({ error, reason: request.signal.reason });
            });
          else {
            const error = await request.text().then(String, (reason) => reason);
            seen.push({ error, reason: request.signal.reason });
          }
          return new Promise(() => {});
        },
        async (server) => {
          for (const path of ['/at-once', '/late']) {
            for (const leave of ['reset', 'end'] as const) {
              const client = await RawClient.open(server.port);
              client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf`);
              await sleep(30);
              if (leave === 'reset') client.reset();
              else client.socket.end();
              const before = seen.length;
              await until(() => seen.length > before, `${path}, ${leave}`);
              const { error, reason } = seen.at(-1)!;
              assert.equal((error as { code?: string }).code, 'HOLDFAST_CLIENT_GONE', `${path}, ${leave}`);
              assert.equal(error, reason);
              client.destroy();
            }
          }
        },
      );
    });

    it('and a body that nobody waits for any more fails in silence', async () => {
      let started = 0;
      await withServer(
        (request) => {
          started++;
          void request.text();
          void request.json();
          return request.url.endsWith('/early') ? light('') : new Promise(() => {});
        },
        async (server) => {
          for (const path of ['/early', '/late']) {
            const client = await RawClient.open(server.port);
            client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf`);
            await sleep(30);
            client.reset();
          }
          await sleep(100);
          assert.equal(started, 2);
          assert.equal(server.isAccepting, true);
        },
      );
    });

    it('before its signal was asked for: it is aborted then, and no two requests share one', async () => {
      const signals: AbortSignal[] = [];
      await withServer(
        (request, context) => {
          context.completed.then(
            () => signals.push(request.signal),
            () => signals.push(request.signal),
          );
          return request.url.endsWith('/answered') ? light('') : new Promise(() => {});
        },
        async (server) => {
          for (const path of ['/left', '/answered', '/answered']) {
            const client = await RawClient.open(server.port);
            client.write(get(path));
            await sleep(30);
            client.reset();
          }
          await until(() => signals.length === 3, 'three signals');
          assert.deepEqual(signals.map((each) => each.aborted).sort(), [false, false, true]);
          assert.equal(new Set(signals).size, 3);
        },
      );
    });

    it('from a Readable: it is destroyed, given through either Response', async () => {
      const made: PassThrough[] = [];
      await withServer(
        (request) => {
          const readable = new PassThrough();
          made.push(readable);
          readable.on('error', () => {});
          const timer = setInterval(() => readable.write('x'.repeat(1000)), 10);
          readable.on('close', () => clearInterval(timer));
          return request.url.endsWith('/light') ? light(readable) : new Response(readable as never);
        },
        async (server) => {
          for (const path of ['/light', '/platform']) {
            const client = await RawClient.open(server.port);
            client.write(get(path));
            await client.until((each) => each.received.length > 1000, 'some of it');
            client.reset();
          }
          await until(() => made.every((each) => each.destroyed), 'destroy');
        },
      );
    });

    it('from a Readable that waits for its data: it is destroyed at once, given through ours or as the global one', async () => {
      const made: PassThrough[] = [];
      const idle = (): PassThrough => {
        made.push(new PassThrough());
        return made.at(-1)!;
      };
      await withServer(
        (request) => (request.url.endsWith('/light') ? light(idle()) : new Response(idle() as never)),
        async (server) => {
          const restore = installGlobals();
          try {
            for (const path of ['/light', '/global']) {
              const client = await RawClient.open(server.port);
              client.write(get(path));
              await client.until((each) => each.text.includes('\r\n\r\n'), 'the head');
              client.reset();
              await until(() => made.at(-1)!.destroyed, `destroy, ${path}`);
            }
          } finally {
            restore();
          }
        },
      );
      assert.equal(made.length, 2);
    });

    it('and its line in the access log names it, with the time since the first byte', async () => {
      const app = fileURLToPath(new URL('../test/client-leaves.app.mjs', import.meta.url));
      const child = spawn(process.execPath, [app, engine], { stdio: ['ignore', 'pipe', 'pipe'] });
      let log = '';
      child.stderr.on('data', (data) => {
        log += data;
      });
      try {
        const port = await new Promise<number>((resolve) =>
          child.stdout.once('data', (data) => resolve(Number(data))),
        );
        // A server that has answered has loaded what it loads last.
        const first = await RawClient.open(port);
        first.write('GET /answered HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        await first.until((each) => each.ended, 'an answer');
        const client = await RawClient.open(port);
        const request = get('/');
        client.write(request.slice(0, 10));
        await sleep(400);
        client.write(request.slice(10));
        await sleep(50);
        client.reset();
        await until(() => log.split('\n').length > 2, 'a second line');
        const line = JSON.parse(log.split('\n')[1]!);
        assert.equal(line.status, 499);
        assert.equal(line.remote, '127.0.0.1');
        // Not since the last byte of the head, 50 ms before; a busy machine may see the first byte late.
        assert.ok(line.ms >= 200 && line.ms < 450 + NOTICED_MS, `${line.ms} ms`);
      } finally {
        child.kill();
      }
    });
  });
}
