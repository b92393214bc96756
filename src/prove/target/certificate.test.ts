import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { makeCertificate } from './certificate.ts';

test('a certificate of our own is taken by a server, and by a client who trusts it', async (t) => {
  const { certificate, key } = makeCertificate(Date.now());
  const parsed = new X509Certificate(certificate);
  assert.ok(parsed.verify(parsed.publicKey));
  assert.equal(parsed.checkHost('localhost'), 'localhost');
  assert.equal(parsed.checkIP('127.0.0.1'), '127.0.0.1');
  const server = createServer({ cert: certificate, key }, (socket) => socket.end('hello')).listen(
    0,
    '127.0.0.1',
  );
  t.after(() => server.close());
  await once(server, 'listening');
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca: certificate,
  });
  await once(client, 'secureConnect');
  assert.equal(client.authorized, true);
  client.destroy();
});
