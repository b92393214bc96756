/**
 * What TLS failures mean, by the names that both OpenSSL's side and node:tls give them. In counts they keep their names;
 * a person who waits for a run to begin is told the sentence.
 */

const SENTENCES: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed, and nothing here trusts it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificates lead to a root that nothing here trusts',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificates do not lead to a root that is trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificates do not lead to a root that is trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'it sends its own certificate alone, and that does not lead to a root that is trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  CERT_REVOKED: 'its certificate was revoked',
  INVALID_PURPOSE: 'its certificate is not one for servers',
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is another host's",
  ECONNRESET: 'it closed the connection in the handshake',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not answer in TLS; is this the port for http?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not answer in TLS; is this the port for http?',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks neither TLS 1.2 nor TLS 1.3',
};

/** Node has its own words for some, and OpenSSL's differ by version: by what is in their names. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/NO_APPLICATION_PROTOCOL/, 'it does not speak the protocol that was offered (ALPN)'],
  [
    /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/,
    'it refuses the handshake, perhaps for want of a certificate: --cert and --key',
  ],
  [/UNRECOGNIZED_NAME/, 'it does not know the name that it was asked for (SNI)'],
  [/PROTOCOL_VERSION/, 'it speaks neither TLS 1.2 nor TLS 1.3'],
];

const CERTIFICATE = /CERT|SIGNATURE|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/;

/** @returns a sentence without its subject and full stop; undefined for what is no failure of TLS that has one */
export function tlsFailureSentence(code: string): string | undefined {
  return SENTENCES[code] ?? PATTERNS.find(([pattern]) => pattern.test(code))?.[1];
}

/** Whether another root to trust would settle it. */
export function isRootMissing(code: string): boolean {
  return /SELF_SIGNED|ISSUER|LEAF_SIGNATURE/.test(code);
}

/** Whether it is the certificate that is not taken, which is the client's to decide. */
export function isCertificateRefused(code: string): boolean {
  return !code.startsWith('ERR_SSL_') && CERTIFICATE.test(code);
}
