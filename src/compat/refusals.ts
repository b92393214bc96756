/**
 * Requests that are refused, in node:http's words: the error that a `clientError` listener gets, and the answer that its server
 * gives by itself. Only Holdfast's names of faults are known here; what is a fault is the parser's.
 */
import { STATUS_CODES } from 'node:http';
import type { Fault } from '../protocol/error.ts';

/** By our name of a fault: how node:http's parser calls its like. */
const CODES: Readonly<Record<string, string>> = {
  'header-timeout': 'ERR_HTTP_REQUEST_TIMEOUT',
  'head-too-large': 'HPE_HEADER_OVERFLOW',
  'target-too-long': 'HPE_HEADER_OVERFLOW',
  'too-many-fields': 'HPE_HEADER_OVERFLOW',
  'bad-method': 'HPE_INVALID_METHOD',
  'version-unsupported': 'HPE_INVALID_VERSION',
  'bad-field-name': 'HPE_INVALID_HEADER_TOKEN',
  'space-before-colon': 'HPE_INVALID_HEADER_TOKEN',
  'bad-field-value': 'HPE_INVALID_HEADER_TOKEN',
  'bad-content-length': 'HPE_INVALID_CONTENT_LENGTH',
  'content-length-repeated': 'HPE_UNEXPECTED_CONTENT_LENGTH',
  'content-length-with-transfer-encoding': 'HPE_INVALID_TRANSFER_ENCODING',
  'bad-transfer-encoding': 'HPE_INVALID_TRANSFER_ENCODING',
  'client-closed-in-head': 'HPE_INVALID_EOF_STATE',
  'bare-cr': 'HPE_LF_EXPECTED',
  'bare-lf': 'HPE_CR_EXPECTED',
  'bad-chunk-size': 'HPE_INVALID_CHUNK_SIZE',
  'chunk-extensions-too-large': 'HPE_CHUNK_EXTENSIONS_OVERFLOW',
};

/** What a `clientError` listener gets: `code` in node:http's words, `reason` in ours. */
export function clientError({ code, sentence, status }: Fault): Error {
  const message = code === 'header-timeout' ? 'Request timeout' : `Parse Error: ${sentence}`;
  return Object.assign(new Error(message), {
    code: CODES[code] ?? 'HPE_INVALID_CONSTANT',
    reason: sentence,
    status,
    bytesParsed: 0,
  });
}

/** By code, as node:http's server answers. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Statuses that node:http's server answers faults with; any other is 400 there. */
const NODE_STATUSES = new Set([408, 413, 417, 503]);

/** @returns the whole answer that node:http's server gives in such a case */
export function refusalOf({ code, status }: Fault): string {
  const own = STATUSES[CODES[code] ?? ''] ?? (NODE_STATUSES.has(status) ? status : 400);
  return `HTTP/1.1 ${own} ${STATUS_CODES[own]}\r\nConnection: close\r\n\r\n`;
}
