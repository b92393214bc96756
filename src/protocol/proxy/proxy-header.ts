/**
 * Reads the header by which a proxy names the two ends of a connection that it passes on: PROXY protocol, versions 1 and 2, as HAProxy's
 * doc/proxy-protocol.txt defines them. It comes before everything else, TLS included. A function of the bytes so far: it keeps
 * nothing, and what is no such header is refused as soon as it shows.
 */
import { ipText, parseIp } from '../semantics/ip-address.ts';
import { type ProxyExtensions, readExtensions } from './proxy-extensions.ts';

interface ProxyEnd {
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  readonly address: string;
  readonly port: number;
}

interface ProxyEnds {
  readonly remote: ProxyEnd;
  readonly local: ProxyEnd;
  /** What version 2 says beside them; absent where it says nothing. */
  readonly said?: ProxyExtensions;
}

export type ProxyHeader =
  /** More bytes are needed. */
  | 'unfinished'
  /** No such header, or one that is not as it must be. */
  | 'malformed'
  | {
      /** Bytes that it takes. */
      readonly length: number;
      /** undefined where the proxy speaks for itself (health checks), or does not say: the connection's own ends count. */
      readonly ends: ProxyEnds | undefined;
    };

/** The longest line of version 1 with its CRLF (section 2.1). */
const V1_BYTES_MAX = 107;
/** "PROXY " */
const V1_BEGIN = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
/** CR LF CR LF NUL CR LF "QUIT" LF (section 2.2) */
const V2_BEGIN = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V2_HEAD_BYTES = 16;
/**
 * Addresses of unix sockets take 216 bytes, and extensions that proxies send (an authority, a certificate's name, an id of the cloud)
 * some hundreds; HAProxy itself sends no more than 500 or so.
 */
const V2_BYTES_MAX = 4096;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const FAMILY_UNSPECIFIED = 0x00;
const FAMILY_TCP4 = 0x11;
const FAMILY_TCP6 = 0x21;
const FAMILY_UNIX_STREAM = 0x31;
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [FAMILY_TCP4]: 12,
  [FAMILY_TCP6]: 36,
  [FAMILY_UNIX_STREAM]: 216,
};
const UNIX_END: ProxyEnd = { family: 'unix', address: '', port: 0 };

/** As many bytes as a header can have: no more need be kept. */
export const PROXY_HEADER_BYTES_MAX = V2_BYTES_MAX;

export function parseProxyHeader(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  if (start === end) return 'unfinished';
  const begin = bytes[start] === V1_BEGIN[0] ? V1_BEGIN : V2_BEGIN;
  for (let i = 0; i < begin.length; i++) {
    if (start + i === end) return 'unfinished';
    if (bytes[start + i] !== begin[i]) return 'malformed';
  }
  return begin === V1_BEGIN ? parseV1(bytes, start, end) : parseV2(bytes, start, end);
}

function parseV1(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  const last = Math.min(end, start + V1_BYTES_MAX);
  let line = '';
  for (let at = start; at < last; at++) {
    const byte = bytes[at]!;
    if (byte === 0x0d) {
      if (at + 1 === last) return last === end && end - start < V1_BYTES_MAX ? 'unfinished' : 'malformed';
      return bytes[at + 1] === 0x0a ? readV1(line, at + 2 - start) : 'malformed';
    }
    if (byte < 0x20 || byte > 0x7e) return 'malformed';
    line += String.fromCharCode(byte);
  }
  return end - start < V1_BYTES_MAX ? 'unfinished' : 'malformed';
}

const PORT = /^(?:0|[1-9]\d{0,4})$/;

function readV1(line: string, length: number): ProxyHeader {
  const [, protocol, from, to, fromPort, toPort, ...more] = line.split(' ');
  // Whatever stands behind UNKNOWN is to be ignored.
  if (protocol === 'UNKNOWN') return { length, ends: undefined };
  if ((protocol !== 'TCP4' && protocol !== 'TCP6') || more.length > 0) return 'malformed';
  const remote = endOf(protocol, from, fromPort);
  const local = endOf(protocol, to, toPort);
  return remote === undefined || local === undefined ? 'malformed' : { length, ends: { remote, local } };
}

function endOf(protocol: 'TCP4' | 'TCP6', address = '', port = ''): ProxyEnd | undefined {
  const family = protocol === 'TCP4' ? 'IPv4' : 'IPv6';
  const groups = address.includes(':') === (family === 'IPv6') ? parseIp(address) : undefined;
  if (groups === undefined || !PORT.test(port) || Number(port) > 65_535) return undefined;
  return { family, address: family === 'IPv4' ? address : ipText(groups), port: Number(port) };
}

function parseV2(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  if (end - start < V2_HEAD_BYTES) return 'unfinished';
  const command = bytes[start + 12]!;
  const family = bytes[start + 13]!;
  const length = V2_HEAD_BYTES + ((bytes[start + 14]! << 8) | bytes[start + 15]!);
  if ((command !== V2_LOCAL && command !== V2_PROXY) || length > V2_BYTES_MAX) return 'malformed';
  if (end - start < length) return 'unfinished';
  const at = start + V2_HEAD_BYTES;
  const last = start + length;
  // What a proxy says of its own connection is to be ignored, the family included.
  if (command === V2_LOCAL) return { length, ends: undefined };
  const addressBytes = family === FAMILY_UNSPECIFIED ? 0 : ADDRESS_BYTES[family];
  if (addressBytes === undefined || at + addressBytes > last) return 'malformed';
  if (family === FAMILY_UNSPECIFIED) return { length, ends: undefined };
  const extensions = readExtensions(bytes, start, at + addressBytes, last);
  if (extensions === undefined) return 'malformed';
  const said = extensions === null ? {} : { said: extensions };
  if (family === FAMILY_UNIX_STREAM) return { length, ends: { remote: UNIX_END, local: UNIX_END, ...said } };
  const size = family === FAMILY_TCP4 ? 4 : 16;
  const ports = at + 2 * size;
  return {
    length,
    ends: {
      remote: binaryEnd(bytes, at, size, ports),
      local: binaryEnd(bytes, at + size, size, ports + 2),
      ...said,
    },
  };
}

function binaryEnd(bytes: Uint8Array, at: number, size: number, portAt: number): ProxyEnd {
  const port = (bytes[portAt]! << 8) | bytes[portAt + 1]!;
  if (size === 4) return { family: 'IPv4', address: bytes.subarray(at, at + 4).join('.'), port };
  const groups = new Uint16Array(8);
  for (let i = 0; i < 8; i++) groups[i] = (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!;
  return { family: 'IPv6', address: ipText(groups), port };
}
