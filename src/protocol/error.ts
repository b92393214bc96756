/**
 * The table of faults: everything that Holdfast answers with an error of its own accord, as values.
 * A fault says whose it is, which status answers it, which rule it breaks, and one sentence that goes
 * into the log and into the body of the answer. Parsers return faults and never throw.
 *
 * The table is the documentation: a test compares the two, so a fault is added here and nowhere else.
 */

export interface Fault {
  /** Stable name for programs: close reasons, metrics labels, logs. */
  readonly code: string;
  /** Says who broke the rule. `ours` is also the operator's: overload, shutdown, a failing handler. */
  readonly blame: 'peer' | 'ours';
  /** Status that answers it. A fault in a response has none to answer with: 502, as a gateway would say. */
  readonly status: number;
  /** `RFC 9112 §6.3`; empty where no RFC speaks. */
  readonly section: string;
  /** One ASCII sentence, without status and section. */
  readonly sentence: string;
}

const table: Fault[] = [];

function peer(code: string, status: number, section: string, sentence: string): Fault {
  const fault: Fault = Object.freeze({ code, blame: 'peer', status, section, sentence });
  table.push(fault);
  return fault;
}

function ours(code: string, status: number, section: string, sentence: string): Fault {
  const fault: Fault = Object.freeze({ code, blame: 'ours', status, section, sentence });
  table.push(fault);
  return fault;
}

// The request line.
export const FAULT_REQUEST_LINE = peer(
  'bad-request-line',
  400,
  'RFC 9112 §3',
  'the request line is not method, one space, target, one space, HTTP version',
);
export const FAULT_EMPTY_LINES = peer(
  'too-many-empty-lines',
  400,
  'RFC 9112 §2.2',
  'too many empty lines came before the request line',
);
export const FAULT_METHOD = peer('bad-method', 400, 'RFC 9110 §9.1', 'the method is not a token');
export const FAULT_METHOD_UNSUPPORTED = peer(
  'method-unsupported',
  501,
  'RFC 9110 §9.1',
  'this server does not implement the method',
);
export const FAULT_TARGET = peer(
  'bad-target',
  400,
  'RFC 9112 §3.2',
  'the request target is malformed or holds a forbidden byte',
);
export const FAULT_TARGET_TOO_LONG = peer(
  'target-too-long',
  414,
  'RFC 9110 §15.5.15',
  'the request target is longer than this server reads',
);
export const FAULT_VERSION = peer(
  'version-unsupported',
  505,
  'RFC 9110 §15.6.6',
  'only HTTP/1.0 and HTTP/1.1 are spoken here',
);
/** The HTTP/2 preface where HTTP/1 was expected: recognisable, so that the server can switch or explain. */
export const FAULT_HTTP2_PREFACE = peer(
  'http2-preface',
  505,
  'RFC 9113 §3.4',
  'the client speaks HTTP/2 to a connection that speaks HTTP/1.1',
);

// Lines and fields.
export const FAULT_BARE_CR = peer(
  'bare-cr',
  400,
  'RFC 9112 §2.2',
  'a carriage return is not followed by a line feed',
);
export const FAULT_BARE_LF = peer('bare-lf', 400, 'RFC 9112 §2.2', 'a line ends in a bare line feed');
export const FAULT_OBS_FOLD = peer(
  'obs-fold',
  400,
  'RFC 9112 §5.2',
  'a field line begins with white space (line folding)',
);
export const FAULT_FIELD_NAME = peer(
  'bad-field-name',
  400,
  'RFC 9110 §5.1',
  'a field name is empty or not a token',
);
export const FAULT_SPACE_BEFORE_COLON = peer(
  'space-before-colon',
  400,
  'RFC 9112 §5.1',
  'white space stands between a field name and its colon',
);
export const FAULT_FIELD_VALUE = peer(
  'bad-field-value',
  400,
  'RFC 9110 §5.5',
  'a field value holds a control byte',
);
export const FAULT_HEAD_TOO_LARGE = peer(
  'head-too-large',
  431,
  'RFC 6585 §5',
  'the request line and header fields together are larger than this server reads',
);
export const FAULT_TOO_MANY_FIELDS = peer(
  'too-many-fields',
  431,
  'RFC 6585 §5',
  'there are more header fields than this server reads',
);

// Routing and framing.
export const FAULT_HOST_MISSING = peer(
  'host-missing',
  400,
  'RFC 9112 §3.2',
  'an HTTP/1.1 request must carry a Host field',
);
export const FAULT_HOST_REPEATED = peer(
  'host-repeated',
  400,
  'RFC 9112 §3.2',
  'there is more than one Host field',
);
export const FAULT_HOST = peer(
  'bad-host',
  400,
  'RFC 9112 §3.2',
  'the Host field is not a host with an optional port',
);
export const FAULT_CONTENT_LENGTH = peer(
  'bad-content-length',
  400,
  'RFC 9112 §6.3',
  'Content-Length is not one decimal number below 2^53',
);
export const FAULT_CONTENT_LENGTH_REPEATED = peer(
  'content-length-repeated',
  400,
  'RFC 9112 §6.3',
  'there is more than one Content-Length field',
);
export const FAULT_LENGTH_AND_CODING = peer(
  'content-length-with-transfer-encoding',
  400,
  'RFC 9112 §6.3',
  'Content-Length and Transfer-Encoding exclude each other',
);
export const FAULT_TRANSFER_ENCODING = peer(
  'bad-transfer-encoding',
  400,
  'RFC 9112 §6.3',
  'Transfer-Encoding must end in chunked, exactly once',
);
export const FAULT_TRANSFER_CODING_UNSUPPORTED = peer(
  'transfer-coding-unsupported',
  501,
  'RFC 9112 §6.1',
  'chunked is the only transfer coding that this server implements',
);
export const FAULT_TRANSFER_ENCODING_ON_10 = peer(
  'transfer-encoding-on-http10',
  400,
  'RFC 9112 §6.1',
  'Transfer-Encoding does not exist in HTTP/1.0',
);
export const FAULT_EXPECTATION = peer(
  'expectation-failed',
  417,
  'RFC 9110 §10.1.1',
  '100-continue is the only expectation known here',
);

// The body.
export const FAULT_CHUNK_SIZE = peer(
  'bad-chunk-size',
  400,
  'RFC 9112 §7.1',
  'a chunk size is not a short hexadecimal number',
);
export const FAULT_CHUNK_EXTENSION = peer(
  'bad-chunk-extension',
  400,
  'RFC 9112 §7.1.1',
  'a chunk extension is malformed',
);
export const FAULT_CHUNK_EXTENSIONS_TOO_LARGE = peer(
  'chunk-extensions-too-large',
  400,
  'RFC 9112 §7.1.1',
  'the chunk extensions outweigh the data',
);
export const FAULT_CHUNK_END = peer(
  'bad-chunk-end',
  400,
  'RFC 9112 §7.1',
  'chunk data is not followed by CRLF',
);
export const FAULT_TRAILERS_TOO_LARGE = peer(
  'trailers-too-large',
  431,
  'RFC 6585 §5',
  'the trailer section is larger than this server reads',
);
export const FAULT_TRAILER_FORBIDDEN = peer(
  'forbidden-trailer',
  400,
  'RFC 9110 §6.5.1',
  'a field that steers framing, routing or authentication came as a trailer',
);
export const FAULT_BODY_TOO_LARGE = peer(
  'body-too-large',
  413,
  'RFC 9110 §15.5.14',
  'the request body is larger than this server accepts',
);

// Deadlines.
export const FAULT_HEADER_TIMEOUT = peer(
  'header-timeout',
  408,
  'RFC 9110 §15.5.9',
  'the request head did not arrive in time',
);
export const FAULT_BODY_TIMEOUT = peer(
  'body-timeout',
  408,
  'RFC 9110 §15.5.9',
  'the request body did not arrive in time',
);

// A server's answer, as our client reads it.
export const FAULT_STATUS_LINE = peer(
  'bad-status-line',
  502,
  'RFC 9112 §4',
  'the status line is not HTTP version, one space, three digits, a reason',
);

// Our own.
export const FAULT_HANDLER_FAILED = ours('handler-failed', 500, 'RFC 9110 §15.6.1', 'the handler failed');
export const FAULT_HANDLER_TIMEOUT = ours(
  'handler-timeout',
  503,
  'RFC 9110 §15.6.4',
  'the handler did not answer in time',
);
export const FAULT_OVERLOADED = ours('overloaded', 503, 'RFC 9110 §15.6.4', 'the server is at its limit');
export const FAULT_DRAINING = ours('draining', 503, 'RFC 9110 §15.6.4', 'the server is shutting down');

/** Every fault there is, in the order of this file. */
export const FAULTS: readonly Fault[] = Object.freeze(table);
