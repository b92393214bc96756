/** WebSockets over real sockets on every engine: hooks, what `send` returns, ends of every kind, and who is slow. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import zlib from 'node:zlib';
import { CERTIFICATE, KEY } from '#src/engine/node/tls-keys.fixture.ts';
import { type Server, serve, type WebSocketOptions, type WebSocketPeer } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { FrameClient, maskedFrame } from './websocket-client.ts';

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;

const TEXTS = [
  '',
  'hello',
  'κόσμε',
  'é'.repeat(50),
  'x'.repeat(126),
  '☃'.repeat(30_000),
  'y'.repeat(300_000),
];
const LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 70_000, 300_000];

type Told = [what: string, ...rest: unknown[]];

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`timed out waiting for ${what}`);
}

const FLUSH = { finishFlush: zlib.constants.Z_SYNC_FLUSH };

function deflated(bytes: Uint8Array): Buffer {
  return zlib.deflateRawSync(bytes, FLUSH).subarray(0, -4);
}

function inflated(payload: Uint8Array): string {
  return zlib.inflateRawSync(Buffer.concat([payload, Buffer.of(0, 0, 0xff, 0xff)]), FLUSH).toString('utf8');
}

/** Lets a client that was paused read on. @returns what has come, put together when it is asked for */
function countedBytes({ raw }: FrameClient): () => Buffer {
  let pieces: Buffer[] = [raw.received];
  raw.socket.removeAllListeners('data');
  raw.socket.on('data', (data: Buffer) => pieces.push(data));
  raw.socket.resume();
  return () => {
    pieces = [Buffer.concat(pieces)];
    return pieces[0]!;
  };
}

for (const { engine, skip } of await enginesHere()) {
  describe(`WebSockets on ${engine}`, { skip }, () => {
    async function withServer(
      websocket: WebSocketOptions,
      body: (server: Server, told: Told[], peers: WebSocketPeer[]) => Promise<void>,
    ): Promise<void> {
      const told: Told[] = [];
      const peers: WebSocketPeer[] = [];
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: (request, context) =>
          new URL(request.url).pathname === '/plain'
            ? new Response('plain')
            : context.upgrade({ data: { n: 1 } }),
        websocket: {
          close: (_peer, { code, reason, wasClean }) => void told.push(['close', code, reason, wasClean]),
          error: (_peer, error) => void told.push(['error', (error as Error).message]),
          ...websocket,
          open(peer) {
            peers.push(peer);
            return websocket.open?.(peer);
          },
        },
      });
      try {
        await body(server, told, peers);
      } finally {
        await server.close({ force: true });
      }
    }

    const echo: WebSocketOptions = { message: (peer, message) => void peer.send(message.data) };

    it('echo text and bytes of every length, and close in order', async () => {
      await withServer(echo, async (server, told) => {
        const client = await FrameClient.open(server.port);
        for (const text of TEXTS) {
          client.send(TEXT, text);
          const { opcode, payload } = await client.frame();
          assert.deepEqual([opcode, payload.toString('utf8')], [1, text]);
        }
        for (const length of LENGTHS) {
          const bytes = Buffer.alloc(length, 'abc\xff', 'latin1');
          client.send(BINARY, bytes);
          const { opcode, payload } = await client.frame();
          assert.equal(opcode, 2);
          assert.ok(payload.equals(bytes), String(length));
        }
        client.send(CLOSE, Buffer.from('\x0f\xa1enough', 'latin1'));
        assert.equal(await client.closeFrame(), '4001 ');
        await client.raw.until((c) => c.ended, 'FIN');
        client.raw.destroy();
        assert.deepEqual(told, [['close', 4001, 'enough', true]]);
        const { websocket } = await server.stats();
        const count = TEXTS.length + LENGTHS.length;
        assert.deepEqual(
          [websocket.opened, websocket.messagesReceived, websocket.messagesSent],
          [1, count, count],
        );
      });
    });

    it('speak with the WebSocket of browsers', { skip: !('WebSocket' in globalThis) }, async () => {
      await withServer(echo, async (server, told) => {
        const client = new WebSocket(server.url.replace('http', 'ws'), ['a', 'b']);
        client.binaryType = 'arraybuffer';
        await new Promise((resolve) => client.addEventListener('open', resolve, { once: true }));
        assert.equal(client.protocol, 'a');
        const next = () =>
          new Promise<string | ArrayBuffer>((resolve) =>
            client.addEventListener('message', ({ data }) => resolve(data), { once: true }),
          );
        for (const text of TEXTS) {
          const answer = next();
          client.send(text);
          assert.equal(await answer, text);
        }
        const answer = next();
        client.send(new Uint8Array([1, 2, 3]));
        assert.deepEqual(new Uint8Array((await answer) as ArrayBuffer), new Uint8Array([1, 2, 3]));
        const closed = new Promise<CloseEvent>((resolve) => client.addEventListener('close', resolve));
        client.close(4001, 'enough');
        const { code, wasClean } = await closed;
        assert.deepEqual([code, wasClean], [4001, true]);
        assert.deepEqual(told, [['close', 4001, 'enough', true]]);
      });
    });

    it('tell hooks of the peer: its request, data, address and protocol', async () => {
      await withServer({}, async (server, _told, peers) => {
        const client = await FrameClient.open(server.port, '/chat?x=1', 'Sec-WebSocket-Protocol: a, b\r\n');
        assert.match(client.head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
        assert.match(client.head, /sec-websocket-protocol: a\r\n/i);
        await until(() => peers.length === 1, 'open');
        const peer = peers[0]!;
        assert.equal(new URL(peer.request.url).search, '?x=1');
        assert.equal(peer.request.headers.get('sec-websocket-protocol'), 'a, b');
        assert.deepEqual(peer.data, { n: 1 });
        assert.equal(peer.protocol, 'a');
        assert.equal(peer.remoteAddress?.address, '127.0.0.1');
        assert.match(peer.id, /^[0-9a-f-]{36}$/);
        assert.equal(peer.readyState, 1);
        const [row] = (await server.connections()).filter(({ state }) => state === 'upgraded');
        assert.equal(row?.target, '/chat');
        client.raw.destroy();
        await until(() => peer.readyState === 3, 'the end');
        assert.equal(peer.send('late'), 0);
      });
    });

    it('answer what asks for no WebSocket, or not soundly, with what is wrong', async () => {
      await withServer({}, async (server) => {
        const plain = await fetch(server.url);
        assert.equal(plain.status, 426);
        assert.equal(plain.headers.get('sec-websocket-version'), '13');
        const client = await RawClient.open(server.port);
        client.write(
          'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n' +
            'GET /plain HTTP/1.1\r\nHost: a\r\n\r\n',
        );
        assert.equal((await client.response()).status, 400);
        assert.equal((await client.response()).body, 'plain');
        client.destroy();
      });
    });

    it('take frames that came with the request, and in any pieces', async () => {
      const got: string[] = [];
      await withServer({ message: (_peer, message) => void got.push(message.text()) }, async (server) => {
        const head =
          'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
        const all = Buffer.concat([
          Buffer.from(head),
          maskedFrame(0x01, 'one '),
          maskedFrame(0x80, 'two'),
          maskedFrame(TEXT, 'three'),
          maskedFrame(CLOSE, ''),
        ]);
        for (const size of [all.length, 200, 7]) {
          const client = await RawClient.open(server.port);
          for (let at = 0; at < all.length; at += size) {
            client.write(all.subarray(at, at + size));
            if (size < 200) await new Promise((resolve) => setImmediate(resolve));
          }
          await client.until((c) => c.ended, 'the end');
          assert.ok(client.received.subarray(-2).equals(Buffer.from([CLOSE, 0])));
          client.destroy();
        }
        assert.deepEqual(got, ['one two', 'three', 'one two', 'three', 'one two', 'three']);
      });
    });

    it('answer pings, also between fragments, and tell of pongs', async () => {
      const seen: string[] = [];
      const hooks: WebSocketOptions = {
        message: (peer, message) => void peer.send(message.text()),
        ping: (_peer, data) => void seen.push(`ping ${Buffer.from(data)}`),
        pong: (_peer, data) => void seen.push(`pong ${Buffer.from(data)}`),
        open: (peer) => void peer.ping('there?'),
      };
      await withServer(hooks, async (server) => {
        const client = await FrameClient.open(server.port);
        assert.equal(String((await client.frame()).payload), 'there?');
        client.send(0x8a, 'there?');
        client.send(0x01, 'a');
        client.send(PING, 'x');
        client.send(0x80, 'b');
        const pong = await client.frame();
        assert.deepEqual([pong.opcode, String(pong.payload)], [10, 'x']);
        assert.equal(String((await client.frame()).payload), 'ab');
        assert.deepEqual(seen, ['pong there?', 'ping x']);
        client.raw.destroy();
      });
    });

    it('end whoever breaks a rule with the code that says so, and count it', async () => {
      await withServer({ maxPayloadBytes: 1000 }, async (server, told) => {
        for (const [bytes, code] of [
          [maskedFrame(0xc1, 'x'), 1002],
          [Buffer.from([TEXT, 1, 0x78]), 1002],
          [maskedFrame(TEXT, Buffer.from([0xff])), 1007],
          [maskedFrame(BINARY, Buffer.alloc(1001)), 1009],
          [maskedFrame(CLOSE, Buffer.from([0x03, 0xed])), 1002],
        ] as const) {
          const client = await FrameClient.open(server.port);
          client.raw.write(bytes);
          assert.match(await client.closeFrame(), new RegExp(`^${code} .`));
          await client.raw.until((c) => c.ended, 'FIN');
          client.raw.destroy();
        }
        assert.deepEqual(
          told.map(([what, code, , wasClean]) => [what, code, wasClean]),
          [1002, 1002, 1007, 1009, 1002].map((code) => ['close', code, false]),
        );
        const { faults } = await server.stats();
        assert.equal(faults['websocket-utf8'], 1);
        assert.equal(faults['websocket-too-big'], 1);
      });
    });

    it('close from the server: what was sent before arrives, and the handshake has a deadline', async () => {
      const hooks: WebSocketOptions = {
        closeTimeout: 500,
        message(peer, message) {
          peer.send(message.text());
          peer.close(4000, 'done');
          assert.equal(peer.send('late'), 0);
        },
      };
      await withServer(hooks, async (server, told) => {
        const client = await FrameClient.open(server.port);
        client.send(TEXT, 'last');
        assert.equal(String((await client.frame()).payload), 'last');
        assert.equal(await client.closeFrame(), '4000 done');
        client.send(TEXT, 'ignored');
        client.send(CLOSE, Buffer.from([0x0f, 0xa0]));
        await client.raw.until((c) => c.ended, 'FIN');
        client.raw.destroy();
        assert.deepEqual(told, [['close', 4000, '', true]]);
        const silent = await FrameClient.open(server.port);
        silent.send(TEXT, 'last');
        await silent.raw.until((c) => c.ended, 'the end of one that does not answer');
        assert.deepEqual(told[1], ['close', 1006, '', false]);
        silent.raw.destroy();
      });
    });

    it('a hook that throws or rejects costs its own connection alone', async () => {
      const hooks: WebSocketOptions = {
        message(_peer, message) {
          if (message.text() === 'reject') return Promise.reject(new Error('rejected'));
          throw new Error('thrown');
        },
      };
      await withServer(hooks, async (server, told) => {
        const bystander = await FrameClient.open(server.port);
        for (const text of ['throw', 'reject']) {
          const client = await FrameClient.open(server.port);
          client.send(TEXT, text);
          assert.match(await client.closeFrame(), /^1011/);
          client.raw.destroy();
        }
        await until(() => told.length === 4, 'both ends');
        assert.deepEqual(
          told.filter(([what]) => what === 'error').map(([, text]) => text),
          ['thrown', 'rejected'],
        );
        bystander.send(PING, 'alive');
        assert.equal(String((await bystander.frame()).payload), 'alive');
        bystander.raw.destroy();
      });
    });

    it('each hook runs in an async context of its own', async () => {
      const storage = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const hooks: WebSocketOptions = {
        message(_peer, message) {
          seen.push(storage.getStore());
          storage.enterWith(message.text());
        },
      };
      await withServer(hooks, async (server) => {
        const client = await FrameClient.open(server.port);
        client.raw.write(
          Buffer.concat([maskedFrame(TEXT, 'a'), maskedFrame(TEXT, 'b'), maskedFrame(TEXT, 'c')]),
        );
        await until(() => seen.length === 3, 'messages');
        assert.deepEqual(seen, [undefined, undefined, undefined]);
        client.raw.destroy();
      });
    });

    it('one that goes without a word is told as 1006', async () => {
      await withServer({}, async (server, told) => {
        const fin = await FrameClient.open(server.port);
        fin.raw.socket.end();
        await until(() => told.length === 1, 'the end');
        const reset = await FrameClient.open(server.port);
        reset.raw.reset();
        await until(() => told.length === 2, 'the end');
        assert.deepEqual(told, [
          ['close', 1006, '', false],
          ['close', 1006, '', false],
        ]);
        fin.raw.destroy();
      });
    });

    it('who does not read is bounded: -1 while it lags, 0 beyond the bound, and drain when it has caught up', async () => {
      const results: number[] = [];
      let drains = 0;
      const hooks: WebSocketOptions = {
        backpressureBytesMax: '4m',
        onBackpressure: 'drop',
        drain: () => void drains++,
      };
      await withServer(hooks, async (server, told, peers) => {
        const client = await FrameClient.open(server.port);
        client.raw.socket.pause();
        await until(() => peers.length === 1, 'open');
        const peer = peers[0]!;
        const piece = Buffer.alloc(100_000, 'x');
        await until(() => {
          for (let i = 0; i < 20; i++) results.push(peer.send(piece));
          return results.includes(0);
        }, 'the bound');
        assert.equal(results[0], 100_010);
        assert.ok(results.includes(-1));
        assert.ok(peer.bufferedAmount <= 4_200_000, String(peer.bufferedAmount));
        assert.equal(told.length, 0);
        const taken = results.filter((result) => result !== 0).length;
        const received = countedBytes(client);
        await until(() => received().length === taken * 100_010, 'all that was taken');
        await until(() => drains > 0, 'drain');
        assert.equal(peer.bufferedAmount, 0);
        assert.ok(peer.send('again') > 0);
        client.raw.destroy();
      });
    });

    it('who does not read may be ended instead, or not be read either', async () => {
      await withServer(
        { backpressureBytesMax: '1m', onBackpressure: 'close' },
        async (server, told, peers) => {
          const client = await FrameClient.open(server.port);
          client.raw.socket.pause();
          await until(() => peers.length === 1, 'open');
          await until(() => {
            peers[0]!.send(Buffer.alloc(200_000));
            return told.length > 0;
          }, 'the end');
          assert.deepEqual(told[0], ['close', 1006, '', false]);
          assert.equal((await server.stats()).websocket.messagesDropped, 1);
          client.raw.destroy();
        },
      );
      await withServer(
        { ...echo, onBackpressure: 'wait', backpressureBytesMax: '2m' },
        async (server, told, peers) => {
          const client = await FrameClient.open(server.port);
          const frame = maskedFrame(BINARY, Buffer.alloc(60_000, 'y'));
          const count = 300;
          client.raw.socket.pause();
          for (let i = 0; i < count; i++) client.raw.write(frame);
          await until(() => peers.length === 1 && peers[0]!.bufferedAmount > 0, 'a reader that lags');
          await new Promise((resolve) => setTimeout(resolve, 100));
          assert.ok(peers[0]!.bufferedAmount < 1_000_000, String(peers[0]!.bufferedAmount));
          let bytes = client.raw.received.length;
          client.raw.socket.removeAllListeners('data');
          client.raw.socket.on('data', (data: Buffer) => (bytes += data.length));
          client.raw.socket.resume();
          await until(() => bytes === count * 60_004, 'every echo');
          assert.deepEqual(told, []);
          client.raw.destroy();
        },
      );
    });

    it('a flood of pings from one that does not read is owed one answer', async () => {
      const hooks: WebSocketOptions = { open: (peer) => void peer.send(Buffer.alloc(12_000_000)) };
      await withServer(hooks, async (server, told, peers) => {
        const client = await FrameClient.open(server.port);
        client.raw.socket.pause();
        const flood = Buffer.concat(Array.from({ length: 5000 }, (_, i) => maskedFrame(PING, String(i))));
        client.raw.write(flood);
        await until(() => peers.length === 1, 'open');
        const before = peers[0]!.bufferedAmount;
        await new Promise((resolve) => setTimeout(resolve, 100));
        assert.ok(peers[0]!.bufferedAmount <= before);
        const total = countedBytes(client);
        await until(() => total().length === 12_000_010 + 6, 'the message and one pong');
        assert.ok(total().subarray(-6).equals(Buffer.from('\x8a\x044999', 'latin1')));
        assert.deepEqual(told, []);
        client.raw.destroy();
      });
    });

    it('pings one of which nothing is heard, and ends it when it says nothing', async () => {
      await withServer({ pingInterval: 80, pongTimeout: 500 }, async (server, told) => {
        const client = await FrameClient.open(server.port);
        for (let i = 0; i < 3; i++) {
          const ping = await client.frame();
          assert.equal(ping.opcode, 9);
          client.send(0x8a, ping.payload);
        }
        assert.deepEqual(told, []);
        assert.equal((await client.frame()).opcode, 9);
        await client.raw.until((c) => c.closed || c.ended, 'the end of one that is silent');
        assert.deepEqual(told, [['close', 1006, '', false]]);
        await until(
          async () => (await server.stats()).closeReasons['websocket-pong-timeout'] === 1,
          'the reason',
        );
        client.raw.destroy();
      });
    });

    it('closes one on which nothing is said', async () => {
      const hooks: WebSocketOptions = { idleTimeout: 120, pingInterval: 30, message() {} };
      await withServer(hooks, async (server) => {
        const client = await FrameClient.open(server.port);
        for (;;) {
          const { opcode, payload } = await client.frame();
          if (opcode === 9) client.send(0x8a);
          else {
            assert.deepEqual([opcode, String(payload.subarray(2))], [8, 'idle for too long']);
            break;
          }
        }
        client.raw.destroy();
      });
    });

    it('topics reach all that are subscribed but who publishes, also from fetch and the server', async () => {
      const hooks: WebSocketOptions = {
        open: (peer) => void peer.subscribe('room'),
        message(peer, message) {
          if (message.text() === 'leave') peer.unsubscribe('room');
          else peer.publish('room', message.data);
        },
      };
      await withServer(hooks, async (server, _told, peers) => {
        const [a, b, c] = await Promise.all([1, 2, 3].map(() => FrameClient.open(server.port)));
        await until(() => peers.length === 3, 'open');
        a!.send(TEXT, 'hi');
        assert.equal(String((await b!.frame()).payload), 'hi');
        assert.equal(String((await c!.frame()).payload), 'hi');
        assert.equal(server.publish('room', Buffer.from([1, 2])), 3);
        for (const each of [a, b, c]) {
          const { opcode, payload } = await each!.frame();
          assert.deepEqual([opcode, [...payload]], [2, [1, 2]]);
        }
        b!.send(TEXT, 'leave');
        c!.raw.destroy();
        await until(() => server.publish('room', 'x') === 1, 'one is left');
        a!.raw.destroy();
        b!.raw.destroy();
      });
    });

    it('compress what is long enough, once for all, and take what is compressed', async () => {
      const hooks: WebSocketOptions = {
        compress: true,
        maxPayloadBytes: 10_000,
        open: (peer) => void peer.subscribe('room'),
        message(peer, message) {
          peer.send(message.data);
        },
      };
      await withServer(hooks, async (server, told, peers) => {
        const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n';
        const client = await FrameClient.open(server.port, '/', offer);
        assert.match(
          client.head,
          /permessage-deflate; server_no_context_takeover; client_no_context_takeover/,
        );
        const plain = await FrameClient.open(server.port);
        const text = 'some words, é '.repeat(300);
        client.send(0xc1, deflated(Buffer.from(text)));
        const echoed = await client.frame();
        assert.ok(echoed.isCompressed && echoed.payload.length < 200);
        assert.equal(inflated(echoed.payload), text);
        client.send(TEXT, 'short');
        const short = await client.frame();
        assert.deepEqual([short.isCompressed, String(short.payload)], [false, 'short']);
        assert.equal(server.publish('room', text), 2);
        const published = await client.frame();
        assert.equal(inflated(published.payload), text);
        const uncompressed = await plain.frame();
        assert.deepEqual([uncompressed.isCompressed, String(uncompressed.payload)], [false, text]);
        assert.ok(peers[0]!.send('x', { compress: true }) > 0);
        await client.frame();
        // What would grow too much, what is no DEFLATE, and what is no text: nobody else is harmed.
        for (const [first, payload, code] of [
          [0xc2, deflated(Buffer.alloc(100_000)), 1009],
          [0xc2, Buffer.from('ffffffff', 'hex'), 1007],
          [0xc1, deflated(Buffer.from([0xff, 0xfe])), 1007],
        ] as const) {
          const other = await FrameClient.open(server.port, '/', offer);
          other.send(first, payload);
          assert.match(await other.closeFrame(), new RegExp(`^${code}`));
          other.raw.destroy();
        }
        client.send(0xc1, deflated(Buffer.from(text)));
        assert.equal(inflated((await client.frame()).payload), text);
        assert.equal(told.length, 3);
        client.raw.destroy();
        plain.raw.destroy();
      });
    });

    it('a server that goes down tells each peer with 1001', async () => {
      await withServer({ handover: 50 }, async (server, told) => {
        const clients = await Promise.all([1, 2, 3, 4].map(() => FrameClient.open(server.port)));
        const closed = server.close();
        for (const client of clients) {
          assert.match(await client.closeFrame(), /^1001/);
          client.send(CLOSE, Buffer.from([0x03, 0xe9]));
          await client.raw.until((c) => c.ended, 'FIN');
          client.raw.socket.end();
        }
        const { forced } = await closed;
        assert.equal(forced, 0);
        assert.equal(told.length, 4);
      });
    });

    it('speak over TLS', async () => {
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        tls: { cert: CERTIFICATE, key: KEY },
        fetch: (_request, context) => context.upgrade(),
        websocket: echo,
      });
      const socket = connectTls({ port: server.port, rejectUnauthorized: false });
      try {
        let received = Buffer.alloc(0);
        socket.on('data', (data: Buffer) => {
          received = Buffer.concat([received, data]);
        });
        const bytes = Buffer.alloc(200_000, 'secret ');
        socket.write(
          'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        );
        socket.write(Buffer.concat([maskedFrame(TEXT, 'hello'), maskedFrame(BINARY, bytes)]));
        await until(() => received.length > 200_000 && received.subarray(-200_000).equals(bytes), 'the echo');
        assert.match(received.toString('latin1', 0, 40), /^HTTP\/1\.1 101 /);
      } finally {
        socket.destroy();
        await server.close({ force: true });
      }
    });

    it('the hook upgrade decides before fetch', async () => {
      const hooks: WebSocketOptions = {
        async upgrade(request) {
          const { pathname } = new URL(request.url);
          if (pathname === '/no') return new Response('no', { status: 403 });
          if (pathname === '/throws') throw new Error('no idea');
          return { data: 'mine', context: { a: 1 }, headers: { 'x-more': '1' } };
        },
        open: (peer) => void peer.send(JSON.stringify([peer.data, peer.context])),
      };
      await withServer(hooks, async (server) => {
        const client = await FrameClient.open(server.port, '/yes');
        assert.match(client.head, /x-more: 1/i);
        assert.equal(String((await client.frame()).payload), '["mine",{"a":1}]');
        client.raw.destroy();
        await assert.rejects(FrameClient.open(server.port, '/no'), /403/);
        await assert.rejects(FrameClient.open(server.port, '/throws'), /500/);
        assert.equal(await (await fetch(`${server.url}/plain`)).text(), 'plain');
      });
    });
  });
}
