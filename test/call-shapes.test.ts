/** Every way in which `serve` may be called, and the context that handlers get, over real sockets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H3 } from 'h3';
import { type ExecutionContext, Hono } from 'hono';
import { OptionError, type RequestContext, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { RawClient } from './raw-client.ts';

const logged: unknown[][] = [];
const logger = { info() {}, warn() {}, error: (...words: unknown[]) => void logged.push(words) };
const ANY_PORT = { port: 0, logger } as const;

async function answerOf(starting: Promise<Server>, path = '/'): Promise<string> {
  const server = await starting;
  try {
    return await (await fetch(server.url + path)).text();
  } finally {
    await server.close(true);
  }
}

/** PORT=0 is for calls that have no options. */
async function withAnyPort<T>(use: () => Promise<T>): Promise<T> {
  const before = process.env['PORT'];
  process.env['PORT'] = '0';
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env['PORT'];
    else process.env['PORT'] = before;
  }
}

class Greeter {
  readonly greeting = 'of an instance';
  fetch(_request: Request): Response {
    return new Response(this.greeting);
  }
}
const hono = () => new Hono().get('/', (c) => c.text('of Hono'));
const h3 = () => new H3().get('/', () => 'of H3');

test('an app is served as it is: functions, Hono, H3, instances with fetch in the prototype, modules', async () => {
  await withAnyPort(async () => {
    assert.equal(await answerOf(serve(() => new Response('of a function'))), 'of a function');
    assert.equal(await answerOf(serve(hono())), 'of Hono');
    assert.equal(await answerOf(serve(h3())), 'of H3');
    assert.equal(await answerOf(serve(new Greeter())), 'of an instance');
    assert.equal(await answerOf(serve({ fetch: () => new Response('of options') })), 'of options');
    // What modules for Cloudflare Workers export.
    const worker = { fetch: () => new Response('of a worker'), scheduled() {}, queue() {} };
    assert.equal(await answerOf(serve(worker)), 'of a worker');
    const source = 'data:text/javascript,export default { fetch: () => new Response("of a module") }';
    assert.equal(await answerOf(serve(await import(source))), 'of a module');
    const callable = Object.assign(() => 'not this', {
      fetch: () => new Response('of a function with fetch'),
    });
    assert.equal(await answerOf(serve(callable as never)), 'of a function with fetch');
  });
});

test('an app may have options beside it', async () => {
  assert.equal(await answerOf(serve(hono(), ANY_PORT)), 'of Hono');
  assert.equal(await answerOf(serve(new Greeter(), ANY_PORT)), 'of an instance');
  assert.equal(await answerOf(serve(() => new Response('beside'), ANY_PORT)), 'beside');
});

test('options that say nothing of what to serve take a handler or an app beside them', async () => {
  assert.equal(await answerOf(serve(ANY_PORT, () => new Response('second'))), 'second');
  assert.equal(await answerOf(serve(ANY_PORT, hono())), 'of Hono');
});

test('beside something that can serve, a function is onListen, and gets what address() of node:net tells', async () => {
  const app = hono();
  const calls: object[] = [];
  const server = await serve({ ...ANY_PORT, fetch: app.fetch, hostname: '127.0.0.1' }, (info) =>
    calls.push(info),
  );
  const { url, port } = server;
  assert.equal(await answerOf(Promise.resolve(server)), 'of Hono');
  assert.deepEqual(calls, [{ url, port, hostname: '127.0.0.1', address: '127.0.0.1', family: 'IPv4' }]);
  await withAnyPort(async () => {
    let told = 0;
    assert.equal(await answerOf(serve(app, (info) => (told = info.port))), 'of Hono');
    assert.ok(told > 0);
  });
});

test('what a call cannot mean is refused', async () => {
  const refused: [unknown, unknown, RegExp][] = [
    [undefined, undefined, /^options: undefined is not allowed; give options, a handler/],
    [null, undefined, /^options: null/],
    ['app', undefined, /^options: "app"/],
    [[], undefined, /^options: an array/],
    [
      Greeter,
      undefined,
      /^fetch: function Greeter is not allowed; a class cannot be called: give an instance/,
    ],
    [{ ...ANY_PORT }, undefined, /^fetch: undefined is not allowed; a function/],
    [{ ...ANY_PORT }, null, /^fetch: null/],
    [{ ...ANY_PORT }, 'x', /^fetch: "x"/],
    [hono(), 8080, /^onListen: 8080/],
    [hono(), { ...ANY_PORT, fetch() {} }, /^fetch: function fetch is not allowed; not together with an app/],
    [{ ...ANY_PORT, fetch() {}, onListen() {} }, () => {}, /^onListen: .* it is given twice/],
    [{ ...ANY_PORT, fetch() {}, prot: 1 }, undefined, /^prot: .* no such option/],
  ];
  for (const [first, second, message] of refused)
    await assert.rejects(
      (serve as (...args: unknown[]) => Promise<Server>)(first, second),
      (error) => error instanceof OptionError && message.test(error.message),
      String(message),
    );
});

for (const { engine, skip } of await enginesHere()) {
  test(`c.env and c.executionCtx of a Hono app are the context, on ${engine}`, { skip }, async () => {
    let finish!: () => void;
    const seen: string[] = [];
    const app = new Hono<{ Bindings: RequestContext }>()
      .get('/', (c) => {
        c.executionCtx.waitUntil(new Promise<void>((resolve) => (finish = resolve)));
        c.executionCtx.passThroughOnException();
        seen.push(c.env.remoteAddress?.address ?? '');
        assert.equal(c.env.request, c.req.raw);
        assert.equal(c.env.signal, c.req.raw.signal);
        assert.equal(c.env.encrypted, false);
        assert.deepEqual(c.executionCtx.props, {});
        return c.text('ok');
      })
      .post('/', (c) => {
        const context: ExecutionContext = c.executionCtx;
        context.waitUntil(Promise.reject(new Error('late work')));
        return c.text('ok');
      });
    const server = await serve({ ...ANY_PORT, engine, fetch: app.fetch });
    assert.equal(await (await fetch(server.url)).text(), 'ok');
    assert.deepEqual(seen, ['127.0.0.1']);
    logged.length = 0;
    assert.equal(await (await fetch(server.url, { method: 'POST' })).text(), 'ok');
    assert.match(String(logged[0]), /waitUntil failed: POST \/.*late work/s);
    let isClosed = false;
    const closed = server.close().then(() => (isClosed = true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(isClosed, false, 'close waits for what was given to waitUntil');
    finish();
    await closed;
  });

  test(`interim answers go out before the answer, on ${engine}`, { skip }, async (t) => {
    const server = await serve({ ...ANY_PORT, engine }, async (_request, context) => {
      context.earlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'] });
      context.sendInformational(102);
      assert.throws(() => context.sendInformational(101), RangeError);
      assert.throws(() => context.sendInformational(200), RangeError);
      assert.throws(() => context.earlyHints({ link: 'a\r\nb' }), TypeError);
      await undefined;
      context.earlyHints(new Headers({ 'x-late': '1' }));
      return new Response('done');
    });
    t.after(() => server.close(true));
    const client = await RawClient.open(server.port);
    t.after(() => client.destroy());
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.until(({ ended }) => ended, 'the end');
    const { text } = client;
    const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
    assert.deepEqual(statuses, ['103', '102', '103', '200']);
    assert.equal([...text.matchAll(/^link: /gim)].length, 2);
  });
}

test('server.fetch gives a context that works: close waits for its work, and a rejection is logged', async () => {
  let finish!: () => void;
  const server = await serve({
    ...ANY_PORT,
    error: (error) => new Response(`caught ${(error as Error).message}`, { status: 500 }),
    async fetch(request: Request, context: RequestContext) {
      const { pathname } = new URL(request.url);
      if (pathname === '/throw') throw new Error('on purpose');
      if (pathname === '/reject') context.waitUntil(Promise.reject(new Error('late work')));
      else context.waitUntil(new Promise<void>((resolve) => (finish = resolve)));
      context.earlyHints({ link: '</a>' });
      context.passThroughOnException();
      assert.equal(context.request, request);
      assert.equal(context.signal, request.signal);
      assert.equal(context.remoteAddress, undefined);
      void context.completed.then(() => logged.push(['completed', pathname]));
      return new Response('ok');
    },
  });
  logged.length = 0;
  const ask = async (path: string) => (await server.fetch(new Request(`http://localhost${path}`))).text();
  assert.equal(await ask('/reject'), 'ok');
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(String(logged), /completed,\/reject/);
  assert.match(String(logged), /waitUntil failed: GET http:\/\/localhost\/reject.*late work/s);
  assert.equal(await ask('/throw'), 'caught on purpose');
  assert.equal(await ask('/'), 'ok');
  let isClosed = false;
  const closed = server.close().then(() => (isClosed = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(isClosed, false);
  finish();
  await closed;
});

test('server.fetch rejects with the error of a handler where no hook answers', async () => {
  const server = await serve(ANY_PORT, () => {
    throw new Error('on purpose');
  });
  await assert.rejects(server.fetch(new Request('http://localhost/')), /on purpose/);
  await server.close();
});
