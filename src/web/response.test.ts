import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Headers } from './headers.ts';
import { Response } from './response.ts';

const Platform = globalThis.Response;

/** What can be seen of a Response, or the name of the error. */
async function seen(make: () => globalThis.Response): Promise<unknown> {
  try {
    const response = make();
    const { status, statusText, ok, type, url, redirected, bodyUsed } = response;
    const body = response.body;
    const head = { status, statusText, ok, type, url, redirected, bodyUsed, hasBody: body !== null };
    const headers = [...response.headers].map(([name, value]) => [
      name,
      value.replace(/boundary=.*/, 'boundary'),
    ]);
    const text = masked(await response.text());
    return { ...head, headers, text, usedAfter: response.bodyUsed };
  } catch (error) {
    return (error as Error).name;
  }
}

/** Without the random part of multipart boundaries. */
function masked(text: string): string {
  return text.replace(/-+formdata-[a-z]+(-[0-9a-f]+)+/g, 'boundary');
}

function form(): FormData {
  const data = new FormData();
  data.append('a\nb"', 'c\nd');
  data.append('file', new File(['x'], 'n"\r.txt'));
  return data;
}

const stream = (...chunks: unknown[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

async function* generate(...chunks: unknown[]): AsyncGenerator<unknown> {
  yield* chunks;
}

function used(): ReadableStream {
  const body = stream();
  body.getReader();
  return body;
}

/** Each makes a fresh body. */
const BODIES: (() => unknown)[] = [
  () => undefined,
  () => null,
  () => '',
  () => 'héllo',
  () => '\uFEFFx\uD800',
  () => 5,
  () => ({}),
  () => new Uint8Array([65, 66]),
  () => Buffer.from('buffer'),
  () => new Uint8Array([65, 66]).buffer,
  () => new DataView(new Uint8Array([65, 66, 67]).buffer, 1),
  () => new Blob(['blob']),
  () => new Blob(['blob'], { type: 'a/b' }),
  () => new URLSearchParams({ a: 'b c' }),
  form,
  () => stream(new Uint8Array([65]), new Uint8Array([66])),
  () => stream('text'),
  () => stream(5),
  () => generate(new Uint8Array([65]), 'text'),
  () => Readable.from([Buffer.from('a'), Buffer.from('b')]),
  used,
];

const INITS: unknown[] = [
  undefined,
  null,
  5,
  'x',
  {},
  { status: 404 },
  { status: '404' },
  { status: 200.9 },
  { status: 204 },
  { status: 304 },
  { status: 101 },
  { status: 600 },
  { status: 199 },
  { status: null },
  { status: Number.NaN },
  { status: 65_736 },
  { statusText: 'Fine' },
  { statusText: 'a\nb' },
  { statusText: 'é' },
  { statusText: '€' },
  { headers: { 'Content-Type': 'text/html' } },
  { headers: { 'Content-Type': 'a/b', 'content-type': 'c/d' } },
  { headers: { 'X-A': ' 1 ', 'x-a': '2', 'content-length': 5 } },
  {
    headers: [
      ['set-cookie', 'a'],
      ['set-cookie', 'b'],
      ['content-type', 'x/y'],
    ],
  },
  { headers: new globalThis.Headers({ 'content-type': 'x/y', a: 'b' }) },
  { headers: new Headers({ 'content-type': 'x/y', a: 'b' }) },
  { headers: { a: 'b\r\nInjected: 1' } },
  { headers: { 'a b': 'c' } },
  { headers: { a: '€' } },
  { headers: null },
  { headers: 'abc' },
  { headers: undefined, status: undefined, statusText: undefined },
  { status: 201, statusText: 'Made', headers: { a: 'b' } },
];

describe('a Response', () => {
  it('is, of every body and init, what the platform makes of them', async () => {
    for (const body of BODIES) {
      for (const init of INITS) {
        assert.deepEqual(
          await seen(() => new Response(body() as never, init as never)),
          await seen(() => new Platform(body() as never, init as never)),
          inspect([body(), init]),
        );
      }
    }
  });

  it('is by json(), redirect() and error() what the platform makes', async () => {
    const values = [{ a: 1 }, 'x', null, undefined, () => {}, { toJSON: () => undefined }];
    for (const value of values) {
      for (const init of INITS) {
        // WebIDL takes null for an empty dictionary; undici 6 stumbles over it here, not in `new Response`.
        if (init === null) continue;
        assert.deepEqual(
          await seen(() => Response.json(value, init as never)),
          await seen(() => Platform.json(value, init as never)),
          inspect([value, init]),
        );
      }
    }
    for (const [url, status] of [
      ['http://a/b?é', undefined],
      ['http://a', 301],
      ['http://a', 200],
      ['x:y', 308],
    ]) {
      assert.deepEqual(
        await seen(() => Response.redirect(url as string, status as never)),
        await seen(() => Platform.redirect(url as string, status as never)),
      );
    }
    assert.deepEqual(await seen(() => Response.error()), await seen(() => Platform.error()));
    assert.throws(() => Response.error().headers.set('a', 'b'), TypeError);
    assert.throws(() => Response.redirect('http://a/').headers.set('a', 'b'), TypeError);
  });

  it('and the platform’s are instances of each other’s class', () => {
    assert.ok(new Response() instanceof Platform);
    assert.ok(new Platform() instanceof Response);
    assert.ok(!({} instanceof Response));
    class Derived extends Response {}
    assert.ok(new Derived() instanceof Derived && new Derived() instanceof Response);
    assert.ok(!(new Platform() instanceof Derived));
    assert.equal(new Response().constructor, Response);
    const typed: globalThis.Response = new Response('x');
    assert.equal(Object.prototype.toString.call(typed), '[object Response]');
  });

  it('is shown as the platform’s is', () => {
    assert.equal(JSON.stringify([new Response('x')]), JSON.stringify([new Platform('x')]));
    assert.equal(inspect(new Response('x', { status: 201 })), inspect(new Platform('x', { status: 201 })));
  });

  it('reads its body once, by every reader', async () => {
    for (const reader of ['text', 'json', 'arrayBuffer', 'bytes', 'blob'] as const) {
      for (const body of ['{"a":1}', new TextEncoder().encode('{"a":1}'), new Blob(['{"a":1}'])]) {
        const ours = new Response(body);
        const platform = new Platform(body);
        assert.deepEqual(await ours[reader](), await platform[reader](), reader);
        assert.equal(ours.bodyUsed, true);
        await assert.rejects(ours[reader](), TypeError);
        assert.throws(() => ours.clone(), TypeError);
      }
    }
    const data = await new Response(form()).formData();
    assert.equal(data.get('a\r\nb"'), 'c\r\nd');
  });

  it('holds a copy of the bytes that it was given, and gives out copies', async () => {
    const bytes = new Uint8Array([1, 2]);
    const response = new Response(bytes);
    const clone = response.clone();
    bytes[0] = 9;
    const read = await response.bytes();
    assert.deepEqual([...read], [1, 2]);
    read[0] = 8;
    assert.deepEqual([...(await clone.bytes())], [1, 2]);
  });

  it('clones whatever body it has', async () => {
    for (const body of BODIES) {
      const response = await Promise.resolve()
        .then(() => new Response(body() as never, { status: 201, headers: { a: 'b' } }))
        .catch(() => new Response('locked'));
      const clone = response.clone();
      const texts = await Promise.all(
        [response.text(), clone.text()].map((text) => text.catch((error) => error.name)),
      );
      const alone = await Promise.resolve()
        .then(() => new Response(body() as never).text())
        .catch((error) => (error.message.includes('disturbed') ? 'locked' : error.name));
      assert.deepEqual(texts.map(masked), [masked(alone), masked(alone)]);
      assert.deepEqual([...response.headers], [...clone.headers]);
      assert.equal(clone.status, response.status);
    }
  });

  it('clones its headers, changed or not, apart from the original', () => {
    const response = new Response('x', { headers: { a: '1' } });
    const early = response.clone();
    response.headers.set('a', '2');
    const late = response.clone();
    response.headers.set('a', '3');
    assert.deepEqual(
      [early.headers.get('a'), late.headers.get('a'), response.headers.get('a')],
      ['1', '2', '3'],
    );
  });

  it('passes its body on to another Response, which uses up both', async () => {
    for (const Other of [Response, Platform]) {
      const first = new Response('text', { headers: { a: 'b' } });
      const second = new Other(first.body, first);
      assert.equal(second.headers.get('a'), 'b');
      assert.equal(second.headers.get('content-type'), 'text/plain;charset=UTF-8');
      assert.equal(first.bodyUsed, false);
      assert.equal(await second.text(), 'text');
      assert.equal(first.bodyUsed, true);
      assert.equal(second.bodyUsed, true);
      await assert.rejects(first.text(), TypeError);
    }
  });

  it('takes no field from a polluted prototype', () => {
    Reflect.set(Object.prototype, 'x-evil', '1');
    try {
      assert.equal(new Response('x', { headers: { a: 'b' } }).headers.get('x-evil'), null);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'x-evil');
    }
  });
});

describe('small bodies of bytes, whose copies share memory', () => {
  const letters = (letter: string) => new Uint8Array(1000).fill(letter.charCodeAt(0));

  it('are what was given when the Response was made, whatever becomes of that and of other bodies', async () => {
    const source = letters('a');
    const first = new Response(source);
    source.fill(0);
    const second = new Response(letters('b').buffer);
    const third = new Response(letters('c'));
    // A byte stream takes the memory of its piece away.
    const piece = (await second.body!.getReader().read()).value!;
    structuredClone(piece, { transfer: [piece.buffer] });
    const whole = await third.arrayBuffer();
    assert.equal(whole.byteLength, 1000);
    new Uint8Array(whole).fill(0);
    assert.equal(await first.clone().text(), 'a'.repeat(1000));
    assert.equal(await first.text(), 'a'.repeat(1000));
    const all = Array.from(
      { length: 50 },
      (_, i) => new Response(letters(String.fromCharCode(65 + (i % 26)))),
    );
    for (const [i, each] of all.entries())
      assert.equal(await each.text(), String.fromCharCode(65 + (i % 26)).repeat(1000));
  });
});
