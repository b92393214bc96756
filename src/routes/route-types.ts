/** The types of `routes`: what may stand at a pattern, and the parameters that a pattern names. */
import type { FetchApp, FetchHandler, HandlerRequest, RequestContext } from '../web/context.ts';

type ParamNames<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? ParamName<Segment> | ParamNames<Rest>
  : ParamName<Pattern>;
type ParamName<Segment extends string> = Segment extends `:${infer Name}`
  ? Name
  : Segment extends '*'
    ? '*'
    : never;

/** `RouteParams<'/shops/:shop/:id'>` is `{ readonly shop: string; readonly id: string }`; what a wildcard stands for is `'*'`. */
export type RouteParams<Pattern extends string> = string extends Pattern
  ? Readonly<Record<string, string>>
  : { readonly [Name in ParamNames<Pattern>]: string };

export type RouteRequest<Pattern extends string = string> = Omit<HandlerRequest, 'params'> &
  Request & { readonly params: RouteParams<Pattern> };

export type RouteContext<Pattern extends string = string> = Omit<RequestContext, 'params'> & {
  readonly params: RouteParams<Pattern>;
};

export type RouteHandler<Pattern extends string = string> = (
  request: RouteRequest<Pattern>,
  context: RouteContext<Pattern>,
) => Response | Promise<Response>;

type MethodName = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** What answers at a pattern: a Response that is always the same, a handler for every method, handlers by method; false goes on to `fetch`. */
export type RouteValue<Pattern extends string = string> =
  | Response
  | RouteHandler<Pattern>
  | FetchApp
  | { readonly [Method in MethodName]?: RouteHandler<Pattern> | Response }
  | false;

/** By pattern: `'/shops/:shop'`, `'/static/*'`. docs/routes.md */
export type Routes<Pattern extends string = string> = { readonly [Each in Pattern]: RouteValue<Each> };

/** Routes, and what answers where none is meant. */
export interface RoutedHandler {
  readonly routes: Routes;
  readonly fetch?: FetchHandler;
}
