import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { FakeBody, FakePort, fakeRequest } from './exchange.contract.ts';
import { Response } from './response.ts';

const PLATFORM_PROPERTIES = [
  'method',
  'url',
  'destination',
  'referrer',
  'referrerPolicy',
  'mode',
  'credentials',
  'cache',
  'redirect',
  'integrity',
  'keepalive',
  'isReloadNavigation',
  'isHistoryNavigation',
  'duplex',
  'bodyUsed',
  'body',
];

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'fulfilled',
    (error: Error) => error.name,
  );
}

/** A Request typed as handlers type it: that it compiles is part of the test. */
const asPlatform = (request: globalThis.Request): globalThis.Request => request;

describe('a Request', () => {
  it('answers as the platform does where there is no body', () => {
    const ours = fakeRequest({ target: '/a?b=c', fields: [['X-A', '1']] });
    const platform = new Request('http://example.com/a?b=c', {
      headers: { host: 'example.com', 'x-a': '1' },
    });
    for (const property of PLATFORM_PROPERTIES) {
      assert.deepEqual(Reflect.get(ours, property), Reflect.get(platform, property), property);
    }
    assert.deepEqual([...ours.headers], [...platform.headers]);
    assert.ok(asPlatform(ours) instanceof Request);
    assert.equal(Object.prototype.toString.call(ours), '[object Request]');
    assert.equal(ours.constructor, Request);
    assert.equal(inspect(ours), inspect(platform));
    assert.equal(JSON.stringify({ request: ours }), JSON.stringify({ request: platform }));
  });

  it('knows every method, and the token of those that have no number', () => {
    for (const method of [
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'OPTIONS',
      'PATCH',
      'PROPFIND',
      'get',
      'TRACE',
    ]) {
      assert.equal(fakeRequest({ method }).method, method);
    }
  });

  it('gives the same URL and Headers each time', () => {
    const request = fakeRequest();
    assert.equal(request.headers, request.headers);
    assert.equal(request.url, 'http://example.com/');
  });

  it('answers for its head, and not for its body, after the exchange is over', async () => {
    const port = new FakePort();
    const request = fakeRequest({ method: 'POST', target: '/late', body: 'x', port });
    port.body = undefined;
    assert.equal(request.method, 'POST');
    assert.equal(request.url, 'http://example.com/late');
    assert.equal(request.headers.get('host'), 'example.com');
    await assert.rejects(request.text(), { name: 'TypeError', message: /exchange was over/ });
  });

  it('takes the signal from the exchange when it is asked for', () => {
    const port = new FakePort();
    const request = fakeRequest({ port });
    assert.equal(request.signal.aborted, false);
    port.aborter.abort(new Error('gone'));
    assert.equal(request.signal.aborted, true);
    assert.equal((request.signal.reason as Error).message, 'gone');
  });
});

describe("a Request's body", () => {
  const READERS = ['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData'] as const;

  it('is read as the platform reads it, from one buffer or from pieces', async () => {
    const bodies: (string | Uint8Array)[] = [
      '',
      '{"a":1}',
      '\uFEFF{"a":"é"}',
      '{',
      new Uint8Array([0xff, 0xfe, 0x41, 0xe2, 0x82]),
    ];
    for (const body of bodies) {
      for (const reader of READERS) {
        const platform = new Request('http://example.com/', {
          method: 'POST',
          body,
          headers: { 'content-type': 'X/Y; a=B' },
        });
        const expected = await platform[reader]().catch((error: Error) => error.name);
        for (const buffered of [true, false]) {
          const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
          const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
          const ours = fakeRequest({
            method: 'POST',
            body: new FakeBody(pieces, buffered),
            fields: [['content-type', 'X/Y; a=B']],
          });
          const promise = ours[reader]();
          assert.equal(ours.bodyUsed, true);
          assert.deepEqual(await promise.catch((error: Error) => error.name), expected, `${reader} ${body}`);
          assert.equal(await rejection(ours.text()), 'TypeError');
          assert.equal(ours.body!.locked, true);
          assert.throws(() => ours.clone(), TypeError);
        }
      }
    }
  });

  it('decodes any bytes as the platform does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 24 }), async (bytes) => {
        const ours = await fakeRequest({ method: 'POST', body: new FakeBody([bytes], true) }).text();
        assert.equal(ours, await new globalThis.Response(bytes).text());
      }),
      { numRuns: 200 },
    );
  });

  it('of nothing reads as empty, any number of times', async () => {
    const request = fakeRequest({ method: 'POST' });
    assert.equal(await request.text(), '');
    assert.equal(await request.text(), '');
    assert.equal(request.bodyUsed, false);
    assert.equal(await rejection(request.json()), 'SyntaxError');
    assert.equal((await request.arrayBuffer()).byteLength, 0);
  });

  it('makes no stream for text, json and bytes', async () => {
    const request = fakeRequest({ method: 'POST', body: ['a', 'b'] });
    assert.equal(await request.text(), 'ab');
    assert.equal(request._stream, undefined);
  });

  it('is pulled only as far as its stream is read', async () => {
    const body = new FakeBody(['a', 'b', 'c'], false);
    const request = fakeRequest({ method: 'POST', body });
    const stream = request.body!;
    assert.equal(stream, request.body);
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.equal(body.readCount, 0);
    assert.equal(request.bodyUsed, false);
    const reader = stream.getReader();
    assert.deepEqual(await reader.read(), { done: false, value: Uint8Array.of(0x61) });
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.equal(body.readCount, 1);
    assert.equal(request.bodyUsed, true);
    await reader.cancel('enough');
    await reader.cancel('again');
    assert.deepEqual(body.cancelReasons, ['enough']);
  });

  it('is cancelled once when its stream is cancelled before anything was read', async () => {
    const body = new FakeBody(['a'], false);
    const request = fakeRequest({ method: 'POST', body });
    await request.body!.cancel('unwanted');
    assert.deepEqual(body.cancelReasons, ['unwanted']);
    assert.equal(request.bodyUsed, true);
  });

  it('errors its stream and its readers with the fault of the connection', async () => {
    const fault = new Error('client went');
    for (const read of ['text', 'stream'] as const) {
      const body = new FakeBody(['a'], false);
      body.fault = fault;
      const request = fakeRequest({ method: 'POST', body });
      const whole = read === 'text' ? request.text() : new globalThis.Response(request.body).text();
      await assert.rejects(whole, fault);
    }
  });

  it('reads into the buffer of a reader that brings its own', async () => {
    const request = fakeRequest({ method: 'POST', body: ['abcd', 'e'] });
    const reader = request.body!.getReader({ mode: 'byob' });
    let text = '';
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(2));
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    assert.equal(text, 'abcde');
  });

  it('is still read whole after its stream was only looked at', async () => {
    const request = fakeRequest({ method: 'POST', body: '{"a":1}' });
    assert.equal(request.body!.locked, false);
    assert.deepEqual(await request.json(), { a: 1 });
    assert.equal(request.bodyUsed, true);
  });

  it('cannot be read while its stream is locked', async () => {
    const request = fakeRequest({ method: 'POST', body: 'x' });
    request.body!.getReader();
    assert.equal(await rejection(request.text()), 'TypeError');
    assert.throws(() => request.clone(), TypeError);
  });

  it('does not detach a view of a larger buffer that the server gives', async () => {
    const large = new TextEncoder().encode('abcdef');
    const request = fakeRequest({ method: 'POST', body: [large.subarray(0, 3), large.subarray(3)] });
    assert.equal(await new globalThis.Response(request.body).text(), 'abcdef');
    assert.equal(large.byteLength, 6);
  });

  it('round-trips forms of both kinds', async () => {
    const form = new FormData();
    form.append('a', 'x\ny');
    form.append('q"', 'é');
    form.append('file', new File(['content'], 'n.txt', { type: 'text/plain' }));
    const encoded = new Response(form);
    const type = encoded.headers.get('content-type')!;
    const received = await fakeRequest({
      method: 'POST',
      body: await encoded.text(),
      fields: [['Content-Type', type]],
    }).formData();
    assert.equal(received.get('a'), 'x\r\ny');
    assert.equal(await (received.get('file') as File).text(), 'content');
    assert.equal((received.get('file') as File).name, 'n.txt');

    const urlencoded = await fakeRequest({
      method: 'POST',
      body: 'a=1&b=%20',
      fields: [['content-type', 'application/x-www-form-urlencoded']],
    }).formData();
    assert.deepEqual(
      [...urlencoded],
      [
        ['a', '1'],
        ['b', ' '],
      ],
    );
    assert.equal(await rejection(fakeRequest({ method: 'POST', body: 'a=1' }).formData()), 'TypeError');
  });

  it('of a GET can be read, but is not in the clone', async () => {
    const request = fakeRequest({ body: 'x' });
    const clone = request.clone();
    assert.equal(clone.body, null);
    assert.equal(await request.text(), 'x');
  });
});

describe("a Request's clone", () => {
  it('is the platform’s, with the same head, body and signal', async () => {
    for (const body of ['{"a":1}', ['{"a"', ':1}']] as const) {
      const port = new FakePort();
      const request = fakeRequest({
        method: 'PUT',
        target: '/x',
        body,
        fields: [
          ['X', '1'],
          ['X', '2'],
        ],
        port,
      });
      const clone = request.clone();
      assert.equal(Object.getPrototypeOf(clone), Request.prototype);
      assert.equal(clone.method, 'PUT');
      assert.equal(clone.url, request.url);
      assert.equal(clone.headers.get('x'), '1, 2');
      const again = new Request(clone, { headers: { y: '1' } });
      assert.deepEqual(await again.json(), { a: 1 });
      assert.equal(request.bodyUsed, false);
      assert.deepEqual(await request.json(), { a: 1 });
      port.aborter.abort();
      assert.equal(again.signal.aborted, true);
    }
  });

  it('can be taken again and again', async () => {
    const request = fakeRequest({ method: 'POST', body: ['a', 'b'] });
    const clones = [request.clone(), request.clone(), request.clone()];
    assert.deepEqual(await Promise.all([...clones, request].map((each) => each.text())), [
      'ab',
      'ab',
      'ab',
      'ab',
    ]);
  });

  it('is not needed where the platform keeps its state under symbols', async () => {
    const request = fakeRequest({ method: 'POST', body: ['a', 'b'], fields: [['x', '1']] });
    if (Object.getOwnPropertySymbols(new Request('http://a/')).length === 0) return;
    const copy = new Request(request, { headers: { ...Object.fromEntries(request.headers), y: '2' } });
    assert.equal(copy.headers.get('x'), '1');
    assert.equal(copy.headers.get('y'), '2');
    assert.equal(await copy.text(), 'ab');
    assert.equal(request.bodyUsed, true);
    assert.equal(await rejection(request.text()), 'TypeError');
  });

  it('is not needed to make a Request with another URL', async () => {
    const request = fakeRequest({ method: 'POST', body: ['a', 'b'], fields: [['x', '1']] });
    const other = new Request('http://other/', request);
    assert.equal(other.method, 'POST');
    assert.equal(other.headers.get('x'), '1');
    assert.equal(await other.text(), 'ab');
  });
});
