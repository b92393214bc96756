/**
 * Requests that must be refused, with the status that the RFCs or our limits demand: the oracle's own
 * table, written without a look at the parser's. `{host}` stands for a good Host line.
 */

interface HeadRefusal {
  readonly text: string;
  readonly status: number;
}

/** Limits that every run sets, so that going beyond them costs few bytes. */
export const HEAD_BYTES_MAX = 2048;
export const TARGET_BYTES_MAX = 1024;
export const HEADER_COUNT_MAX = 20;

/** Refused where HTTP/2 is not spoken. RFC 9113 §3.4 */
export const HTTP2_PREFACE_TEXT = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const HOST = 'Host: sim\r\n';

export const HEAD_REFUSALS: readonly HeadRefusal[] = [
  // RFC 9112 §3.2: an HTTP/1.1 request without Host, or with two.
  { text: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { text: `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, status: 400 },
  { text: 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', status: 400 },
  // RFC 9112 §3: one space between the parts.
  { text: `GET  / HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { text: `GET /  HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { text: `GET / http/1.1\r\n${HOST}\r\n`, status: 400 },
  { text: `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { text: `GE(T / HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  // RFC 9112 §2.2: lines end in CRLF.
  { text: `GET / HTTP/1.1\nHost: sim\n\n`, status: 400 },
  { text: `GET / HTTP/1.1\r\n${HOST}A: b\rC: d\r\n\r\n`, status: 400 },
  { text: `\r\n\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  // RFC 9112 §5: field lines.
  { text: `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`, status: 400 },
  { text: `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`, status: 400 },
  { text: `GET / HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`, status: 400 },
  { text: `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`, status: 400 },
  // RFC 9112 §6: framing that two readers could read in two ways.
  { text: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\n`, status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5, 5\r\n\r\n`, status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`, status: 400 },
  { text: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`, status: 501 },
  { text: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', status: 400 },
  // RFC 9110 §15.6.6 and §10.1.1, RFC 9113 §3.4.
  { text: `GET / HTTP/2.0\r\n${HOST}\r\n`, status: 505 },
  { text: HTTP2_PREFACE_TEXT, status: 505 },
  { text: `POST / HTTP/1.1\r\n${HOST}Expect: miracles\r\nContent-Length: 5\r\n\r\n`, status: 417 },
  { text: `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`, status: 501 },
  // A TLS ClientHello, which is no HTTP at all.
  { text: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400 },
  // Limits.
  { text: `GET /${'t'.repeat(TARGET_BYTES_MAX)} HTTP/1.1\r\n${HOST}\r\n`, status: 414 },
  { text: `GET / HTTP/1.1\r\n${HOST}A: ${'v'.repeat(HEAD_BYTES_MAX)}\r\n\r\n`, status: 431 },
  { text: `GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(HEADER_COUNT_MAX)}\r\n`, status: 431 },
];

/** Stands for good bytes of the body, in a chunk that then goes on where its end should be. */
export const OVERLONG_CHUNK = '{good}';
export const OVERLONG_CHUNK_BYTES = 3;

/** Beginnings of a chunk that must be refused, whatever came before: RFC 9112 §7.1. */
export const CHUNK_REFUSALS: readonly string[] = [
  'zz\r\n',
  '-1\r\n',
  '\r\n',
  '5\nhello\r\n',
  '5;\x01\r\n',
  `${OVERLONG_CHUNK_BYTES}\r\n${OVERLONG_CHUNK}x\r\n`,
  'ffffffffffffffff\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
];
