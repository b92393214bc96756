import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeStream, type Observed } from './judge.ts';
import { readStream } from './strict-reader.ts';

const HOST = 'Host: a\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const post = (fields: string, content: string): string =>
  `POST / HTTP/1.1\r\n${HOST}${fields}\r\n\r\n${content}`;

const FAULTS: Record<string, string> = {
  'request-line': `GET\r\n${HOST}\r\n`,
  'request-target': `GET /a#b HTTP/1.1\r\n${HOST}\r\n`,
  version: `GET / HTTP/2.0\r\n${HOST}\r\n`,
  'space-before-colon': `GET / HTTP/1.1\r\n${HOST}X : b\r\n\r\n`,
  'no-host': 'GET / HTTP/1.1\r\n\r\n',
  'two-hosts': `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  'bad-length': post('Content-Length: +5', 'hello'),
  'two-lengths': post('Content-Length: 5\r\nContent-Length: 6', 'hello'),
  'length-and-coding': post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  'coding-not-final': post('Transfer-Encoding: chunked, identity', '0\r\n\r\n'),
  'coding-twice': post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n'),
  'coding-in-1.0': post('Transfer-Encoding: chunked', '0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0'),
  'chunk-size': post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'),
  'chunk-size-overflow': post('Transfer-Encoding: chunked', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  'chunk-end': post('Transfer-Encoding: chunked', '5\r\nhelloXX0\r\n\r\n'),
  'chunk-end-lf': post('Transfer-Encoding: chunked', '5\r\nhello\n0\r\n\r\n'),
  'chunk-extension': post('Transfer-Encoding: chunked', '5;a\rb\r\nhello\r\n0\r\n\r\n'),
};

for (const [rule, bytes] of Object.entries(FAULTS))
  test(`${rule} is a fault, behind a good request too`, () => {
    assert.equal(readStream(bytes, false).fault, rule);
    const behind = readStream(GET + bytes + GET, false);
    assert.deepEqual([behind.fault, behind.requests.length], [rule, 1]);
  });

const LIBERTIES: Record<string, string> = {
  'bare-lf': `GET / HTTP/1.1\nHost: a\r\n\r\n`,
  'bare-cr': `GET / HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`,
  nul: `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`,
  'line-folding': `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`,
  'same-lengths': post('Content-Length: 5, 5', 'hello'),
  'coding-unknown': post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
  'chunk-space': post('Transfer-Encoding: chunked', '5 \r\nhello\r\n0\r\n\r\n'),
};

for (const [rule, bytes] of Object.entries(LIBERTIES))
  test(`${rule} may be repaired, and is a fault where nothing is`, () => {
    const lenient = readStream(bytes + GET, false);
    assert.deepEqual(
      [lenient.fault, lenient.requests.length, [...lenient.liberties]],
      [undefined, 2, [rule]],
    );
    assert.equal(readStream(bytes + GET, true).fault, rule);
  });

test('good streams are read whole, and not before their last byte', () => {
  const streams = [
    GET,
    `\r\n\r\n${GET}`,
    post('Content-Length: 005', 'hello'),
    post('Transfer-Encoding: chunked', '5;a="b"\r\nhello\r\n0\r\nX: y\r\n\r\n'),
    `GET http://a/ HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n`,
  ];
  for (const bytes of streams) {
    const whole = readStream(bytes + GET, true);
    assert.deepEqual([whole.fault, whole.requests.length, whole.isWhole], [undefined, 2, true], bytes);
    for (let cut = 1; cut < bytes.length; cut++) {
      const part = readStream(bytes.slice(0, cut), true);
      assert.deepEqual([part.fault, part.requests.length], [undefined, 0], bytes.slice(0, cut));
    }
  }
});

test("what follows a request that closes the connection is nobody's", () => {
  const { requests, isWhole } = readStream(
    `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\nnonsense`,
    true,
  );
  assert.deepEqual([requests.length, isWhole], [1, true]);
});

const seen = (statuses: number[], more: Partial<Observed> = {}): Observed => ({
  ...{ statuses, isEnded: true, wasReset: false, nonsense: undefined, saysClose: false },
  ...more,
});

test('a fault that is accepted is found, and one that is refused is not', () => {
  assert.equal(judgeStream(FAULTS['two-lengths']!, seen([200]), false)?.id, 'two-lengths');
  assert.equal(judgeStream(FAULTS['two-lengths']!, seen([400]), false), undefined);
  assert.equal(judgeStream(FAULTS['two-lengths']!, seen([]), false), undefined);
});

test('behind content that is wrong an answer may have been given already, but no further one', () => {
  const bytes = FAULTS['chunk-size']! + GET;
  assert.equal(judgeStream(bytes, seen([200]), false), undefined);
  assert.equal(judgeStream(bytes, seen([200, 400]), false), undefined);
  assert.equal(judgeStream(bytes, seen([200, 200]), false)?.id, 'chunk-size-goes-on');
});

test('good requests have to be answered, each once', () => {
  assert.equal(judgeStream(GET + GET, seen([200, 200]), true), undefined);
  assert.equal(judgeStream(GET + GET, seen([200, 200, 200]), true)?.id, 'more-answers-than-requests');
  assert.equal(judgeStream(GET + GET, seen([200], { isEnded: false }), true)?.id, 'valid-unanswered');
  assert.equal(judgeStream(GET + GET, seen([200]), true)?.id, 'ended-without-answer');
  assert.equal(judgeStream(GET + GET, seen([200], { saysClose: true }), true), undefined);
  assert.equal(judgeStream(GET, seen([400]), true)?.id, 'valid-refused');
  assert.equal(judgeStream(GET.slice(0, -2), seen([200]), true)?.id, 'answered-unfinished');
});

test('what a server may repair is a finding only where it has said that it repairs nothing', () => {
  assert.equal(judgeStream(LIBERTIES['nul']!, seen([200]), false), undefined);
  assert.equal(judgeStream(LIBERTIES['nul']!, seen([200]), true)?.id, 'nul');
});

test('a name of an extension that is no token may be refused, and need not be', () => {
  const chunked = (extension: string): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${extension}\r\nC\r\n0\r\n\r\n`;
  assert.equal(readStream(chunked('b\xda'), false).liberties.has('chunk-extension-grammar'), true);
  assert.equal(readStream(chunked('b="\xda"'), false).liberties.has('chunk-extension-grammar'), false);
});
