/**
 * Somebody who is logged in to an application, as a browser or a program is: one kept connection, the cookies that were set,
 * and the token that login gave. It goes over node:http, since what is judged here is the application and not HTTP.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Target } from '../target/target.ts';
import type { OperationName, Operations } from './operations.ts';

export interface Reply {
  /** Undefined where no answer came. */
  readonly status: number | undefined;
  readonly json: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number;
  /** Why no answer came; undefined too where a kept connection had ended, which a server may do. */
  readonly failure: string | undefined;
}

const TIMEOUT_MS = 10_000;
const CONTENT_MAX = 1024 * 1024;
const RETRY_MS = 200;
const RETRY_MS_MAX = 2000;

export class Member {
  readonly #target: Target;
  readonly #operations: Operations;
  readonly #agent: Agent;
  readonly #signal: AbortSignal;
  #cookies = new Map<string, string>();
  #token: string | undefined;

  constructor(target: Target, operations: Operations, signal: AbortSignal) {
    this.#target = target;
    this.#operations = operations;
    this.#signal = signal;
    const settings = { keepAlive: true, maxSockets: 1 };
    this.#agent = target.isSecure
      ? new SecureAgent({ ...settings, rejectUnauthorized: false })
      : new Agent(settings);
  }

  /** Whoever logs in begins without what an earlier login gave. */
  async logIn(user: string): Promise<Reply> {
    this.forget();
    const reply = await this.ask('login', undefined, { user });
    if (typeof reply.json['token'] === 'string') this.#token = reply.json['token'];
    return reply;
  }

  /** Asks, and keeps cookies and token as they were: after a logout they must not be worth anything. */
  ask(name: OperationName, key?: string, content?: object): Promise<Reply> {
    const { method, path } = this.#operations[name];
    const body = content === undefined ? undefined : JSON.stringify(content);
    const headers: Record<string, string | number> = { host: this.#target.authority };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    if (this.#cookies.size > 0)
      headers['cookie'] = [...this.#cookies].map(([cookie, value]) => `${cookie}=${value}`).join('; ');
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    const { address: host, port, isSecure } = this.#target;
    const options = {
      host,
      port,
      method,
      path: path.replace('{key}', key ?? ''),
      headers,
      agent: this.#agent,
    };
    return new Promise((resolve) => {
      const fail = (failure: string | undefined): void =>
        resolve({ status: undefined, json: {}, retryAfterMs: RETRY_MS, failure });
      const asking = (isSecure ? secureRequest : request)({ ...options, signal: this.#signal }, (response) =>
        this.#read(response, name).then(resolve, (error: Error) => fail(error.message)),
      );
      asking.setTimeout(TIMEOUT_MS, () =>
        asking.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)),
      );
      asking.on('error', (error: NodeJS.ErrnoException) => {
        const isLate = asking.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        fail(isLate || this.#signal.aborted ? undefined : error.message);
      });
      asking.end(body);
    });
  }

  forget(): void {
    this.#cookies.clear();
    this.#token = undefined;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #read(response: IncomingMessage, name: OperationName): Promise<Reply> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > CONTENT_MAX) throw new Error(`an answer of more than ${CONTENT_MAX} bytes`);
      pieces.push(piece);
    }
    if (name !== 'logout')
      for (const cookie of response.headers['set-cookie'] ?? []) {
        const [, key, value] = /^\s*([^=;]+)=([^;]*)/.exec(cookie) ?? [];
        if (key !== undefined) this.#cookies.set(key, value!);
      }
    const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
    return {
      status: response.statusCode,
      json: parsed(Buffer.concat(pieces).toString()),
      retryAfterMs: Number.isFinite(seconds) ? Math.min(seconds * 1000, RETRY_MS_MAX) : RETRY_MS,
      failure: undefined,
    };
  }
}

/** What is no object of JSON has no members, which whoever needs one will say. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
