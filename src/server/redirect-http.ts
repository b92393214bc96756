/**
 * The port that sends clients of plain HTTP to the HTTPS server: a 308 with the same host, path and query, to whatever method
 * (RFC 9110 §15.4.9). It is one more server of ours in the main thread, on the same engine and with the same deadlines and limits.
 *
 * The host is the client's own, from a Host field that the parser has found well-formed (RFC 9112 §3.2): whoever sends another's
 * name sends himself there. Challenges of ACME are asked for over plain HTTP (RFC 8555 §8.3), so the handler answers those.
 */

import { OptionError } from '../base/errors.ts';
import { snapshot } from '../base/option-checks.ts';
import type { Desk } from './admin-desk.ts';
import type { PortAddress } from './operator-options.ts';
import { checkHostname, portNumber } from './option-checks.ts';
import type { AdminSubject } from './watched-server.ts';

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
const HTTPS_PORT = 443;
const CHALLENGE = '/.well-known/acme-challenge/';

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

export class RedirectDesk implements Desk {
  subject: AdminSubject | undefined = undefined;
  readonly #publicPort: number | undefined;

  constructor(publicPort: number | undefined) {
    this.#publicPort = publicPort;
  }

  async answer(request: Request): Promise<globalThis.Response> {
    const { subject } = this;
    if (subject === undefined) return said(503, 'the server is starting', { 'Retry-After': '1' });
    const { url, headers } = request;
    const pathAt = url.indexOf('/', url.indexOf('//') + 2);
    const target = pathAt === -1 ? '/' : url.slice(pathAt);
    if (target.startsWith(CHALLENGE)) return subject.fetch(request);
    // HTTP/1.0 may have none, and then nobody knows which host is meant.
    if (!headers.get('host')) return said(400, 'a Host field is needed to know where to go');
    const { hostname } = new URL(url);
    const port = this.#publicPort ?? subject.port;
    const location = `https://${hostname}${port === HTTPS_PORT ? '' : `:${port}`}${target}`;
    return said(308, 'this is HTTP; ask with https', { Location: location });
  }

  close(): void {}
}

function said(status: number, text: string, headers: Record<string, string> = {}): globalThis.Response {
  return new Response(`${status}: ${text}\n`, {
    status,
    headers: { 'Content-Type': 'text/plain', ...headers },
  });
}
