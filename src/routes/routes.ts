/**
 * `routes` made into one fetch handler: finds the pattern, then the method, and calls what stands there. What no pattern means
 * goes on to the server's own handler, or is answered 404.
 */
import { OptionError } from '../base/errors.ts';
import type { FetchHandler, RequestContext } from '../web/context.ts';
import { isLightRequest } from '../web/request.ts';
import { Response } from '../web/response.ts';
import { fixedAnswer } from './fixed-answer.ts';
import { PathSegments } from './path-segments.ts';
import { paramsOf, RouteTable } from './route-table.ts';

type Answer = (request: Request, context: RequestContext, executionCtx: RequestContext) => Answered;
type Answered = globalThis.Response | Promise<globalThis.Response>;

/** What stands at a pattern. */
interface Route {
  /** For every method; undefined where methods differ. */
  readonly all: Answer | undefined;
  readonly byMethod: ReadonlyMap<string, Answer>;
  /** For `Allow`. */
  readonly allow: string;
  /** Answers that ask nothing of the request need no parameters. */
  readonly isFixed: boolean;
}

const METHOD = /^[A-Z]+$/;
const ALLOWED =
  'a Response, a function (request) => Response, an object with such a function as `fetch`, an object of these by method ' +
  'as { GET, POST }, or false, which goes on to `fetch`';

/**
 * @param fetch for what no pattern means
 * @throws OptionError that names the pattern
 */
export async function compileRoutes(routes: unknown, fetch: FetchHandler | undefined): Promise<FetchHandler> {
  const table = new RouteTable<Route | undefined>();
  for (const [pattern, value] of entriesOf(routes)) table.add(pattern, await routeOf(pattern, value));
  const path = new PathSegments();
  return (request, context, executionCtx) => {
    path.read(request);
    const entry = table.find(path);
    const route = entry?.value;
    if (route === undefined) return fetch === undefined ? notFound() : fetch(request, context, executionCtx);
    if (!route.isFixed) setParams(request, paramsOf(entry!, path));
    const answer = route.all ?? answerFor(route, request.method);
    return answer === undefined ? notAllowed(route, request) : answer(request, context, executionCtx);
  };
}

function entriesOf(routes: unknown): [string, unknown][] {
  if (typeof routes !== 'object' || routes === null || Array.isArray(routes))
    throw new OptionError('routes', routes, "an object of patterns, as { '/shops/:shop': handler }");
  return Object.entries(routes);
}

async function routeOf(pattern: string, value: unknown): Promise<Route | undefined> {
  const option = `routes[${JSON.stringify(pattern)}]`;
  if (value === false) return undefined;
  if (isResponse(value)) {
    const fixed = await fixedAnswer(option, value);
    return {
      all: undefined,
      byMethod: new Map([['GET', fixed]]),
      allow: 'GET, HEAD, OPTIONS',
      isFixed: true,
    };
  }
  const all = callable(value);
  if (all !== undefined) return { all, byMethod: new Map(), allow: '', isFixed: false };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new OptionError(option, value, ALLOWED);
  return byMethods(option, value as Record<string, unknown>);
}

async function byMethods(option: string, handlers: Record<string, unknown>): Promise<Route> {
  const byMethod = new Map<string, Answer>();
  let isFixed = true;
  for (const [method, handler] of Object.entries(handlers)) {
    if (!METHOD.test(method))
      throw new OptionError(`${option}.${method}`, handler, 'methods are in capitals, as GET and POST');
    const answer = isResponse(handler)
      ? await fixedAnswer(`${option}.${method}`, handler)
      : callable(handler);
    if (answer === undefined)
      throw new OptionError(`${option}.${method}`, handler, 'a function or a Response');
    isFixed &&= isResponse(handler);
    byMethod.set(method, answer);
  }
  if (byMethod.size === 0) throw new OptionError(option, handlers, ALLOWED);
  const methods = new Set(byMethod.keys()).add('OPTIONS');
  if (methods.has('GET')) methods.add('HEAD');
  return { all: undefined, byMethod, allow: [...methods].join(', '), isFixed };
}

function isResponse(value: unknown): value is globalThis.Response {
  return value instanceof Response || value instanceof globalThis.Response;
}

function callable(value: unknown): Answer | undefined {
  if (typeof value === 'function') return value as Answer;
  const app = value as { fetch?: unknown } | null;
  if (typeof app !== 'object' || typeof app?.fetch !== 'function') return undefined;
  return (request, context, executionCtx) => (app as { fetch: Answer }).fetch(request, context, executionCtx);
}

function answerFor({ byMethod }: Route, method: string): Answer | undefined {
  // RFC 9110 §9.3.2: HEAD is GET without the content, which is not sent.
  return byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined);
}

function setParams(request: Request, params: Readonly<Record<string, string>>): void {
  if (isLightRequest(request)) request._params = params;
  else Object.defineProperty(request, 'params', { value: params, configurable: true });
}

/** RFC 9110 §15.5.6: with the methods that are. */
function notAllowed({ allow }: Route, request: Request): globalThis.Response {
  const { method } = request;
  const answer =
    method === 'OPTIONS'
      ? new Response(null, { status: 204, headers: { allow } })
      : new Response(`405 Method Not Allowed: allowed are ${allow}\n`, { status: 405, headers: { allow } });
  return answer as unknown as globalThis.Response;
}

function notFound(): globalThis.Response {
  return new Response('404 Not Found\n', { status: 404 }) as unknown as globalThis.Response;
}
