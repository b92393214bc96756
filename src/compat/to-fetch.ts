/**
 * `toFetch(listener)`: a fetch handler of what node:http runs. A server of ours that is given it calls the listener on its
 * exchanges, without a Request or Response in between; any other caller gets a Response (detached-exchange.ts).
 */
import { Server as CoreServer, type RequestListener } from 'node:http';
import { OptionError, show } from '../base/errors.ts';
import { withDirect } from '../http/direct.ts';
import type { Exchange } from '../http/exchange.ts';
import type { DirectHandler } from '../http/exchange-host.ts';
import type { FetchHandler } from '../web/context.ts';
import type { ServerFace } from './core.ts';
import { respondDetached } from './detached-exchange.ts';
import { ExactApp } from './exact-app.ts';
import { ListenerApp, ListenerServer } from './listener-app.ts';

/** What runs on node:http: a listener, an app that has one (Koa's `callback()`, Fastify's `routing`), or a server with listeners. */
type NodeHandler = RequestListener | object;

/**
 * @param handler `(req, res) => void`, an app of Express, Connect, Koa or Fastify, or a server of node:http, which is not listened on
 * @throws OptionError for anything else
 */
export function toFetch(handler: NodeHandler): FetchHandler {
  return fetchOf(appOf(handler));
}

/** The same on node:http's own server, which gets each connection as a stream. */
export function toExactFetch(handler: NodeHandler): FetchHandler {
  const app = appOf(handler);
  const exact = new ExactApp(app);
  const fetch: FetchHandler = (request, context) => respondDetached(app, request, context);
  const direct: DirectHandler = (exchange) => exact.answer(exchange as Exchange);
  direct.accepts = (host, from) => exact.accept(host, from);
  return withDirect(fetch, direct);
}

/** @param refusal of requests that break the grammar; else Holdfast's own */
export function fetchOf(app: ListenerApp, refusal?: DirectHandler['refusal']): FetchHandler {
  const fetch: FetchHandler = (request, context) => respondDetached(app, request, context);
  const direct: DirectHandler = (exchange) => app.answer(exchange as Exchange);
  direct.rules = app;
  if (refusal !== undefined) direct.refusal = refusal;
  direct.accepts = (host, from) => app.accepted(host, from);
  direct.refused = (host, fault, from) => app.refused(host, fault, from);
  return withDirect(fetch, direct);
}

interface MaybeApp {
  readonly callback?: unknown;
  readonly handle?: unknown;
  readonly routing?: unknown;
  readonly ready?: unknown;
  readonly server?: unknown;
}

function appOf(handler: unknown): ListenerApp {
  if (handler instanceof ListenerServer) return new ListenerApp(handler);
  if (handler instanceof CoreServer) return new ListenerApp(handler as unknown as ServerFace);
  if (typeof handler === 'function') return ListenerApp.of(handler as RequestListener);
  if (typeof handler === 'object' && handler !== null) {
    const { callback, handle, routing, ready } = handler as MaybeApp;
    if (typeof routing === 'function' && typeof ready === 'function')
      return ListenerApp.of(fastifyListener(handler));
    if (typeof callback === 'function') return ListenerApp.of(callback.call(handler) as RequestListener);
    if (typeof handle === 'function') return ListenerApp.of(handle.bind(handler) as RequestListener);
  }
  throw new OptionError(
    'node',
    handler,
    `a listener (req, res) => void, an app of Express, Koa, Connect or Fastify, or a server of node:http, not ${show(handler)}`,
  );
}

/** Fastify loads its plugins first; requests that come meanwhile wait for that. */
function fastifyListener(app: object): RequestListener {
  const { routing, ready } = app as { routing: RequestListener; ready(): PromiseLike<unknown> };
  let isReady = false;
  let starting: Promise<void> | undefined;
  return (request, response) => {
    if (isReady) {
      routing(request, response);
      return undefined;
    }
    starting ??= Promise.resolve(ready.call(app)).then(() => {
      isReady = true;
    });
    return starting.then(() => routing(request, response)) as unknown as undefined;
  };
}
