/**
 * What carries a member's requests: one kept connection of HTTP/1.1, or streams of one of HTTP/2, by Node's own clients, since
 * what is judged here is the application and not HTTP.
 */
import { Agent, request } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { connectH2 } from '../beside/h2-asker.ts';
import type { Target } from '../target/target.ts';

interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** `failure` is undefined too where a kept connection had ended, which a server may do. */
type Carried =
  | {
      readonly status: number;
      readonly setCookies: readonly string[];
      readonly retryAfter: string | undefined;
      readonly content: string;
    }
  | { readonly status: undefined; readonly failure: string | undefined };

export interface Carrier {
  carry(question: Question): Promise<Carried>;
  close(): void;
}

const TIMEOUT_MS = 10_000;
const SLOW_OURSELVES_MS = 1500;
const LATE = `no answer within ${TIMEOUT_MS / 1000} s`;
const CONTENT_MAX = 1024 * 1024;

export function carrierTo(target: Target, signal: AbortSignal): Carrier {
  return target.speech === 'h2' ? new H2Carrier(target, signal) : new H1Carrier(target, signal);
}

class H1Carrier implements Carrier {
  readonly #target: Target;
  readonly #agent: Agent;
  readonly #signal: AbortSignal;

  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
    const settings = { keepAlive: true, maxSockets: 1 };
    this.#agent = target.isSecure
      ? new SecureAgent({ ...settings, rejectUnauthorized: false })
      : new Agent(settings);
  }

  carry({ method, path, headers, body }: Question): Promise<Carried> {
    const { address: host, port, isSecure, authority } = this.#target;
    const options = { host, port, method, path, agent: this.#agent, signal: this.#signal };
    const all = { host: authority, ...headers, ...lengthOf(body) };
    const fromMs = performance.now();
    return new Promise((resolve) => {
      const fail = (failure: string | undefined): void => resolve({ status: undefined, failure });
      const ask = isSecure ? secureRequest : request;
      const asking = ask({ ...options, headers: all }, (response) => {
        const { statusCode: status = 0, headers: fields } = response;
        const rest = { status, setCookies: fields['set-cookie'] ?? [], retryAfter: fields['retry-after'] };
        contentOf(response).then(
          (content) => resolve({ ...rest, content }),
          (error: Error) => fail(error.message),
        );
      });
      asking.setTimeout(TIMEOUT_MS, () => asking.destroy(new Error(LATE)));
      asking.on('error', (error: NodeJS.ErrnoException) => {
        const wasEnded = error.code === 'ECONNRESET' || error.code === 'EPIPE';
        // Many handshakes at once take this process longer than deadlines of heads are.
        const isLate = wasEnded && (asking.reusedSocket || performance.now() - fromMs > SLOW_OURSELVES_MS);
        fail(isLate || this.#signal.aborted ? undefined : error.message);
      });
      asking.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

class H2Carrier implements Carrier {
  readonly #target: Target;
  readonly #signal: AbortSignal;
  #session: ClientHttp2Session | undefined;
  /** Answers on it, so far. */
  #answered = 0;

  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  carry({ method, path, headers, body }: Question): Promise<Carried> {
    const session = this.#connected();
    return new Promise((resolve) => {
      const fail = (failure: string | undefined): void => resolve({ status: undefined, failure });
      const head = { ':method': method, ':path': path, ':authority': this.#target.authority };
      const stream = session.request({ ...head, ...headers, ...lengthOf(body) }, { signal: this.#signal });
      stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error(LATE)));
      let hasHead = false;
      stream.on('response', (fields) => {
        hasHead = true;
        const retryAfter = fields['retry-after'] as string | undefined;
        const rest = {
          status: Number(fields[':status']),
          setCookies: fields['set-cookie'] ?? [],
          retryAfter,
        };
        contentOf(stream).then(
          (content) => {
            this.#answered++;
            resolve({ ...rest, content });
          },
          (error: Error) => fail(error.message),
        );
      });
      stream.on('error', (error) => {
        const isLate = this.#answered > 0 && (session.closed || session.destroyed);
        fail(isLate || this.#signal.aborted ? undefined : error.message);
      });
      // Content that breaks off is told by whoever reads it, who may still be at it.
      stream.on('close', () => {
        if (!hasHead) fail('ended without an answer');
      });
      stream.end(body);
    });
  }

  close(): void {
    this.#session?.destroy();
  }

  /** One that is told to go away, or has ended, gives way to a new one. */
  #connected(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed)
      return this.#session;
    const session = connectH2(this.#target);
    session.on('error', () => {}); // Its streams say so.
    session.on('goaway', () => session.close());
    this.#session = session;
    this.#answered = 0;
    return session;
  }
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

/** @throws Error where it breaks off, or is too long */
async function contentOf(stream: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > CONTENT_MAX) throw new Error(`an answer of more than ${CONTENT_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
