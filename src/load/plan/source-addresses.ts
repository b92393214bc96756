/**
 * `--source-addresses`: single addresses and ranges of IPv4 addresses, `127.0.0.2-127.0.0.9`. Each source
 * address has ephemeral ports of its own, so n of them make n times as many connections.
 */
import { isIP, isIPv4 } from 'node:net';
import { OptionError } from '../../base/errors.ts';

/** Nobody has more of them configured: it is a /22, with some 28 million ports. */
const ADDRESSES_MAX = 1024;
const ALLOWED = "addresses and IPv4 ranges, with commas between: '127.0.0.2-127.0.0.9,10.0.0.5'";

/** @throws OptionError */
export function parseSourceAddresses(option: string, text: string): string[] {
  const addresses: string[] = [];
  for (const part of text.split(',')) {
    const [first, last, ...more] = part.trim().split('-');
    if (first === undefined || more.length > 0 || isIP(first) === 0)
      throw new OptionError(option, text, ALLOWED);
    if (last === undefined) {
      addresses.push(first);
      continue;
    }
    if (!isIPv4(first) || !isIPv4(last)) throw new OptionError(option, text, ALLOWED);
    const from = ipv4Number(first);
    const to = ipv4Number(last);
    if (to < from || to - from >= ADDRESSES_MAX)
      throw new OptionError(option, text, `a range goes upwards and has at most ${ADDRESSES_MAX} addresses`);
    for (let address = from; address <= to; address++) addresses.push(ipv4Text(address));
  }
  if (addresses.length > ADDRESSES_MAX)
    throw new OptionError(option, text, `at most ${ADDRESSES_MAX} addresses in all`);
  return addresses;
}

function ipv4Number(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function ipv4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
