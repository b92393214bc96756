/**
 * Load made in code: a module that makes requests and checks answers. These types are its manual, and the
 * shapes that the loader checks. A module exports either a list,
 *
 *     export default { requests: [{ path: '/a' }, { method: 'POST', path: '/b', body: 'x=1' }] };
 *
 * or a function that makes one request at a time, and if it likes a check of the answers:
 *
 *     export function request({ connection, count }) {
 *       return { path: `/items/${count % 100}` };
 *     }
 *     export function check(response, context) {
 *       context.check('is JSON', response.headers.get('content-type') === 'application/json');
 *       if (response.json().id === undefined) throw new Error('has an id');
 *     }
 *
 * Both are called on the thread that makes the load, and are not awaited: what they cost, the load costs.
 */

export interface ScriptRequest {
  /** @default GET, or POST with a body */
  readonly method?: string;
  /** Path with query, on the server that the command line names first. @default its own path */
  readonly path?: string;
  /** A whole URL, in place of `path`, when several servers were named. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes, or anything else to be sent as JSON. */
  readonly body?: string | Uint8Array | object;
}

export interface ScriptContext {
  /** Which connection this is for, from 0, counted in its thread. */
  readonly connection: number;
  /** How many requests this connection has made before. */
  readonly count: number;
  /** What the script itself keeps for this connection: a session, a cursor. */
  readonly state: Record<string, unknown>;
}

export interface CheckContext extends ScriptContext {
  /** What `request` answered. */
  readonly request: ScriptRequest;
  /** Counts a check under its name. */
  check(name: string, hasPassed: boolean): void;
}

export interface ScriptResponse {
  readonly status: number;
  readonly headers: ScriptHeaders;
  /** The body as it came, without transfer coding. */
  readonly body: Uint8Array;
  text(): string;
  json(): unknown;
}

interface ScriptHeaders {
  /** Several fields of a name are joined with `, `. */
  get(name: string): string | null;
}

export type RequestFunction = (context: ScriptContext) => ScriptRequest;
/** Throwing fails the check of the error's message. */
export type CheckFunction = (response: ScriptResponse, context: CheckContext) => void;
