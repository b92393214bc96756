/**
 * The operator ports: where operators and their tools ask of a running server. They listen before the server
 * does and close after it, so that liveness and readiness can be told apart at both ends. They run in
 * the main thread, on our own server over the portable engine. What they answer is admin-desk.ts', whom
 * admin-guard.ts'.
 *
 * A redirect port is opened and closed with them (redirect-desk.ts).
 *
 * The admin port listens on loopback unless told otherwise. A health port is a second one that says alive and ready and
 * nothing else, so that it may be open to a kubelet or a load balancer while the admin port is not.
 */
import { createLogger } from '../observe/logger.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { AdminDesk, answerHealth, type Desk } from './admin-desk.ts';
import { AdminGuard } from './admin-guard.ts';
import { guardedLogger } from './guarded-logger.ts';
import { asListenError } from './listen-error.ts';
import type { AdminSettings, PortAddress } from './operator-options.ts';
import { checkOptions, type ServeOptions } from './options.ts';
import { RedirectDesk } from './redirect-desk.ts';
import type { RedirectSettings } from './redirect-options.ts';
import { serveHere, type ThreadServer } from './thread-server.ts';
import type { AdminSubject, OperatorPorts } from './watched-server.ts';

/** Which ports are wanted. */
interface Wanted {
  readonly admin: AdminSettings | undefined;
  readonly health: PortAddress | undefined;
  readonly redirect: RedirectSettings | undefined;
}

class OpenPorts implements OperatorPorts {
  admin: ThreadServer | undefined = undefined;
  health: ThreadServer | undefined = undefined;
  redirect: ThreadServer | undefined = undefined;
  readonly #desks: Desk[] = [];

  async open(
    name: 'admin' | 'health' | 'redirect',
    place: PortPlace,
    desk: Desk,
    options: ServeOptions,
  ): Promise<void> {
    this[name] = await openPort(place, desk, options);
    this.#desks.push(desk);
  }

  watch(subject: AdminSubject): void {
    for (const desk of this.#desks) desk.subject = subject;
  }

  async close(): Promise<void> {
    // Whoever watches would be waited for until the drain is cut off.
    for (const desk of this.#desks) desk.close();
    await Promise.all([this.admin?.close(), this.health?.close(), this.redirect?.close()]);
  }

  ref(): void {
    this.admin?.ref();
    this.health?.ref();
    this.redirect?.ref();
  }

  unref(): void {
    this.admin?.unref();
    this.health?.unref();
    this.redirect?.unref();
  }
}

/**
 * @param options of the server whose ports these are
 * @throws ListenError whose `option` names the port when its address cannot be bound
 */
export async function openOperatorPorts(
  { admin, health, redirect }: Wanted,
  options: ServeOptions,
): Promise<OperatorPorts> {
  const ports = new OpenPorts();
  const logger = options.logger === undefined ? {} : { logger: options.logger };
  const own = { ...logger, ...OWN_OPTIONS };
  try {
    if (admin !== undefined) {
      warnOfOpenPort(admin, options.logger);
      const desk = new AdminDesk(new AdminGuard(admin.hostname, admin.names, admin.token), admin.pages);
      await ports.open('admin', { ...admin, option: 'admin' }, desk, own);
    }
    if (health !== undefined)
      await ports.open('health', { ...health, option: 'health' }, new HealthDesk(), own);
    if (redirect !== undefined)
      await ports.open(
        'redirect',
        { ...redirect, option: 'redirectHttp' },
        new RedirectDesk(redirect.publicPort),
        { ...logger, ...redirectOptions(options) },
      );
    return ports;
  } catch (error) {
    await ports.close();
    throw error;
  }
}

/** Nobody uploads there, and the end of the process must not wait for who still reads. */
const OWN_OPTIONS: ServeOptions = {
  engine: 'node',
  timeouts: { drain: '500ms', handler: '10s' },
  limits: { bodyBytes: 0, connections: 256 },
};

/** The server's own engine, deadlines and limits; a client that has been told goes elsewhere. */
function redirectOptions({ engine, timeouts, limits }: ServeOptions): ServeOptions {
  return {
    ...(engine === undefined ? {} : { engine }),
    http2: false,
    timeouts: { ...timeouts, drain: '500ms' },
    limits: { ...limits, requestsPerConnection: 1 },
  };
}

function warnOfOpenPort({ hostname, token }: AdminSettings, logger: LoggerLike | undefined): void {
  if (token !== undefined || isLoopback(hostname)) return;
  guardedLogger(logger ?? createLogger()).warn(
    `the admin port on ${hostname} has no token: whoever reaches it sees what clients ask for (admin.token, --admin-token)`,
  );
}

class HealthDesk implements Desk {
  subject: AdminSubject | undefined = undefined;

  async answer(request: Request): Promise<globalThis.Response> {
    return answerHealth(request, this.subject);
  }

  close(): void {}
}

/** Where a port listens, and which option says so. */
type PortPlace = PortAddress & { readonly option: 'admin' | 'health' | 'redirectHttp' };

async function openPort(place: PortPlace, desk: Desk, options: ServeOptions): Promise<ThreadServer> {
  const { port, hostname } = place;
  const fetch = (request: Request): Promise<globalThis.Response> => desk.answer(request);
  const all = { ...options, port, hostname, fetch };
  try {
    return await serveHere(all, checkOptions(all));
  } catch (error) {
    throw asListenError(error, { port, hostname, option: place.option });
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || /^127\./.test(hostname);
}
