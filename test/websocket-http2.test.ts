/** WebSockets in streams of HTTP/2 (RFC 8441), with node:http2 as the client: frames over DATA, windows, and ends of streams. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { describe, it } from 'node:test';
import { type Server, serve, type WebSocketOptions, type WebSocketPeer } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { maskedFrame } from './websocket-client.ts';

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`timed out waiting for ${what}`);
}

interface Tunnel {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  readonly headers: Record<string, unknown>;
  received: Buffer;
  isOver: boolean;
}

async function openTunnel(client: ClientHttp2Session, path = '/', protocol = 'websocket'): Promise<Tunnel> {
  const stream = client.request(
    {
      ':method': 'CONNECT',
      ':protocol': protocol,
      ':path': path,
      ':scheme': 'http',
      ':authority': 'a',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'x, y',
    },
    { endStream: false },
  );
  stream.on('error', () => {});
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  const tunnel: Tunnel = {
    stream,
    status: Number(headers[':status']),
    headers,
    received: Buffer.alloc(0),
    isOver: false,
  };
  stream.on('data', (data: Buffer) => {
    tunnel.received = Buffer.concat([tunnel.received, data]);
  });
  stream.on('close', () => {
    tunnel.isOver = true;
  });
  return tunnel;
}

for (const { engine, skip } of await enginesHere()) {
  describe(`WebSockets over HTTP/2 on ${engine}`, { skip }, () => {
    async function withServer(
      websocket: WebSocketOptions,
      body: (
        client: ClientHttp2Session,
        server: Server,
        told: unknown[],
        peers: WebSocketPeer[],
      ) => Promise<void>,
    ): Promise<void> {
      const told: unknown[] = [];
      const peers: WebSocketPeer[] = [];
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: (request, context) =>
          new URL(request.url).pathname === '/no' ? new Response('no', { status: 403 }) : context.upgrade(),
        websocket: {
          ...websocket,
          open(peer) {
            peers.push(peer);
            return websocket.open?.(peer);
          },
          close: (_peer, { code, wasClean }) => void told.push([code, wasClean]),
        },
      });
      const client = connect(server.url);
      client.on('error', () => {});
      await once(client, 'remoteSettings');
      try {
        await body(client, server, told, peers);
      } finally {
        client.destroy();
        await server.close({ force: true });
      }
    }

    it('are offered, speak, and close in order, beside each other', async () => {
      const echo: WebSocketOptions = { message: (peer, message) => void peer.send(message.data) };
      await withServer(echo, async (client, server, told, peers) => {
        assert.equal(client.remoteSettings.enableConnectProtocol, true);
        const tunnels = await Promise.all([openTunnel(client, '/a'), openTunnel(client, '/b')]);
        for (const { status, headers } of tunnels) {
          assert.equal(status, 200);
          assert.equal(headers['sec-websocket-protocol'], 'x');
          assert.equal(headers['upgrade'], undefined);
          assert.equal(headers['sec-websocket-accept'], undefined);
        }
        const [a, b] = tunnels as [Tunnel, Tunnel];
        assert.equal(peers[0]!.request.method, 'GET');
        assert.equal(new URL(peers[1]!.request.url).pathname, '/b');
        a.stream.write(maskedFrame(0x81, 'hello'));
        b.stream.write(maskedFrame(0x82, Buffer.alloc(300_000, 'z')));
        await until(() => a.received.length === 7, 'an echo');
        assert.equal(String(a.received.subarray(2)), 'hello');
        await until(() => b.received.length === 300_010, 'a long echo');
        a.stream.write(maskedFrame(0x88, Buffer.from([0x03, 0xe8])));
        await until(() => a.isOver, 'the end of the stream');
        assert.ok(a.received.subarray(-4).equals(Buffer.from([0x88, 2, 0x03, 0xe8])));
        assert.deepEqual(told, [[1000, true]]);
        b.stream.write(maskedFrame(0x89, 'x'));
        await until(() => b.received.length === 300_013, 'a pong');
        b.stream.close(8);
        await until(() => told.length === 2, 'the end by a reset');
        assert.deepEqual(told[1], [1006, false]);
        assert.equal((await server.stats()).websocket.opened, 2);
      });
    });

    it('are held back by the window of their own stream, within the bound', async () => {
      const hooks: WebSocketOptions = { backpressureBytesMax: '1m', onBackpressure: 'drop' };
      await withServer(hooks, async (client, _server, _told, peers) => {
        const slow = await openTunnel(client);
        slow.stream.pause();
        const other = await openTunnel(client);
        const results: number[] = [];
        for (let i = 0; i < 40; i++) results.push(peers[0]!.send(Buffer.alloc(50_000)));
        assert.ok(results.includes(-1) && results.includes(0));
        assert.ok(peers[0]!.bufferedAmount <= 1_050_000);
        peers[1]!.send('still here');
        await until(() => other.received.length === 12, 'the other one');
        slow.stream.resume();
        const taken = results.filter((result) => result !== 0).length;
        await until(() => slow.received.length === taken * 50_004, 'all that was taken');
        assert.equal(peers[0]!.bufferedAmount, 0);
      });
    });

    it('are refused as any request is, and other protocols are not spoken', async () => {
      await withServer({}, async (client) => {
        assert.equal((await openTunnel(client, '/no')).status, 403);
        assert.equal((await openTunnel(client, '/', 'connect-udp')).status, 501);
      });
    });

    it('end with 1001 when the server goes down', async () => {
      await withServer({ handover: 0 }, async (client, server, told) => {
        const tunnel = await openTunnel(client);
        const closed = server.close();
        await until(() => tunnel.received.length > 2, 'the close frame');
        assert.equal(tunnel.received.readUInt16BE(2), 1001);
        tunnel.stream.write(maskedFrame(0x88, Buffer.from([0x03, 0xe9])));
        await until(() => tunnel.isOver, 'the end');
        client.close();
        assert.equal((await closed).forced, 0);
        assert.deepEqual(told, [[1001, true]]);
      });
    });
  });
}
