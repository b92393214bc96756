/** Servers with the face of node:http's: `listen` in its forms, ends, events, Fastify's factory; WebSocket by `ws` and Socket.IO on every engine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { createServer, serverFactory, toFetch } from '#src/node.ts';
import { enginesHere } from './engines.ts';
import { quiet as logger } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

// biome-ignore lint/suspicious/noExplicitAny: packages without types of their own here
const load = createRequire(import.meta.url) as (name: string) => any;

const hello: RequestListener = (_, res) => res.end('hello');
const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function closed(server: ReturnType<typeof createServer>): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

describe('a server with the face of http.Server', () => {
  it('has its address when listen returns, wherever no name has to be looked up', async () => {
    const forms: unknown[][] = [
      [0],
      [0, '127.0.0.1'],
      [{ port: 0, host: '127.0.0.1' }],
      [],
      ['0', '127.0.0.1', 10],
    ];
    for (const form of forms) {
      const server = createServer({ logger }, hello);
      let isCalled = false;
      assert.equal(
        server.listen(...form, () => (isCalled = true)),
        server,
      );
      const port = portOf(server);
      assert.ok(port > 0);
      assert.equal(server.listening, true);
      assert.ok((server as unknown as { _handle: unknown })._handle);
      await once(server, 'listening');
      assert.equal(isCalled, true);
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello');
      await closed(server);
      assert.equal(server.address(), null);
      assert.equal(server.listening, false);
      assert.equal((server as unknown as { _handle: unknown })._handle, null);
    }
  });

  it('listens at names and paths', async () => {
    const named = createServer({ logger }, hello).listen(0, 'localhost');
    await once(named, 'listening');
    assert.equal(await (await fetch(`http://localhost:${portOf(named)}/`)).text(), 'hello');
    await closed(named);
    const place = path.join(tmpdir(), `face-${process.pid}.sock`);
    const unix = createServer({ logger }, hello).listen(place);
    await once(unix, 'listening');
    assert.equal(unix.address(), place);
    const request = http.get({ socketPath: place });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 200);
    response.resume();
    await closed(unix);
  });

  it("says what is wrong by 'error', and by the codes of Node", async () => {
    const first = createServer({ logger }, hello).listen(0, '127.0.0.1');
    await once(first, 'listening');
    const second = createServer({ logger }, hello).listen(portOf(first), '127.0.0.1');
    const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException & { port: number }];
    assert.equal(error.code, 'EADDRINUSE');
    assert.equal(error.syscall, 'listen');
    assert.equal(error.port, portOf(first));
    assert.throws(() => first.listen(0), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    assert.throws(() => createServer({}).listen(70_000), { code: 'ERR_SOCKET_BAD_PORT' });
    assert.throws(() => createServer({ keepAliveTimeout: -1 }), /keepAliveTimeout/);
    await closed(first);
    const again = await new Promise<Error | undefined>((resolve) => first.close(resolve));
    assert.equal((again as NodeJS.ErrnoException).code, 'ERR_SERVER_NOT_RUNNING');
  });

  it('ends idle connections at once, and others behind their answers', async () => {
    let answer: ServerResponse | undefined;
    const server = createServer({ logger }, (req: IncomingMessage, res: ServerResponse) => {
      if (req.url === '/wait') answer = res;
      else res.end('hello');
    }).listen(0, '127.0.0.1');
    const idle = await RawClient.open(portOf(server));
    idle.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await idle.response();
    const busy = await RawClient.open(portOf(server));
    busy.write('GET /wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => answer !== undefined, 'the request');
    const count = await new Promise((resolve) => server.getConnections((_, open) => resolve(open)));
    assert.equal(count, 2);
    server.closeIdleConnections();
    await idle.until((c) => c.ended, 'the end of an idle connection');
    const isClosed = closed(server);
    answer!.end('waited for');
    const { body, headers } = await busy.response();
    assert.equal(body, 'waited for');
    assert.equal(headers.get('connection'), 'close');
    await isClosed;
    idle.destroy();
    busy.destroy();
  });

  it('has the timeouts of Node by their names, before it listens and later', async () => {
    const server = createServer({ logger, keepAliveTimeout: 5000 }, hello);
    server.headersTimeout = 100;
    assert.equal(server.keepAliveTimeout, 5000);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = await RawClient.open(portOf(server));
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal((await client.response()).headers.get('keep-alive'), 'timeout=5');
    client.write('GET /');
    assert.equal((await client.response()).status, 408);
    server.keepAliveTimeout = 50;
    const idle = await RawClient.open(portOf(server));
    idle.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await idle.response();
    await idle.until((c) => c.ended, 'the end of an idle connection');
    server.closeAllConnections();
    await closed(server);
    client.destroy();
    idle.destroy();
  });

  it('is what Fastify makes of a factory, and stays what it is to its users', async () => {
    const app = load('fastify')({ serverFactory: serverFactory({ logger }) });
    app.get('/', async () => ({ hello: 'factory' }));
    const url = (await app.listen({ port: 0, host: '127.0.0.1' })) as string;
    assert.deepEqual(await (await fetch(url)).json(), { hello: 'factory' });
    await app.close();
  });

  it('gives up an upgrade that nobody listens for', async () => {
    const server = createServer({ logger }, hello).listen(0, '127.0.0.1');
    const client = await RawClient.open(portOf(server));
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\n');
    assert.equal((await client.response()).body, 'hello');
    client.destroy();
    await closed(server);
  });
});

for (const { engine, skip } of await enginesHere())
  describe(`upgrades on ${engine}`, { skip }, () => {
    it('hand over a working Duplex, with what came behind the request', async () => {
      const server = createServer({ logger, engine }, hello);
      server.on(
        'upgrade',
        (req: IncomingMessage, socket: Duplex & { remoteAddress: string }, head: Buffer) => {
          assert.equal(req.socket, socket);
          assert.equal(socket.remoteAddress, '127.0.0.1');
          socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: else\r\nConnection: Upgrade\r\n\r\n');
          socket.write(head);
          socket.pipe(socket);
        },
      );
      server.listen(0, '127.0.0.1');
      const client = await RawClient.open(portOf(server));
      client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\nearly');
      assert.equal((await client.response()).status, 101);
      const sent = 'x'.repeat(3_000_000);
      client.write(sent);
      await client.until((c) => c.received.length === sent.length + 5, 'all of it back', 15_000);
      assert.ok(client.text.startsWith('early'));
      client.socket.end();
      await client.until((c) => c.ended, 'the end of the other side');
      await closed(server);
    });

    it('are WebSocket by ws, to and fro, with closes of both sides', async () => {
      const { WebSocketServer, WebSocket } = load('ws');
      const server = createServer({ logger, engine }, hello).listen(0, '127.0.0.1');
      const codes: number[] = [];
      const sockets = new WebSocketServer({ server, maxPayload: 4_000_000 });
      sockets.on(
        'connection',
        (socket: { on(name: string, call: (value: never) => void): void; send(data: unknown): void }) => {
          socket.on('message', (message: never) => socket.send(message));
          socket.on('close', (code: never) => codes.push(code));
        },
      );
      for (const message of ['short', 'y'.repeat(2_000_000)]) {
        const client = new WebSocket(`ws://127.0.0.1:${portOf(server)}/`);
        await once(client, 'open');
        client.send(message);
        const [echo] = await once(client, 'message');
        assert.equal(String(echo), message);
        client.close(4001);
        await once(client, 'close');
      }
      const leaver = new WebSocket(`ws://127.0.0.1:${portOf(server)}/`);
      await once(leaver, 'open');
      leaver.terminate();
      await until(() => codes.length === 3, 'three closes');
      assert.deepEqual(codes, [4001, 4001, 1006]);
      sockets.close();
      await closed(server);
    });

    it('are Socket.IO by polling, by WebSocket, and from the one to the other', async () => {
      const { Server: IO } = load('socket.io');
      const connect = load('socket.io-client');
      const server = createServer({ logger, engine });
      const io = new IO(server);
      io.on(
        'connection',
        (socket: {
          on(name: string, call: (value: number, done: (value: number) => void) => void): void;
        }) => {
          socket.on('add', (value, done) => done(value + 1));
        },
      );
      server.listen(0, '127.0.0.1');
      for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
        const client = connect(`http://127.0.0.1:${portOf(server)}`, { transports, forceNew: true });
        assert.equal(await client.emitWithAck('add', 41), 42);
        if (transports.length === 2)
          await until(() => client.io.engine.transport.name === 'websocket', 'the change of transport');
        client.disconnect();
      }
      await new Promise((resolve) => io.close(resolve));
    });
  });

describe('toFetch', () => {
  it('makes a fetch handler of a listener, for whoever calls it', async () => {
    const fetchOf = toFetch(((req: IncomingMessage, res: ServerResponse) => {
      let text = '';
      req.on('data', (piece) => (text += piece));
      req.on('end', () => {
        res.writeHead(201, { 'x-url': req.url!, 'set-cookie': ['a=1', 'b=2'] });
        res.write(`${req.method} `);
        res.end(text);
      });
    }) as RequestListener) as unknown as (request: Request) => Promise<Response>;
    const response = await fetchOf(new Request('http://h/p?q', { method: 'POST', body: 'content' }));
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('x-url'), '/p?q');
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
    assert.equal(await response.text(), 'POST content');
    const empty = await toFetch(((_: unknown, res: ServerResponse) =>
      res.writeHead(204).end()) as RequestListener)(
      new Request('http://h/'),
      undefined as never,
      undefined as never,
    );
    assert.equal(empty.status, 204);
    assert.equal(empty.body, null);
  });

  it('pulls a long answer at the pace of its reader, and tells the listener of one who goes', async () => {
    let written = 0;
    let isClosed = false;
    const fetchOf = toFetch(((_: unknown, res: ServerResponse) => {
      res.on('close', () => (isClosed = true));
      const fill = (): void => {
        while (written < 10_000_000 && res.write(Buffer.alloc(10_000))) written += 10_000;
        if (written < 10_000_000) res.once('drain', fill);
      };
      fill();
    }) as RequestListener) as unknown as (request: Request) => Promise<Response>;
    const response = await fetchOf(new Request('http://h/'));
    const reader = response.body!.getReader();
    for (let i = 0; i < 20; i++) await reader.read();
    assert.ok(written < 2_000_000, String(written));
    await reader.cancel();
    await until(() => isClosed, "'close'");
  });

  it('fails with what the listener throws, and says what it cannot take', async () => {
    const failing = toFetch((() => {
      throw new Error('thrown');
    }) as RequestListener);
    await assert.rejects(
      Promise.resolve(failing(new Request('http://h/'), undefined as never, undefined as never)),
      /thrown/,
    );
    assert.throws(() => toFetch({}), /node.*a listener/);
  });
});
