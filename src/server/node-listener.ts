/** Where handlers of node:http become fetch handlers: their room is loaded when there is one. */
import type { FetchHandler } from '../web/context.ts';

/** @throws OptionError for what has no listener */
export async function listenerFetch(handler: unknown): Promise<FetchHandler> {
  const { toFetch } = await import('../compat/to-fetch.ts');
  return toFetch(handler as object);
}
