/**
 * The side that connects: an SSL_CTX with the roots that are trusted, what is checked of a server, and the session to take
 * up with each. Owns the SSL_CTX and one session for each server; an SSL object is its connection's.
 */
import { isIP } from 'node:net';
import { UnavailableError } from '../../base/errors.ts';
import * as abi from '../../sys/abi/openssl.ts';
import { X509_V_ERR_HOSTNAME_MISMATCH } from '../../sys/abi/x509-errors.ts';
import { scratch } from '../../sys/memory.ts';
import { foreignBytes, type OpenSsl } from '../../sys/openssl.ts';
import { bindOpenSslClient, type OpenSslClient } from '../../sys/openssl-client.ts';
import { CheckedCalls } from './checked-openssl.ts';
import { SecureConnection } from './secure-connection.ts';
import { CipherNames, verifyErrorName } from './secure-reader.ts';
import type { EngineTlsClientOptions } from './tls-options.ts';

const MODES = abi.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | abi.SSL_MODE_RELEASE_BUFFERS;
/** A session is kept for so many servers; a load has one or a few. */
const SESSIONS_MAX = 1000;
/** DNS names have no more, and addresses less. RFC 1035 §2.3.4 */
const NAME_LENGTH_MAX = 255;
/** What node:tls calls a certificate that names another host or address. */
const OTHER_HOST = 'ERR_TLS_CERT_ALTNAME_INVALID';

export class TlsClientContext {
  readonly #ssl: OpenSsl;
  readonly #client: OpenSslClient;
  readonly #resumes: boolean;
  readonly #verifies: boolean;
  readonly #ctx: number;
  /** By server: the session that it gave last. */
  readonly #sessions = new Map<string, number>();
  readonly #checked: CheckedCalls;
  readonly #cipherNames: CipherNames;

  /** @throws UnavailableError with OpenSSL's words where it refuses what is given */
  constructor(ssl: OpenSsl, options: EngineTlsClientOptions) {
    this.#ssl = ssl;
    this.#client = bindOpenSslClient(ssl);
    this.#checked = new CheckedCalls(ssl);
    this.#cipherNames = new CipherNames(this.#client);
    this.#resumes = options.resume;
    this.#verifies = options.insecure !== true;
    ssl.functions.ERR_clear_error();
    this.#ctx = this.#checked.need(
      ssl.functions.SSL_CTX_new(this.#client.TLS_client_method()),
      'SSL_CTX_new',
    );
    try {
      this.#setUp(options);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    for (const session of this.#sessions.values()) this.#client.SSL_SESSION_free(session);
    this.#sessions.clear();
    this.#ssl.functions.SSL_CTX_free(this.#ctx);
  }

  #setUp({ alpn, ca, cert, key }: EngineTlsClientOptions): void {
    const { functions } = this.#ssl;
    const ctx = this.#ctx;
    functions.SSL_CTX_ctrl(ctx, abi.SSL_CTRL_MODE, MODES, 0);
    this.#checked.need(
      functions.SSL_CTX_ctrl(ctx, abi.SSL_CTRL_SET_MIN_PROTO_VERSION, abi.TLS1_2_VERSION, 0),
      'the oldest version',
    );
    // Kept here, by server: its own cache would take each out as soon as it has been used once.
    functions.SSL_CTX_ctrl(ctx, abi.SSL_CTRL_SET_SESS_CACHE_MODE, abi.SSL_SESS_CACHE_OFF, 0);
    this.#client.SSL_CTX_set_verify(ctx, this.#verifies ? abi.SSL_VERIFY_PEER : abi.SSL_VERIFY_NONE, 0);
    if (this.#verifies) this.#trust(ca);
    if (cert !== undefined && key !== undefined) this.#prove(cert, key);
    const names = Buffer.concat(
      alpn.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name)])),
    );
    // Zero is success here, as nowhere else.
    const refused = this.#checked.withBytes(names, (address) =>
      this.#client.SSL_CTX_set_alpn_protos(ctx, address, names.length),
    );
    if (refused !== 0) this.#checked.need(0, 'the protocols for ALPN');
  }

  #trust(roots: readonly string[]): void {
    const store = this.#client.SSL_CTX_get_cert_store(this.#ctx);
    this.#eachCertificate(roots.join('\n'), (certificate) =>
      this.#checked.need(this.#client.X509_STORE_add_cert(store, certificate), 'a root'),
    );
  }

  #eachCertificate(pem: string, use: (certificate: number) => void): void {
    const { PEM_read_bio_X509, X509_free } = this.#ssl.functions;
    this.#checked.eachOf(pem, PEM_read_bio_X509, X509_free, 'a certificate', use);
  }

  #prove(cert: string, key: string): void {
    const { functions } = this.#ssl;
    let isFirst = true;
    this.#eachCertificate(cert, (certificate) => {
      const isTaken = isFirst
        ? functions.SSL_CTX_use_certificate(this.#ctx, certificate)
        : functions.SSL_CTX_ctrl(this.#ctx, abi.SSL_CTRL_CHAIN_CERT, 1, certificate);
      isFirst = false;
      this.#checked.need(isTaken, 'the certificate');
    });
    // An empty passphrase: none at all would have OpenSSL ask on the terminal.
    const own = this.#checked.withText('', (none) =>
      this.#checked.withPem(key, (bio) =>
        this.#checked.need(functions.PEM_read_bio_PrivateKey(bio, 0, 0, none), 'the private key'),
      ),
    );
    const isTaken = functions.SSL_CTX_use_PrivateKey(this.#ctx, own);
    functions.EVP_PKEY_free(own);
    this.#checked.need(isTaken, 'the private key');
    this.#checked.need(functions.SSL_CTX_check_private_key(this.#ctx), 'the private key');
  }

  /**
   * An SSL object that will connect.
   * @param name of the server; empty for none, which only `insecure` takes
   * @param key under which its session is kept
   * @returns 0 where there is no memory
   */
  open(name: string, key: string): number {
    const ssl = this.#ssl.functions.SSL_new(this.#ctx);
    if (ssl === 0) return 0;
    this.#client.SSL_set_connect_state(ssl);
    if (!this.#expect(ssl, name)) {
      this.#ssl.functions.SSL_free(ssl);
      throw new UnavailableError(`OpenSSL ${this.#ssl.version} cannot check for the name '${name}'`);
    }
    const session = this.#sessions.get(key);
    if (session !== undefined) this.#client.SSL_set_session(ssl, session);
    return ssl;
  }

  /** No connection was to be had for it. */
  drop(ssl: number): void {
    this.#ssl.functions.SSL_free(ssl);
  }

  /** Says whom it is to be, to the server and to OpenSSL. */
  #expect(ssl: number, name: string): boolean {
    const client = this.#client;
    if (name === '' || name.length > NAME_LENGTH_MAX) return name === '' && !this.#verifies;
    const { address: text, bytes } = scratch();
    bytes.set(Buffer.from(`${name}\0`, 'latin1'));
    const isAddress = isIP(name) !== 0;
    // An address is no name for SNI. RFC 6066 §3
    if (!isAddress)
      client.SSL_ctrl(ssl, abi.SSL_CTRL_SET_TLSEXT_HOSTNAME, abi.TLSEXT_NAMETYPE_host_name, text);
    if (!this.#verifies) return true;
    if (isAddress) return client.X509_VERIFY_PARAM_set1_ip_asc(client.SSL_get0_param(ssl), text) === 1;
    client.SSL_set_hostflags(ssl, abi.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return client.SSL_set1_host(ssl, text) === 1;
  }

  /** The handshake has failed. @returns the name of what is wrong with the certificate; empty where that is not it */
  certificateError(ssl: number): string {
    if (!this.#verifies) return '';
    const code = this.#client.SSL_get_verify_result(ssl);
    if (code === X509_V_ERR_HOSTNAME_MISMATCH || code === abi.X509_V_ERR_IP_ADDRESS_MISMATCH)
      return OTHER_HOST;
    return verifyErrorName(code) ?? '';
  }

  /** The handshake is complete. */
  secureOf(ssl: number): SecureConnection {
    const client = this.#client;
    return new SecureConnection({
      version: client.SSL_version(ssl) === abi.TLS1_3_VERSION ? 'TLSv1.3' : 'TLSv1.2',
      cipher: this.#cipherNames.of(client.SSL_get_current_cipher(ssl)),
      serverName: undefined,
      alpnProtocol: this.#alpnOf(ssl),
      resumed: this.#ssl.functions.SSL_session_reused(ssl) === 1,
      peerCertificate: undefined,
      authorizationError: undefined,
    });
  }

  #alpnOf(ssl: number): string | undefined {
    const { address, u32: out } = scratch();
    this.#client.SSL_get0_alpn_selected(ssl, address, address + 8);
    const length = out[2]!;
    if (length === 0) return undefined;
    return Buffer.from(foreignBytes(out[0]! + out[1]! * 2 ** 32, length)).toString('latin1');
  }

  /** Before the SSL object is freed: keeps what the server gave to be taken up again. */
  keepSession(key: string, ssl: number): void {
    if (!this.#resumes) return;
    // A session of a connection that ended without close_notify is not resumed by OpenSSL otherwise. SSL_set_shutdown(3)
    this.#client.SSL_set_shutdown(ssl, abi.SSL_SENT_SHUTDOWN | abi.SSL_RECEIVED_SHUTDOWN);
    const session = this.#client.SSL_get1_session(ssl);
    if (session === 0) return;
    const before = this.#sessions.get(key);
    const isKept =
      this.#client.SSL_SESSION_is_resumable(session) === 1 &&
      (before !== undefined || this.#sessions.size < SESSIONS_MAX);
    if (!isKept) this.#client.SSL_SESSION_free(session);
    else {
      if (before !== undefined) this.#client.SSL_SESSION_free(before);
      this.#sessions.set(key, session);
    }
  }
}
