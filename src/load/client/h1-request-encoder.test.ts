import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asksForClose, encodeRequest, type FieldPair, parseHeaderFlag } from './h1-request-encoder.ts';

const text = (method: string, headers: FieldPair[] = [], body?: string) =>
  Buffer.from(
    encodeRequest({
      method,
      path: '/a?b=c',
      authority: 'host:81',
      headers,
      body: body === undefined ? undefined : new TextEncoder().encode(body),
    }),
  ).toString();

test('a request has what it needs and nothing else', () => {
  assert.equal(text('GET'), 'GET /a?b=c HTTP/1.1\r\nHost: host:81\r\n\r\n');
  assert.equal(
    text('POST', [['X-A', '1']], 'ä=1'),
    'POST /a?b=c HTTP/1.1\r\nHost: host:81\r\nX-A: 1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\nä=1',
  );
  assert.match(text('PUT'), /\r\nContent-Length: 0\r\n\r\n$/);
});

test('fields that are given replace ours', () => {
  const request = text(
    'POST',
    [
      ['host', 'other'],
      ['content-type', 'application/json'],
    ],
    '{}',
  );
  assert.equal(request.match(/host: /gi)!.length, 1);
  assert.match(request, /\r\nhost: other\r\n/);
  assert.equal(request.match(/content-type: /gi)!.length, 1);
});

test('nothing can be smuggled in', () => {
  assert.throws(() => text('GET /x HTTP/1.1\r\nA:'), /method/);
  assert.throws(() => text('GET', [['A', 'b\r\nC: d']]), /control characters/);
  assert.throws(() => text('GET', [['A B', 'c']]), /header name is a token/);
  assert.throws(() => text('POST', [['Transfer-Encoding', 'chunked']], 'x'), /sent with their length/);
  assert.throws(
    () => encodeRequest({ method: 'GET', path: '/a b', authority: 'a', headers: [], body: undefined }),
    /path/,
  );
});

test('a header flag is a name and a value', () => {
  assert.deepEqual(parseHeaderFlag('-H', 'Accept:  text/html '), ['Accept', 'text/html']);
  assert.deepEqual(parseHeaderFlag('-H', 'X-Empty:'), ['X-Empty', '']);
  assert.throws(() => parseHeaderFlag('-H', 'no colon'), /^OptionError: -H: "no colon" .*'Name: value'/);
});

test('a request that asks for a close is known', () => {
  const asks = (headers: FieldPair[], body?: string) =>
    asksForClose(Buffer.from(text('POST', headers, body)));
  assert.equal(asks([['Connection', 'close']]), true);
  assert.equal(asks([['connection', 'keep-alive, Close']]), true);
  assert.equal(asks([['Connection', 'keep-alive']]), false);
  assert.equal(asks([], '\r\n\r\nConnection: close\r\n'), false);
});
