import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeBody, fakeRequest } from './exchange.contract.ts';
import { isLightResponse, ResponseParts, responseParts } from './parts.ts';
import { collect } from './pieces.ts';
import { Response } from './response.ts';

const Platform = globalThis.Response;

/** Status, fields by name, and the body as text. */
async function sent(parts: ResponseParts): Promise<unknown> {
  const fields = parts.names.map((name, i) => [name, parts.values[i]]);
  if (parts.contentType !== undefined) fields.push(['content-type', parts.contentType]);
  fields.sort(([a], [b]) => (a! < b! ? -1 : a! > b! ? 1 : 0));
  const { body } = parts;
  const whole = body === null || typeof body === 'string' || body instanceof Uint8Array;
  const bytes = whole ? body : await collect(body);
  const text = typeof bytes === 'string' || bytes === null ? bytes : new TextDecoder().decode(bytes);
  return { status: parts.status, statusText: parts.statusText, fields, text };
}

const MAKERS: ((R: typeof globalThis.Response) => globalThis.Response)[] = [
  (R) => new R('hello'),
  (R) => new R(null, { status: 204, statusText: 'Nothing' }),
  (R) => new R('x', { headers: { 'Content-Type': 'text/html', 'X-A': '1' } }),
  (R) => R.json({ a: 1 }, { status: 201 }),
  (R) => R.redirect('http://a/b'),
  (R) => new R(new TextEncoder().encode('bytes')),
  (R) => new R(new Blob(['blob'], { type: 'a/b' })),
  (R) => new R(new URLSearchParams('a=b')),
  (R) => new R(new Blob(['stream']).stream()),
  (R) => {
    const response = new R('x', {
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['vary', 'a'],
      ],
    });
    response.headers.append('set-cookie', 'c=3');
    response.headers.set('vary', 'b');
    response.headers.delete('content-type');
    return response;
  },
  (R) => {
    const response = new R('looked at');
    assert.equal(response.body!.locked, false);
    return response;
  },
  (R) => new R('copied').clone(),
  (R) => {
    const response = new R(new Blob(['teed']).stream());
    response.clone();
    return response;
  },
  (R) => new R(new R('passed on', { status: 203 }).body, new R(null, { status: 203 })),
];

describe('the parts of a response', () => {
  it('are the same for ours and the platform’s, and using them uses the body up', async () => {
    for (const make of MAKERS) {
      const ours = make(Response as unknown as typeof globalThis.Response);
      const platform = make(Platform);
      assert.equal(isLightResponse(ours), true);
      assert.equal(isLightResponse(platform), false);
      const fromOurs = await sent(responseParts(ours));
      assert.deepEqual(fromOurs, await sent(responseParts(platform)), String(make));
      const bodied = (fromOurs as { text: unknown }).text !== null;
      for (const response of [ours, platform]) {
        assert.equal(response.bodyUsed, bodied, String(make));
        if (bodied) assert.throws(() => responseParts(response), TypeError);
        else responseParts(response);
      }
    }
  });

  it('can be read into one object again and again', async () => {
    const parts = new ResponseParts();
    responseParts(new Response('a', { status: 404, statusText: 'No', headers: { a: 'b' } }), parts);
    assert.equal(responseParts(new Response(null), parts), parts);
    assert.deepEqual({ ...parts }, { ...new ResponseParts() });
  });

  it('need no Headers and no stream for common answers', () => {
    const response = new Response('x', { status: 404, headers: { 'content-type': 'text/html', 'x-a': '1' } });
    const parts = responseParts(response);
    assert.equal(parts.contentType, 'text/html');
    assert.deepEqual(parts.names, ['x-a']);
    assert.equal(parts.body, 'x');
    assert.equal(response._headers, undefined);
    assert.equal(response._stream, undefined);
  });

  it('give the text of a platform Response without its stream where that can be seen', () => {
    if (Object.getOwnPropertySymbols(new Platform('')).length === 0) return;
    assert.equal(responseParts(new Platform('text')).body, 'text');
  });

  it('give what lies behind a stream of ours that was only passed on', () => {
    for (const R of [Response, Platform]) {
      assert.equal(responseParts(new R(new Response('text').body)).body, 'text');
    }
  });

  it('of a request’s body that is passed on are the incoming body itself', async () => {
    const body = new FakeBody(['a', 'b'], false);
    const request = fakeRequest({ method: 'POST', body });
    const parts = responseParts(new Response(request.body));
    assert.equal(parts.body, body);
    assert.equal(request.bodyUsed, true);
    await assert.rejects(request.text(), TypeError);
    assert.deepEqual(body.cancelReasons, []);
  });

  it('know the length of a blob', () => {
    const { body } = responseParts(new Response(new Blob(['four'])));
    assert.equal((body as { contentLength: number }).contentLength, 4);
  });

  it('are read from a class derived from ours or from the platform’s', async () => {
    class Ours extends Response {}
    class Theirs extends Platform {}
    for (const derived of [
      new Ours('x', { headers: { a: 'b' } }),
      new Theirs('x', { headers: { a: 'b' } }),
    ]) {
      assert.deepEqual(await sent(responseParts(derived)), {
        status: 200,
        statusText: '',
        fields: [
          ['a', 'b'],
          ['content-type', 'text/plain;charset=UTF-8'],
        ],
        text: 'x',
      });
    }
  });

  it('are read from whatever has the shape of a Response', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(0x78);
    }
    const headers = new Map([
      ['A', ' 1 '],
      ['set-cookie', 'x, y'],
    ]);
    const foreign = {
      status: 200,
      statusText: 'OK',
      headers: Object.assign(headers, { getSetCookie: () => ['x', 'y'] }),
      body: body(),
      bodyUsed: false,
      arrayBuffer() {},
    };
    assert.deepEqual(await sent(responseParts(foreign)), {
      status: 200,
      statusText: 'OK',
      fields: [
        ['a', '1'],
        ['set-cookie', 'x'],
        ['set-cookie', 'y'],
      ],
      text: 'x',
    });
    assert.throws(() => responseParts({ ...foreign, bodyUsed: true }), TypeError);
    assert.throws(() => responseParts({ ...foreign, status: 1000 }), TypeError);
    assert.throws(() => responseParts({ ...foreign, body: 5 }), TypeError);
    assert.throws(() => responseParts({ ...foreign, headers: new Map([['a', 'b\r\nc: d']]) }), TypeError);
    assert.throws(() => responseParts({ ...foreign, statusText: 'a\r\nb' }), TypeError);
  });

  it('are refused of anything else, with a message that names it', () => {
    const cases: [unknown, RegExp][] = [
      [undefined, /returned undefined \(is a return missing\?\)/],
      [null, /returned null/],
      ['text', /returned "text"/],
      [5, /returned 5/],
      [{ a: 1 }, /returned an object \(Object\)/],
      [() => {}, /returned function/],
      [new Request('http://a/'), /returned an object \(_?Request\)/],
      [Response.error(), /Response\.error\(\)/],
      [Platform.error(), /Response\.error\(\)/],
    ];
    for (const [value, message] of cases)
      assert.throws(() => responseParts(value), { name: 'TypeError', message });
  });

  it('are refused of a body that somebody else reads', () => {
    for (const R of [Response, Platform]) {
      const response = new R(new Blob(['x']).stream());
      response.body!.getReader();
      assert.throws(() => responseParts(response), TypeError);
    }
  });
});
