/**
 * `--allow-target`: which targets an agent may be sent against. A rule is an address, a name, either with a
 * port, or a range of addresses. What counts is the address that would be connected to: a name is looked
 * up here and now, since the name in a plan is only what somebody claims.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { OptionError } from '../../base/errors.ts';

const ALLOWED = "a host, host:port, [address]:port or a range such as '10.0.0.0/8'";
const NAME = /^[a-z0-9_]([a-z0-9._-]{0,252})$/i;

interface TargetAddress {
  readonly address: string;
  readonly port: number;
}

interface Rule {
  /** Undefined: any. */
  readonly port: number | undefined;
  readonly matches: (address: string) => Promise<boolean>;
}

type LookUp = (name: string) => Promise<readonly string[]>;

async function lookUpAddresses(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}

export class TargetRules {
  readonly #rules: readonly Rule[];

  /**
   * @param texts none: everything is allowed
   * @throws OptionError
   */
  constructor(option: string, texts: readonly string[], lookUp: LookUp = lookUpAddresses) {
    this.#rules = texts.map((text) => parseRule(option, text, lookUp));
  }

  async allows(target: TargetAddress): Promise<boolean> {
    if (this.#rules.length === 0) return true;
    for (const { port, matches } of this.#rules)
      if ((port === undefined || port === target.port) && (await matches(target.address))) return true;
    return false;
  }
}

function parseRule(option: string, text: string, lookUp: LookUp): Rule {
  const slash = text.indexOf('/');
  if (slash >= 0) return { port: undefined, matches: inRange(option, text, slash) };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = isIP(text) === 6 ? text : (bracketed ?? plain);
  const port = portText === undefined ? undefined : Number(portText);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535)))
    throw new OptionError(option, text, ALLOWED);
  const version = isIP(host);
  if (version !== 0) return { port, matches: addressIn(host, version === 4 ? 32 : 128) };
  if (bracketed !== undefined || !NAME.test(host)) throw new OptionError(option, text, ALLOWED);
  return { port, matches: (address) => isAmong(address, host, lookUp) };
}

function inRange(option: string, text: string, slash: number): (address: string) => Promise<boolean> {
  const address = text.slice(0, slash);
  const bits = /^\d{1,3}$/.test(text.slice(slash + 1)) ? Number(text.slice(slash + 1)) : Number.NaN;
  const bitsMax = isIP(address) === 4 ? 32 : 128;
  if (isIP(address) === 0 || !(bits <= bitsMax)) throw new OptionError(option, text, ALLOWED);
  return addressIn(address, bits);
}

function addressIn(network: string, bits: number): (address: string) => Promise<boolean> {
  const list = new BlockList();
  list.addSubnet(network, bits, family(network));
  return async (address) => list.check(address, family(address));
}

async function isAmong(address: string, name: string, lookUp: LookUp): Promise<boolean> {
  let found: readonly string[];
  try {
    found = await lookUp(name);
  } catch {
    return false; // A name that leads nowhere allows nothing.
  }
  for (const each of found) if (await addressIn(each, isIP(each) === 4 ? 32 : 128)(address)) return true;
  return false;
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
