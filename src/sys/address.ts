/**
 * Socket addresses between text and the kernel's bytes: IPv4, IPv6 in the canonical text of RFC 5952,
 * and unix paths, abstract names included (a leading NUL, as in Node). Knows no system call.
 */
import { networkInterfaces } from 'node:os';
import { AF_INET, AF_INET6, AF_UNIX, sockaddr_in, sockaddr_in6, sockaddr_un } from './abi/socket.ts';
import { ERRNO } from './errno.ts';

export interface SocketAddress {
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** Without brackets; IPv6 may carry a zone (`fe80::1%2`). For unix the path: empty when unnamed, abstract with a leading NUL. */
  readonly address: string;
  /** 0 for unix. */
  readonly port: number;
}

const IN = sockaddr_in.offset;
const IN6 = sockaddr_in6.offset;
const UN = sockaddr_un.offset;
const SUN_PATH_BYTES = sockaddr_un.width.sun_path;

/**
 * Writes the kernel's form of an address.
 * @param into at least sockaddr_storage.size bytes
 * @returns the length to give to the kernel, or a negative errno: EINVAL for text that is no address, ENAMETOOLONG
 */
export function encodeAddressInto(into: DataView, { family, address, port }: SocketAddress): number {
  if (family === 'unix') return encodeUnixInto(into, address);
  if (!(Number.isInteger(port) && port >= 0 && port <= 0xffff)) return -ERRNO.EINVAL;
  return family === 'IPv4' ? encodeIPv4Into(into, address, port) : encodeIPv6Into(into, address, port);
}

function encodeIPv4Into(into: DataView, address: string, port: number): number {
  const value = parseIPv4(address);
  if (value === undefined) return -ERRNO.EINVAL;
  clear(into, sockaddr_in.size);
  into.setUint16(IN.sin_family, AF_INET, true);
  into.setUint16(IN.sin_port, port);
  into.setUint32(IN.sin_addr, value);
  return sockaddr_in.size;
}

function encodeIPv6Into(into: DataView, address: string, port: number): number {
  const percent = address.indexOf('%');
  const groups = parseIPv6(percent < 0 ? address : address.slice(0, percent));
  const scope = percent < 0 ? 0 : scopeId(address.slice(percent + 1));
  if (groups === undefined || scope === undefined) return -ERRNO.EINVAL;
  clear(into, sockaddr_in6.size);
  into.setUint16(IN6.sin6_family, AF_INET6, true);
  into.setUint16(IN6.sin6_port, port);
  for (let i = 0; i < 8; i++) into.setUint16(IN6.sin6_addr + i * 2, groups[i]!);
  into.setUint32(IN6.sin6_scope_id, scope, true);
  return sockaddr_in6.size;
}

function encodeUnixInto(into: DataView, path: string): number {
  const bytes = new TextEncoder().encode(path);
  const isAbstract = bytes[0] === 0;
  if (!isAbstract && bytes.includes(0)) return -ERRNO.EINVAL;
  // A path ends with a NUL that must fit; an abstract name is all of the given length (unix(7)).
  if (bytes.length + (isAbstract ? 0 : 1) > SUN_PATH_BYTES) return -ERRNO.ENAMETOOLONG;
  clear(into, sockaddr_un.size);
  into.setUint16(UN.sun_family, AF_UNIX, true);
  for (let i = 0; i < bytes.length; i++) into.setUint8(UN.sun_path + i, bytes[i]!);
  return UN.sun_path + bytes.length + (isAbstract ? 0 : 1);
}

function clear(view: DataView, length: number): void {
  for (let i = 0; i < length; i++) view.setUint8(i, 0);
}

/**
 * Reads what the kernel wrote.
 * @param length what the kernel said the address takes
 * @returns the address, or -EAFNOSUPPORT for a family that is none of the three
 */
export function parseAddress(from: DataView, length: number): SocketAddress | number {
  // Unix sockets without a name answer the family alone, or nothing.
  if (length < 2) return { family: 'unix', address: '', port: 0 };
  switch (from.getUint16(0, true)) {
    case AF_INET:
      return {
        family: 'IPv4',
        address: formatIPv4(from.getUint32(IN.sin_addr)),
        port: from.getUint16(IN.sin_port),
      };
    case AF_INET6: {
      const groups: number[] = [];
      for (let i = 0; i < 8; i++) groups.push(from.getUint16(IN6.sin6_addr + i * 2));
      const scope = from.getUint32(IN6.sin6_scope_id, true);
      const zone = scope === 0 ? '' : `%${scope}`;
      return { family: 'IPv6', address: formatIPv6(groups) + zone, port: from.getUint16(IN6.sin6_port) };
    }
    case AF_UNIX:
      return { family: 'unix', address: readUnixPath(from, length), port: 0 };
    default:
      return -ERRNO.EAFNOSUPPORT;
  }
}

function readUnixPath(from: DataView, length: number): string {
  let end = Math.min(length, sockaddr_un.size);
  const isAbstract = end > UN.sun_path && from.getUint8(UN.sun_path) === 0;
  if (!isAbstract) {
    for (let i = UN.sun_path; i < end; i++) if (from.getUint8(i) === 0) end = i;
  }
  return new TextDecoder().decode(
    new Uint8Array(from.buffer, from.byteOffset + UN.sun_path, end - UN.sun_path),
  );
}

/** @returns the address as a number in host order, or undefined when the text is not four decimal numbers */
export function parseIPv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const part = match[i]!;
    // A leading zero means octal to some readers and decimal to others, so it means nothing here.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

function formatIPv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/** @returns eight groups of 16 bits, or undefined when the text is no IPv6 address (RFC 4291 §2.2); no zone */
export function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** @param isEnd whether the last group may be an IPv4 address */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const value = isEnd && i === parts.length - 1 ? parseIPv4(part) : undefined;
    if (value === undefined) return undefined;
    groups.push(value >>> 16, value & 0xffff);
  }
  return groups;
}

/** The canonical text of RFC 5952 §4; §5 for addresses that embed IPv4. */
export function formatIPv6(groups: readonly number[]): string {
  // RFC 5952 §5: a well-known prefix that embeds IPv4, of which ::ffff:0:0/96 is what sockets give.
  if (groups[5] === 0xffff && groups.slice(0, 5).every((each) => each === 0)) {
    return `::ffff:${formatIPv4((groups[6]! * 0x10000 + groups[7]!) >>> 0)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((each) => each.toString(16));
  // RFC 5952 §4.2.2: a single group of zeros is not shortened.
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** RFC 5952 §4.2.3: the longest run of zeros, the first of equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** A zone by number or by the interface's name (RFC 4007 §11.2). */
function scopeId(zone: string): number | undefined {
  if (/^\d{1,9}$/.test(zone)) return Number(zone);
  for (const each of networkInterfaces()[zone] ?? []) {
    if (each.family === 'IPv6' && each.scopeid !== 0) return each.scopeid;
  }
  return undefined;
}
