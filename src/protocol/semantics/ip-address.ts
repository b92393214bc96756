/**
 * IP addresses as eight groups of 16 bits, and ranges of them. An IPv4 address is the IPv6 address that stands
 * for it (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2), so that a dual-stack socket and a field's text compare equal.
 * Only the plain forms are read: an address with a zone, leading zeros or a short IPv4 form is none.
 */

export type IpGroups = Uint16Array;

const GROUPS = 8;
const V4_MARK = 0xffff;
const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const HEX_GROUP = /^[0-9a-f]{1,4}$/i;

/** @returns undefined when `text` is no address */
export function parseIp(text: string): IpGroups | undefined {
  if (text.length > 45) return undefined; // INET6_ADDRSTRLEN less its NUL
  if (!text.includes(':')) {
    const v4 = parseV4(text);
    if (v4 === undefined) return undefined;
    const groups = new Uint16Array(GROUPS);
    groups[5] = V4_MARK;
    groups[6] = v4 >>> 16;
    groups[7] = v4 & 0xffff;
    return groups;
  }
  return parseV6(text);
}

function parseV4(text: string): number | undefined {
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  let value = 0;
  for (const octet of octets) {
    if (!OCTET.test(octet) || Number(octet) > 255) return undefined;
    value = ((value << 8) | Number(octet)) >>> 0;
  }
  return value;
}

function parseV6(text: string): IpGroups | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = GROUPS - head.length - tail.length;
  // `::` stands for at least one group (RFC 4291 §2.2).
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return Uint16Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** @param mayEndInV4 the last part may be a dotted IPv4 address */
function groupsOf(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const v4 = mayEndInV4 && i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    }
  }
  return groups;
}

export function isV4(groups: IpGroups): boolean {
  return groups[5] === V4_MARK && (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0;
}

/** The address as people write it: IPv4 in dotted form, also where it came as IPv6; IPv6 as RFC 5952 §4 has it. */
export function ipText(groups: IpGroups): string {
  if (isV4(groups)) return `${groups[6]! >>> 8}.${groups[6]! & 255}.${groups[7]! >>> 8}.${groups[7]! & 255}`;
  // The longest run of zeros, and of equals the first, is left out.
  let start = -1;
  let length = 1;
  for (let i = 0; i < GROUPS; i++) {
    let end = i;
    while (end < GROUPS && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = Math.max(i, end - 1);
  }
  const hex = (from: number, to: number) =>
    Array.from(groups.subarray(from, to), (group) => group.toString(16)).join(':');
  return start === -1 ? hex(0, GROUPS) : `${hex(0, start)}::${hex(start + length, GROUPS)}`;
}

export interface IpRange {
  readonly groups: IpGroups;
  /** How many leading bits count, of 128. */
  readonly prefixBits: number;
}

/** An address, or `address/bits`. @returns undefined when `text` is neither */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const groups = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (groups === undefined) return undefined;
  if (slash === -1) return { groups, prefixBits: 128 };
  const bits = text.slice(slash + 1);
  const isDotted = !text.slice(0, slash).includes(':');
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > (isDotted ? 32 : 128)) return undefined;
  return { groups, prefixBits: isDotted ? 96 + Number(bits) : Number(bits) };
}

export function isInRange(address: IpGroups, { groups, prefixBits }: IpRange): boolean {
  let bits = prefixBits;
  for (let i = 0; bits > 0; i++, bits -= 16) {
    const mask = bits >= 16 ? 0xffff : (0xffff << (16 - bits)) & 0xffff;
    if (((address[i]! ^ groups[i]!) & mask) !== 0) return false;
  }
  return true;
}
