/**
 * What only the side that connects asks of OpenSSL: roots to trust, names to check, sessions to resume. Bound by whoever
 * connects, so that servers start without it.
 */
import type { CType } from './libc.ts';
import { bindOpenSsl, type NativeFunction, type OpenSsl } from './openssl.ts';

const P = 'address';
const I = 'int';
const L = 'long';

// What returns nothing is declared to return an int, which nobody looks at.
const TABLE = {
  TLS_client_method: [P],
  SSL_CTX_set_verify: [I, P, I, P],
  SSL_CTX_get_cert_store: [P, P],
  SSL_CTX_set_alpn_protos: [I, P, P, I],
  X509_STORE_add_cert: [I, P, P],
  SSL_set_connect_state: [I, P],
  SSL_ctrl: [P, P, I, L, P],
  SSL_set1_host: [I, P, P],
  SSL_set_hostflags: [I, P, I],
  SSL_get0_param: [P, P],
  X509_VERIFY_PARAM_set1_ip_asc: [I, P, P],
  SSL_get_verify_result: [P, P],
  SSL_version: [I, P],
  SSL_get_current_cipher: [P, P],
  SSL_CIPHER_description: [P, P, P, I],
  SSL_get0_alpn_selected: [I, P, P, P],
  SSL_set_session: [I, P, P],
  SSL_get1_session: [P, P],
  SSL_SESSION_is_resumable: [I, P],
  SSL_SESSION_free: [I, P],
  SSL_set_shutdown: [I, P, I],
} as const satisfies Record<string, readonly CType[]>;

export type OpenSslClient = Readonly<Record<keyof typeof TABLE, NativeFunction>>;

/** @throws UnavailableError where one of them is not to be had */
export function bindOpenSslClient({ library }: OpenSsl): OpenSslClient {
  return bindOpenSsl(library, TABLE);
}
