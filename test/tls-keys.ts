/** Keys for tests of TLS. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

/** Self-signed for localhost, valid for a hundred years, good for nothing else. */
export const CERT = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUdpSNr7BAkORoYH639LcfYYUNkk8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE2Mjc1OFoYDzIxMjYxMDI4
MTYyNzU4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ366Jcz7vEt5J2NWbUj1LcAx+0rwtyp3Z5XSzhM6OB1qJvBXwdytrI
DaXZCcCQZrPFA6c2jHqgPsF89usJIzxVo28wbTAdBgNVHQ4EFgQUpGkUuvPQOZnV
Gn1UZdhk3dxko+IwHwYDVR0jBBgwFoAUpGkUuvPQOZnVGn1UZdhk3dxko+IwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgVYVrLuLXqD7XDUpb0UHycFElb+ulPoCYfXSME+zWi+kCIQCj
dJjnfZXyyHdc+lbeRRnQ5EGYh43F/YmEuVuI19BCzw==
-----END CERTIFICATE-----
`;
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDzMd7Tt6P5XptVot
G9F4pfTa2f7pr8IBEmsv8JB1Hn6hRANCAAQ366Jcz7vEt5J2NWbUj1LcAx+0rwty
p3Z5XSzhM6OB1qJvBXwdytrIDaXZCcCQZrPFA6c2jHqgPsF89usJIzxV
-----END PRIVATE KEY-----
`;

/** Of the same kind, and not of that certificate. */
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
