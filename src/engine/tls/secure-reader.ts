/** Reads what a handshake has agreed on out of an SSL object. */
import { BIO_CTRL_PENDING, TLS1_3_VERSION } from '../../sys/abi/openssl.ts';
import * as x509Errors from '../../sys/abi/x509-errors.ts';
import { addressOf, scratch } from '../../sys/memory.ts';
import type { NativeFunction } from '../../sys/openssl.ts';
import type { CheckedOpenSsl } from './checked-openssl.ts';
import type { Handshake } from './handshake.ts';
import { SecureConnection } from './secure-connection.ts';

/** SSL_CIPHER_description(3) wants 128 at least. */
const DESCRIPTION_BYTES = 256;
/** Smaller memory may lie in V8's own heap, and move. */
const CERTIFICATE_BYTES_MIN = 128;

export class CipherNames {
  readonly #functions: { readonly SSL_CIPHER_description: NativeFunction };
  /** By their addresses, which are static in OpenSSL. */
  readonly #known = new Map<number, string>();

  constructor(functions: { readonly SSL_CIPHER_description: NativeFunction }) {
    this.#functions = functions;
  }

  /** The first word of its description, which is written to memory of ours: a C string of OpenSSL's has no length. */
  of(cipher: number): string {
    if (cipher === 0) return '';
    const known = this.#known.get(cipher);
    if (known !== undefined) return known;
    const { address, bytes } = scratch();
    const isWritten = this.#functions.SSL_CIPHER_description(cipher, address, DESCRIPTION_BYTES) !== 0;
    const text = Buffer.from(bytes.subarray(0, DESCRIPTION_BYTES)).toString('latin1');
    const name = isWritten ? (/^[\w-]+/.exec(text)?.[0] ?? '') : '';
    this.#known.set(cipher, name);
    return name;
  }
}

export class SecureReader {
  readonly #checked: CheckedOpenSsl;
  readonly #cipherNames: CipherNames;

  constructor(checked: CheckedOpenSsl) {
    this.#checked = checked;
    this.#cipherNames = new CipherNames(checked.server);
  }

  read(ssl: number, handshake: Handshake, asksClients: boolean): SecureConnection {
    const { server } = this.#checked;
    const peerCertificate = asksClients ? this.#peerCertificate(ssl) : undefined;
    return new SecureConnection({
      version: server.SSL_version(ssl) === TLS1_3_VERSION ? 'TLSv1.3' : 'TLSv1.2',
      cipher: this.#cipherNames.of(server.SSL_get_current_cipher(ssl)),
      serverName: handshake.serverName,
      alpnProtocol: handshake.alpnProtocol,
      resumed: this.#checked.ssl.functions.SSL_session_reused(ssl) === 1,
      peerCertificate,
      authorizationError:
        peerCertificate === undefined ? undefined : verifyErrorName(server.SSL_get_verify_result(ssl)),
    });
  }

  /** In DER. */
  #peerCertificate(ssl: number): Uint8Array | undefined {
    const { server } = this.#checked;
    const { functions } = this.#checked.ssl;
    const certificate = server.SSL_get1_peer_certificate(ssl);
    if (certificate === 0) return undefined;
    const bio = functions.BIO_new(functions.BIO_s_mem());
    try {
      if (bio === 0 || server.i2d_X509_bio(bio, certificate) !== 1) return undefined;
      const size = functions.BIO_ctrl(bio, BIO_CTRL_PENDING, 0, 0);
      const bytes = Buffer.allocUnsafeSlow(Math.max(size, CERTIFICATE_BYTES_MIN));
      return functions.BIO_read(bio, addressOf(bytes), size) === size ? bytes.subarray(0, size) : undefined;
    } finally {
      if (bio !== 0) functions.BIO_free(bio);
      functions.X509_free(certificate);
    }
  }
}

/** Node's code for it; undefined where nothing is wrong. */
export function verifyErrorName(result: number): string | undefined {
  if (result === 0) return undefined;
  for (const [name, code] of Object.entries(x509Errors))
    if (code === result) return name.slice('X509_V_ERR_'.length);
  return 'UNSPECIFIED';
}
