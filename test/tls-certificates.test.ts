/** Certificates as programs meet them: by name, by a function, replaced while the server runs, over threads. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { CLIENT, LATE, ONE, ONE_OCSP, ROOT, WILD, WILD_RSA } from '#src/engine/tls/certificates.fixture.ts';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { EXPIRED } from './tls-keys.ts';

const fetch = (): Response => new Response('ok');

/** Notes what the server says. */
function logger(): NonNullable<ServeOptions['logger']> & { lines: string[] } {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (...values: unknown[]): void =>
      void lines.push(`${level} ${values.map(String).join(' ')}`);
  return { lines, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
}

/** Connected, and answered once. */
async function ask(server: Server, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port: server.port,
    host: '127.0.0.1',
    ca: ROOT,
    servername: 'one.example',
    checkServerIdentity: () => undefined,
    ...options,
  });
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await Promise.race([
    once(socket, 'data'),
    once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
  ]);
  socket.on('error', () => {});
  return socket;
}

const subjectOf = async (server: Server, options?: ConnectionOptions): Promise<string> => {
  const socket = await ask(server, options);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
};

async function folderOf(t: TestContext, files: Record<string, string>): Promise<(name: string) => string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-certificates-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

for (const { engine, skip } of await enginesHere()) {
  test(`${engine}: names come from the certificates, from \`serverName\` and from \`sni\``, {
    skip,
  }, async (t) => {
    const log = logger();
    const server = await serve({
      fetch,
      port: 0,
      engine,
      logger: log,
      tls: [
        {
          ...ONE,
          ocsp: Buffer.from(ONE_OCSP, 'base64'),
          sni: async (name) => {
            if (name === 'broken.example') throw new Error('the vault is shut');
            return name === 'late.example' ? LATE : undefined;
          },
        },
        WILD,
        { ...EXPIRED, serverName: ['other.example', '*.other.example'] },
      ],
    });
    t.after(() => server.close(true));
    for (const [servername, subject] of [
      ['also-one.example', 'one.example'],
      ['b.wild.example', 'wild'],
      ['x.other.example', 'expired.example'],
      ['expired.example', 'one.example'],
      ['late.example', 'late.example'],
      ['nobody.example', 'one.example'],
    ])
      assert.equal(await subjectOf(server, { servername: servername!, rejectUnauthorized: false }), subject);
    await assert.rejects(ask(server, { servername: 'broken.example' }));
    assert.match(
      log.lines.join('\n'),
      /^warn tls\[2\]\.cert: the certificate has expired on Jan {2}1 00:00:00 2021 GMT/m,
    );
    assert.match(log.lines.join('\n'), /^warn tls\[2\]\.cert: the certificate does not say other\.example/m);
    assert.match(log.lines.join('\n'), /no certificate for broken\.example: the vault is shut/);
  });

  test(`${engine}: setTls changes what it names, and nothing where that cannot be used`, {
    skip,
  }, async (t) => {
    const path = await folderOf(t, { 'cert.pem': ONE.cert, 'key.pem': ONE.key });
    const server = await serve({
      fetch,
      port: 0,
      engine,
      logger: logger(),
      tls: { cert: path('cert.pem'), key: path('key.pem'), requestCert: true, ca: ROOT },
    });
    t.after(() => server.close(true));
    const standing = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false, ...CLIENT });
    standing.on('error', () => {});
    await once(standing, 'secureConnect');
    assert.equal(await subjectOf(server, CLIENT), 'one.example');
    await assert.rejects(server.setTls({ cert: WILD.cert, key: ONE.key }), {
      name: 'OptionError',
      message: /^tls\.key: .* does not belong/,
    });
    assert.equal(await subjectOf(server, CLIENT), 'one.example');
    await server.setTls(WILD);
    assert.equal(await subjectOf(server, CLIENT), 'wild');
    await assert.rejects(ask(server), 'clients must still show a certificate');
    await server.setTls({ ...ONE, requestCert: false });
    standing.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(String((await once(standing, 'data'))[0]), /^HTTP\/1\.1 200/);
    standing.destroy();
  });

  test(`${engine}: handlers and operators see what was agreed on, over HTTP/1 and HTTP/2`, {
    skip,
  }, async (t) => {
    const server = await serve({
      port: 0,
      engine,
      logger: logger(),
      tls: { ...ONE, requestCert: true, rejectUnauthorized: false, ca: ROOT },
      fetch(_request, { tls, encrypted }) {
        const { peerCertificate, ...others } = tls!;
        const subject = peerCertificate?.subject;
        return Response.json({ ...others, encrypted, subject, rawBytes: peerCertificate?.raw.length });
      },
    });
    t.after(() => server.close(true));
    const agreed = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', serverName: 'one.example' };
    const socket = await ask(server, CLIENT);
    const [row] = await server.connections();
    assert.deepEqual(row!.tls, agreed);
    socket.destroy();
    const certificate = { subject: 'CN=device 7\nO=Holdfast tests', authorized: true };
    for (const [identity, told] of [
      [CLIENT, { ...certificate, rawBytes: 512 }],
      [{}, { authorized: false }],
    ] as const) {
      const session = http2.connect(`https://one.example:${server.port}`, {
        createConnection: () =>
          connect({
            port: server.port,
            host: '127.0.0.1',
            ca: ROOT,
            servername: 'one.example',
            ALPNProtocols: ['h2'],
            ...identity,
          }),
      });
      const stream = session.request({ ':path': '/' });
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      session.close();
      const answer = JSON.parse(text);
      const rawBytes = answer.rawBytes === undefined ? {} : { rawBytes: 512 };
      assert.deepEqual(
        { ...answer, ...rawBytes },
        { ...agreed, alpnProtocol: 'h2', resumed: false, encrypted: true, ...told },
      );
    }
    const plain = await serve({
      port: 0,
      engine,
      fetch: (_request, { tls }) => Response.json(tls === undefined),
    });
    t.after(() => plain.close(true));
    assert.equal(await (await globalThis.fetch(plain.url)).text(), 'true');
    const [plainRow] = await plain.connections();
    assert.equal(plainRow!.tls, null);
  });

  test(`${engine}: workers resume each other's sessions, across a change of the certificate too`, {
    skip,
  }, async (t) => {
    const path = await folderOf(t, {
      'cert.pem': ONE.cert,
      'key.pem': ONE.key,
      'app.mjs': "export default () => new Response('ok');",
    });
    const asked: string[] = [];
    const server = await serve({
      module: path('app.mjs'),
      workers: 2,
      port: 0,
      engine,
      logger: logger(),
      tls: {
        cert: path('cert.pem'),
        key: path('key.pem'),
        sni: (name) => {
          asked.push(name);
          return name === 'late.example' ? LATE : undefined;
        },
      },
    });
    t.after(() => server.close(true));
    let resumed = 0;
    let session: Buffer | undefined;
    const count = 100;
    for (let i = 0; i <= count; i++) {
      if (i === count / 2) {
        // Certbot writes them so, the one after the other.
        writeFileSync(path('cert.pem'), WILD.cert);
        writeFileSync(path('key.pem'), WILD.key);
        await server.setTls();
      }
      if (i === (3 * count) / 4) await server.reload();
      const socket = await ask(server, session === undefined ? {} : { session });
      if (i > 0 && socket.isSessionReused()) resumed++;
      if (session === undefined) session = socket.getSession() ?? (await once(socket, 'session'))[0];
      socket.destroy();
    }
    assert.ok(resumed >= 0.99 * count, `${resumed} of ${count} resumed`);
    const after = await Promise.all(Array.from({ length: 20 }, () => subjectOf(server)));
    assert.deepEqual(new Set(after), new Set(['wild']));
    assert.equal(await subjectOf(server, { servername: 'late.example' }), 'late.example');
    assert.ok(asked.includes('late.example'));
    await assert.rejects(server.setTls({ cert: ONE.cert, key: WILD.key }), { name: 'OptionError' });
  });
}

test('certificates of several kinds of keys are for engines that can tell them apart', async () => {
  await assert.rejects(serve({ fetch, port: 0, engine: 'node', tls: [ONE, WILD_RSA] }), {
    name: 'UnavailableError',
    message: /the node engine cannot serve several names with several kinds of keys/,
  });
});

test('a server without TLS cannot begin to speak it', async () => {
  const server = await serve({ fetch, port: 0 });
  await assert.rejects(server.setTls(ONE), {
    name: 'OptionError',
    message: /^setTls: .* started with `tls`$/,
  });
  await server.close(true);
  await assert.rejects(server.setTls(ONE), { code: 'HOLDFAST_CLOSED' });
});
