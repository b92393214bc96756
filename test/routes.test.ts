/** `routes` over sockets: paths as clients send them, methods, fixed answers, reload, modules and their threads. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import {
  files,
  Response as LightResponse,
  OptionError,
  type RouteParams,
  type Server,
  serve,
} from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { ask, connectH2, leave } from './h2-client.ts';
import { quiet } from './quiet-logger.ts';
import { get, RawClient } from './raw-client.ts';

/** Compiles only if both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
const typed: [
  Same<RouteParams<'/shops/:shop/:id'>, { readonly shop: string; readonly id: string }>,
  Same<RouteParams<'/static/*'>, { readonly '*': string }>,
  Same<keyof RouteParams<'/'>, never>,
] = [true, true, true];

const routes = {
  '/': new LightResponse('home'),
  '/fixed': new Response(new Uint8Array([1, 2, 3]), {
    status: 201,
    headers: { 'x-a': 'b', 'content-type': 'a/b' },
  }),
  '/api/:id': {
    GET: (request: Request, context: { params: RouteParams<'/api/:id'> }) =>
      new Response(`${request.method} ${context.params.id}`),
    POST: async (request: Request & { params: RouteParams<'/api/:id'> }) =>
      new Response(`${request.params.id} ${await request.text()}`),
    DELETE: new Response('gone'),
  },
  '/off': false,
  '/app/*': { fetch: (request: Request) => new Response(new URL(request.url).pathname) },
} as const;

for (const { engine, skip } of await enginesHere()) {
  describe(`routes (${engine})`, { skip }, () => {
    let server: Server;
    before(async () => {
      server = await serve({
        port: 0,
        engine,
        logger: quiet,
        routes,
        fetch: () => new Response('else', { status: 299 }),
      });
    });
    after(() => server.close(true));

    async function raw(
      line: string,
    ): Promise<{ status: number; headers: Map<string, string>; body: string }> {
      const client = await RawClient.open(server.port);
      client.write(`${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const answer = await client.response({ head: line.startsWith('HEAD') });
      client.destroy();
      return answer;
    }

    it('answers paths by their patterns, in each form in which they are sent', async () => {
      const expected: [string, number, string][] = [
        ['GET /', 200, 'home'],
        ['GET /?a=/api/1', 200, 'home'],
        ['GET http://other/api/5?x', 200, 'GET 5'],
        ['GET /api/a%2Fb', 200, 'GET a/b'],
        ['GET /%61pi/x/../7', 200, 'GET 7'],
        ['GET /api/%c3%a9', 200, 'GET é'],
        ['GET /api/', 299, 'else'],
        ['GET /api/1/2', 299, 'else'],
        ['GET /off', 299, 'else'],
        ['GET /app/x/y', 200, '/app/x/y'],
        ['GET /app', 200, '/app'],
        ['DELETE /api/1', 200, 'gone'],
        ['DELETE /', 405, '405 Method Not Allowed: allowed are GET, HEAD, OPTIONS\n'],
      ];
      for (const [line, status, body] of expected) {
        const answer = await raw(line);
        assert.deepEqual(
          [line, answer.status, Buffer.from(answer.body, 'latin1').toString()],
          [line, status, body],
        );
      }
    });

    it('answers HEAD by GET, tells OPTIONS and who asks by another method which there are', async () => {
      const head = await raw('HEAD /api/55');
      assert.deepEqual([head.status, head.headers.get('content-length'), head.body], [200, '7', '']);
      const options = await raw('OPTIONS /api/1');
      assert.deepEqual(
        [options.status, options.headers.get('allow')],
        [204, 'GET, POST, DELETE, OPTIONS, HEAD'],
      );
      const put = await raw('PUT /api/1');
      assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, POST, DELETE, OPTIONS, HEAD']);
      assert.equal((await raw('BREW /api/1')).status, 405);
      assert.equal((await raw('HEAD /fixed')).headers.get('content-length'), '3');
    });

    it('gives a fixed answer again and again, on one connection and over HTTP/2', async () => {
      const client = await RawClient.open(server.port);
      client.write('GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
      for (let i = 0; i < 3; i++) {
        const { status, headers, body } = await client.response();
        assert.deepEqual(
          [status, headers.get('x-a'), headers.get('content-type'), body],
          [201, 'b', 'a/b', '\x01\x02\x03'],
        );
      }
      client.destroy();
      const h2 = await connectH2(server.url);
      for (let i = 0; i < 3; i++) assert.equal((await ask(h2, '/')).text, 'home');
      assert.equal((await ask(h2, '/api/9', {}, 'body')).text, '9 body');
      assert.deepEqual([...(await ask(h2, '/fixed')).content], [1, 2, 3]);
      await leave(h2);
    });
  });
}

test('without fetch what no pattern means is 404; reload puts others in place; fetch without a socket has them too', async () => {
  const server = await serve({
    port: 0,
    logger: quiet,
    routes: { '/:a': (request) => new Response(`1 ${request.params.a}`) },
  });
  try {
    assert.equal(await get(server.port, '/x'), '1 x');
    assert.equal((await fetch(`${server.url}/x/y`)).status, 404);
    const detached = await server.fetch(new Request('http://a/%41'));
    assert.equal(await detached.text(), '1 A');
    await server.reload({ routes: { '/:a': new Response('2') }, fetch: () => new Response('else') });
    assert.equal(await get(server.port, '/x'), '2');
    assert.equal(await get(server.port, '/x/y'), 'else');
    await assert.rejects(server.reload({ routes: { a: false } }), OptionError);
    assert.equal(await get(server.port, '/x'), '2');
  } finally {
    await server.close(true);
  }
});

test('what is no route is refused at the start, by its pattern', async () => {
  const refuse = async (given: unknown, message: RegExp) =>
    assert.rejects(serve({ port: 0, logger: quiet, routes: given as never }), message);
  await refuse({ '/a': 5 }, /routes\["\/a"\]: 5 is not allowed; a Response, a function/);
  await refuse({ '/a': { get: () => new Response() } }, /routes\["\/a"\]\.get: .* methods are in capitals/);
  await refuse({ '/a': { GET: 'x' } }, /routes\["\/a"\]\.GET: "x" is not allowed/);
  await refuse({ '/a': {} }, /routes\["\/a"\]: an object/);
  await refuse({ 'a/:b': new Response() }, /"a\/:b" is not allowed; it does not begin with a slash/);
  await refuse([], /routes: an array is not allowed/);
  await assert.rejects(
    serve({ port: 0, module: 'x.mjs', routes: {} } as never),
    /routes: .* not together with `module`/,
  );
});

test('a module exports routes, which its threads serve and reload; files have their place below a wildcard', {
  skip: process.platform !== 'linux',
}, async (t) => {
  // biome-ignore format: one name
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-routes-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.txt'), 'a file');
  const module = join(folder, 'app.mjs');
  const write = (text: string) => writeFileSync(module, text);
  write(
    "export const routes = { '/v/:id': (request) => new Response('one ' + request.params.id), '/fixed': new Response('1') };",
  );
  const server = await serve({ module, workers: 2, port: 0, logger: quiet });
  t.after(() => server.close(true));
  assert.equal(await get(server.port, '/v/5'), 'one 5');
  write(
    "export default { fetch: () => new Response('else'), routes: { '/v/:id': (request, { params }) => new Response('two ' + params.id) } };",
  );
  await server.reload();
  assert.equal(await get(server.port, '/v/5'), 'two 5');
  assert.equal(await get(server.port, '/fixed'), 'else');
  const filed = await serve({
    port: 0,
    logger: quiet,
    routes: { '/static/*': files(folder, { basePath: '/static' }) },
  });
  t.after(() => filed.close(true));
  assert.equal(await get(filed.port, '/static/a.txt'), 'a file');
  assert.equal((await fetch(`${filed.url}/static/none`)).status, 404);
});

test('types of parameters follow the pattern', () => assert.equal(typed.length, 3));
