/**
 * What proxies say of the client: the values of `X-Forwarded-*` and of `Forwarded` (RFC 7239). Each list is
 * split at its commas and each element read by itself and strictly, so that what somebody wrote at the left, an
 * open quote for instance, cannot change how the elements to the right of it are read.
 */
import { type IpGroups, parseIp } from './ip-address.ts';

export interface ForwardedElement {
  /** undefined when it names no address: missing, `unknown`, or hidden (RFC 7239 §6.2, §6.3) */
  readonly address: IpGroups | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/;
/** Neither a comma nor anything that would end the authority early. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~%!$&'()*+;=-]+)(?::\d{1,5})?$/;
const PORT = /^(?:\d{1,5}|_[0-9A-Za-z._-]+)$/;

/** The elements of a list, from left to right, without the blanks around them. */
export function listElements(value: string): string[] {
  return value.split(',').map((element) => element.trim());
}

/** One element of `Forwarded`. @returns undefined when it is malformed or names something twice (RFC 7239 §4) */
export function parseForwardedElement(element: string): ForwardedElement | undefined {
  const found = new Map<string, string>();
  for (const pair of element.split(';')) {
    const trimmed = pair.trim();
    if (trimmed === '') continue;
    const equals = trimmed.indexOf('=');
    const name = trimmed.slice(0, Math.max(0, equals)).toLowerCase();
    const raw = trimmed.slice(equals + 1);
    const value = TOKEN.test(raw)
      ? raw
      : QUOTED.test(raw)
        ? raw.slice(1, -1).replace(/\\(.)/g, '$1')
        : undefined;
    if (!TOKEN.test(name) || value === undefined || found.has(name)) return undefined;
    found.set(name, value);
  }
  const node = found.get('for');
  const proto = found.get('proto');
  const host = found.get('host');
  return {
    address: node === undefined || isBareIpv6(node) ? undefined : parseNode(node),
    proto: proto === undefined ? undefined : parseProto(proto),
    host: host === undefined ? undefined : parseForwardedHost(host),
  };
}

/** In `Forwarded` an IPv6 address stands in brackets (RFC 7239 §6): without them its last group may be a port. */
function isBareIpv6(node: string): boolean {
  return !node.startsWith('[') && node.indexOf(':') !== node.lastIndexOf(':');
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. @returns undefined for anything else */
export function parseNode(text: string): IpGroups | undefined {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    const [, address, port] = bracketed;
    if (!address!.includes(':') || (port !== undefined && !PORT.test(port))) return undefined;
    return parseIp(address!);
  }
  const colon = text.indexOf(':');
  if (colon === -1 || text.indexOf(':', colon + 1) !== -1) return parseIp(text);
  return PORT.test(text.slice(colon + 1)) ? parseIp(text.slice(0, colon)) : undefined;
}

/** @returns undefined for anything but http and https */
export function parseProto(text: string): 'http' | 'https' | undefined {
  const proto = text.toLowerCase();
  return proto === 'http' || proto === 'https' ? proto : undefined;
}

/** @returns undefined when `text` is no host with an optional port */
export function parseForwardedHost(text: string): string | undefined {
  return text.length <= 261 && HOST.test(text) ? text : undefined;
}
