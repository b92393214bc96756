/** Finds the handler in a module: a function as the default export, or an object with `fetch`. */
import { realpathSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { show } from '../base/errors.ts';
import type { ErrorHandler } from '../http/exchange-host.ts';
import type { FetchHandler } from '../web/context.ts';
import type { WebSocketOptions } from '../web/websocket-options.ts';
import {
  handlerOf,
  isClass,
  isModule,
  listenerKind,
  looksLikeListener,
  mainExport,
} from './handler-shape.ts';
import { listenerFetch, type NodeMode } from './node-listener.ts';
import { readWebSocket } from './websocket-options.ts';

/** The module was loaded and holds no handler, or could not be loaded; then `cause` is why, with its stack. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
  readonly code = 'HOLDFAST_MODULE';
  /** Where loading it ended the process, or the thread: with which code. */
  readonly exitCode: number | undefined;

  constructor(message: string, options?: ErrorOptions, exitCode?: number) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

const TYPESCRIPT = /\.[mc]?tsx?$/;

/** What a module serves with. */
export interface ServedModule {
  readonly fetch: FetchHandler;
  /** Its export `error`, or that of its default export. */
  readonly error: ErrorHandler | undefined;
  /** The same of `websocket`: hooks and settings. */
  readonly websocket: WebSocketOptions | undefined;
  /** What was taken for a listener of node:http without having been called so, in words. */
  readonly taken?: string | undefined;
}

/**
 * @param url the module; a query makes it a new instance of the same file
 * @param tellExit is called when loading it ends the process or the thread, which is not to be stopped any more
 * @throws ModuleError when it cannot be loaded or exports no handler
 */
export async function loadModule(
  url: URL,
  tellExit: (error: ModuleError) => void = writeExit,
  { isNode, isExact }: NodeMode = { isNode: false, isExact: false },
): Promise<ServedModule> {
  let main: unknown;
  let fetch: FetchHandler | undefined;
  let error: ErrorHandler | undefined;
  let websocket: unknown;
  let routes: unknown;
  let taken: string | undefined;
  try {
    const exports = await whileAlive(url, tellExit, importModule(url));
    main = mainExport(exports);
    const listener = listenerOf(exports, main, isNode);
    taken = listener?.taken;
    fetch = listener === undefined ? handlerOf(main) : await listenerFetch(listener.value, isExact);
    // Apps of frameworks have properties of the same names that mean something else.
    const own = listener === undefined ? main : undefined;
    error = errorHook(exports) ?? errorHook(own);
    websocket = ownOf(exports, 'websocket') ?? ownOf(own, 'websocket');
    routes = ownOf(exports, 'routes') ?? ownOf(own, 'routes');
  } catch (cause) {
    throw new ModuleError(`${display(url)} cannot be loaded: ${explain(cause, url)}`, { cause });
  }
  if (isRoutes(routes)) {
    const { compileRoutes } = await import('../routes/routes.ts');
    fetch = await compileRoutes(routes, fetch);
  }
  if (fetch !== undefined)
    return { fetch, error, taken, websocket: websocket === undefined ? undefined : readWebSocket(websocket) };
  throw new ModuleError(
    `${display(url)} exports no handler: its default export is ${whatIsNoHandler(main)}; ` +
      'allowed are a function (request) => Response, an object with such a function as `fetch`, `routes`, and what runs on node:http',
  );
}

/** Apps of frameworks have lists under that name (Hono), which are theirs; patterns begin with a slash. */
function isRoutes(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).some((pattern) => pattern.startsWith('/'))
  );
}

/** The export `node`, or a default export that is made for node:http, or is said to be. */
function listenerOf(
  exports: object,
  main: unknown,
  isNode: boolean,
): { value: unknown; taken: string | undefined } | undefined {
  const { node } = exports as { node?: unknown };
  if (node !== undefined && isModule(exports)) return { value: node, taken: undefined };
  if (isNode) return { value: main, taken: undefined };
  const kind = listenerKind(main);
  if (kind !== undefined) return { value: main, taken: kind };
  if (looksLikeListener(main))
    return { value: main, taken: 'a function that calls its second parameter a response' };
  return undefined;
}

/** For the log: nobody shall wonder how a module is called. */
export function takenSentence(taken: string): string {
  return `the module's default export is ${taken}: it is served as a listener of node:http (docs/node-http.md)`;
}

function whatIsNoHandler(main: unknown): string {
  if (isClass(main)) return `${show(main)}, a class: export an instance of it`;
  return Object.prototype.toString.call(main) === '[object Module]'
    ? 'missing (a program that calls `serve` itself is started by node)'
    : show(main);
}

async function importModule(url: URL): Promise<object> {
  const { typescript } = process.features as { typescript?: unknown };
  // Before the first attempt: Node remembers one that failed.
  if (!typescript && TYPESCRIPT.test(url.pathname) && !isMainThread()) await registerTsx();
  return (await import(url.href)) as object;
}

/**
 * @returns what the module exports. It rejects when nothing is left to do that could settle the module's own wait, and
 *   a call of `process.exit` is told by the module that was being loaded: both would end the process without a word.
 */
async function whileAlive(
  url: URL,
  tellExit: (error: ModuleError) => void,
  exports: Promise<object>,
): Promise<object> {
  let onIdle: (() => void) | undefined;
  const onExit = (code: number): void => {
    const frames = exitFrames(new Error('exit').stack);
    if (frames === undefined) return;
    const cause = new Error(`process.exit(${code})`);
    cause.stack = `${cause.message}\n${frames}`;
    tellExit(
      new ModuleError(
        `${display(url)} ended with code ${code} while it was loaded (process.exit)`,
        { cause },
        code,
      ),
    );
  };
  process.once('exit', onExit);
  try {
    return await Promise.race([
      exports,
      new Promise<never>((_, reject) => {
        onIdle = () => reject('it waits for what never comes, and nothing else is left to do');
        process.once('beforeExit', onIdle);
      }),
    ]);
  } finally {
    process.off('exit', onExit);
    if (onIdle !== undefined) process.off('beforeExit', onIdle);
  }
}

/** @returns the way to a call of `process.exit`; undefined where it was ours, or there was none */
function exitFrames(stack = ''): string | undefined {
  const lines = stack.split('\n');
  const call = lines.findIndex((line) => /^ +at (?:process\.)?(?:exit|reallyExit) /.test(line));
  const after = lines.slice(call + 1).join('\n');
  return call === -1 || after.includes(OWN_FOLDER) ? undefined : after;
}

const OWN_FOLDER = new URL('.', import.meta.url).href;

function writeExit({ message, cause }: ModuleError): void {
  try {
    writeSync(2, `holdfast: ${message}\n${frameLines((cause as Error).stack ?? '')}\n`);
  } catch {
    // Nobody listens.
  }
}

interface TsxManifest {
  readonly exports: { readonly './esm/api': { readonly import: { readonly default: string } } };
}

/**
 * On Node 20, where hooks are each thread's own, tsx puts its own into the main thread alone (tsx 4.23,
 * src/esm/index.ts): a worker has to ask for them.
 */
async function registerTsx(): Promise<void> {
  if (!/\btsx\b/.test([...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '))) return;
  try {
    const load = createRequire(join(process.cwd(), 'module.js'));
    // Its entry for `require` does not find its own files (4.23), so the one for `import` is looked up by hand.
    const { exports } = load('tsx/package.json') as TsxManifest;
    const entry = new URL(
      exports['./esm/api'].import.default,
      pathToFileURL(load.resolve('tsx/package.json')),
    );
    const { register } = (await import(entry.href)) as { register: () => unknown };
    register();
  } catch {
    // Another version, or another package of that name: the import says what is wrong.
  }
}

function isTypeScriptRefused(error: unknown, url: URL): boolean {
  const code = (error as { code?: string } | null)?.code;
  return code === 'ERR_UNKNOWN_FILE_EXTENSION' && TYPESCRIPT.test(url.pathname);
}

/**
 * The URL by which Node loads a module again. It keeps what it has imported: the query makes the module itself
 * new, and not those that it imports. It also keeps where symbolic links led when they were first followed, so
 * they are followed here, for a deployment may have swapped one.
 */
export function anotherInstance(url: URL, mark: string): URL {
  const another = new URL(url);
  if (url.protocol === 'file:') another.pathname = pathToFileURL(realpathSync(fileURLToPath(url))).pathname;
  another.searchParams.set('reload', mark);
  return another;
}

/** Only what somebody wrote there for us: applications of a framework inherit an `error` that means something else. */
function errorHook(of: unknown): ErrorHandler | undefined {
  const error = ownOf(of, 'error');
  return typeof error === 'function' ? (error as ErrorHandler) : undefined;
}

function ownOf(of: unknown, name: string): unknown {
  if (typeof of !== 'object' || of === null || !Object.hasOwn(of, name)) return undefined;
  return (of as Record<string, unknown>)[name];
}

/** The way to where an error was thrown; Node's own way to the module is nobody's fault. */
export function frameLines(stack: string): string {
  return stack
    .split('\n')
    .filter(
      (line) => /^\s+at /.test(line) && !/(\(|at |async )node:/.test(line) && !line.includes(OWN_FOLDER),
    )
    .join('\n');
}

function display(url: URL): string {
  return url.protocol === 'file:' ? decodeURIComponent(url.pathname) : url.href;
}

function explain(error: unknown, url: URL): string {
  if (isTypeScriptRefused(error, url)) {
    return (
      `this Node.js (${process.version}) does not load TypeScript; use Node 22.18 or later (24 is recommended), ` +
      'a loader such as `node --import tsx`, or compile it first'
    );
  }
  if (error instanceof SyntaxError && /Unexpected token 'export'|outside a module/.test(error.message))
    return (
      `${error.message}; Node takes this file for CommonJS: name it ` +
      `${display(url).replace(/^.*\/|\.\w+$/g, '')}.mjs, or put "type": "module" into package.json`
    );
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    return show(error);
  }
}

/** A path from the current folder, or a URL, as a module URL. */
export function moduleUrl(module: string | URL): URL {
  if (module instanceof URL) return module;
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? new URL(module) : pathToFileURL(module);
}

/** Asked of a module that few starts need: it is not loaded with this one. */
function isMainThread(): boolean {
  return process.getBuiltinModule('node:worker_threads').isMainThread;
}
