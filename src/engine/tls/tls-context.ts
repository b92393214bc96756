/**
 * An SSL_CTX: certificate, key and rules that connections begin with. What Mozilla calls "intermediate" is what is spoken:
 * TLS 1.2 with forward secrecy and AEAD, and 1.3 (guidelines 5.7, without the DHE suites, which need parameters of their own).
 *
 * Every result is looked at; OpenSSL's own words are in the error.
 */
import { assert } from '../../base/assert.ts';
import { UnavailableError } from '../../base/errors.ts';
import * as abi from '../../sys/abi/openssl.ts';
import { allocate } from '../../sys/memory.ts';
import { type OpenSsl, takeOpenSslErrors } from '../../sys/openssl.ts';
import { type EngineTlsOptions, TICKET_KEY_BYTES } from './tls-options.ts';

const CIPHERS_1_2 =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:' +
  'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:' +
  'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305';
const CIPHERS_1_3 = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** SSL_OP_NO_RENEGOTIATION of ssl.h: a bit that does not fit into an int with a sign. */
const NO_RENEGOTIATION = 2 ** 30;
const MODES =
  abi.SSL_MODE_ENABLE_PARTIAL_WRITE | abi.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | abi.SSL_MODE_RELEASE_BUFFERS;

export class TlsContext {
  /** The SSL_CTX. */
  readonly address: number;
  readonly #ssl: OpenSsl;

  /**
   * @param alpnCallback of `alpnCallback`
   * @throws UnavailableError with OpenSSL's words where it refuses what is given
   */
  constructor(ssl: OpenSsl, options: EngineTlsOptions, alpnCallback: number) {
    this.#ssl = ssl;
    const { functions } = ssl;
    functions.ERR_clear_error();
    this.address = this.#need(functions.SSL_CTX_new(functions.TLS_server_method()), 'SSL_CTX_new');
    try {
      this.#setUp(options, alpnCallback);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Connections that stand keep what they need of it: SSL_CTX_free(3) counts. */
  release(): void {
    this.#ssl.functions.SSL_CTX_free(this.address);
  }

  #setUp({ cert, key, passphrase, ticketKeys }: EngineTlsOptions, alpnCallback: number): void {
    const { functions } = this.#ssl;
    const ctx = this.address;
    const ctrl = (command: number, argument: number, address = 0): number =>
      functions.SSL_CTX_ctrl(ctx, command, argument, address);
    this.#need(ctrl(abi.SSL_CTRL_SET_MIN_PROTO_VERSION, abi.TLS1_2_VERSION), 'the oldest version');
    this.#withText(CIPHERS_1_2, (text) =>
      this.#need(functions.SSL_CTX_set_cipher_list(ctx, text), 'ciphers'),
    );
    this.#withText(CIPHERS_1_3, (text) =>
      this.#need(functions.SSL_CTX_set_ciphersuites(ctx, text), 'ciphers'),
    );
    functions.SSL_CTX_set_options(ctx, NO_RENEGOTIATION);
    ctrl(abi.SSL_CTRL_MODE, MODES);
    // So that each record without application data is seen, and counted.
    ctrl(abi.SSL_CTRL_CLEAR_MODE, abi.SSL_MODE_AUTO_RETRY);
    // Tickets hold the sessions; none is kept here.
    ctrl(abi.SSL_CTRL_SET_SESS_CACHE_MODE, abi.SSL_SESS_CACHE_OFF);
    if (ticketKeys !== undefined) {
      assert(ticketKeys.length === TICKET_KEY_BYTES, 'ticket keys of another length');
      this.#withBytes(ticketKeys, (address) =>
        this.#need(ctrl(abi.SSL_CTRL_SET_TLSEXT_TICKET_KEYS, TICKET_KEY_BYTES, address), 'ticket keys'),
      );
    }
    this.#useChain(cert);
    this.#useKey(key, passphrase);
    functions.SSL_CTX_set_alpn_select_cb(ctx, alpnCallback, 0);
  }

  #useChain(pem: string): void {
    const { functions } = this.#ssl;
    this.#withPem(pem, (bio) => {
      let certificate = this.#need(functions.PEM_read_bio_X509(bio, 0, 0, 0), 'the certificate');
      for (let isFirst = true; certificate !== 0; isFirst = false) {
        const isTaken = isFirst
          ? functions.SSL_CTX_use_certificate(this.address, certificate)
          : functions.SSL_CTX_ctrl(this.address, abi.SSL_CTRL_CHAIN_CERT, 1, certificate);
        functions.X509_free(certificate);
        this.#need(isTaken, 'the certificate');
        certificate = functions.PEM_read_bio_X509(bio, 0, 0, 0);
      }
      // The end of the text is an error to it.
      functions.ERR_clear_error();
    });
  }

  #useKey(pem: string, passphrase: string | undefined): void {
    const { functions } = this.#ssl;
    // Without a callback the fourth argument is the passphrase; none at all would have OpenSSL ask on the terminal.
    const key = this.#withText(passphrase ?? '', (text) =>
      this.#withPem(pem, (bio) =>
        this.#need(functions.PEM_read_bio_PrivateKey(bio, 0, 0, text), 'the private key'),
      ),
    );
    const isTaken = functions.SSL_CTX_use_PrivateKey(this.address, key);
    functions.EVP_PKEY_free(key);
    this.#need(isTaken, 'the private key');
    this.#need(functions.SSL_CTX_check_private_key(this.address), 'the private key');
  }

  #withPem<T>(pem: string, use: (bio: number) => T): T {
    const bytes = Buffer.from(pem, 'latin1');
    return this.#withBytes(bytes, (address) => {
      const { functions } = this.#ssl;
      const bio = this.#need(functions.BIO_new_mem_buf(address, bytes.length), 'BIO_new_mem_buf');
      try {
        return use(bio);
      } finally {
        functions.BIO_free(bio);
      }
    });
  }

  #withText<T>(text: string, use: (address: number) => T): T {
    return this.#withBytes(Buffer.from(`${text}\0`, 'utf8'), use);
  }

  /** Secrets do not stay behind. */
  #withBytes<T>(bytes: Uint8Array, use: (address: number) => T): T {
    const memory = allocate(bytes.length);
    try {
      memory.bytes.set(bytes);
      return use(memory.address);
    } finally {
      memory.bytes.fill(0);
      memory.release();
    }
  }

  #need(result: number, what: string): number {
    if (result > 0) return result;
    const words = takeOpenSslErrors(this.#ssl).join('; ') || 'no reason given';
    throw new UnavailableError(`OpenSSL ${this.#ssl.version} refuses ${what}: ${words}`);
  }
}
