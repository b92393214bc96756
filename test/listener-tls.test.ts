/** What listeners of node:http ask of a socket that is TLS: the same answers as on node:https, on every engine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { CLIENT, ONE, ROOT } from '#src/engine/tls/certificates.fixture.ts';
import { type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';

const factsOf = ({ socket }: IncomingMessage): unknown => {
  const tls = socket as TLSSocket;
  return [
    tls.encrypted,
    tls.authorized,
    tls.servername,
    tls.alpnProtocol,
    tls.getProtocol(),
    tls.getCipher(),
    tls.isSessionReused(),
    tls.getPeerCertificate(),
    tls.getPeerX509Certificate()?.fingerprint256,
  ];
};

const listener: RequestListener = (req, res) => void res.end(JSON.stringify(factsOf(req)));

/** Old ciphers take OpenSSL's lowest level of security. */
const CIPHERS =
  'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-CCM8:@SECLEVEL=0';

const CLIENTS: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.3, a name, a protocol, a certificate': { ...CLIENT, ALPNProtocols: ['http/1.1'] },
  'neither name nor certificate': { servername: '' },
  ...Object.fromEntries(
    CIPHERS.split(':')
      .slice(0, -1)
      .map((ciphers) => [ciphers, { ciphers: `${ciphers}:@SECLEVEL=0`, maxVersion: 'TLSv1.2' as const }]),
  ),
};

async function ask(port: number, options: ConnectionOptions): Promise<unknown> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: ROOT,
    servername: 'one.example',
    checkServerIdentity: () => undefined,
    ...options,
  });
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const piece of socket.setEncoding('latin1') as AsyncIterable<string>) text += piece;
  return JSON.parse(/\r\n\r\n[\s\S]*?(\[[\s\S]*\])/.exec(text)![1]!);
}

for (const { engine, skip } of await enginesHere())
  describe(`${engine}: a listener asks what TLS has agreed on`, { skip }, () => {
    let ours: Server;
    const rules = { requestCert: true, rejectUnauthorized: false, ca: ROOT, ciphers: CIPHERS };
    const theirs = createServer({ ...ONE, ...rules, ALPNProtocols: ['http/1.1'] }, listener);

    before(async () => {
      ours = await serve({
        port: 0,
        engine,
        node: listener,
        logger: quiet,
        http2: false,
        tls: { ...ONE, ...rules },
      });
      theirs.listen(0, '127.0.0.1');
      await once(theirs, 'listening');
    });

    after(async () => {
      theirs.close();
      await ours.close(true);
    });

    for (const [what, options] of Object.entries(CLIENTS))
      it(what, async () => {
        const told = await ask((theirs.address() as AddressInfo).port, options);
        assert.deepEqual(await ask(ours.port, options), told);
      });
  });
