/**
 * OpenSSL, called as a library of the process: official builds of Node export all of it, and Debian's link a shared one,
 * which is visible just the same. Where neither is so, the system's libssl is loaded beside what Node has inside.
 *
 * The functions are bound once a thread, on first use. Pointers are numbers, as everywhere in this room; who holds
 * one frees it. SSL_read and SSL_write rather than the `_ex` forms, since their counts travel as numbers.
 */
import { UnavailableError } from '../base/errors.ts';
import { loadFfi } from './ffi.ts';
import type { NativeFunction } from './ffi-library.ts';
import type { CType, Signature } from './libc.ts';
import { scratch } from './memory.ts';

const P = 'address';
const I = 'int';
const L = 'long';
/** A result of 64 bits, of whichever type. */
const R = 'address';

// What returns nothing is declared to return an int, which nobody looks at.
const TABLE = {
  OpenSSL_version_num: [R],
  TLS_server_method: [P],
  SSL_CTX_new: [P, P],
  SSL_CTX_free: [I, P],
  SSL_CTX_ctrl: [R, P, I, L, P],
  SSL_CTX_set_options: [R, P, L],
  SSL_CTX_set_cipher_list: [I, P, P],
  SSL_CTX_set_ciphersuites: [I, P, P],
  SSL_CTX_use_certificate: [I, P, P],
  SSL_CTX_use_PrivateKey: [I, P, P],
  SSL_CTX_check_private_key: [I, P],
  SSL_CTX_set_alpn_select_cb: [I, P, P, P],
  SSL_new: [P, P],
  SSL_free: [I, P],
  SSL_set_accept_state: [I, P],
  SSL_set_bio: [I, P, P, P],
  SSL_read: [I, P, P, I],
  SSL_write: [I, P, P, I],
  SSL_get_error: [I, P, I],
  SSL_has_pending: [I, P],
  SSL_session_reused: [I, P],
  SSL_shutdown: [I, P],
  SSL_do_handshake: [I, P],
  BIO_new: [P, P],
  BIO_s_mem: [P],
  BIO_new_mem_buf: [P, P, I],
  BIO_free: [I, P],
  BIO_up_ref: [I, P],
  BIO_ctrl: [R, P, I, L, P],
  BIO_read: [I, P, P, I],
  BIO_write: [I, P, P, I],
  PEM_read_bio_X509: [P, P, P, P, P],
  PEM_read_bio_PrivateKey: [P, P, P, P, P],
  X509_free: [I, P],
  EVP_PKEY_free: [I, P],
  ERR_get_error: [R],
  ERR_error_string_n: [I, L, P, L],
  ERR_clear_error: [I],
} as const satisfies Record<string, readonly CType[]>;

export type { NativeFunction };

type FunctionName = keyof typeof TABLE;

type FunctionTable = Readonly<Record<string, readonly CType[]>>;

/** Versions that were tried: 3.0 to 3.5. Another major one may keep what it has elsewhere. */
const VERSION_MAJOR = 3;
const SYSTEM_LIBRARY = 'libssl.so.3';
const ERROR_TEXT_BYTES = 256;

export interface OpenSsl {
  /** Such as 3.0.19. */
  readonly version: string;
  /** Where it was found, for people. */
  readonly source: string;
  /** To bind more of it: what `Ffi.functions` takes. */
  readonly library: string | null;
  readonly functions: Readonly<Record<FunctionName, NativeFunction>>;
}

let loaded: OpenSsl | undefined;

/** @throws UnavailableError where no OpenSSL 3 can be called */
export function loadOpenSsl(): OpenSsl {
  return loaded ?? (loaded = open());
}

function open(): OpenSsl {
  const refusals: string[] = [];
  for (const [library, source] of [
    [null, 'of this Node'],
    [SYSTEM_LIBRARY, `of the system (${SYSTEM_LIBRARY})`],
  ] as const) {
    try {
      return openFrom(library, source);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      refusals.push(`${source}: ${error.message}`);
    }
  }
  throw new UnavailableError(`no OpenSSL that can be called: ${refusals.join('; ')}`);
}

function openFrom(library: string | null, source: string): OpenSsl {
  const { OpenSSL_version_num } = bindOpenSsl(library, { OpenSSL_version_num: TABLE.OpenSSL_version_num });
  const number = OpenSSL_version_num();
  const version = [number >>> 28, (number >>> 20) & 0xff, (number >>> 4) & 0xff].join('.');
  if (number >>> 28 !== VERSION_MAJOR) throw new UnavailableError(`OpenSSL ${version}, not ${VERSION_MAJOR}`);
  return { version, source, library, functions: bindOpenSsl(library, TABLE) };
}

/**
 * Binds functions by their names.
 * @param table of each its result, and then its parameters
 * @throws UnavailableError where one of them is not to be had
 */
export function bindOpenSsl<Table extends FunctionTable>(
  library: string | null,
  table: Table,
): Record<keyof Table & string, NativeFunction> {
  const signatures = Object.fromEntries(
    Object.entries(table).map(([symbol, [result, ...parameters]]) => [
      symbol,
      { symbol, result, parameters },
    ]),
  ) as unknown as Record<keyof Table & string, Signature>;
  return loadFfi().functions(library, signatures);
}

/**
 * What stands in OpenSSL's queue of errors, which is the thread's and empty then.
 * @returns a line each, such as `error:0A00009C:SSL routines::http request`
 */
export function takeOpenSslErrors({ functions }: OpenSsl): string[] {
  const lines: string[] = [];
  const { address, bytes } = scratch();
  for (let code = functions.ERR_get_error(); code !== 0; code = functions.ERR_get_error()) {
    functions.ERR_error_string_n(code, address, ERROR_TEXT_BYTES);
    lines.push(Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('latin1'));
  }
  return lines;
}

/** Bytes at an address that OpenSSL gave, borrowed as long as they are OpenSSL's. */
export function foreignBytes(address: number, byteLength: number): Uint8Array {
  return new Uint8Array(loadFfi().view(address, byteLength));
}

/** @returns the address of a C function for OpenSSL to call back; see `Ffi.callback` */
export function callbackForOpenSsl(parameters: readonly CType[], call: NativeFunction): number {
  return loadFfi().callback(parameters, call);
}

/** Nothing of OpenSSL's knows it any more. */
export function releaseCallback(address: number): void {
  loadFfi().releaseCallback(address);
}
