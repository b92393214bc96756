/**
 * What people are told when a server is up. On a terminal only: programs read the ready line.
 */
import { networkInterfaces } from 'node:os';
import { paint } from '../observe/terminal.ts';

export interface BannerFacts {
  readonly version: string;
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly healthUrl: string | undefined;
  /** The address that was bound, which may stand for all of them. */
  readonly hostname: string;
  readonly target: string;
  readonly engineName: string;
  readonly engineReason: string;
  readonly workerCount: number;
  readonly startupMs: number;
}

export function bannerText(facts: BannerFacts, colour: boolean): string {
  const label = (text: string) => paint(`${text}:`.padEnd(10), 'dim', colour);
  const lines = [
    '',
    `  ${paint('Holdfast', 'bold', colour)} ${facts.version}  ${paint(`ready in ${Math.round(facts.startupMs)} ms`, 'dim', colour)}`,
    '',
  ];
  if (facts.url.startsWith('http')) {
    lines.push(`  ${label('Local')}${paint(localUrl(facts), 'cyan', colour)}`);
    for (const url of networkUrls(facts)) lines.push(`  ${label('Network')}${paint(url, 'cyan', colour)}`);
    if (isLoopback(facts.hostname))
      lines.push(
        `  ${label('Network')}${paint('this machine only; -H 0.0.0.0 opens it to the network', 'dim', colour)}`,
      );
  } else {
    lines.push(`  ${label('Socket')}${paint(facts.url, 'cyan', colour)}`);
  }
  lines.push(
    `  ${label('Serving')}${facts.target}`,
    `  ${label('Engine')}${facts.engineName} ${paint(`(${facts.engineReason})`, 'dim', colour)}`,
    `  ${label('Workers')}${facts.workerCount}`,
    ...(facts.adminUrl === undefined ? [] : [`  ${label('Admin')}${paint(facts.adminUrl, 'cyan', colour)}`]),
    ...(facts.healthUrl === undefined
      ? []
      : [`  ${label('Health')}${paint(facts.healthUrl, 'cyan', colour)}`]),
    '',
    `  ${paint('Ctrl-C finishes what is under way and stops; twice stops at once.', 'dim', colour)}`,
    '',
  );
  return `${lines.join('\n')}\n`;
}

function isWildcard(hostname: string): boolean {
  return hostname === '0.0.0.0' || hostname === '::';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || hostname.startsWith('127.');
}

/** A wildcard address is no place that a browser can go to; localhost is. */
function localUrl(facts: BannerFacts): string {
  if (!isWildcard(facts.hostname)) return facts.url;
  const url = new URL(facts.url);
  url.hostname = 'localhost';
  return url.href;
}

function networkUrls(facts: BannerFacts): string[] {
  if (!isWildcard(facts.hostname)) return [];
  const urls: string[] = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (address.internal || address.family !== 'IPv4') continue;
      const url = new URL(facts.url);
      url.hostname = address.address;
      urls.push(url.href);
    }
  }
  return urls;
}
