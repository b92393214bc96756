/** Types of `holdfast/node`, which are Node's own: written by hand but for the options, since the roll-up of the package's types knows none of them. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { FetchHandler } from './index.js';

// Here stands HttpServerOptions, as src/server/http-server-options.ts declares it.

/** A server with the face of `http.Server`. */
export function createServer(listener?: RequestListener): Server;
export function createServer(options: HttpServerOptions, listener?: RequestListener): Server;
/** For Fastify: `Fastify({ serverFactory: serverFactory() })`. */
export function serverFactory(
  options?: HttpServerOptions,
): (handler: (request: IncomingMessage, response: ServerResponse) => void) => Server;
/** A fetch handler of a listener, an app of Express, Connect, Koa or Fastify, or a server of node:http. */
export function toFetch(handler: RequestListener | object): FetchHandler;
