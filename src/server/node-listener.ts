/** Where handlers of node:http become fetch handlers: their room is loaded when there is one. */
import type { FetchHandler } from '../web/context.ts';
import type { ServeOptions } from './options.ts';

/** How a module's default export is to be read, and what it runs on. */
export interface NodeMode {
  /** It is a listener of node:http, whatever it looks like. */
  readonly isNode: boolean;
  /** It runs on node:http's own server. */
  readonly isExact: boolean;
}

export function nodeModeOf({ node, compat }: Pick<ServeOptions, 'node' | 'compat'>): NodeMode {
  return { isNode: node === true, isExact: compat === 'exact' };
}

/** @throws OptionError for what has no listener */
export async function listenerFetch(handler: unknown, isExact: boolean): Promise<FetchHandler> {
  const { toFetch, toExactFetch } = await import('../compat/to-fetch.ts');
  return isExact ? toExactFetch(handler as object) : toFetch(handler as object);
}
