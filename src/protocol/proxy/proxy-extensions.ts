/**
 * The extensions (TLVs) behind the addresses of a PROXY header of version 2 (HAProxy's doc/proxy-protocol.txt, section 2.2): which
 * there are, that they add up, and that each of those that are shown is as it must be and there once. What it gives is copied.
 * What a connection keeps of them is bounded by the header's length and by their count.
 */
import { checkUtf8, UTF8_WHOLE } from '../websocket/utf8.ts';

export interface ProxyExtensions {
  readonly alpn: Uint8Array | undefined;
  readonly authority: Uint8Array | undefined;
  readonly uniqueId: Uint8Array | undefined;
  readonly tls: ProxyTlsExtension | undefined;
  /** Those that this file does not know, in their order: of clouds, or of whoever runs the proxy. */
  readonly others: readonly ProxyExtension[];
}

export interface ProxyTlsExtension {
  /** PROXY_CLIENT_ bits. */
  readonly client: number;
  /** 0 where the proxy has found the client's certificate good. */
  readonly verify: number;
  /** By type; PROXY_TLS_ names those that are known. */
  readonly fields: ReadonlyMap<number, Uint8Array>;
}

interface ProxyExtension {
  readonly type: number;
  readonly value: Uint8Array;
}

export const PROXY_CLIENT_TLS = 0x01;
/** The client has shown a certificate: on this connection, or when its session began. */
export const PROXY_CLIENT_CERT = 0x02 | 0x04;
export const PROXY_TLS_VERSION = 0x21;
export const PROXY_TLS_COMMON_NAME = 0x22;
export const PROXY_TLS_CIPHER = 0x23;
export const PROXY_TLS_CERTIFICATE = 0x28;

const TYPE_ALPN = 0x01;
const TYPE_AUTHORITY = 0x02;
const TYPE_CRC32C = 0x03;
const TYPE_NOOP = 0x04;
const TYPE_UNIQUE_ID = 0x05;
const TYPE_TLS = 0x20;

/** A dozen types are known, clouds add one or two: what has more costs memory and says nothing. */
const COUNT_MAX = 64;
/** "Up to 128 bytes" (section 2.2.5). */
const UNIQUE_ID_BYTES_MAX = 128;
/** RFC 7301 §3.1: a protocol's name takes 255 bytes; RFC 1035 §2.3.4: a name of the DNS takes fewer. */
const NAME_BYTES_MAX = 255;
/** `client` and `verify` (section 2.2.6). */
const TLS_HEAD_BYTES = 5;

/**
 * @param start where the header begins, of which a checksum tells
 * @returns undefined where they do not add up; null where there are none to tell of
 */
export function readExtensions(
  bytes: Uint8Array,
  start: number,
  from: number,
  end: number,
): ProxyExtensions | null | undefined {
  const known = new Map<number, Uint8Array>();
  const others: ProxyExtension[] = [];
  const add = (type: number, at: number, size: number): boolean => {
    if (type === TYPE_NOOP) return true;
    const value = bytes.slice(at, at + size);
    if (!isKnown(type)) return others.push({ type, value }) <= COUNT_MAX;
    if (known.has(type) || !isAllowed(type, value)) return false;
    if (type === TYPE_CRC32C && !isChecksum(bytes, start, end, at)) return false;
    known.set(type, value);
    return true;
  };
  if (!eachExtension(bytes, from, end, add)) return undefined;
  const tls = known.get(TYPE_TLS);
  const facts = tls === undefined ? undefined : readTls(tls);
  if (tls !== undefined && facts === undefined) return undefined;
  known.delete(TYPE_CRC32C);
  if (known.size + others.length === 0) return null;
  return {
    alpn: known.get(TYPE_ALPN),
    authority: known.get(TYPE_AUTHORITY),
    uniqueId: known.get(TYPE_UNIQUE_ID),
    tls: facts,
    others,
  };
}

/** @returns whether they add up, and `add` wanted each */
function eachExtension(
  bytes: Uint8Array,
  from: number,
  end: number,
  add: (type: number, at: number, size: number) => boolean,
): boolean {
  let at = from;
  while (at < end) {
    if (at + 3 > end) return false;
    const size = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const value = at + 3;
    if (value + size > end || !add(bytes[at]!, value, size)) return false;
    at = value + size;
  }
  return true;
}

function isKnown(type: number): boolean {
  return (type >= TYPE_ALPN && type <= TYPE_UNIQUE_ID) || type === TYPE_TLS;
}

function isAllowed(type: number, value: Uint8Array): boolean {
  const { length } = value;
  switch (type) {
    case TYPE_ALPN:
      return length > 0 && length <= NAME_BYTES_MAX;
    case TYPE_AUTHORITY:
      return length > 0 && length <= NAME_BYTES_MAX && isText(value);
    case TYPE_UNIQUE_ID:
      return length <= UNIQUE_ID_BYTES_MAX;
    case TYPE_CRC32C:
      return length === 4;
    default:
      return length >= TLS_HEAD_BYTES;
  }
}

/** UTF-8 without control characters, which would be a line's end in somebody's log. */
function isText(value: Uint8Array): boolean {
  for (const byte of value) if (byte < 0x20 || byte === 0x7f) return false;
  return checkUtf8(UTF8_WHOLE, value, 0, value.length) === UTF8_WHOLE;
}

function readTls(value: Uint8Array): ProxyTlsExtension | undefined {
  const fields = new Map<number, Uint8Array>();
  const isWhole = eachExtension(value, TLS_HEAD_BYTES, value.length, (type, at, size) => {
    const field = value.subarray(at, at + size);
    if (fields.has(type) || (type !== PROXY_TLS_CERTIFICATE && !isText(field))) return false;
    fields.set(type, field);
    return fields.size <= COUNT_MAX;
  });
  const verify = ((value[1]! << 24) | (value[2]! << 16) | (value[3]! << 8) | value[4]!) >>> 0;
  return isWhole ? { client: value[0]!, verify, fields } : undefined;
}

/** CRC-32C (RFC 9260 appendix A) of the whole header, its own four bytes taken for zero. */
function isChecksum(bytes: Uint8Array, start: number, end: number, at: number): boolean {
  let crc = 0xffffffff;
  for (let i = start; i < end; i++) {
    crc ^= i >= at && i < at + 4 ? 0 : bytes[i]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0x82f63b78 : 0);
  }
  const told = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  return (crc ^ 0xffffffff) >>> 0 === told;
}
