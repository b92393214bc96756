/**
 * Handlers that write their answers themselves, in place of giving back a Response: listeners of node:http (compat/). Such
 * a handler is a fetch handler all the same, for whoever calls it as one; the server finds the shorter way under a symbol.
 * Deadlines, the client's going and what is logged are the exchange's, as for any other.
 */
import type { Fault } from '../protocol/error.ts';
import { type HeadRules, ORIGIN_RULES } from '../protocol/limits.ts';
import type { FetchHandler } from '../web/context.ts';
import type { DirectHandler, ExchangeHost } from './exchange-host.ts';

const DIRECT = Symbol('holdfast.direct');

interface MaybeDirect {
  readonly [DIRECT]?: DirectHandler;
}

/** Makes `fetch` one whose server calls `direct` in its place. */
export function withDirect(fetch: FetchHandler, direct: DirectHandler): FetchHandler {
  return Object.defineProperty(fetch, DIRECT, { value: direct });
}

export function directOf(fetch: FetchHandler): DirectHandler | undefined {
  return (fetch as MaybeDirect)[DIRECT];
}

/** What whichever handler that answers now has said of requests of HTTP/1 and their refusal. */
export class HandlerRules implements HeadRules {
  readonly #host: Pick<ExchangeHost, 'direct'>;

  constructor(host: Pick<ExchangeHost, 'direct'>) {
    this.#host = host;
  }

  get #rules(): HeadRules {
    return this.#host.direct?.rules ?? ORIGIN_RULES;
  }

  refusal(fault: Fault): string | undefined {
    return this.#host.direct?.refusal?.(fault);
  }

  get takesTrace(): boolean {
    return this.#rules.takesTrace;
  }

  get takesConnect(): boolean {
    return this.#rules.takesConnect;
  }

  get takesExpectations(): boolean {
    return this.#rules.takesExpectations;
  }

  get requiresHost(): boolean {
    return this.#rules.requiresHost;
  }
}
