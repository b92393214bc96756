/** Finds the handler in a module: a function as the default export, or an object with `fetch`. */
import { show } from '../base/errors.ts';
import type { ErrorHandler, FetchHandler } from './options.ts';

/** The module was loaded and holds no handler, or could not be loaded. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
  readonly code = 'HOLDFAST_MODULE';
}

/** What a module serves with. */
export interface ServedModule {
  readonly fetch: FetchHandler;
  /** Its export `error`, or that of its default export. */
  readonly error: ErrorHandler | undefined;
}

/**
 * @param url the module; a query makes it a new instance of the same file
 * @throws ModuleError when it cannot be loaded or exports no handler
 */
export async function loadModule(url: URL): Promise<ServedModule> {
  let exports: Record<string, unknown>;
  try {
    exports = (await import(url.href)) as Record<string, unknown>;
  } catch (error) {
    throw new ModuleError(`${display(url)} cannot be loaded: ${explain(error, url)}`, { cause: error });
  }
  const main = exports['default'] ?? exports;
  const error = errorHook(exports) ?? errorHook(main);
  if (typeof main === 'function') return { fetch: main as FetchHandler, error };
  const fetch = (main as { fetch?: unknown } | null)?.fetch;
  if (typeof fetch === 'function')
    return { fetch: (request, context) => (main as { fetch: FetchHandler }).fetch(request, context), error };
  throw new ModuleError(
    `${display(url)} exports no handler: its default export is ${show(exports['default'])}; ` +
      'allowed are a function (request) => Response or an object with such a function as `fetch`',
  );
}

/** Only what somebody wrote there for us: applications of a framework inherit an `error` that means something else. */
function errorHook(of: unknown): ErrorHandler | undefined {
  if (typeof of !== 'object' || of === null || !Object.hasOwn(of, 'error')) return undefined;
  const { error } = of as { error: unknown };
  return typeof error === 'function' ? (error as ErrorHandler) : undefined;
}

function display(url: URL): string {
  return url.protocol === 'file:' ? decodeURIComponent(url.pathname) : url.href;
}

function explain(error: unknown, url: URL): string {
  const code = (error as { code?: string } | null)?.code;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[mc]?tsx?$/.test(url.pathname)) {
    return `this Node.js (${process.version}) does not load TypeScript; use Node 22.18 or later, or compile it first`;
  }
  return error instanceof Error ? error.message : String(error);
}
