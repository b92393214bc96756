/**
 * What engines that speak TLS promise of certificates, by clients of node:tls: which one a name leads to, what clients must show,
 * what is resumed, and that all of it can be replaced while connections stand.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Engine, EngineConnection } from '../engine.ts';
import {
  CLIENT,
  LATE,
  ONE,
  ONE_OCSP,
  REVOCATIONS,
  REVOKED,
  ROOT,
  STRANGER,
  WILD,
  WILD_RSA,
} from '../tls/certificates.fixture.ts';
import type { SecureConnection } from '../tls/secure-connection.ts';
import { type EngineTlsOptions, TICKET_KEY_BYTES, type TlsCertificate } from '../tls/tls-options.ts';
import { until } from './harness.contract.ts';
import type { CreateTlsEngine } from './tls.contract.ts';

const ONE_CERTIFICATE: TlsCertificate = { ...ONE, keyType: 'ec', names: ['one.example', 'also-one.example'] };
const WILD_CERTIFICATE: TlsCertificate = { ...WILD, keyType: 'ec', names: ['*.wild.example'] };
const RSA_CERTIFICATE: TlsCertificate = { ...WILD_RSA, keyType: 'rsa', names: ['*.wild.example'] };
const LATE_CERTIFICATE: TlsCertificate = { ...LATE, keyType: 'ec', names: ['late.example'] };
const HANDSHAKE_MS = 30_000;

interface CertificateStage {
  readonly engine: Engine;
  readonly errors: Error[];
  /** What the engine told of each connection, in the order in which they were accepted. */
  readonly told: SecureConnection[];
  /** Rejects where the server refuses, of which TLS 1.3 tells behind the client's own end of the handshake. */
  connect(options?: ConnectionOptions, prepare?: (socket: TLSSocket) => void): Promise<TLSSocket>;
}

const nameOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

/** Where engines may differ. */
interface CertificateCapabilities {
  /** Names may have certificates of different kinds of keys: node:tls leaves the default's in place beside that of a name. */
  readonly mixesKeyTypes: boolean;
  /** The name is known where a session of TLS 1.2 is resumed: node:tls tells it from some release on. */
  readonly tellsResumedName: boolean;
}

export function certificatesContract(
  name: string,
  create: CreateTlsEngine,
  capabilities: CertificateCapabilities,
): void {
  describe(`${name}: certificates`, () => tests(create, capabilities));
}

async function onStage(
  create: CreateTlsEngine,
  options: Partial<EngineTlsOptions>,
  body: (stage: CertificateStage) => Promise<void>,
  timeoutMs = HANDSHAKE_MS,
): Promise<void> {
  const errors: Error[] = [];
  const told: SecureConnection[] = [];
  const ignore = (): void => {};
  const engine = await create(
    {
      handler: {
        onAccept(conn: EngineConnection) {
          told.push(conn.secure!);
          // A byte, so that a client of TLS 1.3 learns whether it was taken.
          conn.out[conn.reserve(1)] = 33;
          conn.commit(1);
        },
        onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number) {
          const at = conn.reserve(end - start);
          conn.out.set(bytes.subarray(start, end), at);
          conn.commit(end - start);
        },
        onDrained: ignore,
        onPeerEnd: (conn: EngineConnection) => conn.close('done'),
        onDeadline: ignore,
        onClosed: ignore,
      },
      handshakes: {
        timeoutMs,
        needsAddress: false,
        mayBegin: () => true,
        onEnd: ignore,
        onTimeout: ignore,
      },
      onError: (error) => void errors.push(error),
    },
    { certificates: [ONE_CERTIFICATE], alpn: ['h2', 'http/1.1'], ...options },
  );
  const listener = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  const sockets: TLSSocket[] = [];
  const connectTo: CertificateStage['connect'] = async (more = {}, prepare = ignore) => {
    const socket = connect({
      port: listener.address.port,
      host: '127.0.0.1',
      ca: ROOT,
      servername: 'one.example',
      checkServerIdentity: () => undefined,
      ...more,
    });
    sockets.push(socket);
    prepare(socket);
    const ended = new Promise<never>((_resolve, reject) =>
      socket.on('error', reject).on('close', () => reject(new Error('closed'))),
    );
    ended.catch(ignore);
    await Promise.race([ended, once(socket, 'data')]);
    return socket;
  };
  try {
    await body({ engine, errors, told, connect: connectTo });
  } finally {
    for (const socket of sockets) socket.destroy();
    await engine.close();
  }
}

/** The last that a client is given: with TLS 1.3 there are several. */
async function sessionOf(stage: CertificateStage, options: ConnectionOptions = {}): Promise<Buffer> {
  let session: Buffer | undefined;
  const socket = await stage.connect(options, (made) =>
    made.on('session', (given: Buffer) => {
      session = given;
    }),
  );
  // TLS 1.2 has one, which is there already; a client that has resumed its own is not told of it again.
  if (socket.getProtocol() === 'TLSv1.2') session = socket.getSession();
  await until(() => session !== undefined, 'a session');
  socket.end();
  return session!;
}

const key = (n: number): Uint8Array => new Uint8Array(TICKET_KEY_BYTES).fill(n);

function tests(create: CreateTlsEngine, { mixesKeyTypes, tellsResumedName }: CertificateCapabilities): void {
  const certificates = [ONE_CERTIFICATE, WILD_CERTIFICATE, ...(mixesKeyTypes ? [RSA_CERTIFICATE] : [])];

  test('a name leads to its certificate, exactly or by a wildcard for one label, and any other to the first', async () => {
    await onStage(create, { certificates }, async (stage) => {
      for (const [servername, subject] of [
        ['one.example', 'one.example'],
        ['ALSO-ONE.example', 'one.example'],
        ['a.wild.example', 'wild'],
        ['B.Wild.Example', 'wild'],
        ['a.b.wild.example', 'one.example'],
        ['wild.example', 'one.example'],
        ['nobody.test', 'one.example'],
        ['', 'one.example'],
      ] as const) {
        const socket = await stage.connect({ servername });
        assert.equal(nameOf(socket), subject, servername);
        assert.equal(stage.told.at(-1)!.serverName, servername === '' ? undefined : servername.toLowerCase());
        socket.destroy();
      }
      if (!mixesKeyTypes) return;
      const rsa = await stage.connect({ servername: 'a.wild.example', sigalgs: 'rsa_pss_rsae_sha256' });
      assert.equal(nameOf(rsa), 'wild rsa');
    });
  });

  test('of two kinds of keys for the same names clients take the one that they can check', async () => {
    await onStage(create, { certificates: [WILD_CERTIFICATE, RSA_CERTIFICATE] }, async (stage) => {
      assert.equal(nameOf(await stage.connect({ sigalgs: 'ecdsa_secp256r1_sha256' })), 'wild');
      assert.equal(nameOf(await stage.connect({ sigalgs: 'rsa_pss_rsae_sha256' })), 'wild rsa');
    });
    if (mixesKeyTypes) return;
    const mixed = onStage(create, { certificates: [ONE_CERTIFICATE, RSA_CERTIFICATE] }, async () => {});
    await assert.rejects(mixed, { name: 'UnavailableError', message: /several kinds of keys \(ec, rsa\)/ });
  });

  test('what was agreed on is told: version, cipher, protocol, whether it was resumed', async () => {
    await onStage(create, {}, async (stage) => {
      for (const [options, version, cipher] of [
        [{ minVersion: 'TLSv1.3', ciphers: 'TLS_AES_256_GCM_SHA384' }, 'TLSv1.3', 'TLS_AES_256_GCM_SHA384'],
        [
          { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
          'TLSv1.2',
          'ECDHE-ECDSA-AES128-GCM-SHA256',
        ],
      ] as const) {
        const session = await sessionOf(stage, { ...options, ALPNProtocols: ['h2'] });
        await stage.connect({ ...options, session });
        const [first, second] = stage.told.slice(-2);
        assert.deepEqual(
          { ...first },
          {
            version,
            cipher,
            serverName: 'one.example',
            alpnProtocol: 'h2',
            resumed: false,
            peerCertificate: undefined,
            authorized: false,
            authorizationError: undefined,
          },
        );
        assert.deepEqual([second!.resumed, second!.alpnProtocol], [true, undefined]);
        if (version === 'TLSv1.3' || tellsResumedName) assert.equal(second!.serverName, 'one.example');
      }
    });
  });

  test('versions, ciphers and groups are those that were given', async () => {
    await onStage(create, { minVersion: 'TLSv1.3', groups: 'P-384' }, async (stage) => {
      await assert.rejects(stage.connect({ maxVersion: 'TLSv1.2' }));
      const socket = await stage.connect();
      assert.equal((socket.getEphemeralKeyInfo() as { name?: string }).name, 'secp384r1');
    });
    const suites = {
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384',
      cipherSuites: 'TLS_AES_256_GCM_SHA384',
    } as const;
    await onStage(create, suites, async (stage) => {
      await assert.rejects(stage.connect({ minVersion: 'TLSv1.3' }));
      await assert.rejects(stage.connect({ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }));
      await stage.connect();
      assert.equal(stage.told.at(-1)!.cipher, 'ECDHE-ECDSA-AES256-GCM-SHA384');
    });
  });

  test('a certificate may be found when it is first asked for, once for all who wait', async () => {
    const asked: string[] = [];
    const findCertificate = async (name: string): Promise<TlsCertificate | undefined> => {
      asked.push(name);
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (name === 'broken.example') throw new Error('the vault is shut');
      return name === 'late.example' ? LATE_CERTIFICATE : undefined;
    };
    await onStage(create, { certificates, findCertificate }, async (stage) => {
      const names = ['late.example', 'late.example', 'nobody.test', 'one.example', 'a.wild.example'];
      const sockets = await Promise.all(names.map((servername) => stage.connect({ servername })));
      assert.deepEqual(sockets.map(nameOf), [
        'late.example',
        'late.example',
        'one.example',
        'one.example',
        'wild',
      ]);
      assert.equal(nameOf(await stage.connect({ servername: 'late.example' })), 'late.example');
      assert.deepEqual(asked.sort(), ['late.example', 'nobody.test']);
      const old = await stage.connect({ servername: 'late.example', maxVersion: 'TLSv1.2' });
      assert.equal(nameOf(old), 'late.example');
      await assert.rejects(stage.connect({ servername: 'broken.example' }));
      await until(() => stage.errors.length === 1, 'the error');
      assert.match(stage.errors[0]!.message, /the vault is shut/);
    });
  });

  test('a certificate that is never found ends with the deadline of the handshake, and one whose client has gone harms nobody', async () => {
    let answer = (_certificate: TlsCertificate | undefined): void => {};
    const findCertificate = (): Promise<TlsCertificate | undefined> =>
      new Promise((resolve) => {
        answer = resolve;
      });
    await onStage(
      create,
      { findCertificate },
      async (stage) => {
        const startMs = performance.now();
        await assert.rejects(stage.connect({ servername: 'never.example' }));
        assert.ok(performance.now() - startMs < 5000);
        const gone = stage.connect({ servername: 'gone.example' });
        await until(() => stage.engine.connectionCount === 1, 'the handshake');
        await assert.rejects(gone);
        await until(() => stage.engine.connectionCount === 0, 'its end');
        answer(LATE_CERTIFICATE);
        assert.equal(nameOf(await stage.connect()), 'one.example');
        assert.equal(stage.told.length, 1);
      },
      300,
    );
  });

  test('clients must show a certificate of the authority that is trusted, and none that is revoked', async () => {
    const options = { clients: 'require', ca: ROOT, crl: REVOCATIONS } as const;
    await onStage(create, options, async (stage) => {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const versions = { minVersion: version, maxVersion: version };
        await assert.rejects(stage.connect(versions));
        await assert.rejects(stage.connect({ ...versions, ...STRANGER }));
        await assert.rejects(stage.connect({ ...versions, ...REVOKED }));
        const session = await sessionOf(stage, { ...versions, ...CLIENT });
        await stage.connect({ ...versions, ...CLIENT, session });
        const [first, resumed] = stage.told.slice(-2);
        assert.deepEqual([first!.resumed, resumed!.resumed], [false, true]);
        for (const { authorized, authorizationError, peerCertificate } of [first!, resumed!]) {
          assert.deepEqual([authorized, authorizationError], [true, undefined]);
          assert.equal(peerCertificate!.subject, 'CN=device 7\nO=Holdfast tests');
          assert.equal(peerCertificate!.issuer, 'O=Holdfast tests\nCN=Test root');
          assert.equal(peerCertificate!.subjectAltName, 'URI:spiffe://example/device-7');
          assert.match(peerCertificate!.fingerprint256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
          assert.ok(peerCertificate!.validTo.getTime() > peerCertificate!.validFrom.getTime());
        }
      }
      assert.equal(stage.told.length, 4);
    });
  });

  test('a chain of a client may be long, and one that is endless is refused and harms nobody', async () => {
    await onStage(create, { clients: 'ask', ca: ROOT }, async (stage) => {
      const chainOf = (count: number) => ({ cert: CLIENT.cert + ROOT.repeat(count), key: CLIENT.key });
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        await stage.connect({ maxVersion, ...chainOf(30) });
        await assert.rejects(stage.connect({ maxVersion, ...chainOf(400) }));
      }
      assert.equal(stage.told.length, 2);
    });
  });

  test('clients that are only asked are taken, and what is wrong is told', async () => {
    for (const [identity, crl, authorizationError] of [
      [undefined, REVOCATIONS, undefined],
      [CLIENT, REVOCATIONS, undefined],
      [REVOKED, REVOCATIONS, 'CERT_REVOKED'],
      [REVOKED, undefined, undefined],
      [STRANGER, undefined, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ] as const)
      await onStage(create, { clients: 'ask', ca: ROOT, ...(crl && { crl }) }, async (stage) => {
        await stage.connect(identity);
        const [told] = stage.told;
        assert.deepEqual(
          [told!.peerCertificate !== undefined, told!.authorized, told!.authorizationError],
          [
            identity !== undefined,
            identity !== undefined && authorizationError === undefined,
            authorizationError,
          ],
        );
      });
  });

  test('an answer of OCSP is stapled for clients that ask', async () => {
    const ocsp = Buffer.from(ONE_OCSP, 'base64');
    await onStage(
      create,
      { certificates: [{ ...ONE_CERTIFICATE, ocsp }, WILD_CERTIFICATE] },
      async (stage) => {
        for (const [servername, expected] of [
          ['one.example', ocsp],
          ['a.wild.example', undefined],
        ] as const) {
          let stapled: Buffer | null = null;
          await stage.connect({ servername, requestOCSP: true }, (socket) =>
            socket.once('OCSPResponse', (response: Buffer | null) => {
              stapled = response;
            }),
          );
          assert.deepEqual(stapled ?? undefined, expected);
        }
      },
    );
  });

  test('certificates are replaced while connections stand, sessions go on, and what cannot be used changes nothing', async () => {
    await onStage(create, { ticketKeys: [key(1)] }, async (stage) => {
      const { engine } = stage;
      const standing = await stage.connect();
      const session = await sessionOf(stage);
      engine.tls!.replace({ certificates: [WILD_CERTIFICATE], alpn: ['http/1.1'], ticketKeys: [key(1)] });
      assert.equal(nameOf(await stage.connect()), 'wild');
      await stage.connect({ session });
      assert.equal(stage.told.at(-1)!.resumed, true);
      assert.throws(
        () =>
          engine.tls!.replace({
            certificates: [{ ...ONE_CERTIFICATE, key: WILD.key }],
            alpn: ['http/1.1'],
            ticketKeys: [key(1)],
          }),
        { name: 'UnavailableError' },
      );
      assert.equal(nameOf(await stage.connect()), 'wild');
      standing.write('still here');
      assert.equal(String((await once(standing, 'data'))[0]), 'still here');
    });
  });

  test('whoever was not asked for a certificate before cannot resume where one is needed', async () => {
    await onStage(create, { ticketKeys: [key(1)] }, async (stage) => {
      const session = await sessionOf(stage);
      stage.engine.tls!.replace({
        certificates: [ONE_CERTIFICATE],
        alpn: ['http/1.1'],
        clients: 'require',
        ca: ROOT,
        ticketKeys: [key(1)],
      });
      await assert.rejects(stage.connect({ session }));
      await stage.connect({ ...CLIENT, session });
      assert.deepEqual([stage.told.at(-1)!.resumed, stage.told.at(-1)!.authorized], [false, true]);
    });
  });

  test('keys of tickets rotate: the newest encrypts, older ones open, and one that is dropped does not', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      await onStage(create, { ticketKeys: [key(1)] }, async (stage) => {
        const first = await sessionOf(stage, { maxVersion });
        stage.engine.tls!.setTicketKeys([key(2), key(1)]);
        const second = await sessionOf(stage, { maxVersion, session: first });
        assert.equal(stage.told.at(-1)!.resumed, true, `${maxVersion}: by an older key`);
        stage.engine.tls!.setTicketKeys([key(3), key(2)]);
        await stage.connect({ maxVersion, session: second });
        assert.equal(stage.told.at(-1)!.resumed, true, `${maxVersion}: the session was given a newer key`);
        await stage.connect({ maxVersion, session: first });
        assert.equal(stage.told.at(-1)!.resumed, false, `${maxVersion}: by a key that is gone`);
      });
  });
}
