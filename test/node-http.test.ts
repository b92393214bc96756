/**
 * Listeners of node:http on every engine: each answers byte for byte what it answers on node:http, whatever way it writes,
 * and the deadlines and ends are ours.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { type Duplex, PassThrough, pipeline, Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type EngineName, type ServeOptions, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { answerOf, connectH2 } from './h2-client.ts';
import { openTwins, request, type Twins } from './node-twins.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

/** By path: every way to write an answer. */
const WAYS: Readonly<Record<string, RequestListener>> = {
  '/end': (_, res) => res.end('hello'),
  '/empty': (_, res) => res.end(),
  '/head': (req, res) =>
    res
      .writeHead(201, 'Made', { 'X-Case-Kept': req.headers['x-ask'] ?? '', 'content-type': 'text/plain' })
      .end('made'),
  '/array-head': (_, res) => res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('two'),
  '/utf8': (_, res) => res.end('grüße €'),
  '/latin1': (_, res) => res.setHeader('x-name', 'caf\xe9').end(Buffer.from('caf\xe9', 'latin1')),
  '/hex': (_, res) => res.end('c3a9', 'hex'),
  '/length': (_, res) => res.writeHead(200, { 'content-length': 4 }).end('four'),
  '/buffer': (_, res) => res.end(Buffer.alloc(200_000, 'b')),
  '/long-text': (_, res) => res.end('t'.repeat(200_000)),
  '/pieces': async (_, res) => {
    for (const piece of ['one', 'two', 'three']) {
      res.write(piece);
      await pause(2);
    }
    res.end();
  },
  '/length-pieces': (_, res) => {
    res.setHeader('content-length', 6);
    res.write('abc');
    res.end('def');
  },
  '/chunk-by-hand': (_, res) => res.setHeader('Transfer-Encoding', 'chunked').end('by hand'),
  '/trailers': (_, res) => {
    res.setHeader('Trailer', 'X-Sum');
    res.write('content');
    res.addTrailers({ 'X-Sum': '7' });
    res.end();
  },
  '/no-content': (_, res) => res.writeHead(204).end(),
  '/not-modified': (_, res) => res.writeHead(304, { etag: '"a"' }).end(),
  '/no-date': (_, res) => {
    res.sendDate = false;
    res.end('undated');
  },
  '/flush': async (_, res) => {
    res.flushHeaders();
    await pause(2);
    res.end('late');
  },
  '/hints': (_, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' });
    res.writeProcessing();
    res.end('hinted');
  },
  '/empty-writes': (_, res) => {
    res.write('');
    res.write('x');
    res.write('');
    res.end('');
  },
  '/stream': (_, res) => {
    pipeline(Readable.from(['a', 'b', 'c'].map((each) => each.repeat(50_000))), res, () => {});
  },
  '/echo': (req, res) => {
    let text = '';
    req.setEncoding('utf8');
    req.on('data', (piece: string) => (text += piece));
    req.on('end', () => res.end(JSON.stringify([req.method, req.url, text, req.rawHeaders, req.complete])));
  },
  '/iterate': async (req, res) => {
    let bytes = 0;
    for await (const piece of req as AsyncIterable<Buffer>) bytes += piece.length;
    res.end(String(bytes));
  },
  '/unread': (_, res) => res.end('not read'),
  '/removed': (_, res) => {
    res.removeHeader('connection');
    res.removeHeader('content-length');
    res.write('open ended');
    res.end();
  },
  '/facts': (req, res) => {
    const { httpVersion, headers, url, method } = req;
    const { encrypted } = req.socket as { encrypted?: boolean };
    res.end(
      JSON.stringify([
        httpVersion,
        method,
        url,
        headers,
        encrypted,
        req.socket.remoteAddress,
        res.headersSent,
      ]),
    );
  },
};

const all: RequestListener = (req, res) => {
  const way = WAYS[req.url!.split('?')[0]!];
  if (way === undefined) res.writeHead(404).end();
  else void way(req, res);
};

const CHUNKED = 'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n';

function cases(): string[] {
  const paths = Object.keys(WAYS);
  // What has no chunks has no trailers either, and core throws.
  const withoutTrailers = paths.filter((path) => path !== '/trailers');
  return [
    ...paths.map((path) =>
      request(`GET ${path}?q=1`, ['X-Ask: me', 'Cookie: a=1', 'Cookie: b=2', 'accept: */*']),
    ),
    ...withoutTrailers.map((path) => request(`HEAD ${path}`)),
    ...paths.map((path) => request(`POST ${path}`, ['Content-Type: text/plain'], 'some content')),
    ...withoutTrailers.map((path) => `GET ${path} HTTP/1.0\r\n\r\n`),
    `POST /echo HTTP/1.1\r\nHost: h\r\n${CHUNKED}`,
    `POST /iterate HTTP/1.1\r\nHost: h\r\n${CHUNKED}`,
    // Pipelined, and answered in order though the first takes longest.
    `GET /pieces HTTP/1.1\r\nHost: h\r\n\r\nPOST /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc${request('GET /end')}`,
  ];
}

for (const { engine, skip } of await enginesHere()) {
  describe(`a listener on ${engine}`, { skip }, () => {
    let twins: Twins;

    before(async () => {
      twins = await openTwins(engine, all, all);
    });
    after(() => twins.close());

    it('answers what it answers on node:http, byte for byte', async () => {
      for (const bytes of cases()) {
        const { ours, theirs } = await twins.ask(bytes);
        assert.equal(ours, theirs, bytes.slice(0, 60));
      }
    });

    it('answers the same on node:http itself, where that is asked for', async () => {
      const exact = await openTwins(engine, all, all, { compat: 'exact' });
      for (const bytes of cases().filter((_, i) => i % 4 === 0)) {
        const { ours, theirs } = await exact.ask(bytes);
        assert.equal(ours, theirs, bytes.slice(0, 60));
      }
      await exact.close();
    });

    it('keeps the connection, and counts and logs as for any handler', async () => {
      const client = await RawClient.open(twins.ours.port);
      for (let i = 0; i < 3; i++) {
        client.write('GET /end HTTP/1.1\r\nHost: h\r\n\r\n');
        const answer = await client.response();
        assert.equal(answer.body, 'hello');
        assert.equal(answer.headers.get('keep-alive'), 'timeout=76');
      }
      client.destroy();
      const { statusClasses } = await twins.ours.stats();
      assert.ok(statusClasses['2xx'] > 3);
    });
  });

  describe(`the ends of a listener on ${engine}`, { skip }, () => {
    it('hold the deadlines of the handler and of the body', async () => {
      const seen: string[] = [];
      const server = await open(
        engine,
        (req, res) => {
          res.on('close', () => seen.push(`closed ${res.writableFinished}`));
          req.on('error', (error) => seen.push(error.message));
          if (req.url === '/body') req.resume();
        },
        { timeouts: { handler: 100, body: 100 } },
      );
      const silent = await RawClient.open(server.port);
      silent.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.equal((await silent.response()).status, 503);
      const slow = await RawClient.open(server.port);
      slow.write('POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\na');
      assert.ok([408, 503].includes((await slow.response()).status));
      await until(() => seen.filter((each) => each === 'closed false').length === 2, 'both closed');
      assert.ok(seen.includes('aborted'), seen.join());
      silent.destroy();
      slow.destroy();
      await server.close(true);
    });

    it('tell the listener of a client that leaves, once and in order', async () => {
      const seen: string[] = [];
      const server = await open(engine, (req, res) => {
        for (const name of ['aborted', 'error', 'close']) req.on(name, () => seen.push(`req ${name}`));
        for (const name of ['finish', 'close']) res.on(name, () => seen.push(`res ${name}`));
        req.socket.once('close', () => seen.push('socket close'));
        res.write('begun');
      });
      const client = connect(server.port, '127.0.0.1');
      client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await once(client, 'data');
      client.resetAndDestroy();
      await until(() => seen.includes('req close'), 'the last event');
      assert.deepEqual(seen, ['req aborted', 'res close', 'socket close', 'req error', 'req close']);
      await server.close(true);
    });

    it('make an answer that is shorter than its length visible, and send nothing beyond it', async () => {
      const server = await open(engine, (req, res) => {
        res.setHeader('content-length', 10);
        res.end(req.url === '/long' ? 'this is much more than that' : 'short');
      });
      const short = await RawClient.open(server.port);
      short.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await short.until((c) => c.closed || c.ended, 'the end');
      assert.equal(await short.wasReset(), true);
      const long = await RawClient.open(server.port);
      long.write('GET /long HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.equal((await long.response()).body, 'this is mu');
      await long.until((c) => c.ended || c.closed, 'the end');
      assert.equal(long.text, '');
      long.destroy();
      await server.close(true);
    });

    it('survive a listener that throws or rejects, before its answer and in it', async () => {
      const server = await open(engine, (req, res) => {
        if (req.url === '/throw') throw new Error('thrown');
        if (req.url === '/late') {
          res.write('begun');
          return Promise.reject(new Error('rejected late'));
        }
        return Promise.reject(new Error('rejected'));
      });
      for (const path of ['/throw', '/reject']) {
        const client = await RawClient.open(server.port);
        client.write(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok`);
        assert.equal((await client.response()).status, 500, path);
        client.destroy();
      }
      const client = await RawClient.open(server.port);
      client.write('GET /late HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until((c) => c.closed || c.ended, 'the end');
      assert.ok(!client.text.includes('0\r\n\r\n'), client.text);
      await server.close(true);
    });

    it('bound what a stopped reader makes them hold, and go on when it reads', async () => {
      let isStopped = false;
      let written = 0;
      const server = await open(engine, (_, res) => {
        const source = new PassThrough();
        const fill = (): void => {
          while (written < 30_000_000) {
            written += 100_000;
            if (!source.write(Buffer.alloc(100_000))) {
              source.once('drain', fill);
              return;
            }
          }
          source.end();
        };
        fill();
        pipeline(source, res, () => (isStopped = true));
      });
      const client = connect(server.port, '127.0.0.1');
      client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await pause(300);
      assert.ok(written < 20_000_000, `${written} bytes for a reader that has not begun`);
      let received = 0;
      client.on('data', (data) => (received += data.length));
      await until(() => isStopped, 'the end of the stream');
      await until(() => received >= 30_000_000, 'all of it');
      client.destroy();
      await server.close(true);
    });

    it('hear out content that comes behind the answer, and keep the connection', async () => {
      let bytes = 0;
      const server = await open(engine, (req, res) => {
        req.on('data', (piece: Buffer) => (bytes += piece.length));
        res.end('early');
      });
      const client = await RawClient.open(server.port);
      client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc');
      assert.equal((await client.response()).body, 'early');
      client.write('defPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\ng');
      assert.equal((await client.response()).body, 'early');
      await until(() => bytes === 7, 'all content');
      client.destroy();
      await server.close(true);
    });

    it('keep what each request stored apart', async () => {
      const storage = new AsyncLocalStorage<string>();
      const server = await open(engine, async (req, res) => {
        const before = storage.getStore();
        storage.enterWith(req.url!);
        await pause(1);
        for await (const _ of req as AsyncIterable<unknown>);
        res.end(`${before} ${storage.getStore()}`);
      });
      const client = await RawClient.open(server.port);
      client.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.equal((await client.response()).body, 'undefined /a');
      assert.equal((await client.response()).body, 'undefined /b');
      client.destroy();
      await server.close(true);
    });
  });
}

const [here] = (await enginesHere()).filter(({ skip }) => skip === false);

async function open(
  engine: EngineName,
  node: RequestListener | object,
  options: ServeOptions = {},
): Promise<Server> {
  return serve({ port: 0, engine, node, logger: quiet, ...options });
}

describe('a listener', () => {
  it('answers over HTTP/2, with its pseudo-header fields and without what belongs to HTTP/1', async () => {
    const server = await open(here!.engine, (req: IncomingMessage, res: ServerResponse) => {
      let text = '';
      req.on('data', (piece) => (text += piece));
      req.on('end', () => {
        res.setHeader(
          'x-facts',
          JSON.stringify([req.httpVersion, req.headers[':path'], req.headers.host, text]),
        );
        res.setHeader('connection', 'keep-alive');
        res.write('a'.repeat(100_000));
        res.end('b');
      });
    });
    const client = await connectH2(server.url);
    const stream = client.request({ ':path': '/x', ':method': 'POST' });
    stream.end('content');
    const { status, headers, content } = await answerOf(stream);
    assert.equal(status, 200);
    assert.equal(headers['connection'], undefined);
    assert.equal(content.length, 100_001);
    const authority = new URL(server.url).host;
    assert.deepEqual(JSON.parse(String(headers['x-facts'])), ['2.0', '/x', authority, 'content']);
    const head = await answerOf(client.request({ ':path': '/x', ':method': 'HEAD' }));
    assert.equal(head.content.length, 0);
    client.close();
    await server.close(true);
  });

  it('has the deadlines of our options on node:http itself', async () => {
    const server = await open(here!.engine, WAYS['/end']!, {
      compat: 'exact',
      timeouts: { header: 300, idle: 300 },
    });
    const [slow, idle] = [await RawClient.open(server.port), await RawClient.open(server.port)];
    slow.write('GET / HT');
    idle.write('GET /end HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal((await idle.response()).body, 'hello');
    await idle.until((c) => c.ended || c.closed, 'the end of an idle connection');
    await slow.until((c) => c.ended || c.closed, 'the end of a slow head');
    slow.destroy();
    idle.destroy();
    await server.close(true);
  });

  it('is told of what is no request, where it listens for that, and answers it', async () => {
    const { createServer } = await import('#src/node.ts');
    const codes: unknown[] = [];
    const app = createServer({}, (_, res) => res.end('no'));
    app.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      codes.push(error.code);
      socket.end('HTTP/1.1 400 Mine\r\nContent-Length: 0\r\n\r\n');
    });
    const server = await open(here!.engine, app, { timeouts: { header: 100 } });
    for (const bytes of ['GET / HTTP/1.1\r\nHost : h\r\n\r\n', 'GET / HT']) {
      const client = await RawClient.open(server.port);
      client.write(bytes);
      assert.equal((await client.response()).statusLine, 'HTTP/1.1 400 Mine');
      client.destroy();
    }
    assert.deepEqual(codes, ['HPE_INVALID_HEADER_TOKEN', 'ERR_HTTP_REQUEST_TIMEOUT']);
    await server.close(true);
  });

  it('ends the connection on whose socket a listener emits an error, and nothing else', async () => {
    const server = await open(here!.engine, (req, res) => {
      if (req.url === '/error') req.socket.emit('error', new Error('emitted'));
      else res.end('x');
    });
    const client = await RawClient.open(server.port);
    client.write('GET /error HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.until((c) => c.ended || c.closed, 'the end');
    assert.equal(await (await fetch(server.url)).text(), 'x');
    client.destroy();
    await server.close(true);
  });

  it('takes FIN for the going of its client, as node:http does', async () => {
    let isClosed = false;
    const server = await open(here!.engine, (_, res) => void res.on('close', () => (isClosed = true)));
    const client = await RawClient.open(server.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    client.socket.end();
    await client.until((c) => c.ended || c.closed, 'the end');
    await until(() => isClosed, "'close'");
    await server.close(true);
  });

  it('is seen by whoever watches the channels of node:http', async () => {
    const seen: string[] = [];
    const watch = (message: unknown, name: string | symbol): void => {
      const { request: req } = message as { request: IncomingMessage };
      if (req.headers['x-watched'] === '1') seen.push(`${String(name)} ${req.url}`);
    };
    const names = ['http.server.request.start', 'http.server.response.finish'];
    // Core's own constructor publishes it, from Node 22 on.
    if (Number.parseInt(process.versions.node, 10) >= 22) names.push('http.server.response.created');
    for (const name of names) subscribe(name, watch);
    const server = await open(here!.engine, (_, res) => res.end('x'));
    await (await fetch(`${server.url}/w`, { headers: { 'x-watched': '1' } })).text();
    await until(() => seen.length === names.length, 'a message of each');
    assert.deepEqual(seen.sort(), names.map((name) => `${name} /w`).sort());
    for (const name of names) unsubscribe(name, watch);
    await server.close(true);
  });

  it('may write past its response, and end the connection itself', async () => {
    const server = await open(here!.engine, (req) => {
      req.socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    });
    const client = await RawClient.open(server.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal((await client.response()).status, 400);
    await client.until((c) => c.ended || c.closed, 'the end');
    client.destroy();
    await server.close(true);
  });

  it('is asked about 100-continue where it listens for that', async () => {
    const { createServer } = await import('#src/node.ts');
    const app = createServer({}, (_, res) => res.end('no'));
    app.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
      if (req.url === '/no') {
        res.writeHead(417).end();
        return;
      }
      res.writeContinue();
      req.on('data', () => {});
      req.on('end', () => res.end('yes'));
    });
    const server = await open(here!.engine, app);
    const client = await RawClient.open(server.port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    assert.equal((await client.response()).status, 100);
    client.write('ok');
    assert.equal((await client.response()).body, 'yes');
    client.write('POST /no HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    const refused = await client.response();
    assert.equal(refused.status, 417);
    // Nobody knows whether the content will come.
    assert.equal(refused.headers.get('connection'), 'close');
    client.destroy();
    await server.close(true);
  });
});
