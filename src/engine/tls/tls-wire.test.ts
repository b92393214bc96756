/** What clients may do beyond one request after another: ends, key updates, floods, handshakes by the hundred. */
import assert from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { probeEpollAio, probeIoUring } from '../../sys/probe.ts';
import { fill, until, Watch, type Watched } from '../contract/harness.contract.ts';
import type { Engine, EngineConnection, EngineOptions, Listener, TlsEvent } from '../engine.ts';
import type { EpollConnection } from '../epoll/connection.ts';
import { createEpollEngine } from '../epoll/create.ts';
import type { IouringConnection } from '../iouring/connection.ts';
import { createIouringEngine } from '../iouring/create.ts';
import { CERTIFICATE, KEY } from '../node/tls-keys.fixture.ts';
import { OpenSslClient } from './openssl-client.fixture.ts';
import { probeTls } from './probe-tls.ts';
import { createTlsEngine } from './tls-engine.ts';

function echo(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
  const at = conn.reserve(end - start);
  conn.out.set(bytes.subarray(start, end), at);
  conn.commit(end - start);
}

/** What a server's part of a handshake has at least, with a certificate of P-256. */
const FLIGHT_BYTES = 500;

/** A client with its socket. */
class Wire {
  readonly tls: OpenSslClient;
  readonly socket: Socket;
  isStanding = false;
  hasEnded = false;
  received = Buffer.alloc(0);
  /** Lengths of the records that came. */
  records: number[] = [];
  #rest = Buffer.alloc(0);

  constructor(port: number, options: ConstructorParameters<typeof OpenSslClient>[0] = {}) {
    this.tls = new OpenSslClient(options);
    this.socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket.on('error', () => {});
    this.socket.on('end', () => (this.hasEnded = true)).on('close', () => (this.hasEnded = true));
    this.socket.on('data', (bytes: Buffer) => {
      this.#noteRecords(bytes);
      this.tls.feed(bytes);
      if (!this.isStanding) this.isStanding = this.tls.shakeHands();
      if (this.isStanding) this.received = Buffer.concat([this.received, this.tls.read()]);
      this.flush();
    });
  }

  /** Type, version, length: RFC 8446 §5.1. */
  #noteRecords(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt16BE(3)) {
      this.records.push(this.#rest.readUInt16BE(3));
      this.#rest = this.#rest.subarray(5 + this.#rest.readUInt16BE(3));
    }
  }

  flush(): void {
    const bytes = this.tls.take();
    if (bytes.length > 0 && this.socket.writable) this.socket.write(bytes);
  }

  async stand(): Promise<this> {
    this.tls.shakeHands();
    this.flush();
    await until(() => this.isStanding || this.hasEnded, 'the handshake');
    assert.ok(this.isStanding);
    return this;
  }

  say(text: string): void {
    this.tls.write(Buffer.from(text));
    this.flush();
  }

  end(): void {
    this.socket.destroy();
    this.tls.free();
  }
}

for (const [name, isHere, below] of [
  [
    'iouring',
    probeIoUring().available,
    (options: EngineOptions) => createIouringEngine(options as EngineOptions<IouringConnection>),
  ],
  [
    'epoll',
    probeEpollAio().available,
    (options: EngineOptions) => createEpollEngine(options as EngineOptions<EpollConnection>),
  ],
] as const)
  describe(`TLS on the wire over ${name}`, { skip: !isHere || !probeTls().available }, () => suite(below));

function suite(below: (options: EngineOptions) => Engine): void {
  let engine: Engine;
  let listener: Listener;
  let watch: Watch;
  let wires: Wire[] = [];
  let events: Partial<Record<TlsEvent, number>> = {};
  let codes: string[] = [];
  let onText = (): void => {};
  const options: EngineOptions['handshakes'] = {
    timeoutMs: 10_000,
    needsAddress: false,
    mayBegin: () => true,
    onEnd() {},
    onTimeout() {},
    onEvent(event, code) {
      events[event] = (events[event] ?? 0) + 1;
      if (code !== '') codes.push(code);
    },
  };

  before(async () => {
    watch = new Watch({
      onReceive(conn, bytes, start, end) {
        onText();
        echo(conn, bytes, start, end);
      },
      onPeerEnd: (conn) => conn.close('done'),
    });
    engine = await createTlsEngine(
      { handler: watch, handshakes: options },
      {
        certificates: [{ cert: CERTIFICATE, key: KEY, keyType: 'ec', names: [] }],
        alpn: ['http/1.1'],
      },
      below,
    );
    listener = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  });
  after(async () => {
    await engine.close();
    assert.deepEqual(watch.violations, []);
  });

  async function stage(
    body: (
      open: (options?: ConstructorParameters<typeof OpenSslClient>[0]) => Promise<[Wire, Watched]>,
    ) => Promise<void>,
  ): Promise<void> {
    events = {};
    codes = [];
    onText = () => {};
    wires = [];
    try {
      await body(async (client) => {
        const count = watch.all.length;
        const wire = new Wire(listener.address.port, client);
        wires.push(wire);
        await wire.stand();
        await until(() => watch.all.length > count, 'onAccept');
        return [wire, watch.all.at(-1)!];
      });
    } finally {
      for (const wire of wires) wire.end();
      await until(() => engine.connectionCount === 0, 'all to be gone');
    }
  }

  it('keys are updated as often as there is something to say between', () =>
    stage(async (open) => {
      const [wire] = await open();
      let expected = '';
      for (let round = 0; round < 100; round++) {
        wire.tls.updateKeys(round % 2 === 0);
        wire.say('x');
        expected += 'x';
        await until(() => wire.received.length === expected.length, `answer ${round}`);
      }
      assert.equal(String(wire.received), expected);
      assert.deepEqual(events, { full: 1 });
    }));

  for (const [how, bursts] of [
    ['in one burst', 1],
    ['one by one', 40],
  ] as const)
    it(`a flood of key updates ends the connection (${how})`, () =>
      stage(async (open) => {
        const [other] = await open();
        const [wire, watched] = await open();
        for (let i = 0; i < 40; i++) {
          wire.tls.updateKeys(false);
          if (bursts === 1) continue;
          wire.flush();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        wire.flush();
        await until(() => watched.closed !== undefined, 'onClosed');
        assert.equal(watched.closed, 'tls-error');
        assert.deepEqual(codes, ['ERR_SSL_TOO_MANY_KEY_UPDATES']);
        assert.equal(events.broken, 1);
        other.say('still here');
        await until(() => String(other.received) === 'still here', 'the other');
      }));

  it('a client that drips its records byte by byte is no flood', () =>
    stage(async (open) => {
      const [wire, watched] = await open();
      wire.tls.write(Buffer.alloc(150, 65));
      for (const byte of wire.tls.take()) {
        wire.socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      await until(() => wire.received.length === 150, 'the answer');
      assert.equal(watched.closed, undefined);
    }));

  it('close_notify goes both ways, and FIN without one is told apart', () =>
    stage(async (open) => {
      const [polite, first] = await open();
      polite.tls.sayGoodbye();
      polite.flush();
      await until(() => first.closed === 'done' && polite.hasEnded, 'the end');
      polite.tls.read();
      assert.ok(polite.tls.hasEnded, 'ours did not come');
      assert.equal(events.truncated, undefined);

      const [cut, second] = await open();
      cut.socket.end();
      await until(() => second.closed === 'done', 'the end');
      assert.deepEqual([second.peerEnds, events.truncated], [1, 1]);
    }));

  it('no ticket allows early data', () =>
    stage(async (open) => {
      const [wire] = await open();
      wire.say('x');
      await until(() => wire.received.length === 1, 'the answer, and tickets before it');
      const session = wire.tls.session();
      assert.equal(session.earlyBytesMax, 0);
      await open({ session: session.address });
      session.free();
      assert.deepEqual(events, { full: 1, resumed: 1 });
    }));

  it('what goes wrong has a name: an alert of the client, another version, no TLS', () =>
    stage(async (open) => {
      const [wire, watched] = await open({ isTls12: true });
      // Plain bytes where a record is due.
      wire.socket.write('GET / HTTP/1.1\r\n\r\n');
      await until(() => watched.closed !== undefined, 'onClosed');
      const plain = connectTcp(listener.address.port, '127.0.0.1').on('error', () => {});
      plain.write('GET / HTTP/1.1\r\n\r\n');
      await until(() => events.failed === 1, 'the handshake to fail');
      // unknown_ca, which a client sends that does not trust the certificate.
      const distrustful = new Wire(listener.address.port);
      wires.push(distrustful);
      distrustful.socket.removeAllListeners('data').once('data', () => {
        distrustful.socket.write(Buffer.from('15030300020230', 'hex'));
      });
      distrustful.tls.shakeHands();
      distrustful.flush();
      await until(() => events.failed === 2, 'the handshake to fail');
      assert.deepEqual(codes.slice(1), ['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA']);
      assert.match(codes[0]!, /^ERR_SSL_(WRONG_VERSION_NUMBER|HTTP_REQUEST)$/);
    }));

  it('clients who begin together are served in turn, and those that stand go before them', () =>
    stage(async (open) => {
      const [wire] = await open();
      const count = 60;
      const began = Array.from({ length: count }, () => new Wire(listener.address.port));
      wires.push(...began);
      await Promise.all(began.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
      const hellos = began.map(({ tls }) => {
        tls.shakeHands();
        return tls.take();
      });
      const { bytesSent } = engine.stats();
      let sentBefore = -1;
      onText = () => {
        sentBefore = engine.stats().bytesSent - bytesSent;
      };
      // All at once, and in the same moment somebody asks something.
      began.forEach(({ socket }, i) => void socket.write(hellos[i]!));
      wire.say('first');
      await until(() => sentBefore >= 0, 'the question to be read');
      assert.ok(sentBefore < 15 * FLIGHT_BYTES, `${sentBefore} bytes of handshakes came before it`);
      await until(() => began.every(({ isStanding }) => isStanding), 'all handshakes');
      await until(() => events.full === count + 1, 'all to be counted');
      assert.ok(engine.stats().bytesSent - bytesSent > count * FLIGHT_BYTES);
    }));

  it('a handshake that waits for its turn is not read without end, and is complete all the same', () =>
    stage(async (open) => {
      await open();
      const began = Array.from({ length: 30 }, () => new Wire(listener.address.port));
      wires.push(...began);
      await Promise.all(began.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
      for (const { tls } of began) tls.shakeHands();
      const last = began.at(-1)!;
      for (const each of began) each.flush();
      // What nobody would send before the server's answer: it ends this one alone.
      last.socket.write(Buffer.alloc(200_000));
      await until(() => events.full === began.length && events.failed === 1, 'all to end');
      assert.ok(last.hasEnded || codes.length === 1);
    }));

  it('a large answer begins with records of a segment, unless much was written just before', () =>
    stage(async (open) => {
      const [wire, { conn }] = await open();
      const sizesOf = async (size: number): Promise<number[]> => {
        const before = wire.received.length;
        wire.records = [];
        fill(conn, size, 66);
        await until(() => wire.received.length === before + size, 'the answer');
        return wire.records.map((length) => length - 17).filter((length) => length > 1000);
      };
      const segments = Array.from({ length: 10 }, () => 1369);
      const full = Array.from({ length: 3 }, () => 16_384);
      assert.deepEqual(await sizesOf(4000), [4000]);
      assert.deepEqual(await sizesOf(13_690 + 3 * 16_384), [...segments, ...full]);
      assert.deepEqual(await sizesOf(3 * 16_384), full);
      assert.deepEqual(await sizesOf(2000), [2000]);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.deepEqual(await sizesOf(2000), [2000]);
      assert.deepEqual(await sizesOf(13_690 + 16_384), [...segments, 16_384]);
    }));

  it('an answer that is written while the peer reads nothing is bounded as in the clear', () =>
    stage(async (open) => {
      const [wire, watched] = await open();
      wire.socket.pause();
      fill(watched.conn, 8_000_000, 66);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.ok(watched.conn.unsentBytes > 0);
      wire.socket.resume();
      await until(() => wire.received.length === 8_000_000, 'all of it');
    }));
}
