/**
 * Handlers that write their answers themselves, in place of giving back a Response: listeners of node:http (compat/). Such
 * a handler is a fetch handler all the same, for whoever calls it as one; the server finds the shorter way under a symbol.
 * Deadlines, the client's going and what is logged are the exchange's, as for any other.
 */
import type { FetchHandler } from '../web/context.ts';
import type { DirectHandler } from './exchange-host.ts';

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
