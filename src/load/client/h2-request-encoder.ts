/**
 * A request as an HTTP/2 client sends it, made once: its field block, which is the same on every stream of every
 * connection since no dynamic table is used, and its content. Kept as one array, as HTTP/1's is, so that plans and
 * messages need not know which of the two they carry: four bytes say how long the block is.
 */
import { OptionError } from '../../base/errors.ts';
import { encodedBytesMax, encodeFieldInto } from '../../protocol/h2/hpack-encoder.ts';
import { checkRequest, type RequestParts } from './h1-request-encoder.ts';

const LENGTH_BYTES = 4;
/** They concern a connection of HTTP/1. RFC 9113 §8.2.2 */
const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade']);
/** Proxies on the way are not to keep them. RFC 7541 §7.1.3 */
const SECRETS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** @throws OptionError */
export function encodeH2Request(parts: RequestParts): Uint8Array {
  const { method, path, authority, body, scheme = 'http' } = parts;
  const fields: (readonly [name: string, value: string])[] = [];
  let host = authority;
  for (const [name, value] of checkRequest(parts)) {
    const lower = name.toLowerCase();
    if (CONNECTION_FIELDS.has(lower))
      throw new OptionError('header', name, 'HTTP/2 has no such field (RFC 9113 §8.2.2)');
    if (lower === 'host') host = value;
    else fields.push([lower, value]);
  }
  const all = [
    [':method', method],
    [':scheme', scheme],
    [':authority', host],
    [':path', path],
    ...fields,
  ].map(([name, value]) => [name!, Buffer.from(value!, 'utf8').toString('latin1')] as const);
  const room = all.reduce((sum, [name, value]) => sum + encodedBytesMax(name, value), LENGTH_BYTES);
  const head = new Uint8Array(room);
  let at = LENGTH_BYTES;
  for (const [name, value] of all) at = encodeFieldInto(head, at, name, value, SECRETS.has(name));
  new DataView(head.buffer).setUint32(0, at - LENGTH_BYTES);
  const bytes = new Uint8Array(at + (body?.length ?? 0));
  bytes.set(head.subarray(0, at));
  if (body !== undefined) bytes.set(body, at);
  return bytes;
}

/** Where the field block of an encoded request begins. */
export const BLOCK_START = LENGTH_BYTES;

/** Where it ends, and the content begins. @hot */
export function blockEnd(bytes: Uint8Array): number {
  return LENGTH_BYTES + ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!);
}
