/**
 * What V8 has compiled of the command's files is kept from one start to the next, where Node can do that (22.1). It lies
 * in the user's own cache folder and not in Node's default place below the temporary folder: whoever can write there
 * decides what code the next start runs. `NODE_COMPILE_CACHE` names another place, `NODE_DISABLE_COMPILE_CACHE=1` none.
 */
import { join } from 'node:path';

/** What is used of `node:module`; Node 20 has neither. */
export interface CompileCache {
  enableCompileCache?(directory: string): unknown;
  /** 22.10 */
  flushCompileCache?(): void;
}

/** Long after a server is ready: writing must not be what it waits for. A process that ends before writes then. */
const FLUSH_AFTER_MS = 2000;

export function keepCompiled(env: NodeJS.ProcessEnv, module: CompileCache): void {
  const directory = cacheDirectory(env);
  if (module.enableCompileCache === undefined || directory === undefined) return;
  // Where it cannot be written, Node says so in what it returns, and goes on without.
  module.enableCompileCache(directory);
  if (module.flushCompileCache !== undefined)
    setTimeout(() => module.flushCompileCache?.(), FLUSH_AFTER_MS).unref();
}

/** @returns undefined for a process without a home, as services often are */
function cacheDirectory({ XDG_CACHE_HOME, HOME }: NodeJS.ProcessEnv): string | undefined {
  // XDG Base Directory Specification: a relative path is to be ignored.
  if (XDG_CACHE_HOME?.startsWith('/')) return join(XDG_CACHE_HOME, 'holdfast');
  return HOME?.startsWith('/') && HOME !== '/' ? join(HOME, '.cache', 'holdfast') : undefined;
}
