/**
 * The admin port: what operators and their tools ask of a running server. It listens before the server
 * does and closes after it, so that liveness and readiness can be told apart at both ends. It runs in
 * the main thread, on our own server over the portable engine; what it shows comes from the server's
 * public numbers, and asking is all that it costs.
 *
 * It has no password: it listens on loopback unless told otherwise. There it answers only to names of
 * this machine, since a web page may point a name of its own at 127.0.0.1 and read what comes back.
 *
 * A health port is a second one that says alive and ready and nothing else, so that it may be open to a kubelet or
 * a load balancer while the admin port is not.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { EXPOSITION_CONTENT_TYPE } from '../observe/exposition.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { OVERVIEW_PAGE, OVERVIEW_SCRIPT, OVERVIEW_STYLE } from '../observe/overview-page.ts';
import { readProcessNumbers } from '../observe/process-numbers.ts';
import { serverMetrics } from '../observe/server-metrics.ts';
import { Response } from '../web/response.ts';
import { asListenError } from './listen-error.ts';
import { type AdminPages, checkOptions, type PortAddress, type ServeOptions } from './options.ts';
import { type AdminSubject, CONNECTION_ROWS_MAX, type OperatorPorts } from './server.ts';
import { serveHere, type ThreadServer } from './thread-server.ts';

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const PATHS = ['/', '/metrics', '/healthz', '/readyz', '/connections', '/stats'];
/** What a health port answers: nothing there is a secret, so it may be open to whoever asks. */
const HEALTH_PATHS = ['/healthz', '/readyz'];
const NO_PAGES: AdminPages = { routes: {}, metrics: () => '' };
/** A page that shows ten thousand rows shows nothing; a program may ask for this many. */
const ROWS_ASKED_MAX = 100_000;

/** Nothing that a client sent may run in the operator's browser, and nothing there is kept. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;
const PAGE_POLICY = `default-src 'none'; script-src ${hashOf(OVERVIEW_SCRIPT)}; style-src ${hashOf(OVERVIEW_STYLE)}; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

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
  admin: PortAddress | undefined,
  health: PortAddress | undefined,
  logger: LoggerLike | undefined,
  pages: AdminPages,
): Promise<OperatorPorts | undefined> {
  if (admin === undefined && health === undefined) return undefined;
  const adminDesk = new Desk(
    PATHS,
    admin !== undefined && isLoopback(admin.hostname) ? admin.hostname : undefined,
    pages,
  );
  const healthDesk = new Desk(HEALTH_PATHS, undefined, NO_PAGES);
  const adminServer = admin && (await openPort('admin', admin, adminDesk, logger));
  try {
    const healthServer = health && (await openPort('health', health, healthDesk, logger));
    return new OpenPorts(adminServer, healthServer, [adminDesk, healthDesk]);
  } catch (error) {
    await adminServer?.close();
    throw error;
  }
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
    fetch: (request) => desk.answer(request) as unknown as Promise<globalThis.Response>,
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

/** Answers the requests of the operator ports. */
class Desk {
  subject: AdminSubject | undefined = undefined;
  readonly #paths: readonly string[];
  readonly #loopbackName: string | undefined;
  readonly #pages: AdminPages;

  /**
   * @param loopbackName the name that was bound, if it is one of this machine alone
   * @param pages the program's own, for paths that are not ours
   */
  constructor(paths: readonly string[], loopbackName: string | undefined, pages: AdminPages) {
    this.#pages = pages;
    this.#paths = [...new Set([...paths, ...Object.keys(pages.routes)])];
    this.#loopbackName = loopbackName;
  }

  async answer(request: Request): Promise<Response> {
    const { pathname, searchParams, hostname } = new URL(request.url);
    if (this.#loopbackName !== undefined && !isLocalName(hostname, this.#loopbackName))
      return text(421, `${hostname} is not a name of this port; ask for ${this.#loopbackName}\n`);
    if (!this.#paths.includes(pathname)) return text(404, `there are ${this.#paths.join(' ')}\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return text(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
    if (pathname === '/healthz') return text(200, 'ok\n');
    if (pathname === '/') return page();
    const { subject } = this;
    if (subject === undefined) return text(503, 'starting\n');
    if (pathname === '/readyz') return subject.isAccepting ? text(200, 'ready\n') : text(503, 'draining\n');
    if (pathname === '/metrics') return metricsOf(subject, this.#pages.metrics());
    if (pathname === '/stats') return statsOf(subject);
    if (pathname === '/connections') return connectionsOf(subject, searchParams);
    return this.#pages.routes[pathname]!(request) as unknown as Promise<Response>;
  }
}

async function metricsOf(subject: AdminSubject, more: string): Promise<Response> {
  const facts = {
    version: packageVersion(),
    engine: subject.engine.name,
    nodeVersion: process.version,
    isReady: subject.isAccepting,
  };
  const body = serverMetrics(await subject.stats(), facts, readProcessNumbers());
  return text(200, body + more, { 'content-type': EXPOSITION_CONTENT_TYPE });
}

async function statsOf(subject: AdminSubject): Promise<Response> {
  const { url, engine, isAccepting, startedAtMs } = subject;
  return json({
    version: packageVersion(),
    url,
    engineChoice: engine,
    ready: isAccepting,
    uptimeMs: Math.round(performance.now() - startedAtMs),
    process: { pid: process.pid, ...readProcessNumbers() },
    ...(await subject.stats()),
  });
}

async function connectionsOf(subject: AdminSubject, search: URLSearchParams): Promise<Response> {
  const limit = search.get('limit') ?? String(CONNECTION_ROWS_MAX);
  const countMax = /^\d{1,6}$/.test(limit) ? Number(limit) : -1;
  if (countMax < 0 || countMax > ROWS_ASKED_MAX)
    return text(
      400,
      `limit: ${JSON.stringify(limit)} is not allowed; a whole number from 0 to ${ROWS_ASKED_MAX}\n`,
    );
  const [connections, { engine }] = await Promise.all([subject.connections(countMax), subject.stats()]);
  return json({ open: engine.open, shown: connections.length, connections });
}

function page(): Response {
  return text(200, OVERVIEW_PAGE, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': PAGE_POLICY,
  });
}

function json(value: unknown): Response {
  return text(200, `${JSON.stringify(value)}\n`, { 'content-type': JSON_TYPE });
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { 'content-type': TEXT, ...HEADERS, ...headers } });
}

function hashOf(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || /^127\./.test(hostname);
}

/** An address was not looked up by anybody, so nobody can have pointed it here. */
function isLocalName(hostname: string, boundName: string): boolean {
  return hostname === 'localhost' || hostname === boundName || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

function packageVersion(): string {
  try {
    return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
  } catch {
    // In a program that was bundled into one file there is no package beside it.
    return 'unknown';
  }
}
