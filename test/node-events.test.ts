/**
 * When listeners of node:http are told of what, on every engine: requests, sockets and their ends, tunnels, and what a server with the
 * face of http.Server makes of clients that break a rule. Each was found by the suite of a framework, or by Node's own.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createServer } from '#src/node.ts';
import { enginesHere } from './engines.ts';
import { quiet as logger } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

type FaceServer = ReturnType<typeof createServer>;

const ask = (path = '/', fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;
const portOf = (server: FaceServer): number => (server.address() as AddressInfo).port;

async function listening(server: FaceServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server);
}

async function closed(server: FaceServer): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}

for (const { engine, skip } of await enginesHere()) {
  describe(`what listeners of node:http are told on ${engine}`, { skip }, () => {
    it("tells a socket's listeners with what it was destroyed, when who destroyed it has returned", async () => {
      const told: string[] = [];
      const server = createServer({ logger, engine }, (req: IncomingMessage) => {
        req.socket.on('error', (error) => told.push(error.message));
        req.socket.on('close', (hadError) => told.push(`close ${hadError}`));
        req.socket.destroy(new Error('boom'));
        told.push('returned');
      });
      const client = await RawClient.open(await listening(server));
      client.write(ask());
      await until(() => told.length === 3, 'the events');
      assert.deepEqual(told, ['returned', 'boom', 'close true']);
      await closed(server);
    });

    it('answers pipelined requests whose client has sent FIN behind them, where answers wait for nothing but promises', async () => {
      const server = createServer({ logger, engine }, async (req: IncomingMessage, res: ServerResponse) => {
        await Promise.resolve();
        res.end(`answer to ${req.url}`);
      });
      const client = await RawClient.open(await listening(server));
      client.socket.end(ask('/1') + ask('/2'));
      await client.until((c) => c.ended, 'FIN');
      assert.match(client.text, /answer to \/1[\s\S]*answer to \/2$/);
      await closed(server);
    });

    it("takes FIN for the client's going where the answer is not there soon", async () => {
      let isClosed = false;
      const server = createServer({ logger, engine }, (_: IncomingMessage, res: ServerResponse) => {
        res.on('close', () => (isClosed = true));
      });
      const client = await RawClient.open(await listening(server));
      client.socket.end(ask());
      await until(() => isClosed, "'close' of the answer");
      await closed(server);
    });

    it("emits 'end' and 'close' of a request that nobody reads", async () => {
      const told: string[] = [];
      const server = createServer({ logger, engine }, (req: IncomingMessage, res: ServerResponse) => {
        res.end('x');
        for (const event of ['end', 'close']) req.on(event, () => told.push(`req ${event}`));
        for (const event of ['finish', 'close']) res.on(event, () => told.push(`res ${event}`));
      });
      const client = await RawClient.open(await listening(server));
      client.write(ask());
      await until(() => told.length === 4, 'the events');
      assert.deepEqual(told.slice().sort(), ['req close', 'req end', 'res close', 'res finish']);
      client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc');
      await until(() => told.length === 8, 'the events of a request with content');
      await closed(server);
    });

    it("emits 'finish' of an answer before 'close' where its connection ends behind it", async () => {
      const told: string[] = [];
      const server = createServer({ logger, engine }, (_: IncomingMessage, res: ServerResponse) => {
        for (const event of ['finish', 'close']) res.on(event, () => told.push(event));
        res.end('x');
      });
      const client = await RawClient.open(await listening(server));
      client.write(ask('/', 'Connection: close\r\n'));
      await client.until((c) => c.ended, 'FIN');
      await until(() => told.length === 2, 'the events');
      assert.deepEqual(told, ['finish', 'close']);
      await closed(server);
    });

    it('ends a connection by FIN behind what was written, where a listener ends its socket', async () => {
      const told: string[] = [];
      const ways: Record<string, (req: IncomingMessage, res: ServerResponse) => void> = {
        '/before': (req) => req.socket.end(),
        '/midway': (req, res) => {
          res.write('part');
          // Node 24 hands what is written on behind the turn.
          setImmediate(() => req.socket.end());
        },
        '/behind': (req, res) => {
          res.end('whole');
          req.socket.end();
        },
      };
      const server = createServer({ logger, engine }, (req: IncomingMessage, res: ServerResponse) => {
        res.on('close', () => told.push(req.url!));
        ways[req.url!]!(req, res);
      });
      const port = await listening(server);
      for (const [path, expected] of [
        ['/before', /^$/],
        ['/midway', /\r\n4\r\npart\r\n$/],
        ['/behind', /\r\n\r\nwhole$/],
      ] as const) {
        const client = await RawClient.open(port);
        client.write(ask(path));
        await client.until((c) => c.ended, `FIN of ${path}`);
        assert.match(client.text, expected);
        client.socket.end();
      }
      await until(() => told.length === 3, "'close' of each answer");
      await closed(server);
    });

    it("tells an upgraded socket of the client's FIN, though nobody reads from it", async () => {
      const server = createServer({ logger, engine });
      let isClosed = false;
      server.on('upgrade', (_, socket: Duplex) => {
        socket.on('end', () => socket.end());
        socket.on('close', () => (isClosed = true));
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      });
      const client = await RawClient.open(await listening(server));
      client.socket.end(ask('/', 'Connection: upgrade\r\nUpgrade: x\r\n'));
      await client.until((c) => c.ended, 'FIN');
      await until(() => isClosed, "'close' of the socket");
      await closed(server);
    });

    it('resets an upgraded connection that is to be reset', async () => {
      const server = createServer({ logger, engine });
      server.on('upgrade', (_, socket: Socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n', () => socket.resetAndDestroy());
      });
      const client = await RawClient.open(await listening(server));
      client.write(ask('/', 'Connection: upgrade\r\nUpgrade: x\r\n'));
      await client.until((c) => c.closed || c.ended, 'the end');
      assert.equal(await client.wasReset(), true);
      await closed(server);
    });

    it('hands CONNECT to its listeners as a tunnel, and refuses it where there are none', async () => {
      const server = createServer({ logger, engine }, (_: IncomingMessage, res: ServerResponse) => res.end());
      const port = await listening(server);
      const asked = 'CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n\r\n';
      const refused = await RawClient.open(port);
      refused.write(asked);
      await refused.until((c) => c.ended, 'the refusal');
      assert.match(refused.text, /^HTTP\/1\.1 400 Bad Request\r\n/);
      server.on('connect', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.write(`HTTP/1.1 200 Connection established\r\n\r\n${req.method} ${req.url} ${head}`);
        socket.on('data', (data) => socket.write(`<${data}>`));
      });
      const client = await RawClient.open(port);
      client.write(`${asked}head`);
      await client.until(({ text }) => text.endsWith('head'), 'the answer');
      client.write('bytes');
      await client.until(({ text }) => text.endsWith('<bytes>'), 'the echo');
      assert.match(client.text, /\r\n\r\nCONNECT far\.example:443 head<bytes>$/);
      await closed(server);
    });

    it('gives TRACE to listeners, and other expectations to those who listen for them', async () => {
      const server = createServer({ logger, engine }, (req: IncomingMessage, res: ServerResponse) =>
        res.end(`${req.method} seen`),
      );
      const port = await listening(server);
      const trace = await RawClient.open(port);
      trace.write('TRACE / HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.equal((await trace.response()).body, 'TRACE seen');
      const unheard = await RawClient.open(port);
      unheard.write(ask('/', 'Expect: meteoric\r\n'));
      assert.equal((await unheard.response()).status, 417);
      server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) =>
        res.end(`expects ${req.headers.expect}`),
      );
      const heard = await RawClient.open(port);
      heard.write(ask('/', 'Expect: meteoric\r\n'));
      assert.equal((await heard.response()).body, 'expects meteoric');
      await closed(server);
    });

    it("emits 'connection' when a client has connected, and its socket ends the connection, upgraded or not", async () => {
      const server = createServer({ logger, engine }, (_: IncomingMessage, res: ServerResponse) => res.end());
      server.on('upgrade', (_, socket: Duplex) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
      const sockets: Socket[] = [];
      let closedCount = 0;
      server.on('connection', (socket: Socket) => {
        sockets.push(socket);
        socket.on('close', () => closedCount++);
      });
      const port = await listening(server);
      const silent = await RawClient.open(port);
      await until(() => sockets.length === 1, "'connection'");
      sockets[0]!.end();
      await silent.until((c) => c.ended, 'FIN');
      const upgraded = await RawClient.open(port);
      upgraded.write(ask('/', 'Connection: upgrade\r\nUpgrade: x\r\n'));
      await upgraded.until(({ text }) => text.includes('101'), 'the upgrade');
      sockets[1]!.destroy();
      await upgraded.until((c) => c.ended || c.closed, 'the end');
      await until(() => closedCount === 2, "'close' of both");
      await closed(server);
    });

    it('watches the silence of clients that have sent nothing at all', async () => {
      const server = createServer({ logger, engine });
      let timedOut = 0;
      server.setTimeout(30, (socket: Socket) => {
        timedOut++;
        socket.destroy();
      });
      const client = await RawClient.open(await listening(server));
      await client.until((c) => c.ended || c.closed, 'the end');
      assert.equal(timedOut, 1);
      await closed(server);
    });

    it('watches silence while requests are worked on, and leaves idle connections to the time for these', async () => {
      let timedOut = 0;
      const server = createServer({ logger, engine }, (req: IncomingMessage, res: ServerResponse) => {
        if (req.url !== '/wait') res.end('x');
      });
      server.setTimeout(40, (socket: Socket) => {
        timedOut++;
        socket.destroy();
      });
      const client = await RawClient.open(await listening(server));
      client.write(ask());
      await client.response();
      await pause(100);
      assert.equal(timedOut, 0);
      client.write(ask('/wait'));
      await client.until((c) => c.ended || c.closed, 'the end');
      assert.equal(timedOut, 1);
      await closed(server);
    });

    it('tells who listens for broken requests of a head that its client has cut short', async () => {
      const server = createServer({ logger, engine });
      server.on('clientError', (error, socket) => socket.end(`told ${error.code}`));
      const client = await RawClient.open(await listening(server));
      client.socket.end('oops');
      await client.until((c) => c.ended, 'FIN');
      assert.equal(client.text, 'told HPE_INVALID_EOF_STATE');
      await closed(server);
    });

    it('gives trailers as they were sent', async () => {
      const told: unknown[] = [];
      const server = createServer({ logger, engine }, (req: IncomingMessage, res: ServerResponse) => {
        req.resume().on('end', () => {
          told.push(req.rawTrailers, req.trailers);
          res.end();
        });
      });
      const client = await RawClient.open(await listening(server));
      client.write(
        'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: a\r\nx-SUM: b\r\n\r\n',
      );
      await client.response();
      assert.deepEqual(told[0], ['X-Sum', 'a', 'x-SUM', 'b']);
      assert.equal((told[1] as NodeJS.Dict<string>)['x-sum'], 'a, b');
      await closed(server);
    });
  });

  describe(`a server with the face of http.Server on ${engine}`, { skip }, () => {
    it('ends a connection that broke a rule when its client ends it, though a listener forgets to', async () => {
      const server = createServer({ logger, engine });
      let code: unknown;
      server.on('clientError', (error) => (code = error.code));
      const client = await RawClient.open(await listening(server));
      client.socket.end('GET / HTTP/1.1\r\nDummy: x\rContent-Length: 1\r\n\r\n');
      await client.until((c) => c.ended, 'FIN');
      assert.equal(code, 'HPE_LF_EXPECTED');
      await closed(server);
    });

    it('takes it that a listener for broken requests destroys the socket with the error, as Fastify does', async () => {
      const server = createServer({ logger, engine });
      server.on('clientError', (error, socket) => {
        socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad');
        socket.destroy(error);
      });
      const client = await RawClient.open(await listening(server));
      client.write('no request\r\n\r\n');
      await client.until((c) => c.ended || c.closed, 'the end');
      assert.match(client.text, /\r\n\r\nbad$/);
      await closed(server);
    });

    it("refuses in node:http's words", async () => {
      const server = createServer({ logger, engine, headersTimeout: 100 }, () => assert.fail('no request'));
      const port = await listening(server);
      for (const [bytes, status] of [
        ['GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n', '400 Bad Request'],
        [
          `GET / HTTP/1.1\r\nHost: h\r\nLong: ${'x'.repeat(20_000)}\r\n\r\n`,
          '431 Request Header Fields Too Large',
        ],
        ['GET / HTTP/1.1\r\nHost', '408 Request Timeout'],
      ] as const) {
        const client = await RawClient.open(port);
        client.write(bytes);
        await client.until((c) => c.ended, status);
        assert.equal(client.text, `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
      }
      await closed(server);
    });

    it('takes requests without Host, and decides about upgrades, as its options say', async () => {
      const options = {
        logger,
        engine,
        requireHostHeader: false,
        shouldUpgradeCallback: (req: unknown) => (req as IncomingMessage).headers.upgrade === 'x',
      };
      const server = createServer(options, (req: IncomingMessage, res: ServerResponse) =>
        res.end(`host ${req.headers.host}`),
      );
      server.on('upgrade', (_, socket: Duplex) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
      const port = await listening(server);
      const client = await RawClient.open(port);
      client.write('GET / HTTP/1.1\r\n\r\n');
      assert.equal((await client.response()).body, 'host undefined');
      client.write('GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n');
      assert.equal((await client.response()).body, 'host undefined');
      client.write('GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      await client.until(({ text }) => text.includes('HTTP/1.1 101'), 'the upgrade');
      await closed(server);
    });

    it('listens again at the same port as soon as it is closed', async () => {
      const server = createServer({ logger, engine }, (_: IncomingMessage, res: ServerResponse) =>
        res.end('x'),
      );
      const port = await listening(server);
      let isEnded = false;
      server.close(() => (isEnded = true));
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      await until(() => isEnded, 'the end of the first');
      assert.equal(portOf(server), port);
      const client = await RawClient.open(port);
      client.write(ask());
      assert.equal((await client.response()).body, 'x');
      await closed(server);
      assert.equal(server.address(), null);
    });

    it('ends idle connections by FIN when all are to end', async () => {
      const server = createServer({ logger, engine }, (_: IncomingMessage, res: ServerResponse) =>
        res.end('x'),
      );
      const client = await RawClient.open(await listening(server));
      client.write(ask());
      await client.response();
      await pause(5);
      server.closeAllConnections();
      await client.until((c) => c.ended || c.closed, 'the end');
      assert.equal(await client.wasReset(), false);
      await closed(server);
    });
  });
}

describe('a server with the face of http.Server', () => {
  it('takes undefined for what nobody has set, and ends idle connections by its own method', async () => {
    const server = createServer({ logger });
    const idleMs = server.keepAliveTimeout;
    server.keepAliveTimeout = undefined as unknown as number;
    assert.equal(server.keepAliveTimeout, idleMs);
    let calls = 0;
    server.closeIdleConnections = () => calls++;
    server.listen({ port: undefined, host: '127.0.0.1' });
    await once(server, 'listening');
    await closed(server);
    assert.equal(calls, 1);
  });

  it('refuses options that are none', () => {
    for (const options of ['foo', 42, true, []])
      assert.throws(() => createServer(options as object), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('passes for one where programs ask by instanceof', () => {
    assert.ok(createServer({ logger }) instanceof http.Server);
  });

  it('serves a stream that is given to it as a connection, as Node documents it', async () => {
    const server = createServer({ logger }, (req: IncomingMessage, res: ServerResponse) =>
      res.end(`given ${req.url}`),
    );
    let refused: Error | undefined;
    const front = http.createServer();
    front.removeAllListeners('connection');
    front.on('connection', (socket) => server.emit('connection', socket));
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const { port } = front.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/stream`);
    assert.equal(await answer.text(), 'given /stream');
    server.on('clientError', (error, socket) => {
      refused = error;
      socket.destroy();
    });
    connect(port, '127.0.0.1')
      .on('error', () => undefined)
      .end('no HTTP at all\r\n\r\n');
    await until(() => refused !== undefined, "'clientError'");
    front.close();
    front.closeAllConnections();
  });

  it('has a socket that says what waits for room, and whose encoding is not to be changed', async () => {
    let lengths: number[] = [];
    let code: unknown;
    const server = createServer(
      { logger, highWaterMark: 1000 },
      (req: IncomingMessage, res: ServerResponse) => {
        try {
          req.socket.setEncoding('utf8');
        } catch (error) {
          code = (error as NodeJS.ErrnoException).code;
        }
        res.end('x');
        lengths = [res.writableHighWaterMark, req.readableHighWaterMark];
        res.on('finish', () => lengths.push(res.writableLength));
      },
    );
    const client = await RawClient.open(await listening(server));
    client.write(ask());
    await client.response();
    assert.equal(code, 'ERR_HTTP_SOCKET_ENCODING');
    assert.deepEqual(lengths, [1000, 1000, 0]);
    await closed(server);
  });
});
