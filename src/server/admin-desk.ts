/**
 * What the admin port answers: the page, the server's status once or once a second, its counters for Prometheus, its
 * connections. What it shows comes from the server as `AdminSubject` has it, computed when it is asked for, and nothing
 * that is asked changes anything.
 */
import { EXPOSITION_CONTENT_TYPE } from '../observe/exposition.ts';
import { readProcessNumbers } from '../observe/process-numbers.ts';
import { serverMetrics } from '../observe/server-metrics.ts';
import { Response } from '../web/response.ts';
import type { AdminGuard } from './admin-guard.ts';
import { type AdminPage, makeAdminPage } from './admin-page.ts';
import type { AdminPages } from './operator-options.ts';
import { packageVersion } from './package-version.ts';
import { CONNECTION_ROWS_MAX } from './server.ts';
import { StatusFeed } from './status-feed.ts';
import { StatusReader } from './status-reader.ts';
import type { AdminSubject } from './watched-server.ts';

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const HEALTH_PATHS = ['/healthz', '/readyz'];
const PATHS = ['/', '/events', '/status', '/metrics', '/connections', '/stats', ...HEALTH_PATHS];
/** A page that shows ten thousand rows shows nothing; a program may ask for this many. */
const ROWS_ASKED_MAX = 100_000;

/** Nothing that a client sent may run in the operator's browser, and nothing there is kept. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** Answers what is asked on one port. */
export interface Desk {
  /** undefined while the server starts. */
  subject: AdminSubject | undefined;
  answer(request: Request): Promise<globalThis.Response>;
  /** Ends what would go on for ever. */
  close(): void;
}

export class AdminDesk implements Desk {
  subject: AdminSubject | undefined = undefined;
  readonly #guard: AdminGuard;
  readonly #pages: AdminPages;
  readonly #paths: readonly string[];
  readonly #reader = new StatusReader();
  readonly #feed = new StatusFeed(() => this.#status());
  #page: AdminPage | undefined;

  /** @param pages the program's own, for paths that are not ours */
  constructor(guard: AdminGuard, pages: AdminPages) {
    this.#guard = guard;
    this.#pages = pages;
    this.#paths = [...new Set([...PATHS, ...Object.keys(pages.routes)])];
  }

  close(): void {
    this.#feed.close();
  }

  async answer(request: Request): Promise<globalThis.Response> {
    return (await this.#answer(request)) as unknown as globalThis.Response;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams, hostname } = new URL(request.url);
    // Probes name their pods as they like, and learn nothing that they do not know.
    if (HEALTH_PATHS.includes(pathname)) return healthOf(request, pathname, this.subject);
    const stranger = this.#guard.checkSource(hostname, request.headers);
    if (stranger !== undefined) return text(stranger.status, stranger.text);
    if (!this.#paths.includes(pathname)) return text(404, `there are ${this.#paths.join(' ')}\n`);
    const refused = methodRefused(request);
    if (refused !== undefined) return refused;
    // The page itself tells nothing, and is what asks for the token.
    if (pathname === '/') return this.#sendPage();
    const unknown = this.#guard.checkToken(request.headers);
    if (unknown !== undefined) return text(unknown.status, unknown.text, unknown.headers);
    const { subject } = this;
    if (subject === undefined) return text(503, 'starting\n', { 'retry-after': '1' });
    switch (pathname) {
      case '/events':
        return this.#events(request);
      case '/status':
        return jsonText(await this.#status());
      case '/metrics':
        return metricsOf(subject, this.#pages.metrics());
      case '/stats':
        return statsOf(subject);
      case '/connections':
        return connectionsOf(subject, searchParams);
      default:
        return this.#pages.routes[pathname]!(request) as unknown as Promise<Response>;
    }
  }

  #sendPage(): Response {
    this.#page ??= makeAdminPage();
    return text(200, this.#page.html, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': this.#page.policy,
    });
  }

  #status(): Promise<string> {
    return this.#reader.read(this.subject!);
  }

  #events(request: Request): Response {
    if (this.#feed.isFull)
      return text(503, 'as many watch already as may; /status tells the same once\n', {
        'retry-after': '10',
      });
    const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
    return request.method === 'HEAD' ? text(200, '', headers) : answer(200, this.#feed.watch(), headers);
  }
}

export async function answerHealth(
  request: Request,
  subject: AdminSubject | undefined,
): Promise<globalThis.Response> {
  const { pathname } = new URL(request.url);
  const response = HEALTH_PATHS.includes(pathname)
    ? healthOf(request, pathname, subject)
    : text(404, `there are ${HEALTH_PATHS.join(' ')}\n`);
  return response as unknown as globalThis.Response;
}

function healthOf(request: Request, pathname: string, subject: AdminSubject | undefined): Response {
  const refused = methodRefused(request);
  if (refused !== undefined) return refused;
  if (pathname === '/healthz') return text(200, 'ok\n');
  if (subject === undefined) return text(503, 'starting\n');
  return subject.isAccepting ? text(200, 'ready\n') : text(503, 'draining\n');
}

function methodRefused({ method }: Request): Response | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  return text(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
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
  const stats = {
    version: packageVersion(),
    url,
    engineChoice: engine,
    ready: isAccepting,
    uptimeMs: Math.round(performance.now() - startedAtMs),
    process: { pid: process.pid, ...readProcessNumbers() },
    ...(await subject.stats()),
  };
  return jsonText(JSON.stringify(stats));
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
  return jsonText(JSON.stringify({ open: engine.open, shown: connections.length, connections }));
}

function jsonText(json: string): Response {
  return text(200, `${json}\n`, { 'content-type': JSON_TYPE });
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return answer(status, body, { 'content-type': TEXT, ...headers });
}

function answer(
  status: number,
  body: string | ReadableStream<Uint8Array>,
  headers: Readonly<Record<string, string>>,
): Response {
  return new Response(body, { status, headers: { ...HEADERS, ...headers } });
}
