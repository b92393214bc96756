/**
 * What engines that speak TLS promise of it, by clients of node:tls: handshakes have a deadline and are no connections,
 * and what a connection then promises in the clear holds over TLS too.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { Engine, EngineOptions } from '../engine.ts';
import { CERTIFICATE, KEY } from '../node/tls-keys.fixture.ts';
import type { EngineTlsOptions } from '../tls/tls-options.ts';
import {
  Client,
  fill,
  onStage,
  type Plan,
  type Stage,
  type Subject,
  sleep,
  until,
  write,
} from './harness.contract.ts';

interface TlsStage extends Stage {
  connectTls(): Promise<{ client: Client; socket: TLSSocket }>;
}

export type CreateTlsEngine = (options: EngineOptions, tls: EngineTlsOptions) => Engine | Promise<Engine>;

/** A handshake takes a busy machine long; what waits for the end of one asks for less. */
const HANDSHAKE_MS = 30_000;

const MATERIAL: EngineTlsOptions = {
  certificates: [{ cert: CERTIFICATE, key: KEY, keyType: 'ec', names: ['localhost'] }],
  alpn: ['http/1.1'],
};

export function tlsContract(name: string, create: CreateTlsEngine): void {
  describe(`${name}: TLS`, () => tests(create));
}

function tests(create: CreateTlsEngine): void {
  const subjectOf = (timeoutMs: number): Subject => ({
    create: (options) =>
      create(
        {
          ...options,
          handshakes: {
            timeoutMs,
            needsAddress: false,
            mayBegin: () => true,
            onEnd() {},
            onTimeout: () => {},
          },
        },
        MATERIAL,
      ),
    capabilities: {
      acceptPauses: false,
      reusePort: false,
      abstractNames: false,
      module: { url: '', createEngine: '' },
    },
  });

  function onTlsStage(
    plan: Plan,
    body: (stage: TlsStage) => Promise<void>,
    handshakeMs = HANDSHAKE_MS,
  ): Promise<void> {
    return onStage(subjectOf(handshakeMs), plan, async (stage) => {
      const sockets: TLSSocket[] = [];
      const connectTls = async () => {
        const { address: host, port } = stage.listener.address;
        const socket = connect({
          host,
          port,
          ca: CERTIFICATE,
          servername: 'localhost',
          ALPNProtocols: ['h2', 'http/1.1'],
        });
        sockets.push(socket);
        const client = new Client(socket);
        await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
        return { client, socket };
      };
      try {
        await body({ ...stage, connectTls });
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  }

  test('TLS connections echo, agree on http/1.1, and have an address', async () => {
    const peers: (string | undefined)[] = [];
    const plan: Plan = {
      onAccept: (conn) => peers.push(conn.remoteAddress()?.address),
      onReceive(conn, bytes, start, end) {
        const at = conn.reserve(end - start);
        conn.out.set(bytes.subarray(start, end), at);
        conn.commit(end - start);
      },
      onPeerEnd: (conn) => conn.close('done'),
    };
    await onTlsStage(plan, async ({ connectTls, accepted }) => {
      const { client, socket } = await connectTls();
      assert.equal(socket.alpnProtocol, 'http/1.1');
      const sent = Buffer.alloc(1_000_000, 'holdfast');
      socket.end(sent);
      await client.ended();
      assert.ok(Buffer.concat(client.chunks).equals(sent));
      const [it] = await accepted(1);
      assert.deepEqual(peers, ['127.0.0.1']);
      await until(() => it!.closed === 'done', 'onClosed');
    });
  });

  test('a client that offers other protocols alone is refused, and one that offers none is taken', async () => {
    await onTlsStage({}, async ({ listener, watch, accepted }) => {
      const { address: host, port } = listener.address;
      const options = { host, port, ca: CERTIFICATE, servername: 'localhost' };
      const other = connect({ ...options, ALPNProtocols: ['spdy/3'] });
      const [error] = (await once(other, 'error')) as [NodeJS.ErrnoException];
      assert.match(String(error.code), /NO_APPLICATION_PROTOCOL|ECONNRESET/);
      assert.equal(watch.all.length, 0);
      const none = connect(options);
      await once(none, 'secureConnect');
      assert.equal(none.alpnProtocol, false);
      await accepted(1);
      none.destroy();
    });
  });

  test('over TLS all committed bytes arrive though close follows at once', async () => {
    const plan: Plan = {
      onReceive(conn) {
        fill(conn, 2_000_000, 65);
        conn.close('said all');
      },
    };
    await onTlsStage(plan, async ({ connectTls, accepted }) => {
      const { client, socket } = await connectTls();
      socket.write('go');
      await client.ended();
      assert.equal(client.receivedBytes, 2_000_000);
      assert.equal(client.error, undefined);
      const [it] = await accepted(1);
      await until(() => it!.closed === 'said all', 'onClosed');
    });
  });

  test('over TLS a slow reader is paced and onDrained comes', async () => {
    await onTlsStage({}, async ({ connectTls, accepted }) => {
      const { client, socket } = await connectTls();
      const [it] = await accepted(1);
      socket.pause();
      fill(it!.conn, 24 * 1024 * 1024, 66);
      await sleep(50);
      assert.ok(it!.conn.unsentBytes > 0);
      assert.equal(it!.drains, 0);
      socket.resume();
      await client.received(24 * 1024 * 1024);
      await until(() => it!.drains === 1, 'onDrained');
      assert.equal(it!.conn.unsentBytes, 0);
    });
  });

  test('over TLS reset tears the connection down with bytes waiting', async () => {
    await onTlsStage({}, async ({ connectTls, accepted }) => {
      const { client, socket } = await connectTls();
      const [it] = await accepted(1);
      socket.pause();
      fill(it!.conn, 24 * 1024 * 1024, 67);
      await sleep(20);
      it!.conn.reset('forced');
      await until(() => it!.closed === 'forced', 'onClosed', 1000);
      socket.resume();
      await client.closed();
      assert.ok(client.receivedBytes < 24 * 1024 * 1024, 'the bytes that waited were sent all the same');
    });
  });

  test('a peer that never finishes its handshake is let go and never accepted', async () => {
    await onTlsStage(
      {},
      async ({ connect: connectPlain, connectTls, watch }) => {
        const silent = await connectPlain();
        const nonsense = await connectPlain();
        nonsense.socket.write('GET / HTTP/1.1\r\n\r\n');
        await silent.ended();
        await nonsense.ended();
        assert.equal(watch.all.length, 0);
        const { client } = await connectTls();
        await until(() => watch.all.length === 1, 'onAccept');
        write(watch.all[0]!.conn, 'hello');
        await client.received(5);
      },
      1000,
    );
  });

  test('a handshake whose bytes drip is let go all the same, and one whose peer has sent FIN at once', async () => {
    await onTlsStage(
      {},
      async ({ engine, connect: connectPlain, watch }) => {
        const drip = await connectPlain();
        const startMs = performance.now();
        drip.socket.write(Buffer.from('16030100ff', 'hex'));
        const timer = setInterval(() => drip.socket.write(Buffer.from('01', 'hex')), 40);
        await until(() => engine.connectionCount === 1, 'the handshake to be counted');
        await drip.ended();
        clearInterval(timer);
        assert.ok(performance.now() - startMs < 3000);
        assert.equal(watch.all.length, 0);
      },
      200,
    );
    await onTlsStage({}, async ({ engine, connect: connectPlain, watch }) => {
      const gone = await connectPlain();
      await until(() => engine.connectionCount === 1, 'the handshake to be counted');
      gone.socket.end();
      await until(() => engine.connectionCount === 0, 'the end of the handshake');
      assert.equal(watch.all.length, 0);
    });
  });

  test('closing the engine ends handshakes too', async () => {
    await onTlsStage({}, async ({ engine, connect: connectPlain, connectTls }) => {
      const silent = await connectPlain();
      await connectTls();
      await sleep(10);
      await engine.close();
      await silent.ended();
    });
  });

  test('closing a TLS listener waits for the handshakes under way', async () => {
    await onTlsStage(
      {},
      async ({ listener, connect: connectPlain, connectTls, watch }) => {
        await connectPlain();
        const connecting = connectTls().catch(() => undefined);
        await new Promise(setImmediate);
        await listener.close();
        // The one has finished its handshake, the other has run into the timeout.
        const count = watch.all.length;
        await connecting;
        await sleep(20);
        assert.equal(watch.all.length, count);
      },
      500,
    );
  });

  test('over TLS a long pause does no harm, and a reset within one is noticed', async () => {
    const plan: Plan = {
      onAccept: (conn) => conn.pauseReading(),
      onReceive(conn) {
        fill(conn, 100, 65);
        conn.close('answered');
      },
    };
    await onTlsStage(plan, async ({ connectTls, accepted, listener }) => {
      const { client, socket } = await connectTls();
      const [patient] = await accepted(1);
      socket.write('question');
      const tcp = connectTcp(listener.address.port, listener.address.address);
      connect({ socket: tcp, ca: CERTIFICATE, servername: 'localhost' }).on('error', () => {});
      const lost = (await accepted(2))[1]!;
      // Longer than it takes until somebody looks.
      await sleep(1300);
      assert.equal(patient!.closed, undefined);
      patient!.conn.resumeReading();
      await client.ended();
      assert.deepEqual([client.receivedBytes, client.error], [100, undefined]);
      tcp.resetAndDestroy();
      await until(() => lost.closed !== undefined, 'onClosed after a reset');
      assert.equal(lost.closed, 'peer-reset');
    });
  });

  test('no handshake begins beyond what the layer above allows', async () => {
    let engineOf: { readonly connectionCount: number } | undefined;
    const engine = await create(
      {
        handler: {
          onAccept() {},
          onReceive() {},
          onDrained() {},
          onPeerEnd() {},
          onDeadline() {},
          onClosed() {},
        },
        handshakes: {
          timeoutMs: 10_000,
          needsAddress: false,
          mayBegin: () => (engineOf?.connectionCount ?? 0) <= 3,
          onEnd() {},
          onTimeout: () => {},
        },
      },
      MATERIAL,
    );
    engineOf = engine;
    const listener = await engine.listen({ port: 0, hostname: '127.0.0.1' });
    const sockets = Array.from({ length: 10 }, () => connectTcp(listener.address.port, '127.0.0.1'));
    let ended = 0;
    for (const socket of sockets) socket.on('error', () => {}).on('close', () => ended++);
    await until(() => ended === 7, 'seven to be sent away');
    assert.equal(engine.connectionCount, 3);
    const startMs = performance.now();
    await engine.close();
    assert.ok(performance.now() - startMs < 500);
    for (const socket of sockets) socket.destroy();
  });
}
