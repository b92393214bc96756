/**
 * Applications of Hono and h3, and what libraries beside them do with a Request (wrap it, forward it, copy its fields),
 * served on every engine to real clients. With the platform's globals, as a library is used, and with ours.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { H3, proxyRequest, readBody } from 'h3';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { logger } from 'hono/logger';
import { methodOverride } from 'hono/method-override';
import { proxy } from 'hono/proxy';
import { stream, streamSSE, streamText } from 'hono/streaming';
import { installGlobals, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';

type Fetch = (request: Request) => Response | Promise<Response>;

/** Tells what has reached it. */
function upstream(): Fetch {
  const app = new Hono();
  app.get('/cookies', (c) => {
    c.header('set-cookie', 'a=1', { append: true });
    c.header('set-cookie', 'b=2', { append: true });
    return c.text('cookies');
  });
  app.all('*', async (c) => {
    const { method, url, headers } = c.req.raw;
    const body = await c.req.text();
    return c.json({
      method,
      path: new URL(url).pathname,
      a: headers.get('x-a'),
      length: body.length,
      body: body.slice(0, 20),
    });
  });
  return (request) => app.fetch(request);
}

function honoProxy(origin: () => string): Fetch {
  const app = new Hono();
  app.all('/raw/:path', (c) => proxy(`${origin()}/${c.req.param('path')}`, c.req.raw));
  app.all('/options/:path', (c) =>
    proxy(`${origin()}/${c.req.param('path')}`, {
      ...c.req,
      headers: { ...c.req.header(), 'x-a': 'changed' },
    }),
  );
  app.all('/request/:path', (c) => proxy(new Request(`${origin()}/${c.req.param('path')}`, c.req.raw)));
  return (request) => app.fetch(request);
}

function h3Proxy(origin: () => string): Fetch {
  const app = new H3({ silent: true });
  app.all('/raw/:path', (event) => proxyRequest(event, `${origin()}/${event.context.params!['path']}`));
  app.all('/options/:path', (event) =>
    proxyRequest(event, `${origin()}/${event.context.params!['path']}`, { headers: { 'x-a': 'changed' } }),
  );
  app.all('/request/:path', (event) =>
    fetch(new Request(`${origin()}/${event.context.params!['path']}`, event.req as Request)),
  );
  return (request) => app.fetch(request) as Promise<Response>;
}

/** Does what better-auth, Auth.js, tRPC and Remix do. */
const LIBRARIES: Record<string, Fetch> = {
  'a handler behind a base path': (request) => {
    const url = new URL(request.url);
    return sayWhatCame(new Request(new URL(url.pathname.replace('/api', ''), url), request));
  },
  'a handler with its own fields': (request) => {
    const headers = new Headers(request.headers);
    headers.set('x-forwarded-proto', 'https');
    headers.delete('connection');
    return sayWhatCame(
      new Request(request.url, { method: request.method, headers, body: request.body, duplex: 'half' }),
    );
  },
  'a logger that clones': async (request) => {
    await request.clone().text();
    return sayWhatCame(request);
  },
  'a router that hands on a clone': (request) => sayWhatCame(request.clone()),
  'a wrapper by a proxy object': (request) =>
    sayWhatCame(
      new Proxy(request, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    ),
  'a reader of all fields': async (request) => {
    const plain = Object.fromEntries(request.headers.entries());
    return sayWhatCame(
      new Request(request.url, { method: request.method, headers: plain, body: await request.text() }),
    );
  },
};

async function sayWhatCame(request: Request): Promise<Response> {
  return Response.json({ method: request.method, a: request.headers.get('x-a'), body: await request.text() });
}

for (const { engine, skip } of await enginesHere()) {
  for (const globals of ['the platform’s', 'our'] as const) {
    describe(`frameworks on the ${engine} engine, with ${globals} globals`, {
      skip,
    }, () => {
      let origin: Server;
      let server: Server;
      let handler: Fetch;
      let uninstall = (): void => {};
      before(async () => {
        if (globals === 'our') uninstall = installGlobals();
        origin = await serve({ port: 0, engine, logger: quiet, fetch: upstream() });
        server = await serve({
          port: 0,
          engine,
          logger: quiet,
          fetch: (request: Request) => handler(request),
        });
      });
      after(async () => {
        await server.close(true);
        await origin.close(true);
        uninstall();
      });
      const get = async (path: string, init?: RequestInit) => fetch(server.url + path, init);

      for (const [name, make] of Object.entries({ Hono: honoProxy, h3: h3Proxy })) {
        it(`${name}’s proxy forwards methods, fields, bodies and cookies`, async () => {
          handler = make(() => origin.url);
          const long = 'x'.repeat(200_000);
          for (const way of ['raw', 'options', 'request']) {
            const a = way === 'options' ? 'changed' : 'sent';
            for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
              for (const body of method === 'GET' || method === 'DELETE' ? [''] : ['text', long]) {
                const init = { method, headers: { 'x-a': 'sent' }, body: body === '' ? null : body };
                const answer = await get(`/${way}/path`, init);
                assert.equal(answer.status, 200, `${way} ${method}`);
                const came = { method, path: '/path', a, length: body.length, body: body.slice(0, 20) };
                assert.deepEqual(await answer.json(), came, way);
              }
            }
            const cookies = await get(`/${way}/cookies`);
            assert.deepEqual(cookies.headers.getSetCookie(), ['a=1', 'b=2'], way);
            assert.equal(await cookies.text(), 'cookies');
            // `fetch` of undici refuses to send on the Transfer-Encoding that a chunked request has among its fields.
            if (name === 'h3' && way === 'request') continue;
            const streamed = new Blob([long]).stream();
            const answer = await get(`/${way}/s`, { method: 'POST', body: streamed, duplex: 'half' });
            assert.equal(((await answer.json()) as { length: number }).length, long.length, way);
          }
        });
      }

      for (const [name, library] of Object.entries(LIBRARIES)) {
        it(`${name} gets what was sent`, async () => {
          handler = library;
          for (const body of ['text', 'x'.repeat(100_000)]) {
            const answer = await get('/api/path', { method: 'POST', body, headers: { 'x-a': 'b' } });
            assert.deepEqual(await answer.json(), { method: 'POST', a: 'b', body });
          }
        });
      }

      it('Hono’s middlewares and helpers work together', async () => {
        const lines: string[] = [];
        const app = new Hono()
          .use(logger((line) => lines.push(line)))
          .use(cors({ origin: 'http://a.com' }))
          .use('/etag', etag())
          .use('/packed', compress({ threshold: 10 }))
          .use('/limited', bodyLimit({ maxSize: 10, onError: (c) => c.text('too large', 413) }))
          .get('/etag', (c) => c.text('tagged'))
          .get('/packed', (c) => c.text('packed '.repeat(100)))
          .post('/limited', async (c) => c.text(await c.req.text()))
          .post('/form', async (c) => c.json(await c.req.parseBody()))
          .get('/text', (c) =>
            streamText(c, async (out) => {
              await out.write('grün ');
              await out.write('two');
            }),
          )
          .get('/events', (c) => streamSSE(c, (out) => out.writeSSE({ data: 'hi', event: 'a' })))
          .get('/pipe', (c) => stream(c, (out) => out.pipe(new Blob(['piped']).stream())))
          .get('/error', () => {
            throw new Error('broken');
          });
        app.use(methodOverride({ app })).delete('/over', (c) => c.text('deleted'));
        handler = (request) => app.fetch(request);
        const tagged = await get('/etag');
        assert.equal(await tagged.text(), 'tagged');
        const tag = tagged.headers.get('etag')!;
        assert.equal((await get('/etag', { headers: { 'if-none-match': tag } })).status, 304);
        const packed = await get('/packed');
        assert.equal(packed.headers.get('content-encoding'), 'gzip');
        assert.equal(await packed.text(), 'packed '.repeat(100));
        assert.equal(await (await get('/limited', { method: 'POST', body: 'short' })).text(), 'short');
        assert.equal((await get('/limited', { method: 'POST', body: 'far too long' })).status, 413);
        const form = new FormData();
        form.append('a', '1');
        assert.deepEqual(await (await get('/form', { method: 'POST', body: form })).json(), { a: '1' });
        assert.equal(await (await get('/text')).text(), 'grün two');
        assert.equal(await (await get('/events')).text(), 'event: a\ndata: hi\n\n');
        assert.equal(await (await get('/pipe')).text(), 'piped');
        assert.equal((await get('/error')).status, 500);
        const override = new FormData();
        override.append('_method', 'DELETE');
        assert.equal(await (await get('/over', { method: 'POST', body: override })).text(), 'deleted');
        assert.ok(lines.some((line) => line.includes('GET') && line.includes('/etag')));
      });

      it('h3 reads bodies and streams answers', async () => {
        const app = new H3({ silent: true })
          .post('/json', async (event) => readBody(event))
          .post('/form', async (event) => [...(await event.req.formData()).keys()])
          .get('/stream', () => new Blob(['streamed']).stream())
          .get('/blob', () => new Blob(['blob'], { type: 'text/x' }));
        handler = (request) => app.fetch(request) as Promise<Response>;
        const json = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };
        assert.deepEqual(await (await get('/json', json)).json(), { a: 1 });
        const form = new FormData();
        form.append('a', new Blob(['content']), 'name');
        assert.deepEqual(await (await get('/form', { method: 'POST', body: form })).json(), ['a']);
        assert.equal(await (await get('/stream')).text(), 'streamed');
        assert.equal(await (await get('/blob')).text(), 'blob');
      });
    });
  }
}
