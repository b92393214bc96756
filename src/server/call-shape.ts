/**
 * The ways in which `serve` may be called, and what each means:
 *
 *     serve(app)              a handler, an instance with `fetch` (Hono, H3), what a module exports
 *     serve(app, options)
 *     serve(app, onListen)
 *     serve(options)          a plain object that holds `fetch` or `module`
 *     serve(options, onListen)
 *     serve(options, app)     where the options hold neither
 *
 * An app of Express, Connect, Koa or Fastify, and a server of node:http, are `node` wherever a handler may be.
 *
 * An object literal is options and every name in it is checked; an instance of a class is an app, of which
 * `fetch` alone is looked at. A function beside something that can serve is `onListen`, as on Hono's server;
 * beside options that say nothing of what to serve it is the handler, as on Deno's.
 */
import { OptionError } from '../base/errors.ts';
import type { FetchHandler } from '../web/context.ts';
import { handlerOf, isClass, isModule, listenerKind, mainExport } from './handler-shape.ts';
import { type OnListen, readOptions, type ServeOptions } from './options.ts';

const ALLOWED =
  'give options, a handler (request) => Response, or an app: an object with such a function as `fetch`';

/**
 * @returns the options that a call of `serve` means
 * @throws OptionError for what it cannot mean
 */
export function readCall(first: unknown, second: unknown): ServeOptions {
  const app = servedApp(first);
  if (app !== undefined) {
    if (!isObject(second)) return withListener(app, second);
    const options = readOptions(second);
    for (const name of ['fetch', 'node', 'module'] as const) {
      if (options[name] !== undefined)
        throw new OptionError(name, options[name], 'not together with an app as the first argument');
    }
    return { ...options, ...app };
  }
  if (isClass(first))
    throw new OptionError('fetch', first, 'a class cannot be called: give an instance of it');
  if (!isObject(first)) throw new OptionError('options', first, ALLOWED);
  const options = readOptions(first);
  const { fetch, node, module, routes } = options;
  if (second === undefined || [fetch, node, module, routes].some((each) => each !== undefined))
    return withListener(options, second);
  if (isListener(second)) return { ...options, node: second as object };
  const handler = reading(() => handlerOf(second));
  if (handler === undefined) throw new OptionError('fetch', second, ALLOWED);
  return { ...options, fetch: handler };
}

/** Not of options, whose properties are read once. */
function isListener(given: unknown): boolean {
  return !isOptions(given) && listenerKind(given) !== undefined;
}

function servedApp(first: unknown): Pick<ServeOptions, 'fetch' | 'node'> | undefined {
  if (isListener(first)) return { node: first as object };
  const fetch = appOf(first);
  return fetch === undefined ? undefined : { fetch };
}

function withListener(options: ServeOptions, second: unknown): ServeOptions {
  if (second === undefined) return options;
  if (typeof second !== 'function')
    throw new OptionError(
      'onListen',
      second,
      'the second argument is a function, called when the server listens',
    );
  if (options.onListen !== undefined)
    throw new OptionError('onListen', second, 'it is given twice: in the options and as the second argument');
  return { ...options, onListen: second as OnListen };
}

/** The handler in what is no options object. */
function appOf(value: unknown): FetchHandler | undefined {
  return reading(() => {
    if (typeof value === 'function') return handlerOf(value);
    if (!isObject(value)) return undefined;
    if (isModule(value)) return handlerOf(mainExport(value));
    return isPlain(value) ? undefined : handlerOf(value);
  });
}

function reading(read: () => FetchHandler | undefined): FetchHandler | undefined {
  try {
    return read();
  } catch (error) {
    throw new OptionError('fetch', error, 'it could not even be read: a getter threw this');
  }
}

function isOptions(value: unknown): boolean {
  return isObject(value) && isPlain(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Made by `{}`, in this realm or another (a test runner's), or without a prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
