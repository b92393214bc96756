/**
 * Which proxies are believed, and what they say of the client (`trustProxy`). Fields are read from the right,
 * where the nearest proxy wrote, to the left, and only as long as the one that wrote is trusted: what stands left
 * of the first that is not was written by somebody who may say anything. Nothing here runs unless a handler or
 * the access log asks.
 */
import { OptionError } from '../base/errors.ts';
import {
  type ForwardedElement,
  listElements,
  parseForwardedElement,
  parseForwardedHost,
  parseNode,
  parseProto,
} from '../protocol/semantics/forwarded.ts';
import {
  type IpGroups,
  type IpRange,
  ipText,
  isInRange,
  parseIp,
  parseIpRange,
} from '../protocol/semantics/ip-address.ts';
import type { ForwardedClient } from '../web/request.ts';

/**
 * false: nobody. true: whoever connects, and everybody named. A number: so many hops, counted from us. Text or a
 * list: addresses and CIDR ranges, `'loopback'`, `'linklocal'`, `'uniquelocal'`.
 */
export type TrustProxy = boolean | number | string | readonly string[];

/** Fields by name, lines of one name joined with commas. */
interface Fields {
  get(name: string): string | null;
}

interface Peer {
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  readonly address: string;
}

/** Names for ranges, as Express and proxy-addr have them. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};
const HOPS_MAX = 255;
const ALLOWED = `true, false, a number of hops from 0 to ${HOPS_MAX}, or addresses, CIDR ranges and ${Object.keys(NAMED).join(', ')}`;

/** @returns undefined for `false`, 0 and an empty list: nobody is trusted. @throws OptionError */
export function parseTrustProxy(option: string, value: unknown): TrustedProxies | undefined {
  if (value === false) return undefined;
  if (value === true) return new TrustedProxies(Number.POSITIVE_INFINITY, []);
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0 || value > HOPS_MAX)
      throw new OptionError(option, value, ALLOWED);
    return value === 0 ? undefined : new TrustedProxies(value, []);
  }
  const names = typeof value === 'string' ? listElements(value) : value;
  if (!Array.isArray(names)) throw new OptionError(option, value, ALLOWED);
  const ranges = names.flatMap((name: unknown) => rangesOf(option, name));
  return ranges.length === 0 ? undefined : new TrustedProxies(undefined, ranges);
}

function rangesOf(option: string, name: unknown): IpRange[] {
  const texts = typeof name !== 'string' ? [] : Object.hasOwn(NAMED, name) ? NAMED[name]! : [name];
  const ranges = texts.map(parseIpRange).filter((range) => range !== undefined);
  if (ranges.length === 0) throw new OptionError(option, name, ALLOWED);
  return ranges;
}

export class TrustedProxies {
  /** undefined where addresses decide. */
  readonly #hops: number | undefined;
  readonly #ranges: readonly IpRange[];

  constructor(hops: number | undefined, ranges: readonly IpRange[]) {
    this.#hops = hops;
    this.#ranges = ranges;
  }

  /** Whether the other end of a connection is one of them itself; a unix socket's is of this machine. */
  includes(peer: Peer | undefined): boolean {
    const address = peer === undefined ? undefined : parseIp(peer.address.replace(/%.*$/, ''));
    return this.#trusts(peer?.family === 'unix' ? LOOPBACK : address, 0);
  }

  /** @param peer the other end of the connection; a unix socket's is of this machine, as if by loopback */
  clientOf(peer: Peer | undefined, headers: Fields): ForwardedClient {
    const forwarded = headers.get('forwarded');
    const addresses = headers.get('x-forwarded-for');
    const protos = headers.get('x-forwarded-proto');
    const hosts = headers.get('x-forwarded-host');
    // Nearly every proxy writes X-Forwarded-* and lets a `Forwarded` of the client pass: it counts where it stands alone.
    if (forwarded === null || addresses !== null || protos !== null || hosts !== null) {
      const nodes = addresses === null ? [] : listElements(addresses);
      const { ip, hops } = this.#walk(peer, nodes.length, (i) => parseNode(nodes[i]!));
      return {
        ip,
        scheme: hops === 0 || protos === null ? undefined : parseProto(writtenBy(hops, listElements(protos))),
        host:
          hops === 0 || hosts === null ? undefined : parseForwardedHost(writtenBy(hops, listElements(hosts))),
      };
    }
    const elements = listElements(forwarded);
    const parsed = new Map<number, ForwardedElement | undefined>();
    const element = (i: number): ForwardedElement | undefined => {
      if (!parsed.has(i)) parsed.set(i, parseForwardedElement(elements[i]!));
      return parsed.get(i);
    };
    const { ip, hops } = this.#walk(peer, elements.length, (i) => element(i)?.address);
    const last = hops === 0 ? undefined : element(Math.max(0, elements.length - hops));
    return {
      ip,
      scheme: last?.proto === undefined ? undefined : parseProto(last.proto),
      host: last?.host,
    };
  }

  /**
   * @param count of the addresses in the field, of which `addressAt(i)` is one, from the left
   * @returns the first address from the right that is not trusted, or the last that there is; and how many that
   *   wrote are trusted
   */
  #walk(
    peer: Peer | undefined,
    count: number,
    addressAt: (i: number) => IpGroups | undefined,
  ): { ip: string | undefined; hops: number } {
    // A zone says which interface of ours it came by, not who it is.
    let address = peer === undefined ? undefined : parseIp(peer.address.replace(/%.*$/, ''));
    let isTrusted = this.#trusts(peer?.family === 'unix' ? LOOPBACK : address, 0);
    let hops = 0;
    for (let i = count - 1; isTrusted; i--) {
      hops++;
      if (i < 0) break;
      const next = addressAt(i);
      // Whoever is trusted has said nothing that can be read: it stands for its client itself.
      if (next === undefined) break;
      address = next;
      isTrusted = this.#trusts(address, hops);
    }
    // A field that is shorter than the hops that are trusted was written anew on the way.
    const told = this.#hops !== undefined && hops > 0 ? Math.max(hops, this.#hops) : hops;
    return { ip: address === undefined ? undefined : ipText(address), hops: told };
  }

  #trusts(address: IpGroups | undefined, hop: number): boolean {
    if (this.#hops !== undefined) return hop < this.#hops;
    return address !== undefined && this.#ranges.some((range) => isInRange(address, range));
  }
}

const LOOPBACK = parseIp('127.0.0.1');

/** @returns what the farthest trusted hop wrote, of a list that each hop appended to */
function writtenBy(hops: number, list: readonly string[]): string {
  return list[Math.max(0, list.length - hops)]!;
}

/** An address without what a dual-stack socket puts before it; undefined for a unix socket and for who has gone. */
export function plainAddress(peer: Peer | undefined): string | undefined {
  if (peer === undefined || peer.family === 'unix') return undefined;
  const { address } = peer;
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
