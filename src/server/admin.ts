/**
 * The operator ports: where operators and their tools ask of a running server. They listen before the server
 * does and close after it, so that liveness and readiness can be told apart at both ends. They run in
 * the main thread, on our own server over the portable engine. What they answer is admin-desk.ts', whom
 * admin-guard.ts'.
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
import { serveHere, type ThreadServer } from './thread-server.ts';
import type { AdminSubject, OperatorPorts } from './watched-server.ts';

class OpenPorts implements OperatorPorts {
  readonly admin: ThreadServer | undefined;
  readonly health: ThreadServer | undefined;
  readonly #desks: readonly Desk[];

  constructor(admin: ThreadServer | undefined, health: ThreadServer | undefined, desks: readonly Desk[]) {
    this.admin = admin;
    this.health = health;
    this.#desks = desks;
  }

  watch(subject: AdminSubject): void {
    for (const desk of this.#desks) desk.subject = subject;
  }

  async close(): Promise<void> {
    // Whoever watches would be waited for until the drain is cut off.
    for (const desk of this.#desks) desk.close();
    await Promise.all([this.admin?.close(), this.health?.close()]);
  }

  ref(): void {
    this.admin?.ref();
    this.health?.ref();
  }

  unref(): void {
    this.admin?.unref();
    this.health?.unref();
  }
}

/**
 * @returns undefined when neither port is wanted
 * @throws ListenError whose `option` is `admin` or `health` when the address cannot be bound
 */
export async function openOperatorPorts(
  admin: AdminSettings | undefined,
  health: PortAddress | undefined,
  logger: LoggerLike | undefined,
): Promise<OperatorPorts | undefined> {
  if (admin === undefined && health === undefined) return undefined;
  const adminDesk =
    admin && new AdminDesk(new AdminGuard(admin.hostname, admin.names, admin.token), admin.pages);
  const healthDesk = new HealthDesk();
  if (admin !== undefined && admin.token === undefined && !isLoopback(admin.hostname))
    guardedLogger(logger ?? createLogger()).warn(
      `the admin port on ${admin.hostname} has no token: whoever reaches it sees what clients ask for (admin.token, --admin-token)`,
    );
  const adminServer = admin && adminDesk && (await openPort('admin', admin, adminDesk, logger));
  try {
    const healthServer = health && (await openPort('health', health, healthDesk, logger));
    return new OpenPorts(adminServer, healthServer, adminDesk ? [adminDesk, healthDesk] : [healthDesk]);
  } catch (error) {
    await adminServer?.close();
    throw error;
  }
}

class HealthDesk implements Desk {
  subject: AdminSubject | undefined = undefined;

  async answer(request: Request): Promise<globalThis.Response> {
    return answerHealth(request, this.subject);
  }

  close(): void {}
}

async function openPort(
  name: 'admin' | 'health',
  address: PortAddress,
  desk: Desk,
  logger: LoggerLike | undefined,
): Promise<ThreadServer> {
  const options: ServeOptions & { fetch: (request: Request) => Promise<globalThis.Response> } = {
    ...address,
    engine: 'node',
    fetch: (request) => desk.answer(request),
    // Nobody uploads here, and the end of the process must not wait for who still reads.
    timeouts: { drain: '500ms', handler: '10s' },
    limits: { bodyBytes: 0, connections: 256 },
    ...(logger === undefined ? {} : { logger }),
  };
  try {
    return await serveHere(options, checkOptions(options));
  } catch (error) {
    throw asListenError(error, { ...address, option: name });
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || /^127\./.test(hostname);
}
