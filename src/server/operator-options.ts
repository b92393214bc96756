/** The options of the operator ports, admin and health, and their checks. */
import { OptionError } from '../base/errors.ts';
import { checkFunction, snapshot } from '../base/option-checks.ts';
import { checkHostname, portNumber } from './option-checks.ts';

/** A port with `/healthz` and `/readyz` alone. */
export interface HealthOptions {
  /** 0 is any free port. */
  port: number | string;
  /** @default the server's own */
  hostname?: string;
}

/** The admin port: the page of the server, metrics, health and the connection table, for operators only. */
export interface AdminOptions {
  /** 0 is any free port. */
  port: number | string;
  /** @default '127.0.0.1': what it shows is nobody else's business */
  hostname?: string;
  /**
   * What an operator has to know: `Authorization: Bearer TOKEN`; the page asks for it. 16 to 512 letters, digits and
   * `-._~+/`, and `=` at the end. `/healthz` and `/readyz` are answered without.
   * @default none: whoever reaches the port may ask
   */
  token?: string;
  /**
   * Names under which the port may be asked besides addresses, `localhost`, the machine's own name and `hostname`. Another
   * in the Host field is refused, for a web page may point a name of its own at it.
   * @default none
   */
  names?: readonly string[];
  /** Pages of the program's own, by path, as `{ '/jobs': () => Response.json(jobs) }`. GET and HEAD alone. */
  routes?: Readonly<Record<string, (request: Request) => Response | Promise<Response>>>;
  /** Numbers of the program's own, in Prometheus' text format: they follow those of `/metrics`. */
  metrics?: () => string;
}

export interface PortAddress {
  readonly port: number;
  readonly hostname: string;
}

/** What a program has the admin port answer besides. */
export type AdminPages = Required<Pick<AdminOptions, 'routes' | 'metrics'>>;

export interface AdminSettings extends PortAddress {
  readonly token: string | undefined;
  readonly names: readonly string[];
  readonly pages: AdminPages;
}

const ADMIN_HOSTNAME = '127.0.0.1';
const ADMIN_NAMES = ['port', 'hostname', 'token', 'names', 'routes', 'metrics'] as const;
const HEALTH_NAMES = ['port', 'hostname'] as const;
const NAMES_MAX = 100;

/** What RFC 6750 §2.1 lets follow `Bearer`; shorter than 16 can be guessed. */
const TOKEN = /^(?=.{16,512}$)[\w.~+/-]+=*$/;
const TOKEN_ALLOWED = '16 to 512 letters, digits and -._~+/, with = at the end at most';
const NAME = /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i;

export function readAdmin(given: object): AdminOptions {
  return snapshot<AdminOptions>('admin.', given, ADMIN_NAMES);
}

export function readHealth(given: object): HealthOptions {
  return snapshot<HealthOptions>('health.', given, HEALTH_NAMES);
}

/**
 * @returns where the admin port listens and whom it answers; undefined when none is wanted
 * @throws OptionError
 */
export function adminSettingsOf(
  given: AdminOptions | number | string | undefined,
): AdminSettings | undefined {
  const address = portAddressOf('admin', given, ADMIN_HOSTNAME);
  if (address === undefined) return undefined;
  const options: Partial<AdminOptions> = typeof given === 'object' ? given : {};
  const { token, names = [] } = options;
  // It is a secret, so the message does not show it.
  if (token !== undefined && (typeof token !== 'string' || !TOKEN.test(token)))
    throw new OptionError('admin.token', '(not shown)', TOKEN_ALLOWED);
  if (!Array.isArray(names) || names.length > NAMES_MAX)
    throw new OptionError('admin.names', names, `a list of at most ${NAMES_MAX} host names`);
  for (const name of names as unknown[])
    if (typeof name !== 'string' || !NAME.test(name))
      throw new OptionError('admin.names', name, 'each is a host name, without a port');
  return { ...address, token, names: [...names], pages: pagesOf(options) };
}

/**
 * @param defaultHostname where the server listens
 * @returns where the health port listens; undefined when none is wanted
 * @throws OptionError
 */
export function healthAddressOf(
  given: HealthOptions | number | string | undefined,
  defaultHostname: string | undefined,
): PortAddress | undefined {
  return portAddressOf('health', given, defaultHostname ?? ADMIN_HOSTNAME);
}

/** @throws OptionError */
function pagesOf({ routes = {}, metrics = () => '' }: Partial<AdminOptions>): AdminPages {
  checkFunction('admin.metrics', metrics);
  if (typeof routes !== 'object' || routes === null)
    throw new OptionError(
      'admin.routes',
      routes,
      "an object of handlers by path, as { '/jobs': () => Response }",
    );
  for (const [path, handler] of Object.entries(routes)) {
    if (!/^\/[!-~]+$/.test(path) || /[?#]/.test(path))
      throw new OptionError('admin.routes', path, "paths such as '/jobs'");
    if (typeof handler !== 'function')
      throw new OptionError(
        `admin.routes[${JSON.stringify(path)}]`,
        handler,
        'a function (request) => Response',
      );
  }
  return { routes, metrics };
}

function portAddressOf(
  name: string,
  given: HealthOptions | number | string | undefined,
  defaultHostname: string,
): PortAddress | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null)
    return { port: portNumber(name, given, ', or { port, hostname }'), hostname: defaultHostname };
  const { port, hostname = defaultHostname } = given;
  return { port: portNumber(`${name}.port`, port), hostname: checkHostname(`${name}.hostname`, hostname) };
}
