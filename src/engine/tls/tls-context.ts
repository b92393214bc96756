/**
 * An SSL_CTX: certificates of one group of names and the rules that connections begin with, which are Mozilla's
 * "intermediate" unless others are given. Owns it, and the certificates' addresses by which a connection's is known again.
 *
 * Every result is looked at; OpenSSL's own words are in the error.
 */
import { UnavailableError } from '../../base/errors.ts';
import * as abi from '../../sys/abi/openssl.ts';
import type { CheckedOpenSsl } from './checked-openssl.ts';
import type { HandshakeCallbacks } from './handshake-callbacks.ts';
import { sessionIdContext } from './session-id.ts';
import {
  DEFAULT_CIPHER_SUITES,
  DEFAULT_CIPHERS,
  DEFAULT_GROUPS,
  type EngineTlsOptions,
  SESSION_SECONDS,
  type TlsCertificate,
  type TlsVersion,
} from './tls-options.ts';

/** SSL_OP_NO_RENEGOTIATION of ssl.h: a bit that does not fit into an int with a sign. */
const NO_RENEGOTIATION = 2 ** 30;
const MODES = abi.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | abi.SSL_MODE_RELEASE_BUFFERS;
const VERSION_NUMBERS: Readonly<Record<TlsVersion, number>> = {
  'TLSv1.2': abi.TLS1_2_VERSION,
  'TLSv1.3': abi.TLS1_3_VERSION,
};

/**
 * What a handshake says lies in memory of a fixed size (tls-layer.ts, tls-memory.ts: 128 KiB at least), and OpenSSL would take a larger
 * place than there is. So the certificates, the names of authorities and the answer of OCSP have a bound together, with room for
 * the rest of a flight; chains have some 5 KiB.
 */
const SAID_BYTES_MAX = 96 * 1024;
/** What a client's chain may have: a session ticket holds its first certificate, and two of them are sent at once. */
const CLIENT_CHAIN_BYTES_MAX = 32 * 1024;

export class TlsContext {
  /** The SSL_CTX. */
  readonly address: number;
  readonly #checked: CheckedOpenSsl;
  /** Answers of OCSP, by the X509 that each is about. */
  readonly #staples = new Map<number, Uint8Array>();
  /** What clients are told of certificates and names, at most. */
  #saidBytes = 0;

  /** @throws UnavailableError with OpenSSL's words where it refuses what is given */
  constructor(
    checked: CheckedOpenSsl,
    certificates: readonly TlsCertificate[],
    options: EngineTlsOptions,
    callbacks: HandshakeCallbacks,
  ) {
    this.#checked = checked;
    const { functions } = checked.ssl;
    functions.ERR_clear_error();
    this.address = checked.need(functions.SSL_CTX_new(functions.TLS_server_method()), 'SSL_CTX_new');
    try {
      this.#setProtocol(options);
      this.#setSessions(options);
      this.#setClients(options, callbacks);
      for (const certificate of certificates) this.#useCertificate(certificate);
      if (this.#saidBytes > SAID_BYTES_MAX)
        throw new UnavailableError(
          `certificates, names of authorities and OCSP together have ${this.#saidBytes} bytes; a handshake has room for ${SAID_BYTES_MAX}`,
        );
      callbacks.attachTo(this.address, this.#staples.size > 0);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** The answer of OCSP about an X509 of this context's. */
  stapleFor(certificate: number): Uint8Array | undefined {
    return this.#staples.get(certificate);
  }

  /** Connections that stand keep what they need of it: SSL_CTX_free(3) counts. */
  release(): void {
    this.#checked.ssl.functions.SSL_CTX_free(this.address);
  }

  #ctrl(command: number, argument: number, address = 0): number {
    return this.#checked.ssl.functions.SSL_CTX_ctrl(this.address, command, argument, address);
  }

  #setProtocol({
    minVersion = 'TLSv1.2',
    maxVersion = 'TLSv1.3',
    ciphers = DEFAULT_CIPHERS,
    cipherSuites = DEFAULT_CIPHER_SUITES,
    groups,
  }: EngineTlsOptions): void {
    const checked = this.#checked;
    const { functions } = checked.ssl;
    const ctx = this.address;
    const min = this.#ctrl(abi.SSL_CTRL_SET_MIN_PROTO_VERSION, VERSION_NUMBERS[minVersion]);
    checked.need(min, 'the oldest version');
    const max = this.#ctrl(abi.SSL_CTRL_SET_MAX_PROTO_VERSION, VERSION_NUMBERS[maxVersion]);
    checked.need(max, 'the newest version');
    checked.withText(ciphers, (text) =>
      checked.need(functions.SSL_CTX_set_cipher_list(ctx, text), `the ciphers ${ciphers}`),
    );
    checked.withText(cipherSuites, (text) =>
      checked.need(functions.SSL_CTX_set_ciphersuites(ctx, text), `the ciphers ${cipherSuites}`),
    );
    this.#setGroups(groups === undefined ? DEFAULT_GROUPS : [groups]);
    functions.SSL_CTX_set_options(ctx, NO_RENEGOTIATION);
    this.#ctrl(abi.SSL_CTRL_MODE, MODES);
    // So that each record without application data is seen, and counted.
    this.#ctrl(abi.SSL_CTRL_CLEAR_MODE, abi.SSL_MODE_AUTO_RETRY);
  }

  #setGroups(lists: readonly string[]): void {
    const checked = this.#checked;
    const isTaken = lists.some((list) =>
      checked.withText(list, (text) => this.#ctrl(abi.SSL_CTRL_SET_GROUPS_LIST, 0, text) === 1),
    );
    checked.need(isTaken ? 1 : 0, `the groups ${lists.at(-1)}`);
    // It did not know a list.
    checked.ssl.functions.ERR_clear_error();
  }

  /** Tickets hold the sessions; none is kept here. */
  #setSessions({ clients = 'none', ca = '', crl = '' }: EngineTlsOptions): void {
    this.#ctrl(abi.SSL_CTRL_SET_SESS_CACHE_MODE, abi.SSL_SESS_CACHE_OFF);
    const checked = this.#checked;
    checked.server.SSL_CTX_set_timeout(this.address, SESSION_SECONDS);
    const id = sessionIdContext(clients, ca, crl);
    checked.withBytes(id, (address) =>
      checked.need(
        checked.server.SSL_CTX_set_session_id_context(this.address, address, id.length),
        'the context of sessions',
      ),
    );
  }

  #setClients({ clients = 'none', ca, crl }: EngineTlsOptions, callbacks: HandshakeCallbacks): void {
    this.#ctrl(abi.SSL_CTRL_SET_MAX_CERT_LIST, CLIENT_CHAIN_BYTES_MAX);
    if (clients === 'none') return;
    const checked = this.#checked;
    const { server } = checked;
    const { functions } = checked.ssl;
    const store = checked.need(server.SSL_CTX_get_cert_store(this.address), 'its store');
    if (ca !== undefined)
      checked.eachOf(ca, functions.PEM_read_bio_X509, functions.X509_free, '`ca`', (certificate) => {
        checked.need(server.X509_STORE_add_cert(store, certificate), '`ca`');
        checked.need(server.SSL_CTX_add_client_CA(this.address, certificate), '`ca`');
        this.#saidBytes += server.i2d_X509_NAME(server.X509_get_subject_name(certificate), 0);
      });
    if (crl !== undefined) {
      checked.eachOf(crl, server.PEM_read_bio_X509_CRL, server.X509_CRL_free, '`crl`', (list) =>
        checked.need(server.X509_STORE_add_crl(store, list), '`crl`'),
      );
      const flags = abi.X509_V_FLAG_CRL_CHECK | abi.X509_V_FLAG_CRL_CHECK_ALL;
      checked.need(server.X509_STORE_set_flags(store, flags), '`crl`');
    }
    if (clients === 'require')
      server.SSL_CTX_set_verify(this.address, abi.SSL_VERIFY_PEER | abi.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
    else server.SSL_CTX_set_verify(this.address, abi.SSL_VERIFY_PEER, callbacks.acceptAnyClient);
  }

  #useCertificate({ cert, key, passphrase, ocsp }: TlsCertificate): void {
    const checked = this.#checked;
    const { functions } = checked.ssl;
    let own = 0;
    checked.eachOf(
      cert,
      functions.PEM_read_bio_X509,
      functions.X509_free,
      'the certificate',
      (certificate) => {
        const isTaken =
          own === 0
            ? functions.SSL_CTX_use_certificate(this.address, certificate)
            : functions.SSL_CTX_ctrl(this.address, abi.SSL_CTRL_CHAIN_CERT, 1, certificate);
        checked.need(isTaken, 'the certificate');
        this.#saidBytes += checked.server.i2d_X509(certificate, 0);
        // The context refers to it as long as it lives.
        if (own === 0) own = certificate;
      },
    );
    this.#useKey(key, passphrase);
    if (ocsp === undefined) return;
    this.#staples.set(own, ocsp);
    this.#saidBytes += ocsp.length;
  }

  #useKey(pem: string, passphrase: string | undefined): void {
    const checked = this.#checked;
    const { functions } = checked.ssl;
    // Without a callback the fourth argument is the passphrase; none at all would have OpenSSL ask on the terminal.
    const key = checked.withText(passphrase ?? '', (text) =>
      checked.withPem(pem, (bio) =>
        checked.need(functions.PEM_read_bio_PrivateKey(bio, 0, 0, text), 'the private key'),
      ),
    );
    const isTaken = functions.SSL_CTX_use_PrivateKey(this.address, key);
    functions.EVP_PKEY_free(key);
    checked.need(isTaken, 'the private key');
    checked.need(functions.SSL_CTX_check_private_key(this.address), 'the private key');
  }
}
