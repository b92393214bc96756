/** Responses that are not ours: the platform's after a clone was made of them, derived and foreign ones. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ResponseParts, responseParts } from './parts.ts';
import { collect, type OutgoingBody } from './pieces.ts';
import { Response } from './response.ts';

const Platform = globalThis.Response;
type AnyResponse = globalThis.Response;
type Body = NonNullable<ConstructorParameters<typeof Platform>[0]>;

/** undici 6 keeps its state where it can be seen. */
const SHOWS_STATE = Object.getOwnPropertySymbols(new Platform('')).length > 0;

async function bodyText({ body }: ResponseParts): Promise<string | null> {
  if (body === null || typeof body === 'string') return body;
  return new TextDecoder().decode(body instanceof Uint8Array ? body : await collect(body));
}

const LONG = 'x'.repeat(100_000);
const BODIES: Record<string, (content: string) => Body | AsyncIterable<Uint8Array>> = {
  text: (content) => content,
  bytes: (content) => new TextEncoder().encode(content),
  blob: (content) => new Blob([content]),
  stream: (content) => new Blob([content]).stream(),
  generator: async function* (content) {
    yield new TextEncoder().encode(content.slice(0, 2));
    yield new TextEncoder().encode(content.slice(2));
  },
};

/** What middlewares do before the answer goes out, each giving the response that is sent. */
const MIDDLEWARES: Record<string, (response: AnyResponse) => AnyResponse | Promise<AnyResponse>> = {
  'clones and forgets': (response) => {
    response.clone();
    return response;
  },
  'reads a clone whole': async (response) => {
    await response.clone().arrayBuffer();
    return response;
  },
  'reads two clones': async (response) => {
    await response.clone().text();
    await response.clone().text();
    return response;
  },
  'reads a clone in part': async (response) => {
    await response.clone().body!.getReader().read();
    return response;
  },
  'cancels a clone': (response) => {
    void response.clone().body!.cancel();
    return response;
  },
  'reads it and sends the clone': async (response) => {
    const clone = response.clone();
    await response.text();
    return clone;
  },
  'reads a clone and wraps the body': async (response) => {
    await response.clone().text();
    return new Platform(response.body, response);
  },
  'looks at the body': (response) => {
    assert.equal(response.body!.locked, false);
    return response;
  },
};

describe('a response that a middleware has looked at', () => {
  for (const R of [Platform, Response as unknown as typeof Platform]) {
    const owner = R === Platform ? 'the platform’s' : 'ours';
    for (const [done, middleware] of Object.entries(MIDDLEWARES)) {
      it(`is sent whole when it ${done} (${owner})`, async () => {
        for (const [kind, make] of Object.entries(BODIES)) {
          for (const content of ['hello', LONG]) {
            const response = await middleware(new R(make(content) as Body));
            assert.equal(await bodyText(responseParts(response)), content, kind);
          }
        }
      });
    }

    it(`cannot be sent when it was read, in part or whole, or is locked (${owner})`, async () => {
      for (const make of Object.values(BODIES)) {
        const read = new R(make('hello') as Body);
        await read.text();
        const locked = new R(make('hello') as Body);
        locked.body!.getReader();
        const partly = new R(make('hello') as Body);
        const reader = partly.body!.getReader();
        await reader.read();
        reader.releaseLock();
        for (const response of [read, locked, partly])
          assert.throws(() => responseParts(response), TypeError);
      }
    });
  }

  it('is sent whole though a clone is read while it leaves', async () => {
    for (const content of ['hello', LONG]) {
      const response = new Platform(new TextEncoder().encode(content));
      const clone = response.clone();
      const parts = responseParts(response);
      const cloned = clone.text();
      assert.equal(await bodyText(parts), content);
      assert.equal(await cloned, content);
    }
  });

  it('has its length told where the platform knows it', { skip: !SHOWS_STATE }, async () => {
    const form = new FormData();
    form.append('a', 'b');
    form.append('file', new Blob(['content']), 'name.txt');
    for (const body of [new Blob(['hello']), new TextEncoder().encode(LONG), form]) {
      const parts = responseParts(new Platform(body));
      const { contentLength } = parts.body as OutgoingBody;
      assert.equal((await bodyText(parts))!.length, contentLength);
      assert.ok(contentLength! > 0);
    }
  });
});

/** What a library may write, over either class. */
function derived(Base: typeof Platform, over: Record<string, unknown>, body: Body | null = 'text'): unknown {
  const response = new (class extends Base {})(body);
  for (const [name, value] of Object.entries(over)) Object.defineProperty(response, name, { value });
  return response;
}

describe('a response of a derived class', () => {
  const ILLEGAL: Record<string, unknown>[] = [
    { status: 0 },
    { status: 99 },
    { status: 101 },
    { status: 1000 },
    { status: 200.5 },
    { status: Number.NaN },
    { status: '200' },
    { status: '200 OK\r\nX: y' },
    { statusText: 'OK\r\nTransfer-Encoding: chunked' },
    { statusText: 'smile \u{1f600}' },
    { headers: new Map([['a\r\nb', 'c']]) },
    { headers: new Map([['a', 'b\r\nc: d']]) },
    { headers: new Map([['a', 'b\0']]) },
    { headers: new Map([['a b', 'c']]) },
    { headers: new Map([['', 'c']]) },
    { headers: new Map([['a', '€']]) },
    { headers: null },
    { headers: 7 },
    { body: 'text' },
    { body: {} },
    { type: 'error' },
  ];

  it('is refused when something of it cannot be sent, and is left with its body', () => {
    for (const Base of [Platform, Response as unknown as typeof Platform]) {
      for (const over of ILLEGAL) {
        if ('body' in over && Base !== Platform) continue; // ours have theirs in slots
        const response = derived(Base, over);
        assert.throws(() => responseParts(response), TypeError, JSON.stringify(over));
        assert.equal((response as AnyResponse).bodyUsed, false, JSON.stringify(over));
      }
    }
  });

  it('has its field names in lower case, so that the server knows its own', () => {
    const headers = new Map([
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '7'],
    ]);
    const { names } = responseParts(derived(Platform, { headers }));
    assert.deepEqual(names, ['transfer-encoding', 'content-length']);
  });

  it('is sent as what it says it is', async () => {
    const parts = responseParts(derived(Platform, { status: 418, statusText: 'Teapot' }));
    assert.deepEqual([parts.status, parts.statusText, await bodyText(parts)], [418, 'Teapot', 'text']);
    const other = new Blob(['other']).stream();
    assert.equal(await bodyText(responseParts(derived(Platform, { body: other }))), 'other');
  });

  it('has no body where its status allows none', () => {
    for (const status of [204, 205, 304]) {
      for (const Base of [Platform, Response as unknown as typeof Platform]) {
        let cancelled = false;
        const body = new ReadableStream({
          cancel: () => {
            cancelled = true;
          },
        });
        assert.equal(responseParts(derived(Base, { status }, body)).body, null);
        assert.equal(cancelled, true);
      }
    }
  });
});

describe('a body that is sent', () => {
  const pieces = ['grün ', new TextEncoder().encode('and '), new DataView(new ArrayBuffer(1)), ''];
  const stream = (): ReadableStream =>
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });

  it('may be a stream of text, in ours and the platform’s, cloned too', async () => {
    for (const R of [Platform, Response as unknown as typeof Platform]) {
      assert.equal(await bodyText(responseParts(new R(stream()))), 'grün and \0');
      const derivedOnce = new (class extends R {})(stream());
      assert.equal(await bodyText(responseParts(derivedOnce)), 'grün and \0');
    }
    const response = new Response(stream());
    response.clone();
    assert.equal(await bodyText(responseParts(response)), 'grün and \0');
  });

  it('may not be a stream of anything else', async () => {
    for (const piece of [1, {}, null, Symbol('a')]) {
      const body = new ReadableStream({ start: (controller) => controller.enqueue(piece) });
      await assert.rejects(bodyText(responseParts(new Response(body))), TypeError);
    }
  });

  it('is of bytes alone for a program that reads it, as the standard has it', async () => {
    await assert.rejects(new Response(stream()).text(), TypeError);
    await assert.rejects(new Response(stream()).bytes(), TypeError);
  });
});
