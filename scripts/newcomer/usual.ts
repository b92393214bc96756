/**
 * What typical programs write, to be compiled and never run: our Response where the platform's is wanted and the
 * other way round, handlers of all shapes, Hono, the context, the options. It uses no type of Node's.
 */
import {
  type CloseReport,
  type ErrorHandler,
  type FetchHandler,
  Headers,
  installGlobals,
  OptionError,
  type RequestContext,
  Response,
  type ServeOptions,
  type Server,
  type ServerStats,
  SysError,
  serve,
} from 'holdfast';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { proxy } from 'hono/proxy';

export const asPlatform: globalThis.Response = new Response('text');
export const asOurs: Response = new globalThis.Response('text');
export const headers: globalThis.Headers = new Headers([['a', 'b']]);
export const wrapped = [
  new globalThis.Headers(new Headers()),
  new Headers(new globalThis.Headers()),
  new globalThis.Response(new Response('x').body, new Response('y')),
  new Response(new globalThis.Response('x').body, { headers, status: 201 }),
];
export const bodies = [
  new Response(new Uint8Array(3)),
  new Response(new Blob(['x'])),
  new Response(new FormData()),
  new Response(new URLSearchParams('a=b')),
  new Response(new ReadableStream()),
  new Response(pieces()),
];
export const iterated: string[] = [...headers, ...new Headers()].map(([name, value]) => `${name}: ${value}`);

async function* pieces() {
  yield 'text';
  yield new Uint8Array(2);
}

export class Page extends Response {
  get contentType(): string | null {
    return this.headers.get('content-type');
  }
}

const handler: FetchHandler = async (request: Request, context: RequestContext) => {
  context.waitUntil(fetch(request.url).then((response) => response.text()));
  context.earlyHints({ link: '</style.css>; rel=preload' });
  context.completed.then(
    () => {},
    (reason: unknown) => reason,
  );
  const data: { case: number } = await request.json();
  if (request.signal.aborted || context.signal.aborted) return Response.error();
  if (data.case === 1) return Response.redirect('http://localhost/', 303);
  if (data.case === 2)
    return fetch('http://localhost/', { method: request.method, headers: request.headers });
  if (data.case === 3) return new Page('page');
  if (data.case === 4) return new Response(request.body, { headers: { 'content-type': 'text/plain' } });
  return Response.json({ address: context.remoteAddress?.address }, { status: 200 });
};
const plain = (request: Request): Response => new Response(request.url);
const error: ErrorHandler = (problem) => new Response(String(problem), { status: 500 });

/** An app as others write it: an instance with `fetch`. */
class Router {
  fetch(request: Request): Response {
    return new Response(new URL(request.url).pathname);
  }
}

const app = new Hono<{ Bindings: RequestContext }>();
app.use(cors());
app.get('/json', (c) => c.json({ address: c.env.remoteAddress?.address }));
app.get('/later', (c) => {
  c.executionCtx.waitUntil(Promise.resolve());
  return c.text('later');
});
app.get('/proxy', (c) => proxy(`http://localhost${c.req.path}`, { ...c.req, headers: c.req.header() }));
app.get('/light', () => new Response('light'));
app.onError((problem, c) => c.text(problem.message, 500));

declare const environment: Record<string, string | undefined>;
const options: ServeOptions = {
  port: environment['PORT'],
  hostname: '::1',
  fetch: handler,
  error,
  engine: 'auto',
  timeouts: { header: '5s', handler: 3000, idle: Number.POSITIVE_INFINITY },
  limits: { bodyBytes: '10m', connections: 100, whenFull: 'pause' },
  logger: console,
  accessLog: 'json',
  onListen: ({ url, port }) => console.log(url, port),
  signal: new AbortController().signal,
};

export async function main(): Promise<void> {
  const server: Server = await serve(options);
  const stats: ServerStats = await server.stats();
  const direct: globalThis.Response = await server.fetch(new Request('http://localhost/'));
  const report: CloseReport = await server.close({ force: true });
  console.log(stats.requests, direct.status, report.drained);
  const calls = [
    serve(plain),
    serve(app),
    serve(app, { port: 0 }),
    serve(new Router(), { port: 0 }),
    serve({ fetch: app.fetch, port: 0 }, ({ port }) => console.log(port)),
    serve({ port: 0 }, plain),
  ];
  for (const call of calls) {
    await using scoped = await call;
    await scoped.reload(plain);
  }
  await serve({
    module: new URL('./app.js', import.meta.url),
    workers: 2,
    reusePort: true,
    balance: 'least',
  });
  installGlobals()();
  try {
    await serve({ port: 'no port', fetch: () => globalThis.Response.json(1) });
  } catch (problem) {
    if (problem instanceof OptionError) console.log(problem.option);
    else if (problem instanceof SysError) console.log(problem.errno, problem.code);
  }
}

/** What a module that `holdfast serve` loads may export. */
export default { port: 3000, fetch: plain, error } satisfies ServeOptions;
