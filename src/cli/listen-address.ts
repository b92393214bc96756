/** Where a server is to listen, from the three flags that can say so. */
import { isIPv6 } from 'node:net';
import { UsageError } from './failure.ts';

export type CliAddress =
  | { readonly port: number; readonly hostname: string }
  | { readonly unix: string }
  | { readonly fd: number };

const PORT_DEFAULT = 8080;
const HOSTNAME_DEFAULT = '127.0.0.1';

const HOST_AND_PORT = /^(?:tcp:\/\/)?(?:(\[[^\]]+\]|[^:[\]/]*):)?(\d{1,5})\/?$/;
const LISTEN_ALLOWED = 'give PORT, HOST:PORT, tcp://HOST:PORT, unix:PATH or systemd';

/**
 * @param given the names of flags that stand on the command line; PORT and HOST of the environment contradict nothing
 * @param inherited the socket that a service manager has handed over, by its name
 * @throws UsageError when the flags contradict each other or name no address
 */
export function listenAddress(
  listen: string | undefined,
  port: number | undefined,
  host: string | undefined,
  given: { has(flag: string): boolean } = new Set<string>(),
  inherited: (name: string | undefined) => number | undefined = () => undefined,
): CliAddress {
  if (listen === undefined) {
    // Where nothing else was said, a socket that was handed over is where to listen.
    const fd = given.has('port') || given.has('host') ? undefined : inherited(undefined);
    if (fd !== undefined) return { fd };
    return { port: port ?? PORT_DEFAULT, hostname: unbracketed(host ?? HOSTNAME_DEFAULT) };
  }
  if (given.has('port'))
    throw new UsageError('--listen and --port both say where to listen; give one of them');
  const systemd = /^systemd(?::(.+))?$/.exec(listen);
  if (systemd !== null) {
    const fd = inherited(systemd[1]);
    if (fd === undefined)
      throw new UsageError(
        `--listen: ${listen}: no socket was handed over to this process (LISTEN_FDS, LISTEN_PID)`,
      );
    return { fd };
  }
  if (listen.startsWith('unix:')) {
    const unix = listen.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (unix === '')
      throw new UsageError(`--listen: ${JSON.stringify(listen)} names no socket; ${LISTEN_ALLOWED}`);
    return { unix };
  }
  const match = HOST_AND_PORT.exec(listen);
  const number = match === null ? Number.NaN : Number(match[2]);
  if (match === null || number > 65535)
    throw new UsageError(`--listen: ${JSON.stringify(listen)} is not allowed; ${LISTEN_ALLOWED}`);
  return { port: number, hostname: unbracketed(match[1] || host || HOSTNAME_DEFAULT) };
}

/**
 * The value of `--admin` or `--health`.
 * @param defaultHostname where it listens when only a port is given
 * @throws UsageError when it names no address
 */
export function adminAddress(
  text: string,
  flag = '--admin',
  defaultHostname = HOSTNAME_DEFAULT,
): { readonly port: number; readonly hostname: string } {
  const match = HOST_AND_PORT.exec(text);
  const port = match === null ? Number.NaN : Number(match[2]);
  if (match === null || !(port <= 65535))
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not allowed; give PORT or HOST:PORT`);
  return { port, hostname: unbracketed(match[1] || defaultHostname) };
}

function unbracketed(host: string): string {
  const inner = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  // Asked only where it may be: compiling Node's pattern for it costs a start a millisecond or more (Node 20).
  return inner.includes(':') && isIPv6(inner) ? inner : host;
}
