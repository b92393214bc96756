/**
 * Constants of OpenSSL's headers ssl.h, tls1.h, x509v3.h, bio.h and buffer.h (3.0 to 3.6), with their names there. Most are numbers
 * of macros that are calls of SSL_CTX_ctrl, SSL_ctrl and BIO_ctrl.
 */
import { struct } from '../layout.ts';

export const BIO_CTRL_PENDING = 10;
export const SSL_CTRL_MODE = 33;
export const SSL_CTRL_CLEAR_MODE = 78;
export const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
export const SSL_CTRL_SET_TLSEXT_TICKET_KEYS = 59;
export const SSL_CTRL_SET_MAX_CERT_LIST = 51;
export const SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB = 63;
export const SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP = 71;
export const SSL_CTRL_CHAIN_CERT = 89;
export const SSL_CTRL_SET_GROUPS_LIST = 92;
export const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
export const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;

export const TLS1_2_VERSION = 0x0303;
export const TLS1_3_VERSION = 0x0304;

/** SSL_write returns when a record is full rather than when all is written. */
/** SSL_read goes on behind records that carry no application data: on by default. */
export const SSL_MODE_AUTO_RETRY = 4;
export const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 2;
/** Gives a connection's buffers back while it is idle. SSL_CTX_set_mode(3) */
export const SSL_MODE_RELEASE_BUFFERS = 16;
export const SSL_SESS_CACHE_OFF = 0;

export const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
export const SSL_SENT_SHUTDOWN = 1;
export const SSL_RECEIVED_SHUTDOWN = 2;
/** Node has no code of its own for it. */
export const X509_V_ERR_IP_ADDRESS_MISMATCH = 64;
/** `f*.example` stands for no name, as in browsers: x509v3.h. */
export const X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 4;

export const SSL_ERROR_WANT_READ = 2;
export const SSL_ERROR_ZERO_RETURN = 6;
export const SSL_ERROR_WANT_CLIENT_HELLO_CB = 11;

/** What a callback on the ClientHello answers: SSL_CTX_set_client_hello_cb(3). */
export const SSL_CLIENT_HELLO_SUCCESS = 1;
export const SSL_CLIENT_HELLO_ERROR = 0;
export const SSL_CLIENT_HELLO_RETRY = -1;
export const SSL_AD_INTERNAL_ERROR = 80;
export const TLSEXT_TYPE_server_name = 0;
export const TLSEXT_NAMETYPE_host_name = 0;

export const SSL_VERIFY_NONE = 0;
export const SSL_VERIFY_PEER = 1;
export const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
export const X509_V_FLAG_CRL_CHECK = 4;
/** Also certificates between the client's and a root. */
export const X509_V_FLAG_CRL_CHECK_ALL = 8;

export const SSL_TLSEXT_ERR_OK = 0;
export const SSL_TLSEXT_ERR_ALERT_FATAL = 2;
export const SSL_TLSEXT_ERR_NOACK = 3;

export const OSSL_PARAM_UTF8_STRING = 4;
export const OSSL_PARAM_OCTET_STRING = 5;

export const BIO_C_SET_BUF_MEM = 114;
export const BIO_C_GET_BUF_MEM_PTR = 115;
export const BIO_C_SET_BUF_MEM_EOF_RETURN = 130;
export const BIO_NOCLOSE = 0;

/** A named argument; a list of them ends with one whose key is 0: core.h. */
export const ossl_param_st = struct('ossl_param_st', 40, {
  key: 'u64',
  data_type: 'u32',
  data: 'u64',
  data_size: 'u64',
  return_size: 'u64',
});

/** What a memory BIO reads from or writes to: buffer.h. */
export const buf_mem_st = struct('buf_mem_st', 32, {
  length: 'u64',
  data: 'u64',
  max: 'u64',
  flags: 'u64',
});
