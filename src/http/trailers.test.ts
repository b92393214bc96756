import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkedDecoder } from '../protocol/h1/chunked.ts';
import { DEFAULT_LIMITS } from '../protocol/limits.ts';
import { Headers } from '../web/headers.ts';
import { type BodyOwner, RequestBody } from './request-body.ts';
import { checkedTrailers } from './trailers.ts';

const owner: BodyOwner = { bodyWanted() {}, bodyCancelled() {}, takeReceived: () => false };
const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

test('trailers of an answer are given as an object, with lists, as Headers or as pairs', () => {
  assert.deepEqual(checkedTrailers({ 'Grpc-Status': '0', 'x-a': ['1', '2'] }), {
    names: ['grpc-status', 'x-a', 'x-a'],
    values: ['0', '1', '2'],
  });
  assert.deepEqual(checkedTrailers(new Headers({ 'x-b': ' c ' })).values, ['c']);
  assert.deepEqual(checkedTrailers([['x', 'y']]).names, ['x']);
});

test('fields that cannot be sent, or may not come so late, are refused by name', () => {
  for (const name of ['content-length', 'Transfer-Encoding', 'set-cookie', 'content-type'])
    assert.throws(() => checkedTrailers({ [name]: '1' }), {
      name: 'TypeError',
      message: new RegExp(`"${name.toLowerCase()}" may not come behind the content`),
    });
  assert.throws(() => checkedTrailers({ 'a b': '1' }), TypeError);
  assert.throws(() => checkedTrailers({ a: 'b\r\nc' }), TypeError);
});

test('trailers of a request come with the end of its content, asked for before or after', async () => {
  for (const asksFirst of [true, false]) {
    const body = new RequestBody(owner, -1, new ChunkedDecoder(DEFAULT_LIMITS));
    const asked = asksFirst ? body.trailers() : undefined;
    const bytes = ascii('3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n');
    for (let at = 0; at < bytes.length; at++) body.feed(bytes, at, at + 1);
    assert.equal(body.complete, true);
    const trailers = await (asked ?? body.trailers());
    assert.deepEqual([...trailers], [['x-sum', '7']]);
  }
});

test('content without trailers has none, and content that fails fails them', async () => {
  const whole = new RequestBody(owner, 2, null);
  const asked = whole.trailers();
  whole.feed(ascii('ok'), 0, 2);
  assert.deepEqual([...(await asked)], []);
  const failed = new RequestBody(owner, 2, null);
  const early = failed.trailers();
  failed.fail(new Error('gone'));
  await assert.rejects(early, /gone/);
  await assert.rejects(failed.trailers(), /gone/);
});

test('framed content is whole when it is said to be', async () => {
  const body = new RequestBody(owner, -1, null);
  const text = body.readAll();
  body.feedFramed(ascii('ab'), [0, 2]);
  body.feedFramed(ascii('c'), [0, 1]);
  assert.equal(body.complete, false);
  body.finish(new Headers({ 'x-end': '1' }));
  assert.equal(Buffer.from(await text).toString(), 'abc');
  assert.deepEqual([...(await body.trailers())], [['x-end', '1']]);
});
