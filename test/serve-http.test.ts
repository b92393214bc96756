/** HTTP/1.1 through real sockets, on every engine that this host offers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Response, type ServeOptions, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

async function start(options: ServeOptions): Promise<Server> {
  return serve({ port: 0, logger: quiet, ...options });
}

async function withServer(options: ServeOptions, use: (server: Server) => Promise<void>): Promise<void> {
  const server = await start(options);
  try {
    await use(server);
  } finally {
    await server.close(true);
  }
}

for (const { engine, skip } of await enginesHere()) {
  describe(`HTTP/1.1 on the ${engine} engine`, {
    skip,
  }, () => {
    let server: Server;
    before(async () => {
      server = await start({
        engine,
        limits: { bodyBytes: 100_000 },
        async fetch(request: Request) {
          const { pathname } = new URL(request.url);
          switch (pathname) {
            case '/hello':
              return new Response('Hello, World!') as unknown as globalThis.Response;
            case '/method':
              return new Response(`${request.method} ${request.url}`) as unknown as globalThis.Response;
            case '/echo':
              return new Response(await request.bytes()) as unknown as globalThis.Response;
            case '/throw':
              throw new Error('on purpose');
            case '/undefined':
              return undefined as unknown as globalThis.Response;
            case '/cookies': {
              const response = new Response('ok');
              response.headers.append('set-cookie', 'a=1');
              response.headers.append('set-cookie', 'b=2');
              return response as unknown as globalThis.Response;
            }
            case '/reason':
              return new Response('hot', {
                status: 418,
                statusText: "I'm a teapot",
              }) as unknown as globalThis.Response;
            case '/platform':
              return new globalThis.Response('from the platform', { status: 201, headers: { 'x-a': 'b' } });
            case '/empty':
              return new Response(null, { status: 204 }) as unknown as globalThis.Response;
            case '/not-modified':
              return new Response(null, {
                status: 304,
                headers: { etag: '"x"' },
              }) as unknown as globalThis.Response;
            case '/unicode':
              return new Response('grün — 緑') as unknown as globalThis.Response;
            case '/big':
              return new Response('x'.repeat(3_000_000)) as unknown as globalThis.Response;
            case '/stream':
              return new Response(
                new ReadableStream({
                  async start(controller) {
                    for (const word of ['one ', 'two ', 'three']) {
                      controller.enqueue(new TextEncoder().encode(word));
                      await sleep(2);
                    }
                    controller.close();
                  },
                }),
              ) as unknown as globalThis.Response;
            case '/fields':
              return new Response(JSON.stringify([...request.headers])) as unknown as globalThis.Response;
            case '/wrap': {
              const copy = request.clone();
              const wrapped = new globalThis.Request('http://other/', copy);
              const fields = new globalThis.Headers(request.headers);
              const text = `${await wrapped.text()} ${await request.text()} ${fields.get('x-a')}`;
              return new Response(text) as unknown as globalThis.Response;
            }
            case '/header-value':
              return new Response('x', {
                headers: { 'x-v': request.headers.get('x-v') ?? '' },
              }) as unknown as globalThis.Response;
            default:
              return new Response('not found', { status: 404 }) as unknown as globalThis.Response;
          }
        },
      });
    });
    after(() => server.close(true));

    const exchange = async (request: string) => {
      const client = await RawClient.open(server.port);
      client.write(request);
      const response = await client.response();
      client.destroy();
      return response;
    };

    it('answers with status, type, length and date, and keeps the connection', async () => {
      const client = await RawClient.open(server.port);
      for (let i = 0; i < 3; i++) {
        client.write('GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
        const response = await client.response();
        assert.equal(response.statusLine, 'HTTP/1.1 200 OK');
        assert.equal(response.headers.get('content-length'), '13');
        assert.equal(response.headers.get('content-type'), 'text/plain;charset=UTF-8');
        assert.ok(Math.abs(Date.parse(response.headers.get('date')!) - Date.now()) < 3000);
        assert.equal(response.headers.get('keep-alive'), 'timeout=76');
        assert.equal(response.body, 'Hello, World!');
      }
      client.destroy();
    });

    it('answers pipelined requests in order', async () => {
      const client = await RawClient.open(server.port);
      let all = '';
      for (let i = 0; i < 50; i++) all += `GET /method?${i} HTTP/1.1\r\nHost: a\r\n\r\n`;
      client.write(all);
      for (let i = 0; i < 50; i++) assert.equal((await client.response()).body, `GET http://a/method?${i}`);
      client.destroy();
    });

    it('reads a request that comes byte by byte', async () => {
      const client = await RawClient.open(server.port);
      for (const byte of 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde') {
        client.write(byte);
        await sleep(0);
      }
      assert.equal((await client.response()).body, 'abcde');
      client.destroy();
    });

    it('echoes bodies by length and chunked, alone and pipelined', async () => {
      const client = await RawClient.open(server.port);
      const big = 'y'.repeat(50_000);
      client.write(`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${big.length}\r\n\r\n${big}`);
      assert.equal((await client.response()).body, big);
      client.write(
        'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n' +
          'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi' +
          'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n',
      );
      assert.equal((await client.response()).body, 'abcdefg');
      assert.equal((await client.response()).body, 'hi');
      assert.equal((await client.response()).body, 'Hello, World!');
      client.destroy();
    });

    it('sends 100 Continue when the handler reads, and then the answer', async () => {
      const client = await RawClient.open(server.port);
      client.write('POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
      assert.equal((await client.response()).status, 100);
      client.write('body');
      assert.equal((await client.response()).body, 'body');
      client.destroy();
    });

    it('answers HEAD without a body and with the length of GET', async () => {
      const client = await RawClient.open(server.port);
      client.write('HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n');
      const response = await client.response({ head: true });
      assert.equal(response.headers.get('content-length'), '13');
      client.write('GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal((await client.response()).body, 'Hello, World!');
      client.destroy();
    });

    it('takes OPTIONS * and the absolute form', async () => {
      assert.equal((await exchange('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).status, 404);
      assert.equal(
        (await exchange('GET http://b/method HTTP/1.1\r\nHost: a\r\n\r\n')).body,
        'GET http://b/method',
      );
    });

    it('closes after HTTP/1.0 unless keep-alive was asked for', async () => {
      const client = await RawClient.open(server.port);
      client.write('GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const kept = await client.response();
      assert.equal(kept.headers.get('connection'), 'keep-alive');
      client.write('GET /hello HTTP/1.0\r\n\r\n');
      const last = await client.response();
      assert.equal(last.headers.get('connection'), 'close');
      await client.until((c) => c.ended, 'FIN');
      client.destroy();
    });

    it('sends FIN after Connection: close', async () => {
      const client = await RawClient.open(server.port);
      client.write('GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.equal((await client.response()).headers.get('connection'), 'close');
      await client.until((c) => c.ended, 'FIN');
      client.destroy();
    });

    it('streams with chunked framing, and to HTTP/1.0 until the close', async () => {
      const response = await exchange('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal(response.headers.get('transfer-encoding'), 'chunked');
      assert.equal(response.body, 'one two three');
      const client = await RawClient.open(server.port);
      client.write('GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      await client.until((c) => c.ended, 'FIN');
      assert.match(client.text, /\r\n\r\none two three$/);
      assert.doesNotMatch(client.text, /transfer-encoding/i);
      client.destroy();
    });

    it('sends a body larger than every buffer, byte for byte', async () => {
      const response = await exchange('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal(response.body.length, 3_000_000);
      assert.equal(response.body, 'x'.repeat(3_000_000));
    });

    it('sends UTF-8 with its length in bytes', async () => {
      const response = await exchange('GET /unicode HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal(Buffer.from(response.body, 'latin1').toString('utf8'), 'grün — 緑');
    });

    it('hands over the fields that were sent and no others, first and remembered', async () => {
      const client = await RawClient.open(server.port);
      const expected = [
        ['host', 'a'],
        ['x-a', 'b'],
      ];
      // With a body the text ends with the head; the third head of the same bytes is not parsed again.
      const heads = ['GET /fields HTTP/1.1', 'POST /fields HTTP/1.1\r\nTransfer-Encoding: chunked'];
      for (const head of [...heads, 'GET /fields HTTP/1.1', 'GET /fields HTTP/1.1', 'GET /fields HTTP/1.1']) {
        const isChunked = head.includes('chunked');
        client.write(`${head}\r\nX-A: b\r\nHost: a\r\n\r\n${isChunked ? '0\r\n\r\n' : ''}`);
        const fields = isChunked ? [expected[0], ['transfer-encoding', 'chunked'], expected[1]] : expected;
        assert.deepEqual(JSON.parse((await client.response()).body), fields);
      }
      client.write('GET /fields HTTP/1.0\r\n\r\n');
      assert.equal((await client.response()).body, '[]');
      client.destroy();
    });

    it('lets a request be cloned, wrapped, and its fields be copied', async () => {
      const response = await fetch(`http://127.0.0.1:${server.port}/wrap`, {
        method: 'POST',
        body: 'hello',
        headers: { 'x-a': 'b' },
      });
      assert.equal(await response.text(), 'hello hello b');
    });

    it('keeps several Set-Cookie fields apart', async () => {
      const client = await RawClient.open(server.port);
      client.write('GET /cookies HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until((c) => c.text.includes('\r\n\r\nok'), 'the answer');
      assert.match(client.text, /set-cookie: a=1\r\n/i);
      assert.match(client.text, /set-cookie: b=2\r\n/i);
      client.destroy();
    });

    it("sends the platform's Response as well", async () => {
      const response = await exchange('GET /platform HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal(response.status, 201);
      assert.equal(response.headers.get('x-a'), 'b');
      assert.equal(response.body, 'from the platform');
    });

    it('sends the reason phrase that the handler gave', async () => {
      const response = await fetch(`http://127.0.0.1:${server.port}/reason`);
      assert.equal(response.status, 418);
      assert.equal(response.statusText, "I'm a teapot");
    });

    it('sends neither body nor length with 204, and no body with 304', async () => {
      const client = await RawClient.open(server.port);
      client.write('GET /empty HTTP/1.1\r\nHost: a\r\n\r\n');
      const empty = await client.response();
      assert.equal(empty.headers.has('content-length'), false);
      client.write('GET /not-modified HTTP/1.1\r\nHost: a\r\n\r\n');
      const unchanged = await client.response();
      assert.equal(unchanged.headers.get('etag'), '"x"');
      client.write('GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal((await client.response()).body, 'Hello, World!');
      client.destroy();
    });

    it('answers 500 for a handler that throws or returns nothing, and goes on', async () => {
      const client = await RawClient.open(server.port);
      for (const path of ['/throw', '/undefined']) {
        client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        assert.equal((await client.response()).status, 500);
      }
      client.write('GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.equal((await client.response()).body, 'Hello, World!');
      client.destroy();
    });

    const refused: [string, string, number][] = [
      ['a malformed request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
      ['a missing Host', 'GET / HTTP/1.1\r\n\r\n', 400],
      [
        'Content-Length with Transfer-Encoding',
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
        400,
      ],
      ['a bad chunk size', 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
      ['a body over the limit', 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n', 413],
      ['a target over the limit', `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
      ['a head over the limit', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
      [
        'an unknown transfer coding',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
        501,
      ],
      ['another HTTP version', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n', 505],
      ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\n\r\n', 417],
    ];
    for (const [what, request, status] of refused) {
      it(`refuses ${what} with ${status} and a close that does not lose the answer`, async () => {
        const client = await RawClient.open(server.port);
        // More than asked for, so that a careless close would reset the connection.
        client.write(request + 'x'.repeat(200_000));
        await client.until((c) => c.ended, 'FIN');
        assert.equal(client.error, undefined);
        assert.equal((await client.response()).status, status);
        client.destroy();
      });
    }

    it('counts requests, answers and close reasons', async () => {
      const stats = await server.stats();
      assert.ok(stats.requests > 50);
      assert.ok(stats.statusClasses['2xx'] > 50);
      assert.ok(stats.faults['host-missing']! >= 1);
    });
  });

  describe(`deadlines on the ${engine} engine`, {
    skip,
  }, () => {
    const hello = () => new Response('ok') as unknown as globalThis.Response;

    it('answers 408 to a head that does not end in time, however it drips', async () => {
      await withServer({ engine, fetch: hello, timeouts: { header: 150 } }, async (server) => {
        // The time counts from accept, which may be long before we hear of the connection.
        const startMs = performance.now();
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n');
        const drip = setInterval(() => client.write('x'), 10);
        await client.until((c) => c.ended, 'FIN');
        clearInterval(drip);
        const tookMs = performance.now() - startMs;
        assert.ok(tookMs >= 140 && tookMs < 400, `took ${tookMs} ms`);
        assert.equal((await client.response()).status, 408);
        client.destroy();
      });
    });

    it('closes a silent connection at the header deadline without an answer', async () => {
      await withServer({ engine, fetch: hello, timeouts: { header: 100 } }, async (server) => {
        const client = await RawClient.open(server.port);
        await client.until((c) => c.ended, 'FIN');
        assert.equal(client.text, '');
        client.destroy();
      });
    });

    it('leaves an idle connection alone until the idle timeout, whatever the header timeout', async () => {
      await withServer({ engine, fetch: hello, timeouts: { header: 60, idle: 400 } }, async (server) => {
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await client.response();
        await sleep(200);
        assert.equal(client.ended, false);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await client.response();
        await client.until((c) => c.ended, 'FIN');
        assert.equal(client.error, undefined);
        client.destroy();
      });
    });

    it('answers 408 when a body that the handler waits for stops coming', async () => {
      const fetch = async (request: Request) =>
        new Response(await request.text()) as unknown as globalThis.Response;
      await withServer({ engine, fetch, timeouts: { body: 100 } }, async (server) => {
        const client = await RawClient.open(server.port);
        client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
        await client.until((c) => c.ended, 'FIN');
        assert.equal((await client.response()).status, 408);
        client.destroy();
      });
    });

    it('answers 503 and aborts the signal when the handler takes too long', async () => {
      let aborted: unknown;
      const fetch = (request: Request) =>
        new Promise<globalThis.Response>(() => {
          request.signal.addEventListener('abort', () => (aborted = request.signal.reason));
        });
      await withServer({ engine, fetch, timeouts: { handler: 80 } }, async (server) => {
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        assert.equal((await client.response()).status, 503);
        assert.equal((aborted as Error).name, 'TimeoutError');
        client.destroy();
      });
    });

    it('aborts the signal when the client goes, and never after success', async () => {
      const signals: AbortSignal[] = [];
      const fetch = async (request: Request) => {
        signals.push(request.signal);
        if (request.url.endsWith('/slow')) await sleep(150);
        return new Response('ok') as unknown as globalThis.Response;
      };
      await withServer({ engine, fetch }, async (server) => {
        const gone = await RawClient.open(server.port);
        gone.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
        await sleep(50);
        gone.reset();
        await sleep(50);
        assert.equal(signals[0]!.aborted, true);
        const served = await RawClient.open(server.port);
        served.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await served.response();
        served.destroy();
        await sleep(30);
        assert.equal(signals[1]!.aborted, false);
      });
    });

    it('cancels the stream of an answer once when the client goes', async () => {
      let cancelled = 0;
      const fetch = () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await sleep(1);
              controller.enqueue(new Uint8Array(1000));
            },
            cancel() {
              cancelled++;
            },
          }),
        ) as unknown as globalThis.Response;
      await withServer({ engine, fetch }, async (server) => {
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await client.until((c) => c.received.length > 1000, 'some of the stream');
        client.reset();
        await sleep(100);
        assert.equal(cancelled, 1);
      });
    });

    it('pulls a stream only as fast as the client reads', async () => {
      let pulled = 0;
      const fetch = () =>
        new Response(
          new ReadableStream(
            {
              pull(controller) {
                pulled += 65_536;
                controller.enqueue(new Uint8Array(65_536));
              },
            },
            { highWaterMark: 0 },
          ),
        ) as unknown as globalThis.Response;
      await withServer({ engine, fetch }, async (server) => {
        const client = await RawClient.open(server.port);
        client.socket.pause();
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await sleep(300);
        const first = pulled;
        await sleep(200);
        assert.equal(pulled, first, 'a client that does not read is not written for');
        // Kernel buffers of both sides hold some megabytes on loopback; ours hold 64 KiB.
        assert.ok(pulled < 12_000_000, `pulled ${pulled}`);
        client.destroy();
      });
    });

    it('closes gracefully: the answer under way is completed, idle connections end, then the promise resolves', async () => {
      const fetch = async () => {
        await sleep(120);
        return new Response('finished') as unknown as globalThis.Response;
      };
      const server = await start({ engine, fetch });
      const busy = await RawClient.open(server.port);
      const idle = await RawClient.open(server.port);
      busy.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await sleep(30);
      const closing = server.close();
      const response = await busy.response();
      assert.equal(response.body, 'finished');
      assert.equal(response.headers.get('connection'), 'close');
      await idle.until((c) => c.ended, 'FIN on the idle connection');
      busy.socket.end();
      idle.socket.end();
      const report = await closing;
      assert.equal(report.forced, 0);
      assert.equal(report.drained, 2);
      await assert.rejects(RawClient.open(server.port), /ECONNREFUSED/);
    });
  });
}
