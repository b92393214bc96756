/**
 * What a listener of node:http asks of a socket that is TLS: the words of node:tls's TLSSocket over what TLS has agreed on, as
 * `context.tls` tells it. Given to sockets of TLS alone, since libraries look whether they are there.
 *
 * Certificates between the client's own and a root are not kept, so that `getPeerCertificate(true)` has no `issuerCertificate`.
 */
import type { X509Certificate } from 'node:crypto';
import type { ConnectionTls } from '../web/connection-tls.ts';

interface CipherName {
  readonly name: string;
  /** IANA's registry has it so. */
  readonly standardName: string;
  /** The first version of TLS that has it. */
  readonly version: string;
}

interface TlsFace {
  readonly encrypted: true;
  readonly authorized: boolean;
  readonly authorizationError: string | null;
  /** The name that the client asked for, or false. */
  readonly servername: string | false;
  readonly alpnProtocol: string | false;
  getProtocol(): string;
  getCipher(): CipherName;
  /** An empty object where the client has shown none. */
  getPeerCertificate(): object;
  getPeerX509Certificate(): X509Certificate | undefined;
  isSessionReused(): boolean;
}

/** @param tls undefined where nothing is known but that there is TLS */
export function tlsFaceOf(tls: ConnectionTls | undefined): Partial<TlsFace> {
  if (tls === undefined) return { encrypted: true };
  const certificate = (): X509Certificate | undefined => {
    const raw = tls.peerCertificate?.raw;
    return raw && new (process.getBuiltinModule('node:crypto').X509Certificate)(raw);
  };
  return {
    encrypted: true,
    authorized: tls.authorized,
    authorizationError: tls.authorizationError ?? null,
    servername: tls.serverName ?? false,
    alpnProtocol: tls.alpnProtocol ?? false,
    getProtocol: () => tls.version,
    getCipher: () => cipherOf(tls.cipher),
    getPeerCertificate: () => certificate()?.toLegacyObject() ?? {},
    getPeerX509Certificate: certificate,
    isSessionReused: () => tls.resumed,
  };
}

/** OpenSSL calls ciphers of TLS 1.2 so: by key exchange and signature, the cipher and its mode, the hash. */
const OLD_NAME =
  /^(?:(ECDHE|DHE)-(ECDSA|RSA)-)?(AES128|AES256|CHACHA20)-(?:(GCM|CCM8?|POLY1305)-?)?(SHA(?:256|384)?)?$/;

function cipherOf(name: string): CipherName {
  if (name.startsWith('TLS_')) return { name, standardName: name, version: 'TLSv1.3' };
  const parts = OLD_NAME.exec(name);
  if (parts === null) return { name, standardName: name, version: 'TLSv1.2' };
  const [, exchange, signature, cipher, mode = 'CBC', hash] = parts;
  const keys = exchange === undefined ? 'RSA' : `${exchange}_${signature}`;
  const how = cipher === 'CHACHA20' ? cipher : cipher!.replace('AES', 'AES_');
  const tail = mode.startsWith('CCM') ? mode.replace('CCM8', 'CCM_8') : `${mode}_${hash ?? 'SHA256'}`;
  const isOld = mode === 'CBC' && hash === 'SHA';
  return {
    name,
    standardName: `TLS_${keys}_WITH_${how}_${tail}`,
    version: !isOld ? 'TLSv1.2' : exchange === 'ECDHE' ? 'TLSv1.0' : 'SSLv3',
  };
}
