/** What the compiler must take, and must not: built with the tests, and never run. */
import { H3 } from 'h3';
import { Hono } from 'hono';
import { type FetchHandler, type RequestContext, serve } from '#src/index.ts';

const common = { port: 0, logger: { info() {}, warn() {}, error: () => {} } } as const;

export const calls = [
  () => serve(new Hono()),
  () => serve(new Hono(), { port: 3 }),
  () => serve(new H3(), (info) => console.log(info.family)),
  () => serve((request, context) => new Response(request.url + context.remoteAddress?.address)),
  () => serve((request, context) => new Response(request.url + context.encrypted), { port: 3 }),
  () => serve({ port: 3 }, (request) => new Response(request.url)),
  () => serve({ port: 3 }, new Hono()),
  () => serve({ module: 'x' }, (info) => console.log(info.port)),
  () => serve({ fetch: new Hono().fetch, port: 3 }, (info) => console.log(info.address)),
  () =>
    serve({ error: (error) => new Response(String(error)), fetch: (request) => new Response(request.url) }),
  () => serve({ ...common, error: (error) => new Response(String(error)), fetch: () => new Response('') }),
  () => serve((request) => new Response(request.ip ?? 'gone')),
  () => serve((request: Request) => new Response(request.url)),
  // @ts-expect-error a name that no option has
  () => serve({ prot: 3, fetch: () => new Response('') }),
  // @ts-expect-error a handler gives a Response
  () => serve({ fetch: () => 'text' }),
  // @ts-expect-error a class is no app, an instance of it may be one
  () => serve(Hono),
];

const handler: FetchHandler = (request, { ip }) => new Response(`${request.ip} ${ip}`);
// A handler can be called with any Request, as tests and other handlers do.
export const called = (context: RequestContext) =>
  handler(new Request('http://localhost/'), context, context);
