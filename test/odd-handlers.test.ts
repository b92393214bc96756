/**
 * Whatever a handler throws, gives back or does costs its own request at most: through real sockets, on every
 * engine that this host offers. An exception or a rejection that leaves the server fails the whole file.
 */
import assert from 'node:assert/strict';
import { createReadStream, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Response as LightResponse, type ServeOptions, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

/** A constant, for the linter takes what is written down for a mistake. */
const THEN = 'then';

function trap(): never {
  throw new Error('trap');
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function withGetter(name: string, target: object = {}): object {
  return Object.defineProperty(target, name, { get: trap });
}

function cyclic(): Error {
  const error = new Error('x');
  error.cause = new Error('y', { cause: error });
  return error;
}

function callSites(): Error {
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = (_error, sites) => sites;
  try {
    const error = new Error('x');
    void error.stack;
    return error;
  } finally {
    Error.prepareStackTrace = before as NonNullable<typeof before>;
  }
}

function thenable(
  call: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void,
): object {
  return { [THEN]: call };
}

const VALUES: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  'a symbol': () => Symbol('x'),
  'a bigint': () => 1n,
  'an error': () => new Error('x'),
  'a frozen error': () => Object.freeze(new Error('x')),
  'an error whose stack is null': () => Object.assign(new Error('x'), { stack: null }),
  'an error whose stack is call sites': callSites,
  'an error whose stack throws': () => withGetter('stack', new Error('x')),
  'an error whose message throws': () => withGetter('message', new Error('x')),
  'an error whose name throws': () => withGetter('name', new Error('x')),
  'an error whose code throws': () => withGetter('code', new Error('x')),
  'an error with a cyclic cause': cyclic,
  'a getter that throws': () => withGetter('anything'),
  'a function without text': () => Object.assign(() => {}, { toString: trap }),
  'an object without prototype': () => Object.assign(Object.create(null), { a: 1 }),
  'what is no primitive': () => ({ [Symbol.toPrimitive]: trap, toString: trap, toJSON: trap }),
  'a cycle': () => {
    const value: Record<string, unknown> = {};
    value['self'] = value;
    return value;
  },
  'a revoked proxy': revoked,
  'a proxy whose traps throw': () =>
    new Proxy(
      {},
      { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap },
    ),
  'what has no type': () => ({ status: 200, headers: withGetter('get'), body: withGetter('locked') }),
  'a `then` that throws when it is read': () => withGetter('then'),
  'a `then` that throws when it is called': () => thenable(trap),
  'a thenable that rejects oddly': () => thenable((_resolve, reject) => reject(revoked())),
  'a thenable that gives nonsense twice and throws': () =>
    thenable((resolve, reject) => {
      resolve(5);
      reject(6);
      trap();
    }),
  'a promise whose `then` throws': () => Object.assign(Promise.resolve(1), { [THEN]: trap }),
  'a promise whose constructor throws': () => withGetter('constructor', Promise.resolve(1)),
  'what only inherits from Promise': () => Object.create(Promise.prototype),
  'a proxy of a promise': () => new Proxy(Promise.resolve(1), {}),
  'a Response whose status throws': () => withGetter('status', new Response('x')),
  'a Response whose headers throw': () => withGetter('headers', new Response('x')),
  'a Response whose body throws': () => withGetter('body', new Response('x')),
  'a Response that was read': () => {
    const response = new Response('x');
    void response.text();
    return response;
  },
  'Response.error()': () => Response.error(),
  'a frozen Response of ours': () => Object.freeze(new LightResponse('x')),
  'a Response of ours whose inside was changed': () =>
    Object.assign(new LightResponse('x'), { _status: '200\r\nx: y' }),
};

/** How a value leaves a handler. */
const WAYS: Record<string, (value: unknown) => unknown> = {
  thrown: (value) => {
    throw value;
  },
  returned: (value) => value,
  'thrown later': async (value) => {
    await sleep(1);
    throw value;
  },
  // Not by `await`, which would take a thenable apart before the server sees it.
  'given by a promise': (value) => ({ [THEN]: (resolve: (value: unknown) => void) => resolve(value) }),
};

let current: () => unknown = () => undefined;
const planned = (request: Request): Response =>
  (request.url.endsWith('/ok') ? new LightResponse('fine') : current()) as Response;

async function statusOf(server: Server, path: string, method = 'GET'): Promise<number> {
  const client = await RawClient.open(server.port);
  try {
    client.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return (await client.response({ head: method === 'HEAD' })).status;
  } finally {
    client.destroy();
  }
}

const OPTIONS: Record<string, Partial<ServeOptions>> = {
  'no error hook': {},
  'an error hook that gives the same': { error: () => current() as Response },
  'an error hook that gives it later': {
    async error() {
      await sleep(1);
      return current() as Response;
    },
  },
  'a logger that throws': { logger: { debug: trap, info: trap, warn: trap, error: trap } },
};

// The one warning about it is expected.
const warned: Error[] = [];
const onWarning = (warning: Error): void => void warned.push(warning);
process.on('warning', onWarning);
after(() => process.off('warning', onWarning));

for (const { engine, skip } of await enginesHere()) {
  describe(`what a handler does costs its own request at most (${engine})`, { skip }, () => {
    for (const [name, options] of Object.entries(OPTIONS)) {
      it(`throws and returns odd things, with ${name}`, async () => {
        const server = await serve({ port: 0, engine, logger: quiet, fetch: planned, ...options });
        const client = await RawClient.open(server.port);
        const ask = async (path: string): Promise<number> => {
          client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
          return (await client.response()).status;
        };
        try {
          for (const [what, value] of Object.entries(VALUES)) {
            for (const [how, way] of Object.entries(WAYS)) {
              current = () => way(value());
              assert.equal(await ask('/'), 500, `${what}, ${how}`);
            }
            assert.equal(await ask('/ok'), 200, `after ${what}`);
          }
          assert.equal(await statusOf(server, '/ok'), 200);
        } finally {
          client.destroy();
          await server.close(true);
        }
      });
    }

    it('answers late, twice and oddly after its time is over', async () => {
      let cancels = 0;
      const streamed = (): Response =>
        new Response(new ReadableStream({ cancel: () => void cancels++ }, { highWaterMark: 0 }));
      const late: Record<string, () => unknown> = {
        'a body that throws': () => withGetter('body'),
        'a cancel that gives no promise': () => ({ body: { cancel: () => 5 } }),
        'a cancel that rejects': () => ({ body: { cancel: () => Promise.reject(new Error('x')) } }),
        'a stream': streamed,
        'a light stream': () => new LightResponse(streamed().body as ReadableStream),
        'a Readable that fails': () => new LightResponse(createReadStream('/nonexistent/file')),
        'a Readable that fails, of the platform': () =>
          new Response(createReadStream('/nonexistent/file') as never),
        'an error': () => trap(),
        'a revoked proxy': revoked,
      };
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        timeouts: { handler: 30 },
        fetch: planned,
      });
      try {
        for (const [what, value] of Object.entries(late)) {
          let beLate!: () => void;
          const isLate = new Promise<void>((resolve) => (beLate = resolve));
          current = async () => {
            await isLate;
            return value();
          };
          assert.equal(await statusOf(server, '/'), 503, what);
          beLate();
          assert.equal(await statusOf(server, '/ok'), 200, what);
        }
        assert.equal(cancels, 2);
      } finally {
        await server.close(true);
      }
    });

    it('is held to its deadline while the error hook works', async () => {
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        timeouts: { handler: 40 },
        fetch: trap,
        error: () => new Promise(() => {}),
      });
      try {
        const before = performance.now();
        assert.equal(await statusOf(server, '/'), 503);
        assert.ok(performance.now() - before < 1000);
        assert.equal((await server.stats()).deadlines.handler, 1);
      } finally {
        await server.close(true);
      }
    });

    it('sees no object of ours as `this`, nor does the error hook', async () => {
      const seen: unknown[] = [];
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: function (this: unknown) {
          seen.push(this);
          throw new Error('on purpose');
        },
        error: function (this: unknown) {
          seen.push(this);
          return new Response('answered');
        },
      });
      try {
        assert.equal(await statusOf(server, '/'), 200);
        for (const each of seen)
          assert.ok(each === undefined || 'port' in (each as object), `this is ${String(each)}`);
        assert.equal(seen.length, 2);
      } finally {
        await server.close(true);
      }
    });

    it('redefines what it was given', async () => {
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        accessLog: 'json',
        fetch(request) {
          if (request.url.endsWith('/ok')) return new Response('fine');
          for (const name of ['method', 'url', 'headers', 'signal', 'body', 'bodyUsed'])
            Object.defineProperty(request, name, { get: trap });
          throw new Error('on purpose');
        },
      });
      try {
        const client = await RawClient.open(server.port);
        client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
        assert.equal((await client.response()).status, 500);
        client.destroy();
        assert.equal(await statusOf(server, '/ok'), 200);
      } finally {
        await server.close(true);
      }
    });

    it('gives fields that are too long, in every shape of answer', async () => {
      const server = await serve({ port: 0, engine, logger: quiet, fetch: planned });
      const long = 'y'.repeat(70_000);
      const shapes: Record<string, () => unknown> = {
        'a content type': () => new LightResponse('x', { headers: { 'content-type': long } }),
        'a content type of JSON': () => LightResponse.json({}, { headers: { 'content-type': long } }),
        'a field': () => new LightResponse('x', { headers: { 'x-a': long } }),
        'a field of the platform’s': () => new Response('x', { headers: { 'x-a': long } }),
        'a reason': () => new LightResponse('x', { statusText: long }),
      };
      try {
        for (const [what, value] of Object.entries(shapes)) {
          current = value;
          assert.equal(await statusOf(server, '/'), 500, what);
          assert.equal(await statusOf(server, '/ok'), 200, what);
        }
      } finally {
        await server.close(true);
      }
    });

    it('gives a stream with fields that cannot be sent, and the stream is cancelled', async () => {
      let cancels = 0;
      const stream = (): ReadableStream =>
        new ReadableStream({ cancel: () => void cancels++ }, { highWaterMark: 0 });
      const server = await serve({ port: 0, engine, logger: quiet, fetch: planned });
      const headers = { 'x-a': 'y'.repeat(70_000) };
      try {
        current = () => new LightResponse(stream(), { headers });
        assert.equal(await statusOf(server, '/'), 500);
        current = () => new Response(stream(), { headers });
        assert.equal(await statusOf(server, '/'), 500);
        await sleep(20);
        assert.equal(cancels, 2);
      } finally {
        await server.close(true);
      }
    });

    it('gives bodies that are not sent: they are released, and their errors heard', async () => {
      const file = join(tmpdir(), `holdfast-odd-${process.pid}`);
      writeFileSync(file, 'content');
      const server = await serve({ port: 0, engine, logger: quiet, fetch: planned });
      const idle = (): Readable => new Readable({ read() {} });
      const made: Readable[] = [];
      const keep = (readable: Readable): Readable => {
        made.push(readable);
        return readable;
      };
      const shapes: Record<string, () => unknown> = {
        'a file that is missing': () => new LightResponse(createReadStream('/nonexistent/file')),
        'a file that is missing, of the platform': () =>
          new Response(createReadStream('/nonexistent/file') as never),
        'a file': () => new LightResponse(keep(createReadStream(file))),
        'a file, of the platform': () => new Response(keep(createReadStream(file)) as never),
        'what never comes': () => new LightResponse(keep(idle())),
      };
      try {
        await statusOf(server, '/ok', 'HEAD');
        const descriptors = readdirSync('/proc/self/fd').length;
        for (const [what, value] of Object.entries(shapes)) {
          current = value;
          for (let i = 0; i < 5; i++) assert.equal(await statusOf(server, '/', 'HEAD'), 200, what);
          await sleep(50);
          assert.equal(await statusOf(server, '/ok'), 200, what);
        }
        await sleep(100);
        assert.ok(made.every((readable) => readable.destroyed));
        assert.ok(readdirSync('/proc/self/fd').length <= descriptors + 2);
      } finally {
        await server.close(true);
      }
    });
  });
}
