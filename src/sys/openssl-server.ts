/**
 * What only the side that is connected to asks of OpenSSL: which certificate for which name, tickets, answers of OCSP,
 * certificates of clients. Bound by whoever serves.
 */
import type { CType } from './libc.ts';
import { bindOpenSsl, type NativeFunction, type OpenSsl } from './openssl.ts';

const P = 'address';
const I = 'int';
const L = 'long';

// What returns nothing is declared to return an int, which nobody looks at.
const TABLE = {
  SSL_CTX_set_timeout: [L, P, L],
  SSL_CTX_set_verify: [I, P, I, P],
  SSL_CTX_get_cert_store: [P, P],
  SSL_CTX_add_client_CA: [I, P, P],
  SSL_CTX_set_session_id_context: [I, P, P, I],
  SSL_CTX_set_client_hello_cb: [I, P, P, P],
  SSL_CTX_set_tlsext_ticket_key_evp_cb: [I, P, P],
  SSL_CTX_callback_ctrl: [L, P, I, P],
  SSL_client_hello_get0_ext: [I, P, I, P, P],
  SSL_set_SSL_CTX: [P, P, P],
  SSL_set_verify: [I, P, I, P],
  SSL_ctrl: [L, P, I, L, P],
  SSL_version: [I, P],
  SSL_get_current_cipher: [P, P],
  SSL_CIPHER_description: [P, P, P, I],
  SSL_get_certificate: [P, P],
  SSL_get1_peer_certificate: [P, P],
  SSL_get_verify_result: [L, P],
  X509_STORE_add_cert: [I, P, P],
  X509_STORE_add_crl: [I, P, P],
  X509_STORE_set_flags: [I, P, L],
  X509_CRL_free: [I, P],
  PEM_read_bio_X509_CRL: [P, P, P, P, P],
  i2d_X509: [I, P, P],
  i2d_X509_bio: [I, P, P],
  i2d_X509_NAME: [I, P, P],
  X509_get_subject_name: [P, P],
  CRYPTO_malloc: [P, L, P, I],
  EVP_aes_256_cbc: [P],
  EVP_EncryptInit_ex: [I, P, P, P, P, P],
  EVP_DecryptInit_ex: [I, P, P, P, P, P],
  EVP_MAC_CTX_set_params: [I, P, P],
  RAND_bytes: [I, P, I],
  // The C library's, which OpenSSL needs too: a view of 16 foreign bytes costs 1.3 us to make, and this 0.1.
  memcpy: [P, P, P, L],
} as const satisfies Record<string, readonly CType[]>;

export type OpenSslServer = Readonly<Record<keyof typeof TABLE, NativeFunction>>;

/** @throws UnavailableError where one of them is not to be had */
export function bindOpenSslServer({ library }: OpenSsl): OpenSslServer {
  return bindOpenSsl(library, TABLE);
}
