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

/** For expired.example, of the year 2020. */
export const EXPIRED = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBlDCCATqgAwIBAgIBBzAKBggqhkjOPQQDAjAtMRcwFQYDVQQKDA5Ib2xkZmFz
dCB0ZXN0czESMBAGA1UEAwwJVGVzdCByb290MB4XDTIwMDEwMTAwMDAwMFoXDTIx
MDEwMTAwMDAwMFowGjEYMBYGA1UEAwwPZXhwaXJlZC5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEnEOrZjUJIz6fMPX8tn2uFg3wRfjbH6yzLiAYPoup
ovWNlwceUwLsCfbabOHHfMIv6QoXCpS/nJEsAy/ppP6VD6NeMFwwGgYDVR0RBBMw
EYIPZXhwaXJlZC5leGFtcGxlMB0GA1UdDgQWBBTd0Flo6YqC9tSNbgnKY2HFRKLj
iDAfBgNVHSMEGDAWgBRXhMoJuCWlHZYisJsfLkgARVMgQzAKBggqhkjOPQQDAgNI
ADBFAiB1c92hNeqBWLUCFkJVEQzuBh4hcDjx0ec2y6XdY9MFdQIhANgxDo5/+SwQ
F6iT+SyKdZZ9MmrRsBVGS0B2ws1OMg8A
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfRmuD4jOAgwx43jd
Bw2Yqj+S86wScKBJS6SG/Y8gfS6hRANCAAScQ6tmNQkjPp8w9fy2fa4WDfBF+Nsf
rLMuIBg+i6mi9Y2XBx5TAuwJ9tps4cd8wi/pChcKlL+ckSwDL+mk/pUP
-----END PRIVATE KEY-----
`,
};
