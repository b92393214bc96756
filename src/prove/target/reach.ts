/**
 * Whom an attack may reach. Attacks take a service down when it is weak, and are a crime where nobody asked for them: so
 * only addresses of this machine are attacked (loopback, and those of its own interfaces, as in a namespace of one's own),
 * and any other only if it is named a second time.
 */
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { OptionError } from '../../base/errors.ts';
import { PROC_FILES } from '../../load/measure/proc-files.ts';
import { findServerPids, isOwnAddress } from '../../load/measure/server-process.ts';
import type { Target, TargetPaths } from './target.ts';

interface ReachOptions {
  /** Hosts, as URLs have them, that their owner lets us attack. */
  readonly allowed: readonly string[];
  readonly paths: TargetPaths;
  readonly adminUrl: string | undefined;
}

/**
 * @param option names the URL in errors
 * @throws OptionError when it is no URL of a server, leads nowhere, or may not be attacked
 */
export async function reachTarget(
  option: string,
  text: string,
  { allowed, paths, adminUrl }: ReachOptions,
): Promise<Target> {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new OptionError(option, text, 'a URL such as http://127.0.0.1:8080');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new OptionError(option, text, 'http: or https:');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address = await lookup(host).then(
    (found) => found.address,
    (error: NodeJS.ErrnoException) => {
      throw new OptionError(option, text, `a host that has an address (${error.code})`);
    },
  );
  if (!isOwnAddress(address) && !allowed.includes(url.hostname))
    throw new OptionError(
      option,
      text,
      `${address} is not this machine: an attack there needs its owner's word, and --i-may-attack ${url.hostname}`,
    );
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  return {
    ...{
      name: url.host,
      url: url.origin,
      again: url.origin,
      address,
      port,
      authority: url.host,
      isSecure,
      adminUrl,
      isOurs: adminUrl !== undefined,
    },
    paths: url.pathname === '/' ? paths : { ...paths, small: url.pathname + url.search },
    pids: findServerPids({ family: isIPv6(address) ? 'IPv6' : 'IPv4', address, port }, PROC_FILES),
  };
}
