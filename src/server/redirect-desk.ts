/**
 * The port that sends clients of plain HTTP to the HTTPS server: a 308 with the same host, path and query, to whatever method
 * (RFC 9110 §15.4.9). It is one more server of ours in the main thread, on the same engine and with the same deadlines and limits.
 *
 * The host is the client's own, from a Host field that the parser has found well-formed (RFC 9112 §3.2): whoever sends another's
 * name sends himself there. Challenges of ACME are asked for over plain HTTP (RFC 8555 §8.3), so the handler answers those.
 */
import type { Desk } from './admin-desk.ts';
import type { AdminSubject } from './watched-server.ts';

const HTTPS_PORT = 443;
const CHALLENGE = '/.well-known/acme-challenge/';

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
