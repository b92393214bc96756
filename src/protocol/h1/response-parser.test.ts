import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { METHOD_GET, METHOD_HEAD } from '../semantics/methods.ts';
import { latin1Bytes, shown } from './drive.contract.ts';
import { HEAD_COMPLETE, HEAD_MORE, HEAD_REFUSED } from './field-section.ts';
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  ResponseHeadParser,
} from './response-parser.ts';

function run(text: string, method: number, cuts: readonly number[], start: number): Record<string, unknown> {
  const parser = new ResponseHeadParser();
  parser.reset(method);
  let status = HEAD_MORE;
  for (const cut of [...cuts, text.length]) {
    if (status !== HEAD_MORE) break;
    const bytes = new Uint8Array(start + text.length + 4);
    bytes.set(latin1Bytes(text.slice(0, cut)), start);
    status = parser.parse(bytes, start, start + cut);
  }
  if (status === HEAD_REFUSED) return { fault: parser.fault?.code };
  if (status === HEAD_MORE) return { more: true };
  const { minor, contentLength, bodyFraming, keepAlive, isInterim, headBytes, fieldsStart } = parser;
  return {
    status: parser.status,
    minor,
    contentLength,
    bodyFraming,
    keepAlive,
    isInterim,
    headBytes,
    fieldsStart,
  };
}

function judge(text: string, method = METHOD_GET): Record<string, unknown> {
  const whole = run(text, method, [], 0);
  for (let cut = 0; cut <= text.length; cut++)
    deepEqual(run(text, method, [cut], 2), whole, `split after ${cut} of ${shown(text)}`);
  deepEqual(
    run(
      text,
      method,
      Array.from({ length: text.length }, (_, i) => i + 1),
      1,
    ),
    whole,
    'byte by byte',
  );
  if (whole['more'] !== true) deepEqual(run(`${text}\x00\n`, method, [], 0), whole, 'with bytes behind');
  return whole;
}

function expectFacts(text: string, facts: Record<string, unknown>, method = METHOD_GET): void {
  const whole = judge(text, method);
  for (const [name, value] of Object.entries(facts))
    equal(whole[name], value, `${name} of ${shown(text)}: ${JSON.stringify(whole)}`);
}

test('a body is framed by its length', () => {
  expectFacts('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', {
    status: 200,
    bodyFraming: BODY_LENGTH,
    contentLength: 5,
    keepAlive: true,
    headBytes: 38,
  });
  expectFacts('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', {
    bodyFraming: BODY_LENGTH,
    keepAlive: false,
  });
});

test('a body is framed by chunks', () => {
  expectFacts('HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n', {
    bodyFraming: BODY_CHUNKED,
    keepAlive: true,
  });
});

test('a body without framing ends with the connection', () => {
  expectFacts('HTTP/1.1 200 OK\r\n\r\n', { bodyFraming: BODY_UNTIL_CLOSE, keepAlive: false });
  expectFacts('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n', {
    bodyFraming: BODY_UNTIL_CLOSE,
    keepAlive: false,
    minor: 0,
  });
});

test('answers to HEAD and bodiless statuses end with their head', () => {
  expectFacts(
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    { bodyFraming: BODY_NONE, contentLength: 5, keepAlive: true },
    METHOD_HEAD,
  );
  for (const status of [100, 101, 103, 204, 304]) {
    expectFacts(`HTTP/1.1 ${status} \r\nTransfer-Encoding: chunked\r\n\r\n`, {
      bodyFraming: BODY_NONE,
      isInterim: status < 200 && status !== 101,
    });
  }
});

test('HTTP/1.0 stays only when it says so', () => {
  expectFacts('HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n', { keepAlive: false });
  expectFacts('HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n', { keepAlive: true });
});

test('a reason may be empty, absent, or in latin1', () => {
  for (const reason of [' ', '', ' Tr\xe8s bien\tm\xeame'])
    expectFacts(`HTTP/1.1 200${reason}\r\n\r\n`, { status: 200 });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['HTTP/2 200 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/2.0 200 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1  200 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1 20 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1 099 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1 200\tOK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1 200 O\x00K\r\n\r\n', 'bad-status-line'],
  ['ICY 200 OK\r\n\r\n', 'bad-status-line'],
  ['\r\nHTTP/1.1 200 OK\r\n\r\n', 'bad-status-line'],
  ['HTTP/1.1 200\n\n', 'bare-lf'],
  ['HTTP/1.1 200 OK\n\n', 'bare-lf'],
  ['HTTP/1.1 200 OK\rX', 'bare-cr'],
  ['HTTP/1.1 200 OK\r\n A: b\r\n\r\n', 'obs-fold'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n', 'content-length-repeated'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n', 'bad-content-length'],
  [
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'content-length-with-transfer-encoding',
  ],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'bad-transfer-encoding'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'transfer-coding-unsupported'],
  ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'transfer-encoding-on-http10'],
];

for (const [text, code] of REFUSED) {
  test(`response head ${shown(text)} is ${code}`, () => {
    deepEqual(judge(text), { fault: code });
  });
}

test('a response head has its limits', () => {
  const parser = new ResponseHeadParser({ headBytesMax: 40, headerCountMax: 2 });
  const verdict = (text: string): string => {
    const bytes = latin1Bytes(text);
    parser.reset(METHOD_GET);
    return parser.parse(bytes, 0, bytes.length) === HEAD_COMPLETE ? 'ok' : (parser.fault?.code ?? 'more');
  };
  equal(verdict(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(16)}\r\n\r\n`), 'ok');
  equal(verdict(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(17)}\r\n\r\n`), 'head-too-large');
  equal(verdict('HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\n\r\n'), 'too-many-fields');
});
