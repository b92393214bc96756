/** The option `redirectHttp` and its check. What the port answers is redirect-desk.ts'. */
import { OptionError } from '../base/errors.ts';
import { snapshot } from '../base/option-checks.ts';
import type { PortAddress } from './operator-options.ts';
import { checkHostname, portNumber } from './option-checks.ts';

/** A port of plain HTTP that answers 308 to HTTPS. */
export interface RedirectHttpOptions {
  /** 0 is any free port. */
  port: number | string;
  /** @default the server's own */
  hostname?: string;
  /** The port of HTTPS as clients see it, where something forwards it. @default the server's own */
  publicPort?: number | string;
}

export interface RedirectSettings extends PortAddress {
  readonly publicPort: number | undefined;
}

const NAMES = ['port', 'hostname', 'publicPort'] as const;

export function readRedirect(given: object): RedirectHttpOptions {
  return snapshot<RedirectHttpOptions>('redirectHttp.', given, NAMES);
}

/**
 * @param defaultHostname where the server listens; undefined where it has no port of its own
 * @returns undefined when no such port is wanted
 * @throws OptionError
 */
export function redirectSettingsOf(
  given: RedirectHttpOptions | number | string | undefined,
  hasTls: boolean,
  defaultHostname: string | undefined,
): RedirectSettings | undefined {
  if (given === undefined) return undefined;
  if (!hasTls) throw new OptionError('redirectHttp', given, 'it is for servers with `tls`');
  const isPort = typeof given !== 'object' || given === null;
  const port = isPort
    ? portNumber('redirectHttp', given, ', or { port, hostname, publicPort }')
    : portNumber('redirectHttp.port', given.port);
  const { hostname = defaultHostname ?? '127.0.0.1', publicPort = undefined } = isPort ? {} : given;
  if (publicPort === undefined && defaultHostname === undefined)
    throw new OptionError(
      'redirectHttp.publicPort',
      publicPort,
      'a number: a server that listens on `unix` or `fd` does not know under which port clients see it',
    );
  return {
    port,
    hostname: checkHostname('redirectHttp.hostname', hostname),
    publicPort: publicPort === undefined ? undefined : portNumber('redirectHttp.publicPort', publicPort),
  };
}
