/** HTTP/2 through real sockets, on every engine that this host offers: requests and answers, asked by Node's own client. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { Hono } from 'hono';
import { type FetchHandler, Response as LightResponse, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { answerOf, ask, connectH2, leave } from './h2-client.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { CERT, KEY } from './tls-keys.ts';

const MIB = Buffer.alloc(2 ** 20, 'every byte of it');
const storage = new AsyncLocalStorage<string>();

function light(...args: ConstructorParameters<typeof LightResponse>): Response {
  return new LightResponse(...args) as unknown as Response;
}

async function* words(): AsyncGenerator<string> {
  for (const word of ['one ', 'two ', 'three']) {
    yield word;
    await sleep(1);
  }
}

/** What handlers have seen of the end of their requests. */
const ends: string[] = [];

async function endOf(name: string, count = 1): Promise<void> {
  const isSeen = (): boolean => ends.filter((each) => each === name).length >= count;
  for (let tries = 0; tries < 500 && !isSeen(); tries++) await sleep(5);
  assert.ok(isSeen(), `${name} is not among ${ends.join()}`);
}

const hono = new Hono();
hono.get('/hono/:name', (c) => c.json({ name: c.req.param('name'), query: c.req.query('q') }));
hono.post('/hono/form', async (c) => c.text(String((await c.req.parseBody())['a'])));
hono.notFound((c) => c.text('no such route', 404));

const handler: FetchHandler = async (request, context) => {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/hono/')) return hono.fetch(request);
  switch (pathname) {
    case '/hello':
      return light('Hello, World!');
    case '/method':
      return light(`${request.method} ${request.url}`);
    case '/echo':
      return light(request.body);
    case '/bytes':
      return light(await request.bytes());
    case '/digest':
      return light(
        createHash('sha256')
          .update(await request.bytes())
          .digest('hex'),
      );
    case '/stream':
      return light(
        new ReadableStream({
          async start(controller) {
            for await (const word of words()) controller.enqueue(new TextEncoder().encode(word));
            controller.close();
          },
        }),
      );
    case '/generator':
      return light(words());
    case '/platform':
      return new Response('from the platform', { status: 201, headers: { 'X-A': 'b' } });
    case '/cookies': {
      const response = light('ok');
      response.headers.append('set-cookie', 'a=1');
      response.headers.append('set-cookie', 'b=2');
      return response;
    }
    case '/empty':
      return light(null, { status: 204 });
    case '/not-modified':
      return light(null, { status: 304, headers: { etag: '"x"' } });
    case '/big':
      return light('x'.repeat(1_000_000));
    case '/larger':
      return light('x'.repeat(100_000));
    case '/unicode':
      return light('grün — 緑');
    case '/throw':
      throw new Error('on purpose');
    case '/undefined':
      return undefined as unknown as Response;
    case '/bad-field':
      return light('x', { headers: { connection: 'close', 'x-a': 'b' } });
    case '/breaks':
      return light(
        (async function* breaking() {
          yield 'half';
          await sleep(5);
          throw new Error('on purpose');
        })(),
      );
    case '/hints':
      context.earlyHints({ link: '</style.css>; rel=preload' });
      await sleep(1);
      return light('hinted');
    case '/fields':
      return light(JSON.stringify([...request.headers]));
    case '/wrap': {
      const copy = request.clone();
      const wrapped = new Request(new URL('/other', request.url), copy);
      const again = new Request(request.url, request);
      const fields = new Headers(request.headers);
      return light([await wrapped.text(), await again.text(), fields.get('x-a'), wrapped.url].join(' '));
    }
    case '/form': {
      const form = await request.formData();
      return light(`${form.get('a')} ${(form.get('file') as File).name}`);
    }
    case '/context':
      context.completed.then(() => ends.push('completed'));
      context.waitUntil(sleep(5).then(() => ends.push('waited')));
      return light([context.ip, context.remoteAddress?.family, context.encrypted].join(' '));
    case '/wait':
      request.signal.addEventListener('abort', () => ends.push('aborted'));
      context.completed.catch(() => ends.push('not completed'));
      ends.push('begun');
      await sleep(10_000, undefined, { signal: request.signal });
      return light('late');
    case '/store': {
      const id = request.headers.get('x-id')!;
      if (storage.getStore() !== undefined) return light(`sees ${storage.getStore()}`);
      storage.enterWith(id);
      await sleep(1);
      await request.text();
      return light(storage.getStore()!);
    }
    default:
      return light('not found', { status: 404 });
  }
};

for (const { engine, skip } of await enginesHere()) {
  describe(`HTTP/2 on the ${engine} engine`, { skip }, () => {
    let server: Server;
    let client: ClientHttp2Session;
    const logged: string[] = [];
    before(async () => {
      const logger = { ...quiet, error: (text: unknown) => void logged.push(String(text)) };
      const limits = { bodyBytes: 1_500_000, targetBytes: 1000, headerBytes: 4000, headerCount: 20 };
      server = await serve({ port: 0, engine, logger, limits, fetch: handler });
      client = await connectH2(server.url);
    });
    after(async () => {
      await leave(client);
      await server.close(true);
    });

    it('answers with status, type, length and date, again and again', async () => {
      for (let i = 0; i < 3; i++) {
        const { status, headers, text } = await ask(client, '/hello');
        assert.equal(status, 200);
        assert.equal(headers['content-length'], '13');
        assert.equal(headers['content-type'], 'text/plain;charset=UTF-8');
        assert.ok(Math.abs(Date.parse(headers.date!) - Date.now()) < 3000);
        assert.equal(text, 'Hello, World!');
      }
    });

    it('takes methods, those that nobody knows too, and says no to CONNECT and TRACE', async () => {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT']) {
        const { text } = await ask(client, '/method?a=%20b', { ':method': method });
        assert.equal(text, `${method} ${server.url}/method?a=%20b`);
      }
      assert.equal((await ask(client, '/method', { ':method': 'TRACE' })).status, 501);
      const tunnel = client.request({ ':method': 'CONNECT', ':authority': 'a:1' });
      tunnel.end();
      assert.equal((await answerOf(tunnel)).status, 501);
      assert.equal((await ask(client, '*', { ':method': 'OPTIONS' })).status, 404);
    });

    it('gives back what was sent, byte for byte, whole and streamed', async () => {
      for (const path of ['/echo', '/bytes'])
        for (const content of [Buffer.alloc(0), Buffer.from('a'), MIB.subarray(0, 20_000), MIB])
          assert.ok((await ask(client, path, {}, content)).content.equals(content), path);
    });

    it('does so for many at once, of which some come in pieces', async () => {
      await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const content = MIB.subarray(n, 100_000 * (1 + (n % 3)));
          const stream = client.request({
            ':method': 'POST',
            ':path': n % 2 === 0 ? '/echo' : '/digest',
          });
          const answer = answerOf(stream);
          for (let at = 0; at < content.length; at += 30_000) {
            stream.write(content.subarray(at, at + 30_000));
            if (n % 4 === 0) await sleep(1);
          }
          stream.end();
          const { content: got, text } = await answer;
          if (n % 2 === 0) assert.ok(got.equals(content));
          else assert.equal(text, createHash('sha256').update(content).digest('hex'));
        }),
      );
    });

    it('streams, from generators too, and sends what is larger than every window', async () => {
      assert.equal((await ask(client, '/stream')).text, 'one two three');
      const { headers, text } = await ask(client, '/generator');
      assert.equal(text, 'one two three');
      assert.equal(headers['content-length'], undefined);
      assert.equal(headers['transfer-encoding'], undefined);
      assert.equal((await ask(client, '/big')).text, 'x'.repeat(1_000_000));
      assert.equal((await ask(client, '/unicode')).text, 'grün — 緑');
    });

    it('sends no content where there is none', async () => {
      const head = await ask(client, '/hello', { ':method': 'HEAD' });
      assert.equal(head.headers['content-length'], '13');
      assert.equal(head.text, '');
      assert.equal((await ask(client, '/stream', { ':method': 'HEAD' })).text, '');
      const empty = await ask(client, '/empty');
      assert.deepEqual([empty.status, empty.text, empty.headers['content-length']], [204, '', undefined]);
      const same = await ask(client, '/not-modified');
      assert.deepEqual([same.status, same.text, same.headers.etag], [304, '', '"x"']);
    });

    it('sends every field that the platform makes, and none that HTTP/2 forbids', async () => {
      const { status, headers, text } = await ask(client, '/platform');
      assert.deepEqual([status, headers['x-a'], text], [201, 'b', 'from the platform']);
      assert.deepEqual((await ask(client, '/cookies')).headers['set-cookie'], ['a=1', 'b=2']);
      const { headers: fields } = await ask(client, '/bad-field');
      assert.deepEqual([fields['connection'], fields['x-a']], [undefined, 'b']);
    });

    it('refuses what is beyond its limits, on the stream alone', async () => {
      // It leaves no window to the others: their answers are without content then.
      const others = ask(client, '/big');
      assert.equal((await ask(client, `/${'a'.repeat(1100)}`)).status, 414);
      assert.equal((await ask(client, '/hello', { 'x-a': 'b'.repeat(5000) })).status, 431);
      const head = { ':method': 'HEAD', 'x-a': 'b'.repeat(5000) };
      assert.equal((await ask(client, '/hello', head)).status, 431);
      const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`x-${n}`, 'a']));
      assert.equal((await ask(client, '/hello', many)).status, 431);
      const long = client.request({ ':method': 'POST', ':path': '/bytes', 'content-length': 2_000_000 });
      assert.equal((await answerOf(long)).status, 413);
      const counted = client.request({ ':method': 'POST', ':path': '/bytes' });
      counted.end(Buffer.alloc(2_000_000));
      assert.equal((await answerOf(counted)).status, 413);
      assert.equal((await ask(client, '/nowhere')).status, 404);
      assert.equal((await others).content.length, 1_000_000);
      const alone = await ask(client, '/hello', { 'x-a': 'b'.repeat(5000) });
      assert.match(alone.text, /^431 /);
      assert.equal((await ask(client, '/hello', head)).status, 431);
      assert.equal(client.closed, false);
    });

    it('answers 500 for a handler that fails, and logs it', async () => {
      for (const path of ['/throw', '/undefined']) {
        logged.length = 0;
        const { status, text } = await ask(client, path);
        assert.equal(status, 500);
        assert.match(text, /^500 Internal Server Error/);
        assert.match(logged.join(), new RegExp(`handler failed.*${path}`));
      }
    });

    it('resets the stream of an answer that breaks', async () => {
      const stream = client.request({ ':path': '/breaks' });
      await assert.rejects(answerOf(stream), /INTERNAL_ERROR|reset by 2/);
      assert.equal((await ask(client, '/hello')).status, 200);
    });

    it('sends interim answers: hints, and 100 when the handler reads', async () => {
      const hinted = client.request({ ':path': '/hints' });
      const [[hints], { text }] = await Promise.all([once(hinted, 'headers'), answerOf(hinted)]);
      assert.equal(hints[':status'], 103);
      assert.equal(hints.link, '</style.css>; rel=preload');
      assert.equal(text, 'hinted');
      const expects = { ':method': 'POST', ':path': '/bytes', expect: '100-continue' };
      const stream = client.request(expects);
      await once(stream, 'continue');
      stream.end('now');
      assert.equal((await answerOf(stream)).text, 'now');
      const unread = client.request({ ...expects, ':path': '/hello' });
      unread.on('continue', () => assert.fail('nobody reads'));
      assert.equal((await answerOf(unread)).status, 200);
    });

    it('tells a handler that its stream was reset, or its connection closed', async () => {
      ends.length = 0;
      const stream = client.request({ ':path': '/wait' });
      stream.on('error', () => {});
      await endOf('begun');
      stream.close(8);
      await endOf('aborted');
      await endOf('not completed');
      const leaver = await connectH2(server.url);
      const left = [1, 2, 3].map(() => leaver.request({ ':path': '/wait' }).on('error', () => {}));
      await endOf('begun', 1 + left.length);
      await leave(leaver);
      await endOf('aborted', 1 + left.length);
      assert.equal((await ask(client, '/hello')).status, 200);
    });

    it('gives handlers their context', async () => {
      ends.length = 0;
      assert.equal((await ask(client, '/context')).text, '127.0.0.1 IPv4 false');
      await endOf('completed');
      await endOf('waited');
    });

    it('keeps what streams store apart', async () => {
      await Promise.all(
        Array.from({ length: 60 }, async (_, n) => {
          const id = String(n);
          const content = n % 2 === 0 ? undefined : MIB.subarray(0, n * 1000);
          assert.equal((await ask(client, '/store', { 'x-id': id }, content)).text, id);
        }),
      );
    });

    it('hands over fields as HTTP/1 does', async () => {
      const fields = JSON.parse(
        (await ask(client, '/fields', { 'x-b': '1', cookie: ['a=1', 'b=2'], 'x-a': 'ü' })).text,
      );
      assert.deepEqual(fields, [
        ['cookie', 'a=1; b=2'],
        ['host', server.url.slice('http://'.length)],
        ['x-a', 'ü'],
        ['x-b', '1'],
      ]);
    });

    it('lets a request be cloned, wrapped, and read as a form', async () => {
      const { text } = await ask(client, '/wrap', { 'x-a': 'b' }, 'hello');
      assert.equal(text, `hello hello b ${server.url}/other`);
      const form = new FormData();
      form.set('a', 'b');
      form.set('file', new File(['x'], 'name.txt'));
      const encoded = new Response(form);
      const fields = { 'content-type': encoded.headers.get('content-type')! };
      assert.equal((await ask(client, '/form', fields, await encoded.bytes())).text, 'b name.txt');
    });

    it('serves an app of Hono', async () => {
      assert.equal((await ask(client, '/hono/ann?q=1')).text, '{"name":"ann","query":"1"}');
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      assert.equal((await ask(client, '/hono/form', type, 'a=b')).text, 'b');
      assert.equal((await ask(client, '/hono/x/y')).status, 404);
    });

    it('does not let streams that nobody reads slow others', async () => {
      const slow = await connectH2(server.url, { settings: { initialWindowSize: 65_535 } });
      slow.setLocalWindowSize(2 ** 26);
      const stalled = Array.from({ length: 99 }, () => slow.request({ ':path': '/larger' }));
      await Promise.all(stalled.map((stream) => once(stream, 'response')));
      assert.equal((await ask(slow, '/big')).content.length, 1_000_000);
      // They lose nothing by having waited.
      for (const stream of stalled) assert.equal((await buffer(stream)).length, 100_000);
      await leave(slow);
    });

    it('speaks HTTP/1.1 with others on the same port', async () => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => connectH2(server.url)));
      const old = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(server.port)));
      await Promise.all([
        ...clients.map(async (each) => {
          for (let i = 0; i < 3; i++)
            assert.equal((await ask(each, '/echo', {}, MIB)).content.length, 2 ** 20);
        }),
        ...old.map(async (each) => {
          for (let i = 0; i < 50; i++) {
            each.write(`GET /method?${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
            assert.equal((await each.response()).body, `GET http://a/method?${i}`);
          }
        }),
      ]);
      for (const each of old) each.destroy();
      await Promise.all(clients.map(leave));
    });
  });

  describe(`HTTP/2 and the error hook (${engine})`, { skip }, () => {
    it('answers what the hook says, and 500 where it fails', async () => {
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: handler,
        error: (error, request) => {
          if (request.url.endsWith('/undefined')) throw error;
          return new Response(`hook: ${(error as Error).message}`, { status: 502 });
        },
      });
      const client = await connectH2(server.url);
      const { status, text } = await ask(client, '/throw');
      assert.deepEqual([status, text], [502, 'hook: on purpose']);
      assert.equal((await ask(client, '/undefined')).status, 500);
      await leave(client);
      await server.close(true);
    });

    it('is not spoken where it is switched off', async () => {
      const server = await serve({ port: 0, engine, logger: quiet, fetch: handler, http2: false });
      const client = await RawClient.open(server.port);
      client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      assert.equal((await client.response()).status, 505);
      client.destroy();
      await server.close(true);
    });
  });
}

describe('HTTP/2 over TLS', () => {
  it('is chosen by ALPN, and HTTP/1.1 too', async () => {
    const server = await serve({ port: 0, logger: quiet, fetch: handler, tls: { cert: CERT, key: KEY } });
    const client = await connectH2(server.url, { rejectUnauthorized: false });
    assert.equal(client.alpnProtocol, 'h2');
    assert.equal((await ask(client, '/method')).text, `GET ${server.url}/method`);
    assert.ok((await ask(client, '/echo', {}, MIB)).content.equals(MIB));
    assert.equal((await ask(client, '/context')).text, '127.0.0.1 IPv4 true');
    await leave(client);
    const old = connectTls({ port: server.port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    await once(old, 'secureConnect');
    assert.equal(old.alpnProtocol, 'http/1.1');
    old.write('GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const [answer] = await once(old, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 200 OK\r\n/);
    old.destroy();
    await server.close(true);
  });

  it('is not offered where it is switched off', async () => {
    const tls = { cert: CERT, key: KEY };
    const server = await serve({ port: 0, logger: quiet, fetch: handler, http2: false, tls });
    const both = connectTls({
      port: server.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(both, 'secureConnect');
    assert.equal(both.alpnProtocol, 'http/1.1');
    both.destroy();
    await server.close(true);
  });
});
