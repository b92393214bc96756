import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS, type HeadRules, ORIGIN_RULES } from '../limits.ts';
import { METHOD_NAMES } from '../semantics/methods.ts';
import { latin1Bytes, runHead, shown } from './drive.contract.ts';
import { referenceHead } from './reference.contract.ts';
import { HEAD_CASES } from './request-head.cases.contract.ts';
import {
  HEAD_COMPLETE,
  HEAD_MORE,
  HEAD_REFUSED,
  RequestHeadParser,
  TARGET_ABSOLUTE,
  TARGET_ASTERISK,
  TARGET_AUTHORITY,
  TARGET_ORIGIN,
} from './request-head.ts';

for (const { rule, text, verdict, facts } of HEAD_CASES) {
  test(`request head: ${shown(rule)} is ${verdict}`, () => {
    const whole = runHead(text, DEFAULT_LIMITS).verdict;
    const said = whole.verdict === 'complete' ? 'ok' : whole.verdict === 'more' ? 'more' : whole.code;
    equal(said, verdict, shown(text));
    if (whole.verdict === 'complete') {
      for (const [name, value] of Object.entries(facts ?? {})) {
        equal(whole.facts[name as keyof typeof whole.facts], value, name);
      }
    }
    deepEqual(referenceHead(text, DEFAULT_LIMITS), whole, 'the oracle agrees');
    for (let cut = 0; cut <= text.length; cut++) {
      deepEqual(runHead(text, DEFAULT_LIMITS, [cut]).verdict, whole, `split after ${cut}`);
    }
    const everyByte = Array.from({ length: text.length }, (_, i) => i + 1);
    const dripped = runHead(text, DEFAULT_LIMITS, everyByte, 5);
    deepEqual(dripped.verdict, whole, 'byte by byte, elsewhere in the buffer');
    if (verdict !== 'more') {
      deepEqual(
        runHead(`${text}GET /next HTTP/1.1\r\n\x00\n`, DEFAULT_LIMITS, [], 3).verdict,
        whole,
        'with bytes behind',
      );
      deepEqual(
        runHead(text.slice(0, dripped.givenBytes - 1), DEFAULT_LIMITS).verdict.verdict,
        'more',
        'decided at the last byte needed',
      );
    }
  });
}

test('a head with every method number names its method', () => {
  for (const name of METHOD_NAMES.slice(1)) {
    const run = runHead(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`, DEFAULT_LIMITS);
    if (name === 'TRACE' || name === 'CONNECT') equal(run.verdict.verdict, 'refused');
    else if (run.verdict.verdict === 'complete') equal(run.verdict.facts.method, name);
    else ok(false, name);
  }
});

test('the form of the target is told', () => {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  for (const [requestLine, form] of [
    ['GET /x', TARGET_ORIGIN],
    ['GET http://a/x', TARGET_ABSOLUTE],
    ['OPTIONS *', TARGET_ASTERISK],
  ] as const) {
    const bytes = latin1Bytes(`${requestLine} HTTP/1.1\r\nHost: a\r\n\r\n`);
    parser.reset();
    equal(parser.parse(bytes, 0, bytes.length), HEAD_COMPLETE);
    equal(parser.targetForm, form);
  }
});

const SMALL_LIMITS = { headBytesMax: 100, targetBytesMax: 20, headerCountMax: 3 };

/** A head of exactly `length` bytes. */
function headOfLength(length: number): string {
  const frame = 'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n';
  return frame.replace('X: ', `X: ${'x'.repeat(length - frame.length)}`);
}

function judgeEverySplit(text: string): string {
  const whole = runHead(text, SMALL_LIMITS).verdict;
  for (let cut = 0; cut <= text.length; cut++)
    deepEqual(runHead(text, SMALL_LIMITS, [cut]).verdict, whole, `split after ${cut}`);
  deepEqual(referenceHead(text, SMALL_LIMITS), whole);
  return whole.verdict === 'refused' ? whole.code : whole.verdict;
}

test('a head of the largest size passes, one byte more does not, however split', () => {
  equal(judgeEverySplit(headOfLength(100)), 'complete');
  equal(judgeEverySplit(headOfLength(101)), 'head-too-large');
  equal(judgeEverySplit(headOfLength(140)), 'head-too-large');
});

test('empty lines before the request line count as part of the head', () => {
  equal(judgeEverySplit(`\r\n${headOfLength(98)}`), 'complete');
  equal(judgeEverySplit(`\r\n${headOfLength(99)}`), 'head-too-large');
});

test('a target of the largest size passes, one byte more does not, however split', () => {
  equal(judgeEverySplit(`GET /${'t'.repeat(19)} HTTP/1.1\r\nHost: a\r\n\r\n`), 'complete');
  equal(judgeEverySplit(`GET /${'t'.repeat(20)} HTTP/1.1\r\nHost: a\r\n\r\n`), 'target-too-long');
  equal(judgeEverySplit(`GET /${'t'.repeat(20)}\x00 HTTP/1.1\r\nHost: a\r\n\r\n`), 'target-too-long');
});

test('as many fields as allowed pass, one more does not, however split', () => {
  equal(judgeEverySplit('GET / HTTP/1.1\r\nHost: a\r\nB:\r\nC:\r\n\r\n'), 'complete');
  equal(judgeEverySplit('GET / HTTP/1.1\r\nHost: a\r\nB:\r\nC:\r\nD:\r\n\r\n'), 'too-many-fields');
});

test('a parser that was reset knows nothing of the head before', () => {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  const rich = latin1Bytes(
    'POST http://b/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close, upgrade\r\nUpgrade: x\r\n\r\n',
  );
  const bare = latin1Bytes('GET / HTTP/1.0\r\n\r\n');
  const fresh = new RequestHeadParser(DEFAULT_LIMITS);
  fresh.reset();
  fresh.parse(bare, 0, bare.length);
  parser.reset();
  equal(parser.parse(rich, 0, rich.length), HEAD_COMPLETE);
  parser.reset();
  equal(parser.parse(bare, 0, bare.length), HEAD_COMPLETE);
  deepEqual({ ...parser, view: 0 }, { ...fresh, view: 0 });
});

test('a decided parser repeats its verdict until it is reset', () => {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  const bytes = latin1Bytes('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /');
  parser.reset();
  equal(parser.parse(bytes, 0, bytes.length), HEAD_COMPLETE);
  equal(parser.parse(bytes, 0, bytes.length), HEAD_COMPLETE);
  const bad = latin1Bytes('GET\n');
  parser.reset();
  equal(parser.parse(bad, 0, bad.length), HEAD_REFUSED);
  equal(parser.parse(bad, 0, bad.length), HEAD_REFUSED);
});

test('empty lines alone do not begin a request', () => {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  const bytes = latin1Bytes('\r\nGET');
  parser.reset();
  equal(parser.parse(bytes, 0, 2), HEAD_MORE);
  equal(parser.hasBegun, false);
  equal(parser.parse(bytes, 0, 3), HEAD_MORE);
  equal(parser.hasBegun, true);
});

test('a drip of bytes costs no rescans', () => {
  // A proxy would be slow: the parser reads its input by index, so counting getters tell the truth.
  const text = headOfLength(4000);
  let reads = 0;
  const counted = new Proxy(latin1Bytes(text), {
    get(target, key) {
      if (typeof key === 'string' && /^[0-9]+$/.test(key)) reads++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  parser.reset();
  let status = HEAD_MORE;
  for (let end = 1; end <= text.length; end++) status = parser.parse(counted, 0, end);
  equal(status, HEAD_COMPLETE);
  ok(reads < text.length * 8, `${reads} reads of ${text.length} bytes`);
});

test('a server that takes what no origin does is told of it, and each only where it says so', () => {
  const takesAll = { takesTrace: true, takesConnect: true, takesExpectations: true, requiresHost: false };
  const parsed = (text: string, rules: HeadRules): RequestHeadParser => {
    const parser = new RequestHeadParser(DEFAULT_LIMITS, rules);
    const bytes = latin1Bytes(text);
    parser.parse(bytes, 0, bytes.length);
    return parser;
  };
  for (const [text, rule] of [
    ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'takesTrace'],
    ['CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 'takesConnect'],
    ['GET / HTTP/1.1\r\nHost: a\r\nExpect: meteoric\r\n\r\n', 'takesExpectations'],
    ['GET / HTTP/1.1\r\n\r\n', 'requiresHost'],
  ] as const) {
    equal(parsed(text, takesAll).fault, undefined, text);
    ok(parsed(text, { ...takesAll, [rule]: ORIGIN_RULES[rule] }).fault, text);
  }
  ok(parsed('GET / HTTP/1.1\r\nExpect: meteoric\r\n\r\n', takesAll).expectsOther);
  const connect = parsed('CONNECT a:443 HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n', takesAll);
  equal(connect.targetForm, TARGET_AUTHORITY);
  equal(connect.hasContent, false, 'what follows it is the tunnel’s');
  for (const target of ['/', 'http://a/', 'a/b', '*'])
    equal(parsed(`CONNECT ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, takesAll).fault?.code, 'bad-target');
});
