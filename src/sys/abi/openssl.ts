/**
 * Constants of OpenSSL's headers ssl.h, tls1.h, bio.h and buffer.h (3.0 to 3.6), with their names there. Most are numbers
 * of macros that are calls of SSL_CTX_ctrl, SSL_ctrl and BIO_ctrl.
 */
import { struct } from '../layout.ts';

export const SSL_CTRL_MODE = 33;
export const SSL_CTRL_CLEAR_MODE = 78;
export const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
export const SSL_CTRL_SET_TLSEXT_TICKET_KEYS = 59;
export const SSL_CTRL_CHAIN_CERT = 89;
export const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;

export const TLS1_2_VERSION = 0x0303;

/** SSL_write returns when a record is full rather than when all is written. */
export const SSL_MODE_ENABLE_PARTIAL_WRITE = 1;
/** SSL_read goes on behind records that carry no application data: on by default. */
export const SSL_MODE_AUTO_RETRY = 4;
export const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 2;
/** Gives a connection's buffers back while it is idle. SSL_CTX_set_mode(3) */
export const SSL_MODE_RELEASE_BUFFERS = 16;
export const SSL_SESS_CACHE_OFF = 0;

export const SSL_ERROR_WANT_READ = 2;
export const SSL_ERROR_ZERO_RETURN = 6;

export const SSL_TLSEXT_ERR_OK = 0;
export const SSL_TLSEXT_ERR_ALERT_FATAL = 2;

export const BIO_C_SET_BUF_MEM = 114;
export const BIO_C_GET_BUF_MEM_PTR = 115;
export const BIO_C_SET_BUF_MEM_EOF_RETURN = 130;
export const BIO_NOCLOSE = 0;

/** What a memory BIO reads from or writes to: buffer.h. */
export const buf_mem_st = struct('buf_mem_st', 32, {
  length: 'u64',
  data: 'u64',
  max: 'u64',
  flags: 'u64',
});
