/** Loads a script and finds in it what can be used; says in one line what is wrong with one. */
import { show } from '../../base/errors.ts';
import type { CheckFunction, RequestFunction, ScriptRequest } from './script.ts';

/** The script cannot be loaded, or has nothing that makes requests. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  readonly code = 'HOLDFAST_SCRIPT';
}

export interface LoadedScript {
  readonly request: RequestFunction;
  readonly check: CheckFunction | undefined;
}

/** @param url what to import @param name for errors @throws ScriptError */
export async function loadScript(url: string, name: string): Promise<LoadedScript> {
  let exported: Record<string, unknown>;
  try {
    exported = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw new ScriptError(`${name} cannot be loaded: ${explain(error, url)}`);
  }
  const main = exported['default'];
  const inside: Record<string, unknown> =
    typeof main === 'object' && main !== null ? (main as Record<string, unknown>) : {};
  const request = exported['request'] ?? inside['request'] ?? (typeof main === 'function' ? main : undefined);
  const check = exported['check'] ?? inside['check'];
  const requests = exported['requests'] ?? inside['requests'];
  if (check !== undefined && typeof check !== 'function')
    throw new ScriptError(`${name}: check is ${show(check)}; it is a function (response, context) => void`);
  const checkFunction = check as CheckFunction | undefined;
  if (typeof request === 'function') return { request: request as RequestFunction, check: checkFunction };
  if (Array.isArray(requests) && requests.length > 0)
    return { request: inTurn(requests as ScriptRequest[]), check: checkFunction };
  throw new ScriptError(
    `${name} makes no requests: it exports a function request(context), or a list, export default { requests: [...] }`,
  );
}

/** Each connection goes through the list, and begins where the one before it did not. */
function inTurn(requests: readonly ScriptRequest[]): RequestFunction {
  return ({ connection, count }) => requests[(connection + count) % requests.length]!;
}

function explain(error: unknown, url: string): string {
  const code = (error as { code?: string } | null)?.code;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[mc]?tsx?$/.test(url))
    return `this Node.js (${process.version}) does not load TypeScript; use Node 22.18 or later, or an .mjs file`;
  return error instanceof Error ? error.message : String(error);
}
