/** `holdfast doctor --boot`: what the DHCP server has to say so that machines boot from here. */
import { networkInterfaces } from 'node:os';
import { dhcpdLines, dnsmasqLines } from '../boot/dhcp-lines.ts';
import { UsageError } from './failure.ts';

const PORT = 8080;

/**
 * @param given where machines reach the server; by default this host's first address on a network, and the default port
 * @throws UsageError
 */
export function bootAdvice(given: string | undefined, asJson: boolean): string {
  const url = urlOf(given);
  const dnsmasq = dnsmasqLines(url);
  const dhcpd = dhcpdLines(url);
  if (asJson) return `${JSON.stringify({ url, dnsmasq, dhcpd }, null, 2)}\n`;
  return `Machines boot from ${url} when their DHCP server says so.

dnsmasq (a file in /etc/dnsmasq.d):

${indented(dnsmasq)}

ISC dhcpd (in its subnet, or outside of all):

${indented(dhcpd)}

Programs named here belong into the served folder, or the TFTP server's: they come
with iPXE (Debian: the package ipxe, in /usr/lib/ipxe).
`;
}

function urlOf(given: string | undefined): string {
  if (given === undefined) return `http://${ownAddress()}:${PORT}`;
  if (/^https?:\/\/[^/?#]+\/?$/.test(given) && URL.canParse(given)) return given.replace(/\/$/, '');
  throw new UsageError(`--url: ${JSON.stringify(given)} is not allowed; a URL such as http://10.0.0.1:8080`);
}

function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces()))
    for (const { internal, family, address } of addresses ?? [])
      if (!internal && family === 'IPv4') return address;
  return 'ADDRESS';
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n');
}
