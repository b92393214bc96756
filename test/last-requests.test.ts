/**
 * The end of a connection whose client has said that its request is the last one (`Connection: close`, HTTP/1.0), through
 * real sockets on every engine: closed at once behind the answer where all has been read, and with lingering where
 * anything lies behind the request or where the client has promised nothing. In no case does a client see a reset.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

const LAST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const POST = 'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n';
const LONG_BYTES = 200_000;

const fetch: ServeOptions['fetch'] = async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/echo') return new Response(await request.text());
  if (pathname === '/long') return new Response('x'.repeat(LONG_BYTES));
  if (pathname === '/unread') return new Response('not read');
  if (pathname === '/close') return new Response('over', { headers: { connection: 'close' } });
  if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, 150));
  if (pathname === '/stream') return new Response(new Blob(['streamed']).stream());
  return new Response('hello');
};

for (const { engine, skip } of await enginesHere()) {
  describe(`the last request of a connection (${engine})`, { skip, timeout: 30_000 }, () => {
    /** A server that would linger for longer than any test takes. */
    async function withServer(use: (server: Server) => Promise<void>): Promise<void> {
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        timeouts: { linger: '1m' },
        fetch: fetch!,
      });
      try {
        await use(server);
      } finally {
        await server.close(true);
      }
    }

    const openCount = async (server: Server): Promise<number> => (await server.stats()).engine.open;

    async function isGone(server: Server): Promise<void> {
      const endMs = performance.now() + 5000;
      while ((await openCount(server)) > 0) {
        assert.ok(performance.now() < endMs, 'the server keeps the connection');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }

    /** What the client sends in pieces; it keeps its own side open until the server has been looked at. */
    async function exchange(server: Server, ...pieces: string[]): Promise<RawClient> {
      const client = await RawClient.open(server.port);
      for (const piece of pieces) {
        client.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      await client.until((it) => it.ended || it.closed, 'FIN');
      return client;
    }

    const closedAtOnce: Readonly<Record<string, readonly [string[], string]>> = {
      'Connection: close': [[LAST], 'hello'],
      'Connection: close in pieces': [[LAST.slice(0, 20), LAST.slice(20)], 'hello'],
      'HTTP/1.0': [['GET / HTTP/1.0\r\n\r\n'], 'hello'],
      'HTTP/1.0 and a stream that ends with the connection': [['GET /stream HTTP/1.0\r\n\r\n'], 'streamed'],
      'a handler that takes its time': [[LAST.replace('/', '/slow')], 'hello'],
      'a body behind its head': [[`${POST}12345`], '12345'],
      'a body that comes later': [[POST, '123', '45'], '12345'],
      'requests before it': [['GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3) + LAST], 'hello'],
    };
    for (const [what, [pieces, body]] of Object.entries(closedAtOnce)) {
      it(`is closed at once behind its answer: ${what}`, async () => {
        await withServer(async (server) => {
          const client = await exchange(server, ...pieces);
          assert.ok(client.text.endsWith(body), client.text);
          await isGone(server);
          assert.equal(client.error, undefined);
          client.socket.end();
          await client.until((it) => it.closed, 'the end');
          assert.equal(client.error, undefined);
          assert.equal((await server.stats()).closeReasons['answered'], 1);
        });
      });
    }

    const lingers: Readonly<Record<string, readonly [string[], string]>> = {
      'bytes behind it in the same piece': [[`${LAST}GET /never HTTP/1.1\r\nHost: a\r\n\r\n`], 'hello'],
      'an empty line behind the body, as old clients send': [[`${POST}12345\r\n`], '12345'],
      'bytes behind it while the handler works': [[LAST.replace('/', '/slow'), 'more'], 'hello'],
      'a body that nobody has read to its end': [[POST.replace('/echo', '/unread')], 'not read'],
      'an answer that may not fit into the window of the client': [[LAST.replace('/', '/long')], 'x'],
      'an end that the handler alone wants': [['GET /close HTTP/1.1\r\nHost: a\r\n\r\n'], 'over'],
    };
    for (const [what, [pieces, body]] of Object.entries(lingers)) {
      it(`lingers: ${what}`, async () => {
        await withServer(async (server) => {
          const client = await exchange(server, ...pieces);
          assert.ok(client.text.endsWith(body), client.text.slice(0, 300));
          assert.equal(await openCount(server), 1);
          // More that nobody has asked for; closed, the socket would answer it with a reset.
          client.write('more');
          await new Promise((resolve) => setTimeout(resolve, 30));
          client.write('and more');
          client.socket.end();
          await isGone(server);
          await client.until((it) => it.closed, 'the end');
          assert.equal(client.error, undefined);
        });
      });
    }

    it('is answered whole though the client has ended its side before', async () => {
      await withServer(async (server) => {
        const client = await RawClient.open(server.port);
        client.socket.end(LAST.replace('/', '/slow'));
        await client.until((it) => it.closed, 'the end');
        assert.ok(client.text.endsWith('hello'), client.text);
        assert.equal(client.error, undefined);
        await isGone(server);
      });
    });

    it('is answered whole to a thousand clients, a hundred at once, none of them reset', async () => {
      await withServer(async (server) => {
        const ask = async (): Promise<void> => {
          const client = await RawClient.open(server.port, { allowHalfOpen: false });
          client.write(LAST);
          await client.until((it) => it.closed, 'the end', 20_000);
          assert.ok(client.text.endsWith('hello'), client.text);
          assert.equal(client.error, undefined);
        };
        for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 100 }, ask));
        await isGone(server);
        assert.equal((await server.stats()).closeReasons['answered'], 1000);
      });
    });
  });
}
