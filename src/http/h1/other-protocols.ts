/**
 * Where HTTP/1 ends: what asks to go over to another protocol, and what was never HTTP/1.
 */
import { FAULT_TARGET } from '../../protocol/error.ts';
import type { RequestHeadParser } from '../../protocol/h1/request-head.ts';
import { METHOD_OTHER } from '../../protocol/semantics/methods.ts';
import { latin1Text } from '../../protocol/semantics/octets.ts';
import { headersOfHead } from '../../web/headers.ts';

const LISTED = /(?:^|,)[ \t]*http2-settings[ \t]*(?:,|$)/i;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** How much of what cannot be read is looked at to tell what it is. */
const LOOKED_AT_BYTES = 256;

/**
 * `Upgrade: h2c`, by which a client goes over from HTTP/1.1 to HTTP/2 with one request (RFC 7540 §3.2). RFC 9113 §3.1 has
 * dropped it, and older clients still ask. An upgrade may be passed over (RFC 9110 §7.8): whoever asks in any other form, or
 * with content, is answered in HTTP/1.1.
 * @param text of the head, in which the parser's positions are
 * @returns the SETTINGS that the client begins with; undefined when it does not ask for HTTP/2, or not soundly
 */
export function h2cSettings(parser: RequestHeadParser, text: string): Uint8Array | undefined {
  const { upgradeStart, upgradeEnd, hasConnectionUpgrade, hasContent } = parser;
  if (!hasConnectionUpgrade || hasContent || upgradeStart < 0) return undefined;
  if (text.slice(upgradeStart, upgradeEnd).toLowerCase() !== 'h2c') return undefined;
  const fields = headersOfHead(text, parser.fieldsStart, parser.fieldsEnd);
  const settings = fields.get('http2-settings');
  if (settings === null || !BASE64URL.test(settings) || !LISTED.test(fields.get('connection') ?? ''))
    return undefined;
  return Buffer.from(settings, 'base64url');
}

/**
 * Whether the first line of a connection that was refused names no method that anybody knows, no target and no version of
 * HTTP: what was meant for a HTTP/2 preface is not told of its fault in HTTP/1, which it would take for something else.
 * RFC 9113 §3.4
 */
export function isNoHttp1(
  { method, fault }: RequestHeadParser,
  bytes: Uint8Array,
  at: number,
  end: number,
): boolean {
  if (method !== METHOD_OTHER || fault !== FAULT_TARGET) return false;
  const first = latin1Text(bytes, at, Math.min(end, at + LOOKED_AT_BYTES));
  return /[^\r\n]\r?\n/.test(first) && !/^[\r\n]*[^\n]*HTTP\//.test(first);
}
