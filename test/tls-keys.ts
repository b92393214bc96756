/** Keys for tests of TLS. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { KEY } from '#src/engine/node/tls-keys.fixture.ts';

export { CERTIFICATE as CERT, KEY } from '#src/engine/node/tls-keys.fixture.ts';

/** A key of the same kind, which does not belong to that certificate. */
export const OTHER_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;

/** KEY, opened by 'secret'. */
export const ENCRYPTED_KEY = createPrivateKey(KEY).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'secret',
}) as string;
