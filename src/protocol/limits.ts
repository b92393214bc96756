/**
 * Every limit of the protocol layer, with the precedent that argues for it. Whatever a peer sends is
 * bounded by one of these before it costs memory; a message exactly at a limit passes, one byte more
 * does not, however the bytes are split.
 */

/** Bounds of a request head. */
export interface HeadLimits {
  /** From the first byte (empty lines included) to the last line feed. */
  readonly headBytesMax: number;
  readonly targetBytesMax: number;
  /** Field lines, not distinct names. */
  readonly headerCountMax: number;
}

/**
 * What a server takes that an origin has no use for, and answers for itself: listeners of node:http do. Each is looked at
 * when such a request has come.
 */
export interface HeadRules {
  /** TRACE reflects what proxies have added to a request. RFC 9110 §9.3.8 */
  readonly takesTrace: boolean;
  /** CONNECT asks for a tunnel; what follows its head is no content. RFC 9110 §9.3.6 */
  readonly takesConnect: boolean;
  /** Expectations other than `100-continue`. RFC 9110 §10.1.1 */
  readonly takesExpectations: boolean;
  /** HTTP/1.1 asks for a Host field. RFC 9112 §3.2 */
  readonly requiresHost: boolean;
}

export const ORIGIN_RULES: HeadRules = Object.freeze({
  takesTrace: false,
  takesConnect: false,
  takesExpectations: false,
  requiresHost: true,
});

/** Bounds of a chunked body. */
export interface ChunkedLimits {
  /** Counts the decoded data. `Infinity` is off. */
  readonly bodyBytesMax: number;
  /** How far chunk extensions may outweigh the data that came before them. */
  readonly chunkExtensionBytesMax: number;
  /** The trailer section with its final empty line. */
  readonly trailerBytesMax: number;
  readonly trailerCountMax: number;
}

export interface ProtocolLimits extends HeadLimits, ChunkedLimits {}

export const DEFAULT_LIMITS: ProtocolLimits = Object.freeze({
  headBytesMax: 16 * 1024, // Node 16 KiB, nginx 4 buffers of 8 KiB, Apache 8 KiB a line; fits one receive buffer
  targetBytesMax: 8 * 1024, // nginx 8 KiB, Apache 8190, both ask at least the 8000 of RFC 9112 §3
  headerCountMax: 100, // Apache 100, h2o and hyper 100; browsers send about 20, proxies add about 10
  bodyBytesMax: 100 * 1024 * 1024, // Cloudflare 100 MB, Bun 128 MiB; nginx's 1 MiB is the first thing its users raise
  chunkExtensionBytesMax: 16 * 1024, // Go allows 16 KiB of excess, Node 16 KiB after CVE-2024-22019
  trailerBytesMax: 8 * 1024, // half a head: grpc-status and checksums take tens of bytes
  trailerCountMax: 50, // half the header count, by the same reasoning
});

/**
 * Empty lines that are skipped before a request line. RFC 9112 §2.2 asks for at least one, because old
 * clients end a POST body with a CRLF that no length counts; two of those is the most ever reported.
 */
export const EMPTY_LINES_MAX = 2;

/** Longest method looked at: the registry's longest is UPDATEREDIRECTREF with 17. Beyond, 501 by RFC 9112 §3. */
export const METHOD_BYTES_MAX = 32;

/** Digits of a chunk size with leading zeros: what `%016x` of a 64-bit number prints. */
export const CHUNK_SIZE_DIGITS_MAX = 16;

/** Digits of a chunk size without leading zeros: 13 * 4 = 52 bits stay exact in a JavaScript number. */
export const CHUNK_SIZE_SIGNIFICANT_DIGITS_MAX = 13;

/** Head of an answer that our client reads: browsers and Node's client read 16 KiB to 256 KiB. */
export const RESPONSE_HEAD_LIMITS = Object.freeze({ headBytesMax: 64 * 1024, headerCountMax: 500 });
