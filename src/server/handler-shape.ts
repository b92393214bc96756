/**
 * Finds the handler in what people pass around as an app: a function, an object or an instance with `fetch`,
 * what a module exports. One reading of them for `serve(app)`, for modules and for the command.
 */
import type { FetchHandler } from '../web/context.ts';

/** How often a default export may be wrapped: once by a compiler, once by Node when it imports CommonJS. */
const WRAPPINGS_MAX = 3;

/**
 * @returns the handler that `value` is or has as its `fetch`; undefined when there is none
 * @throws what a getter of `value` throws
 */
export function handlerOf(value: unknown): FetchHandler | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  if (typeof (value as { fetch?: unknown }).fetch === 'function') {
    const app = value as { readonly fetch: FetchHandler };
    // Read for every request: Elysia puts the compiled one in its place at the first.
    return (request, context, executionCtx) => app.fetch(request, context, executionCtx);
  }
  if (typeof value !== 'function' || isClass(value) || listenerKind(value) !== undefined) return undefined;
  return value as FetchHandler;
}

/** A listener as node:http has it. */
// biome-ignore lint/suspicious/noExplicitAny: its messages are types of Node's, which a program need not have
export type NodeListener = (request: any, response: any) => unknown;

/** What apps of other frameworks have, by which they are told; all of them take `(req, res)` of node:http. */
const LISTENERS: readonly (readonly [kind: string, ...methods: string[]])[] = [
  ['an Express or Connect app', 'handle', 'use'],
  ['a Koa app', 'callback', 'use'],
  ['a Fastify app', 'inject', 'listen', 'route'],
  ['a server of node:http', 'listen', 'close', 'closeIdleConnections'],
];

/** @returns what `value` is, if it is made for node:http and no fetch handler: called as one it would fail at each request */
export function listenerKind(value: unknown): string | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const has = (name: string) => typeof (value as Record<string, unknown>)[name] === 'function';
  try {
    return has('fetch') ? undefined : LISTENERS.find(([, ...names]) => names.every(has))?.[0];
  } catch {
    // A getter that throws: none of those has one.
    return undefined;
  }
}

/** What to say of it. */
export const LISTENER_ADVICE =
  'it takes (req, res) of node:http, and not (request) => Response: give it as `node` (docs/node-http.md)';

/** A second parameter that is called so is the response of node:http: no fetch handler has one. */
const RESPONSE_PARAMETER = /^_?(?:res|resp|response|reply)$/;

/**
 * @returns whether a plain function says by the names of its parameters that it is a listener of node:http. Nothing else
 *   tells it from a fetch handler, which may take two arguments as well: (request, context)
 */
export function looksLikeListener(value: unknown): boolean {
  if (typeof value !== 'function' || value.length < 2 || isClass(value)) return false;
  const text = Function.prototype.toString.call(value);
  const list = /^(?:async\s+)?(?:function\s*\*?\s*[\w$]*\s*)?\(([^)]*)\)/.exec(text)?.[1] ?? '';
  const second = list.split(',')[1]?.trim();
  return second !== undefined && RESPONSE_PARAMETER.test(second);
}

/** Without `new` it cannot be called; with its `fetch` in the prototype, an instance is what was meant. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

/** The namespace of a module, or what a compiler made of one for CommonJS. */
export function isModule(value: object): boolean {
  return (
    Object.prototype.toString.call(value) === '[object Module]' ||
    (value as { __esModule?: unknown }).__esModule === true
  );
}

/** What a module exports in the end: its default export, out of all that compilers wrap it in; else all of it. */
export function mainExport(exports: object): unknown {
  let main: unknown = (exports as { default?: unknown }).default ?? exports;
  // TypeScript and Babel compile `export default` to `exports.default`, and Node's `import` of that has it
  // as `default.default`.
  for (let i = 0; i < WRAPPINGS_MAX; i++) {
    if (typeof main !== 'object' || main === null || !isModule(main)) break;
    const inner = (main as { default?: unknown }).default;
    if (inner === undefined) break;
    main = inner;
  }
  return main;
}
