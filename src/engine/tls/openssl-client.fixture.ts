/**
 * A client of TLS in memory, by the same library through FFI: it can do what node:tls cannot, such as updating its keys, and
 * has no sockets. Knows nothing of the layer under test but its constants.
 */

import { loadFfi } from '../../sys/ffi.ts';
import type { Ffi } from '../../sys/ffi-library.ts';
import { allocate } from '../../sys/memory.ts';

const P = 'address';
const I = 'int';
const L = 'long';
const SIGNATURES = {
  TLS_client_method: [P],
  SSL_CTX_new: [P, P],
  SSL_CTX_free: [I, P],
  SSL_CTX_ctrl: [P, P, I, L, P],
  SSL_new: [P, P],
  SSL_free: [I, P],
  SSL_ctrl: [P, P, I, L, P],
  SSL_set_connect_state: [I, P],
  SSL_set_bio: [I, P, P, P],
  SSL_do_handshake: [I, P],
  SSL_read: [I, P, P, I],
  SSL_write: [I, P, P, I],
  SSL_get_error: [I, P, I],
  SSL_key_update: [I, P, I],
  SSL_shutdown: [I, P],
  SSL_get1_session: [P, P],
  SSL_set_session: [I, P, P],
  SSL_SESSION_free: [I, P],
  SSL_SESSION_get_max_early_data: [I, P],
  BIO_new: [P, P],
  BIO_s_mem: [P],
  BIO_ctrl: [P, P, I, L, P],
  BIO_read: [I, P, P, I],
  BIO_write: [I, P, P, I],
  ERR_clear_error: [I],
} as const;
type Functions = ReturnType<Ffi['functions']> &
  Record<keyof typeof SIGNATURES, (...args: number[]) => number>;

/** ssl.h, tls1.h, bio.h. */
const SSL_CTRL_MODE = 33;
const SSL_MODE_AUTO_RETRY = 4;
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
const TLS1_2_VERSION = 0x0303;
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;
const BIO_CTRL_PENDING = 10;
const BIO_C_SET_BUF_MEM_EOF_RETURN = 130;
const PIECE_BYTES = 64 * 1024;

function load(): Functions {
  const table = Object.fromEntries(
    Object.entries(SIGNATURES).map(([symbol, [result, ...parameters]]) => [
      symbol,
      { symbol, result, parameters },
    ]),
  );
  return loadFfi().functions(null, table) as Functions;
}

export class OpenSslClient {
  readonly #f = load();
  readonly #ctx: number;
  readonly #ssl: number;
  readonly #in: number;
  readonly #out: number;
  readonly #memory = allocate(PIECE_BYTES);
  /** The peer has said close_notify. */
  hasEnded = false;
  /** What OpenSSL will go on no more for; see SSL_get_error(3). */
  error = 0;

  constructor({ isTls12 = false, session = 0 }: { isTls12?: boolean; session?: number } = {}) {
    const f = this.#f;
    this.#ctx = f.SSL_CTX_new(f.TLS_client_method());
    f.SSL_CTX_ctrl(this.#ctx, SSL_CTRL_MODE, SSL_MODE_AUTO_RETRY, 0);
    if (isTls12) f.SSL_CTX_ctrl(this.#ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2_VERSION, 0);
    this.#ssl = f.SSL_new(this.#ctx);
    if (session !== 0) f.SSL_set_session(this.#ssl, session);
    this.#in = f.BIO_new(f.BIO_s_mem());
    this.#out = f.BIO_new(f.BIO_s_mem());
    // Nothing there is to be tried again, and no end.
    for (const bio of [this.#in, this.#out]) f.BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, 0);
    f.SSL_set_bio(this.#ssl, this.#in, this.#out);
    f.SSL_set_connect_state(this.#ssl);
  }

  /** What has come from the server. */
  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      this.#memory.bytes.set(piece);
      this.#f.BIO_write(this.#in, this.#memory.address, piece.length);
    }
  }

  /** What is to go to the server. */
  take(): Buffer {
    const pieces: Buffer[] = [];
    while (this.#f.BIO_ctrl(this.#out, BIO_CTRL_PENDING, 0, 0) > 0) {
      const size = this.#f.BIO_read(this.#out, this.#memory.address, PIECE_BYTES);
      pieces.push(Buffer.from(this.#memory.bytes.subarray(0, size)));
    }
    return Buffer.concat(pieces);
  }

  /** @returns whether it is complete */
  shakeHands(): boolean {
    this.#f.ERR_clear_error();
    const result = this.#f.SSL_do_handshake(this.#ssl);
    this.#look(result);
    return result === 1;
  }

  write(bytes: Uint8Array): void {
    this.#memory.bytes.set(bytes);
    this.#f.SSL_write(this.#ssl, this.#memory.address, bytes.length);
  }

  /** All that is there. */
  read(): Buffer {
    const pieces: Buffer[] = [];
    this.#f.ERR_clear_error();
    for (;;) {
      const size = this.#f.SSL_read(this.#ssl, this.#memory.address, PIECE_BYTES);
      this.#look(size);
      if (size <= 0) return Buffer.concat(pieces);
      pieces.push(Buffer.from(this.#memory.bytes.subarray(0, size)));
    }
  }

  /** RFC 8446 §4.6.3. @param asksBack whether the server is to update its keys too */
  updateKeys(asksBack: boolean): void {
    this.#f.SSL_key_update(this.#ssl, asksBack ? 1 : 0);
    this.#f.SSL_do_handshake(this.#ssl);
  }

  sayGoodbye(): void {
    this.#f.SSL_shutdown(this.#ssl);
  }

  /** The session to resume, which the caller frees; how much early data its ticket allows. */
  session(): { address: number; earlyBytesMax: number; free(): void } {
    const address = this.#f.SSL_get1_session(this.#ssl);
    return {
      address,
      earlyBytesMax: this.#f.SSL_SESSION_get_max_early_data(address),
      free: () => void this.#f.SSL_SESSION_free(address),
    };
  }

  free(): void {
    this.#f.SSL_free(this.#ssl);
    this.#f.SSL_CTX_free(this.#ctx);
    this.#memory.release();
  }

  #look(result: number): void {
    if (result > 0) return;
    const error = this.#f.SSL_get_error(this.#ssl, result);
    if (error === SSL_ERROR_ZERO_RETURN) this.hasEnded = true;
    else if (error !== SSL_ERROR_WANT_READ) this.error = error;
  }
}
