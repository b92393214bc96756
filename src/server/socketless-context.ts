/** The context of a request that came without a socket, by `server.fetch(request)`. */
import type { RequestContext } from '../web/context.ts';

/** @param closing aborts when the server begins to close */
export function socketlessContext(closing: AbortSignal): RequestContext {
  return {
    remoteAddress: undefined,
    closing,
    completed: Promise.resolve(),
    waitUntil() {},
    earlyHints() {},
  };
}
