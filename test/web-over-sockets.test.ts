/**
 * The objects of the Fetch standard where programs meet them: a handler's Request from a socket, and the Response
 * that a client gets, on every engine. The platform's own classes are the oracle for both.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Headers, Response, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

const PlatformResponse = globalThis.Response;
type ResponseClass = typeof PlatformResponse;
/** Whether the platform lets itself be seen how long a body is (Node 20 and 22). */
const SHOWS_STATE = Object.getOwnPropertySymbols(new PlatformResponse('')).length > 0;

/** Fields that the client or the connection adds to what a program gave. */
const ADDED = new Set(
  'host connection accept accept-language sec-fetch-mode user-agent accept-encoding content-length transfer-encoding'.split(
    ' ',
  ),
);
const given = (fields: Iterable<[string, string]>) => [...fields].filter(([name]) => !ADDED.has(name));

const form = (): FormData => {
  const data = new FormData();
  data.append('a', 'grün\r\n');
  data.append('file', new File(['content'], 'näme.txt', { type: 'text/plain' }));
  return data;
};

/** What a client sends. Bodies are made anew for each. */
const SENT: Record<string, () => RequestInit> = {
  'a GET': () => ({ headers: { 'x-a': 'b', cookie: 'a=1; b=2' } }),
  'a HEAD': () => ({ method: 'HEAD' }),
  'a DELETE': () => ({ method: 'DELETE', headers: { 'x-a': 'b' } }),
  text: () => ({ method: 'POST', body: 'grün', headers: { 'x-a': 'b' } }),
  JSON: () => ({ method: 'PUT', body: '{"a":1}', headers: { 'content-type': 'application/json' } }),
  bytes: () => ({ method: 'PATCH', body: new Uint8Array([0, 255, 10]) }),
  'a form': () => ({ method: 'POST', body: new URLSearchParams({ a: '1', b: '&' }) }),
  'a multipart form': () => ({ method: 'POST', body: form() }),
  'a blob': () => ({ method: 'POST', body: new Blob(['blob'], { type: 'text/x' }) }),
  'a stream': () => ({ method: 'POST', body: new Blob(['stream']).stream(), duplex: 'half' }),
  'a long body': () => ({ method: 'POST', body: 'y'.repeat(300_000) }),
};

const entries = async (data: FormData): Promise<unknown> =>
  Promise.all(
    [...data].map(async ([name, value]) =>
      typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()],
    ),
  );

/** What programs do with a Request, and what they see. Anything that a clone or copy of it shows counts. */
const SEEN: Record<string, (request: Request) => unknown> = {
  'its own properties': ({ method, url, redirect, mode, credentials, cache, referrer, duplex }: Request) => ({
    method,
    pathname: new URL(url).pathname,
    rest: [redirect, mode, credentials, cache, referrer, duplex],
  }),
  'its fields': ({ headers }) => given(headers),
  'copies of its fields': ({ headers }) => [
    given(new globalThis.Headers(headers)),
    given(new Headers(headers)),
    given(Object.entries(Object.fromEntries(headers))),
    headers.has('x-a'),
    headers.get('X-A'),
    headers.getSetCookie(),
  ],
  text: (request) => request.text(),
  bytes: async (request) => Buffer.from(await request.arrayBuffer()).toString('latin1'),
  'a blob': async (request) => {
    const blob = await request.blob();
    return [blob.size, await blob.text()];
  },
  'the text of its stream': async ({ body }) => (body === null ? null : new globalThis.Response(body).text()),
  'that it is used': async (request) => {
    const before = request.bodyUsed;
    await request.text();
    return [before, request.bodyUsed, await request.text().catch((error) => error.constructor.name)];
  },
  'a clone, read after it': async (request) => {
    const clone = request.clone();
    return [await request.text(), await clone.text(), clone.method, given(clone.headers)];
  },
  'a clone, read before it': async (request) => {
    const clone = request.clone();
    return [await clone.text(), await request.text()];
  },
  'a clone of a clone': async (request) => {
    const clone = request.clone().clone();
    return [await clone.text(), await request.text()];
  },
  'another URL with all else of it': async (request) => {
    const other = new globalThis.Request('http://other/', request);
    return [other.url, other.method, given(other.headers), await other.text(), request.bodyUsed];
  },
  'other fields with all else of a clone': async (request) => {
    const headers = new globalThis.Headers(request.headers);
    headers.set('x-a', 'changed');
    const other = new globalThis.Request(request.clone(), { headers });
    return [other.headers.get('x-a'), await other.text(), await request.text()];
  },
  'what JSON shows': (request) => JSON.stringify({ request, headers: request.headers }),
  'whether it is a Request': (request) => [request instanceof Request, String(request)],
  'its form': async (request) => {
    if (!/form/.test(request.headers.get('content-type') ?? '')) return 'none';
    return [await entries(await request.clone().formData()), await entries(await request.formData())];
  },
};

const LONG = 'z'.repeat(200_000);

/** What handlers answer, in either class. */
const ANSWERED: Record<string, (R: ResponseClass) => Response | Promise<Response>> = {
  text: (R) => new R('grün'),
  'no body': (R) => new R(null, { status: 204 }),
  'a status, a reason and fields': (R) =>
    new R('x', { status: 418, statusText: 'Teapot', headers: { 'X-A': 'b', 'content-type': 'text/x' } }),
  cookies: (R) => {
    const response = new R('x');
    response.headers.append('set-cookie', 'a=1');
    response.headers.append('set-cookie', 'b=2');
    return response;
  },
  json: (R) => R.json({ a: 'ü' }, { status: 201 }),
  'a redirect': (R) => R.redirect('http://a/b', 303),
  bytes: (R) => new R(new Uint8Array([0, 1, 255])),
  'a buffer': (R) => new R(new Uint8Array([1, 2]).buffer),
  'a blob': (R) => new R(new Blob(['blob'], { type: 'text/y' })),
  'a form': (R) => new R(new URLSearchParams({ a: '1 2' })),
  'a stream': (R) => new R(new Blob([LONG]).stream()),
  'a long text': (R) => new R(LONG),
  'an empty text': (R) => new R(''),
  'a generator': (R) => new R(generated() as never),
  'a body passed on': (R) => new R(new R('passed').body, { status: 202 }),
  'a clone': (R) => new R('cloned').clone(),
  'one whose clone was read': async (R) => {
    const response = new R(new TextEncoder().encode('seen'));
    await response.clone().text();
    return response;
  },
};

async function* generated(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('one ');
  yield new TextEncoder().encode('two');
}

for (const { engine, skip } of await enginesHere()) {
  describe(`web objects on the ${engine} engine`, {
    skip,
  }, () => {
    let server: Server;
    let handler: (request: Request) => Response | Promise<Response>;
    before(async () => {
      server = await serve({ port: 0, engine, logger: quiet, fetch: (request: Request) => handler(request) });
    });
    after(() => server.close(true));

    for (const [sight, see] of Object.entries(SEEN)) {
      it(`a handler sees of a request ${sight} as the sender would`, async () => {
        for (const [kind, init] of Object.entries(SENT)) {
          let seen: unknown;
          handler = async (request) => {
            try {
              seen = await see(request);
            } catch (error) {
              seen = error;
            }
            return new Response('seen');
          };
          await (await fetch(`${server.url}/path`, init())).text();
          const expected = await see(new globalThis.Request(`${server.url}/path`, init()));
          assert.deepEqual(withoutBoundary(seen), withoutBoundary(expected), kind);
        }
      });
    }

    for (const [kind, make] of Object.entries(ANSWERED)) {
      it(`a client gets ${kind} as the handler made it, in either class`, async () => {
        const expected = await shown(await make(PlatformResponse));
        for (const R of [PlatformResponse, Response as unknown as ResponseClass]) {
          handler = () => make(R);
          assert.deepEqual(await shown(await fetch(server.url, { redirect: 'manual' })), expected);
        }
      });
    }

    it('a client gets text that a stream gives, as UTF-8, in either class and derived ones', async () => {
      for (const R of [PlatformResponse, Response, class extends PlatformResponse {}]) {
        handler = () =>
          new R(
            new ReadableStream({
              start(controller) {
                for (const piece of ['grün ', new TextEncoder().encode('and '), '緑'])
                  controller.enqueue(piece);
                controller.close();
              },
            }),
          );
        assert.equal(await (await fetch(server.url)).text(), 'grün and 緑');
      }
    });

    it('a client gets one answer and one framing, whatever a derived class says of itself', async () => {
      const ILLEGAL: Record<string, unknown>[] = [
        { status: '200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200' },
        { status: 101 },
        { status: 99_999 },
        { statusText: 'OK\r\nContent-Length: 0' },
        { headers: new Map([['x\r\ny', 'z']]) },
        { headers: new Map([['x', 'y\r\nContent-Length: 0']]) },
        {
          headers: new Map([
            ['Transfer-Encoding', 'chunked'],
            ['Content-Length', '3'],
          ]),
        },
      ];
      for (const Base of [PlatformResponse, Response]) {
        for (const over of ILLEGAL) {
          handler = () => {
            const response = new (class extends Base {})('text');
            for (const [name, value] of Object.entries(over))
              Object.defineProperty(response, name, { value });
            return response as globalThis.Response;
          };
          const client = await RawClient.open(server.port);
          client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
          await client.until(({ ended }) => ended, 'the end');
          const what = JSON.stringify([Base === Response, over]);
          assert.match(client.text, 'headers' in over ? /^HTTP\/1\.1 (500|200) / : /^HTTP\/1\.1 500 /, what);
          assert.equal(client.text.match(/^HTTP\/1/gm)?.length, 1, what);
          assert.equal(client.text.match(/^(content-length|transfer-encoding):/gim)?.length, 1, what);
          client.destroy();
        }
      }
    });

    it('a body whose length is known goes out with it', async () => {
      const bodies: Record<
        string,
        () => Uint8Array<ArrayBuffer> | string | Blob | FormData | URLSearchParams
      > = {
        'no text': () => '',
        text: () => 'x',
        'long text': () => LONG,
        bytes: () => new Uint8Array(3),
        'many bytes': () => new Uint8Array(300_000),
        'a query': () => new URLSearchParams({ a: '1' }),
        'a blob': () => new Blob(['blob']),
        'a long blob': () => new Blob([LONG]),
        'a form': form,
        'a form of text': () => {
          const data = new FormData();
          for (let i = 0; i < 10; i++) data.append(`field${i}`, 'value');
          return data;
        },
      };
      for (const Base of [Response, PlatformResponse]) {
        for (const [what, make] of Object.entries(bodies)) {
          // The platform of later releases does not tell, and files take their time.
          if (what === 'a form' && Base === PlatformResponse && !SHOWS_STATE) continue;
          for (const clones of [0, 1]) {
            handler = () => {
              const response = new Base(make());
              if (clones > 0) void response.clone().text();
              return response as globalThis.Response;
            };
            const named = `${what}, ${Base === Response ? 'ours' : 'the platform’s'}, ${clones} clones`;
            const answer = await fetch(server.url);
            const length = (await answer.arrayBuffer()).byteLength;
            if (clones === 0 || !/form|blob/.test(what))
              assert.equal(answer.headers.get('content-length'), String(length), named);
            const head = await fetch(server.url, { method: 'HEAD' });
            assert.equal(head.headers.get('content-length'), answer.headers.get('content-length'), named);
          }
        }
      }
    });

    it('a stream of the platform’s Response goes out as it comes', async () => {
      const encoder = new TextEncoder();
      let next!: () => void;
      async function* pieces(): AsyncGenerator<Uint8Array> {
        yield encoder.encode('one ');
        yield encoder.encode('two ');
        await new Promise<void>((resolve) => {
          next = resolve;
        });
        yield encoder.encode('three');
      }
      const byteStream = (): ReadableStream => {
        const source = pieces();
        return new ReadableStream({
          type: 'bytes',
          async pull(controller) {
            const { done, value } = await source.next();
            if (done === true) controller.close();
            else controller.enqueue(value);
          },
        });
      };
      for (const make of [pieces, byteStream]) {
        handler = () => new PlatformResponse(make() as never);
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        await client.until(({ text }) => text.includes('two '), 'the first pieces');
        next();
        await client.until(({ ended }) => ended, 'the end');
        assert.match(client.text, /chunked[\s\S]*one [\s\S]*two [\s\S]*three\r\n0\r\n\r\n$/i);
        client.destroy();
      }
      // A source that fails at once, or never begins, is what it is with any other Response.
      handler = () =>
        new PlatformResponse(new ReadableStream({ type: 'bytes', pull: () => new Promise(() => {}) }));
      const client = await RawClient.open(server.port);
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(({ text }) => /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/.test(text), 'the head');
      client.destroy();
    });
  });
}

/** What a client can tell of a response. */
async function shown(response: Response): Promise<unknown> {
  const hop = new Set('date connection keep-alive content-length transfer-encoding'.split(' '));
  return {
    status: response.status,
    statusText:
      response.statusText === ''
        ? undefined
        : REASONS.has(response.statusText)
          ? undefined
          : response.statusText,
    headers: [...response.headers].filter(([name]) => !hop.has(name)),
    text: await response.text(),
  };
}

/** What the protocol fills in where a handler gives no reason. */
const REASONS = new Set(['OK', 'Created', 'Accepted', 'No Content', 'See Other']);

/** Each form is encoded with a boundary of its own. */
function withoutBoundary(value: unknown): unknown {
  return JSON.stringify(value, (_, part) =>
    typeof part === 'string' ? part.replace(/formdata-\w+-[\w-]+/g, 'boundary') : part,
  );
}
