/**
 * Somebody who is logged in to an application, as a browser or a program is: one kept connection, the cookies that were set,
 * and the token that login gave.
 */
import type { Target } from '../target/target.ts';
import { type Carrier, carrierTo } from './carriers.ts';
import type { OperationName, Operations } from './operations.ts';

export interface Reply {
  /** Undefined where no answer came. */
  readonly status: number | undefined;
  readonly json: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number;
  /** Why no answer came; undefined too where a kept connection had ended, which a server may do. */
  readonly failure: string | undefined;
}

const RETRY_MS = 200;
const RETRY_MS_MAX = 2000;

export class Member {
  readonly #operations: Operations;
  readonly #carrier: Carrier;
  #cookies = new Map<string, string>();
  #token: string | undefined;

  constructor(target: Target, operations: Operations, signal: AbortSignal) {
    this.#operations = operations;
    this.#carrier = carrierTo(target, signal);
  }

  /** Whoever logs in begins without what an earlier login gave. */
  async logIn(user: string): Promise<Reply> {
    this.forget();
    const reply = await this.ask('login', undefined, { user });
    if (typeof reply.json['token'] === 'string') this.#token = reply.json['token'];
    return reply;
  }

  /** Asks, and keeps cookies and token as they were: after a logout they must not be worth anything. */
  async ask(name: OperationName, key?: string, content?: object): Promise<Reply> {
    const { method, path } = this.#operations[name];
    const headers: Record<string, string> = {};
    if (content !== undefined) headers['content-type'] = 'application/json';
    if (this.#cookies.size > 0)
      headers['cookie'] = [...this.#cookies].map(([cookie, value]) => `${cookie}=${value}`).join('; ');
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    const body = content === undefined ? undefined : JSON.stringify(content);
    const carried = await this.#carrier.carry({
      method,
      path: path.replace('{key}', key ?? ''),
      headers,
      body,
    });
    if (carried.status === undefined) return { ...carried, json: {}, retryAfterMs: RETRY_MS };
    if (name !== 'logout') this.#keep(carried.setCookies);
    const seconds = Number(carried.retryAfter ?? Number.NaN);
    return {
      status: carried.status,
      json: parsed(carried.content),
      retryAfterMs: Number.isFinite(seconds) ? Math.min(seconds * 1000, RETRY_MS_MAX) : RETRY_MS,
      failure: undefined,
    };
  }

  forget(): void {
    this.#cookies.clear();
    this.#token = undefined;
  }

  close(): void {
    this.#carrier.close();
  }

  #keep(setCookies: readonly string[]): void {
    for (const cookie of setCookies) {
      const [, key, value] = /^\s*([^=;]+)=([^;]*)/.exec(cookie) ?? [];
      if (key !== undefined) this.#cookies.set(key, value!);
    }
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
