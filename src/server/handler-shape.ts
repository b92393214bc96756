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
  if (typeof value !== 'function' || isClass(value)) return undefined;
  return value as FetchHandler;
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
