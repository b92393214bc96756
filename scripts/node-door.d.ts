/** Types of `holdfast/node`, which are Node's own: written by hand, since the roll-up of the package's types knows none of them. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { FetchHandler, ServeOptions } from './index.js';

/** Options of `http.createServer` that mean something here, and those of `serve` that concern one thread. */
export interface HttpServerOptions
  extends Pick<
    ServeOptions,
    'engine' | 'timeouts' | 'limits' | 'logger' | 'accessLog' | 'trustProxy' | 'tls' | 'http2' | 'error'
  > {
  keepAliveTimeout?: number;
  headersTimeout?: number;
  requestTimeout?: number;
  maxHeaderSize?: number;
  joinDuplicateHeaders?: boolean;
  rejectNonStandardBodyWrites?: boolean;
  highWaterMark?: number;
  IncomingMessage?: typeof IncomingMessage;
  ServerResponse?: typeof ServerResponse;
}

/** A server with the face of `http.Server`. */
export function createServer(listener?: RequestListener): Server;
export function createServer(options: HttpServerOptions, listener?: RequestListener): Server;
/** For Fastify: `Fastify({ serverFactory: serverFactory() })`. */
export function serverFactory(
  options?: HttpServerOptions,
): (handler: (request: IncomingMessage, response: ServerResponse) => void) => Server;
/** A fetch handler of a listener, an app of Express, Connect, Koa or Fastify, or a server of node:http. */
export function toFetch(handler: RequestListener | object): FetchHandler;
