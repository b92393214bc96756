import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { until, Watch, type Watched } from '../contract/harness.contract.ts';
import type { ConnectTarget, Engine, EngineName } from '../engine.ts';
import { CERTIFICATE, KEY } from '../node/tls-keys.fixture.ts';
import { selectEngine } from '../select.ts';
import { CLIENT, EXPIRED, LOCALHOST, OTHER_HOST, ROOT } from './tls-chains.fixture.ts';
import type { EngineTlsClientOptions } from './tls-options.ts';

const OPTIONS: EngineTlsClientOptions = { alpn: ['http/1.1'], ca: [ROOT], resume: true };
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** Sends back what comes. */
async function echoServer(options: TlsOptions): Promise<{ server: Server; target: ConnectTarget }> {
  const server = createTlsServer({ ALPNProtocols: ['h2', 'http/1.1'], ...options }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.on('tlsClientError', () => {});
  return { server, target: await listening(server) };
}

async function listening(server: Server, serverName = 'localhost'): Promise<ConnectTarget> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { family: 'IPv4', address: '127.0.0.1', port, serverName };
}

interface Connecting {
  readonly watch: Watch;
  readonly engine: Engine;
  connect(target: ConnectTarget): Watched;
}

for (const name of ['iouring', 'epoll', 'node'] as const) {
  const choice = await selectEngine(name, { tls: true }).then(
    () => false as const,
    (error: Error) => error.message,
  );
  describe(`${name}: connecting with TLS`, { skip: choice }, () => tests(name));
}

function tests(name: EngineName): void {
  const servers: Server[] = [];
  let good: ConnectTarget;
  before(async () => {
    const { server, target } = await echoServer(LOCALHOST);
    servers.push(server);
    good = target;
  });
  after(() => {
    for (const server of servers) server.close();
  });

  async function withEngine(
    options: Partial<EngineTlsClientOptions>,
    run: (stage: Connecting) => Promise<void>,
  ): Promise<void> {
    const watch = new Watch({});
    const selection = await selectEngine(name, { tls: true });
    const engine = await selection.create({ handler: watch, tlsClient: { ...OPTIONS, ...options } });
    try {
      await run({ watch, engine, connect: (target) => watch.begin(engine.connect(target), true) });
      assert.deepEqual(watch.violations, []);
    } finally {
      await engine.close();
    }
  }

  const ended = (it: Watched) => until(() => it.closed !== undefined, 'the connection has ended');

  for (const version of VERSIONS)
    it(`carries bytes both ways, also those written before it stands, over ${version}`, async () => {
      const { server, target } = await echoServer({ ...LOCALHOST, minVersion: version, maxVersion: version });
      servers.push(server);
      await withEngine({}, async ({ connect }) => {
        const it = connect(target);
        const sent = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) & 255));
        for (let at = 0; at < sent.length; at += 50_000) {
          const piece = sent.subarray(at, at + 50_000);
          const place = it.conn.reserve(piece.length);
          it.conn.out.set(piece, place);
          it.conn.commit(piece.length);
        }
        await until(() => it.receivedBytes === sent.length, 'all has come back');
        assert.deepEqual(Buffer.concat(it.received), sent);
        assert.equal(it.connects, 1);
        const { secure, handshakeMs } = it.conn;
        assert.deepEqual(
          [secure!.version, secure!.alpnProtocol, secure!.resumed],
          [version, 'http/1.1', false],
        );
        assert.ok(handshakeMs! > 0 && handshakeMs! < 10_000, `${handshakeMs}`);
        assert.match(secure!.cipher, /GCM/);
        it.conn.shutdownWrite();
        await until(() => it.peerEnds === 1, 'the server has ended too');
        it.conn.close('done');
        await ended(it);
      });
    });

  for (const version of VERSIONS)
    it(`takes sessions up again over ${version}, and not where that is off`, async () => {
      const { server, target } = await echoServer({ ...LOCALHOST, maxVersion: version });
      servers.push(server);
      for (const resume of [true, false])
        await withEngine({ resume }, async ({ connect }) => {
          const resumed: boolean[] = [];
          for (let round = 0; round < 3; round++) {
            const it = connect(target);
            const place = it.conn.reserve(1);
            it.conn.out[place] = round;
            it.conn.commit(1);
            await until(() => it.receivedBytes === 1, 'the byte has come back');
            resumed.push(it.conn.secure!.resumed);
            it.conn.close('done');
            await ended(it);
          }
          assert.deepEqual(resumed, [false, resume, resume]);
        });
    });

  const refusals: readonly [what: string, served: TlsOptions, serverName: string, code: string][] = [
    ['self-signed', { cert: CERTIFICATE, key: KEY }, 'localhost', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['expired', EXPIRED, 'localhost', 'CERT_HAS_EXPIRED'],
    ["another host's", OTHER_HOST, 'localhost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ["another address's", LOCALHOST, '127.0.0.2', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ];
  for (const [what, served, serverName, code] of refusals)
    it(`refuses a certificate that is ${what}, unless that is what is asked for`, async () => {
      const { server, target } = await echoServer(served);
      servers.push(server);
      await withEngine({}, async ({ connect, engine }) => {
        const it = connect({ ...target, serverName });
        await ended(it);
        assert.deepEqual([it.closed, it.conn.errorCode, it.connects], ['tls-error', code, 0]);
        assert.equal(engine.connectionCount, 0);
      });
      await withEngine({ insecure: true }, async ({ connect }) => {
        const it = connect({ ...target, serverName });
        await until(() => it.connects === 1, 'it stands');
      });
    });

  it('checks names with wildcards and addresses', async () => {
    await withEngine({}, async ({ connect }) => {
      for (const serverName of ['a.test.example', '127.0.0.1']) {
        const it = connect({ ...good, serverName });
        await until(() => it.connects === 1, serverName);
      }
      const it = connect({ ...good, serverName: 'a.b.test.example' });
      await ended(it);
      assert.equal(it.conn.errorCode, 'ERR_TLS_CERT_ALTNAME_INVALID');
    });
  });

  it('tells the server by SNI whom it wants, and shows a certificate of its own', async () => {
    const server = createTlsServer({ ...LOCALHOST, ca: ROOT, requestCert: true }, (socket: TLSSocket) => {
      const { subject } = socket.getPeerCertificate();
      socket.end(`${(socket as { servername?: string }).servername} ${subject.CN}`);
    });
    servers.push(server);
    const target = await listening(server);
    await withEngine(CLIENT, async ({ connect }) => {
      const it = connect({ ...target, serverName: 'a.test.example' });
      await until(() => it.peerEnds === 1, 'the server has told what it saw');
      assert.equal(Buffer.concat(it.received).toString(), 'a.test.example client');
    });
  });

  it('names what a server does that does not speak TLS, refuses it, or is not there', async () => {
    const greeter = createServer((socket) =>
      socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const leaver = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end()));
    const { server: choosy, target: toChoosy } = await echoServer({ ...LOCALHOST, ALPNProtocols: ['h2'] });
    servers.push(greeter, leaver, choosy);
    const closed = createServer();
    const toClosed = await listening(closed);
    closed.close();
    const cases: readonly [ConnectTarget, reason: string, code: RegExp][] = [
      [await listening(greeter), 'tls-error', /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/],
      [await listening(leaver), 'tls-error', /^ECONNRESET$/],
      [toChoosy, 'tls-error', /^ERR_SSL_.*NO_APPLICATION_PROTOCOL$/],
      [toClosed, 'connect-failed', /^ECONNREFUSED$/],
    ];
    await withEngine({}, async ({ connect }) => {
      for (const [target, reason, code] of cases) {
        const it = connect(target);
        await ended(it);
        assert.equal(it.closed, reason);
        assert.match(it.conn.errorCode, code);
        assert.equal(it.connects, 0);
      }
    });
  });

  it('gives up a handshake that nobody answers when it is told to', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    servers.push(silent);
    const target = await listening(silent);
    await withEngine({}, async ({ connect, engine }) => {
      const late = connect(target);
      late.conn.setDeadline(engine.nowMs + 50);
      await until(() => late.deadlines === 1, 'its deadline has come');
      late.conn.reset('timeout');
      await ended(late);
      assert.deepEqual([late.closed, late.connects], ['timeout', 0]);
      const left = connect(target);
      left.conn.close('done');
      await ended(left);
      assert.deepEqual([left.closed, left.connects], ['done', 0]);
    });
  });
}
