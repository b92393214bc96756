import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getQuery, H3, readBody } from 'h3';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { logger } from 'hono/logger';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { streamText } from 'hono/streaming';
import { timeout } from 'hono/timeout';
import { FakeBody, type FakeExchange, fakeRequest } from './exchange.contract.ts';
import { installGlobals } from './globals.ts';
import { responseParts } from './parts.ts';
import { collect } from './pieces.ts';
import { Response } from './response.ts';

type Fetch = (request: globalThis.Request) => unknown;

interface Answer {
  status: number;
  fields: Map<string, string>;
  bytes: Uint8Array;
  text: string;
}

/** One request through an application, its answer taken as the server takes it. */
async function ask(fetch: Fetch, exchange: FakeExchange): Promise<Answer> {
  const parts = responseParts(await fetch(fakeRequest(exchange)));
  const fields = new Map(parts.names.map((name, i) => [name, parts.values[i]!]));
  if (parts.contentType !== undefined) fields.set('content-type', parts.contentType);
  const { body } = parts;
  const bytes =
    body === null || typeof body === 'string'
      ? new TextEncoder().encode(body ?? '')
      : body instanceof Uint8Array
        ? body
        : await collect(body);
  return { status: parts.status, fields, bytes, text: new TextDecoder().decode(bytes) };
}

/** Platforms that keep a Request's state in private fields take ours only with our globals (request.ts). */
const STATE_IS_PRIVATE = Object.getOwnPropertySymbols(new globalThis.Request('http://a/')).length === 0;

/**
 * Every case with the platform's globals and with ours.
 * @param makesRequests the application gives our Request to the platform's constructor
 */
function withBothGlobals(name: string, run: () => Promise<void>, makesRequests = false): void {
  it(
    name,
    { skip: makesRequests && STATE_IS_PRIVATE ? 'new Request(ours) needs our globals here' : false },
    run,
  );
  it(`${name}, with our globals`, async () => {
    const uninstall = installGlobals();
    try {
      await run();
    } finally {
      uninstall();
    }
  });
}

const json = (body: FakeExchange['body']): FakeExchange => ({
  method: 'POST',
  body,
  fields: [['Content-Type', 'application/json']],
});

describe('a Hono application', () => {
  withBothGlobals('reads query, params, headers and bodies', async () => {
    const app = new Hono()
      .get('/hello/:name', (c) => c.text(`${c.req.param('name')} ${c.req.query('q')} ${c.req.header('X-A')}`))
      .post('/json', async (c) => c.json(await c.req.json()))
      .post('/text', async (c) => c.text(await c.req.text()))
      .post('/twice', async (c) => c.text((await c.req.text()) + (await c.req.json()).a))
      .post('/raw', async (c) => c.text((await c.req.raw.clone().text()) + (await c.req.raw.text())))
      .post('/form', async (c) => c.json(await c.req.parseBody()))
      .post('/echo', (c) => new globalThis.Response(c.req.raw.body))
      .get('/light', () => new Response('light', { headers: { 'x-a': '1' } }));
    const hello = await ask(app.fetch, { target: '/hello/bob?q=1', fields: [['X-A', 'h']] });
    assert.deepEqual([hello.status, hello.text], [200, 'bob 1 h']);
    assert.match(hello.fields.get('content-type')!, /^text\/plain/i);
    for (const body of ['{"a":1}', ['{"a"', ':1}']]) {
      const ask1 = (target: string): Promise<Answer> => ask(app.fetch, { ...json(body), target });
      assert.equal((await ask1('/json')).text, '{"a":1}');
      assert.equal((await ask1('/text')).text, '{"a":1}');
      assert.equal((await ask1('/twice')).text, '{"a":1}1');
      assert.equal((await ask1('/raw')).text, '{"a":1}{"a":1}');
      assert.equal((await ask1('/echo')).text, '{"a":1}');
    }
    const form: FakeExchange = {
      method: 'POST',
      target: '/form',
      body: 'a=1&b=2',
      fields: [['content-type', 'application/x-www-form-urlencoded']],
    };
    assert.equal((await ask(app.fetch, form)).text, '{"a":"1","b":"2"}');
    assert.equal((await ask(app.fetch, { target: '/light' })).text, 'light');
    assert.equal((await ask(app.fetch, { target: '/absent' })).status, 404);
  });

  withBothGlobals('runs behind its middlewares', async () => {
    const lines: string[] = [];
    const app = new Hono()
      .use(logger((line) => lines.push(line)))
      .use(requestId())
      .use(secureHeaders())
      .use(timeout(1000))
      .use(cors({ origin: 'http://a.com', credentials: true }))
      .use(etag())
      .use(compress({ threshold: 10 }))
      .get('/', (c) => c.text('a long enough text to compress'))
      .get('/light', () => new Response('a long enough text, light', { headers: { 'x-a': '1' } }))
      .get('/stream', (c) =>
        streamText(c, async (stream) => {
          await stream.write('one ');
          await stream.write('two');
        }),
      );
    const plain = await ask(app.fetch, { target: '/', fields: [['Origin', 'http://a.com']] });
    assert.equal(plain.text, 'a long enough text to compress');
    assert.equal(plain.fields.get('access-control-allow-origin'), 'http://a.com');
    assert.ok(plain.fields.get('x-request-id'));
    const tag = plain.fields.get('etag')!;
    assert.equal((await ask(app.fetch, { target: '/', fields: [['If-None-Match', tag]] })).status, 304);
    for (const [target, text] of [
      ['/', plain.text],
      ['/light', 'a long enough text, light'],
    ]) {
      const packed = await ask(app.fetch, { target: target!, fields: [['Accept-Encoding', 'gzip']] });
      assert.equal(packed.fields.get('content-encoding'), 'gzip');
      const unpacked = new Blob([new Uint8Array(packed.bytes)])
        .stream()
        .pipeThrough(new DecompressionStream('gzip'));
      assert.equal(await new globalThis.Response(unpacked).text(), text);
    }
    assert.equal((await ask(app.fetch, { target: '/stream' })).text, 'one two');
    const preflight = await ask(app.fetch, {
      method: 'OPTIONS',
      fields: [
        ['Origin', 'http://a.com'],
        ['Access-Control-Request-Method', 'PUT'],
      ],
    });
    assert.equal(preflight.status, 204);
    assert.ok(lines.some((line) => line.includes('GET /light')));
  });

  withBothGlobals(
    'bounds bodies, announced and not, and cancels what it refuses',
    async () => {
      const app = new Hono()
        .use(bodyLimit({ maxSize: 4, onError: (c) => c.text('too large', 413) }))
        .post('/', async (c) => c.text(await c.req.text()));
      const chunked: FakeExchange['fields'] = [['Transfer-Encoding', 'chunked']];
      assert.equal(
        (await ask(app.fetch, { method: 'POST', body: ['ab', 'c'], fields: chunked })).text,
        'abc',
      );
      const body = new FakeBody(['abc', 'def'], false);
      assert.equal((await ask(app.fetch, { method: 'POST', body, fields: chunked })).status, 413);
      const announced: FakeExchange['fields'] = [['Content-Length', '6']];
      assert.equal((await ask(app.fetch, { method: 'POST', body: 'abcdef', fields: announced })).status, 413);
    },
    true,
  );
});

describe('an H3 application', () => {
  withBothGlobals('reads query, params, headers and bodies', async () => {
    const app = new H3({ silent: true })
      .get(
        '/hello/:name',
        (event) => `${event.context.params!['name']} ${getQuery(event)['q']} ${event.req.headers.get('x-a')}`,
      )
      .post('/json', async (event) => readBody(event))
      .post('/text', async (event) => event.req.text())
      .post('/clone', async (event) => (await event.req.clone().text()) + (await event.req.text()))
      .get('/light', () => new Response('light', { status: 201 }))
      .get('/throw', () => {
        throw new Error('broken');
      });
    const fetch = app.fetch.bind(app) as Fetch;
    assert.equal((await ask(fetch, { target: '/hello/bob?q=1', fields: [['X-A', 'h']] })).text, 'bob 1 h');
    for (const body of ['{"a":1}', ['{"a"', ':1}']]) {
      const answer = await ask(fetch, { ...json(body), target: '/json' });
      assert.deepEqual(JSON.parse(answer.text), { a: 1 });
      assert.match(answer.fields.get('content-type')!, /json/);
      assert.equal((await ask(fetch, { ...json(body), target: '/text' })).text, '{"a":1}');
      assert.equal((await ask(fetch, { ...json(body), target: '/clone' })).text, '{"a":1}{"a":1}');
    }
    const light = await ask(fetch, { target: '/light' });
    assert.deepEqual([light.status, light.text], [201, 'light']);
    assert.equal((await ask(fetch, { target: '/throw' })).status, 500);
    assert.equal((await ask(fetch, { target: '/absent' })).status, 404);
  });
});
