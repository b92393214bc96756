import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineConnection, SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import type { AnswerContent, AnswerHandler, ClientLink } from './client.ts';
import { H1Client, type H1Link } from './h1-client.ts';

const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** Keeps what is committed; takes all of it when told. */
class TestConnection {
  user: unknown;
  out = new Uint8Array(SEND_RESERVE_BYTES_MAX);
  isOpen = true;
  unsentBytes = 0;
  sent = '';
  reserve(size: number): number {
    assert.ok(size >= 1 && size <= SEND_RESERVE_BYTES_MAX);
    return 0;
  }
  commit(size: number): void {
    this.sent += Buffer.from(this.out.subarray(0, size)).toString('latin1');
    this.unsentBytes += size;
  }
}

interface Heard {
  readonly answers: { ticket: number; status: number; content: AnswerContent | undefined }[];
  readonly garbage: string[];
  readonly other: string[];
}

function setUp(depth = 1, keepsContent = false) {
  const heard: Heard = { answers: [], garbage: [], other: [] };
  let onAnswer: (link: ClientLink) => void = () => {};
  const handler: AnswerHandler = {
    onAnswer(link, ticket, status, content) {
      heard.answers.push({ ticket, status, content });
      onAnswer(link);
    },
    onFailed: () => assert.fail('HTTP/1 has no failure of one request alone'),
    onBroken: (_link: ClientLink, error: string) =>
      void (error.startsWith('garbage') ? heard.garbage : heard.other).push(error),
  };
  const client = new H1Client(handler, { depth, keepsContent });
  const link = client.createLink(0);
  const conn = new TestConnection();
  link.attach(conn as unknown as EngineConnection);
  return { heard, client, link, conn, whenAnswered: (what: (link: ClientLink) => void) => (onAnswer = what) };
}

const GET = { method: 'GET', bytes: bytesOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n') };
const HEAD = { method: 'HEAD', bytes: bytesOf('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n') };

function feed(link: H1Link, text: string): void {
  const bytes = bytesOf(`##${text}##`);
  link.receive(bytes, 2, bytes.length - 2);
}

/** An answer, and the body that it carries. */
const ANSWERS: [string, string, number, string][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 200, 'hello'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
  ['a length of 0', 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', 404, ''],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n', 200, 'hello'],
  ['an interim answer before it', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
]; // biome-ignore format: one answer a line

for (const [what, text, status, body] of ANSWERS) {
  test(`an answer with ${what} is read whole, split anywhere, and byte by byte`, () => {
    for (let split = 0; split <= text.length; split++) {
      const { heard, link } = setUp(1, true);
      link.start(GET);
      feed(link, text.slice(0, split));
      if (split < text.length) {
        assert.equal(heard.answers.length, 0, `too early at ${split}`);
        feed(link, text.slice(split));
      }
      assert.deepEqual(heard.garbage, []);
      assert.equal(heard.answers.length, 1);
      assert.equal(heard.answers[0]!.status, status);
      assert.equal(Buffer.from(heard.answers[0]!.content!.body).toString(), body);
      assert.equal(link.underWay, 0);
      assert.equal(link.mayStart, true);
    }
    const { heard, link } = setUp();
    link.start(GET);
    for (const letter of text) feed(link, letter);
    assert.equal(heard.answers.length, 1);
  });
}

test('pipelined answers come in order, whatever the splits', () => {
  const stream = ANSWERS.map(([, text]) => text).join('');
  for (const step of [1, 7, 40, stream.length]) {
    const { heard, link, conn } = setUp(ANSWERS.length);
    for (let i = 0; i < ANSWERS.length; i++) assert.equal(link.start(GET), i);
    assert.equal(link.mayStart, false);
    assert.equal(conn.sent, Buffer.from(GET.bytes).toString().repeat(ANSWERS.length));
    for (let at = 0; at < stream.length; at += step) feed(link, stream.slice(at, at + step));
    assert.deepEqual(
      heard.answers.map(({ ticket, status }) => [ticket, status]),
      ANSWERS.map(([, , status], i) => [i, status]),
    );
  }
});

test('an answer to HEAD has no body, whatever its length says', () => {
  const { heard, link } = setUp(2);
  link.start(HEAD);
  link.start(GET);
  feed(link, 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  assert.equal(heard.answers.length, 2);
});

test('an answer without a length ends with the connection', () => {
  const { heard, link } = setUp(1, true);
  link.start(GET);
  feed(link, 'HTTP/1.1 200 OK\r\n\r\nas long as it lasts');
  assert.equal(link.isMidAnswer, true);
  assert.equal(heard.answers.length, 0);
  link.peerEnded();
  assert.equal(Buffer.from(heard.answers[0]!.content!.body).toString(), 'as long as it lasts');
  assert.equal(link.isSpent, true);
});

test('after an announced close nothing more may be started, and what follows is dropped', () => {
  const { heard, link } = setUp(2);
  link.start(GET);
  link.start(GET);
  feed(
    link,
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  );
  assert.equal(heard.answers.length, 1);
  assert.equal(link.isSpent, true);
  assert.equal(link.mayStart, false);
  assert.equal(link.underWay, 1);
});

const GARBAGE: [string, string][] = [
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
];

for (const [what, text] of GARBAGE) {
  test(`${what} is garbage, told once`, () => {
    const { heard, link } = setUp();
    link.start(GET);
    feed(link, text);
    feed(link, text);
    assert.equal(heard.garbage.length, 1);
    assert.equal(heard.answers.length, 0);
  });
}

test('the rest of a chunk is not read as the answer of the connection that replaced it', () => {
  const { heard, link, whenAnswered } = setUp();
  const next = new TestConnection();
  whenAnswered((answered) => {
    answered.detach();
    answered.attach(next as unknown as EngineConnection);
    answered.start(GET);
  });
  link.start(GET);
  feed(link, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Old\r\nContent-Length: 0\r\n\r\n');
  assert.deepEqual(
    heard.answers.map(({ status }) => status),
    [200],
  );
  assert.equal(link.underWay, 1);
  whenAnswered(() => {});
  feed(link, 'HTTP/1.1 201 New\r\nContent-Length: 0\r\n\r\n');
  assert.deepEqual(
    heard.answers.map(({ status }) => status),
    [200, 201],
  );
});

test('a long request is written as the connection takes it, and whole', () => {
  const body = 'x'.repeat(1_000_000);
  const { link, conn } = setUp(2);
  const long = { method: 'POST', bytes: bytesOf(`POST / HTTP/1.1\r\n\r\n${body}`) };
  link.start(long);
  link.start(GET);
  assert.ok(conn.unsentBytes < 500_000, 'everything was committed at once');
  let rounds = 0;
  while (conn.unsentBytes > 0 && rounds++ < 100) {
    conn.unsentBytes = 0;
    link.drained();
  }
  assert.equal(conn.sent, `POST / HTTP/1.1\r\n\r\n${body}${Buffer.from(GET.bytes).toString()}`);
});

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const BODY = 'a body that nobody may send';
/** What a server sends to one request, and what of it answers it. */
const TOO_MUCH: [string, typeof GET, string, number][] = [
  ['a second answer', GET, OK + OK, 200],
  ['an interim answer', GET, `${OK}HTTP/1.1 100 Continue\r\n\r\n`, 200],
  ['content after HEAD', HEAD, `HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n${BODY}`, 200],
  ['content after 204', GET, `HTTP/1.1 204 No Content\r\n\r\n${BODY}`, 204],
  ['content after 304', GET, `HTTP/1.1 304 Not Modified\r\nContent-Length: 27\r\n\r\n${BODY}`, 304],
  ['more than its length', GET, `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore`, 200],
  ['more than its chunks', GET, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore`, 200],
  ['a 408 behind an answer, without a close', GET, `${OK}HTTP/1.1 4`, 200],
];

test('what follows an answer answers no request that is begun only now, wherever it is split', () => {
  for (const [what, request, text, status] of TOO_MUCH) {
    for (const depth of [1, 3]) {
      const { heard, link, whenAnswered } = setUp(depth);
      // This is what a load thread does: the next one is begun when the last is answered, and has not been sent by then.
      whenAnswered((answered) => void answered.start(request));
      link.start(request);
      feed(link, text);
      assert.deepEqual(
        heard.answers.map((answer) => answer.status),
        [status],
        what,
      );
      assert.deepEqual(heard.other, ['unsolicited answer'], what);
      assert.deepEqual(heard.garbage, [], what);
      assert.equal(link.mayStart, false, what);
      assert.equal(link.underWay, 1, 'what was begun is still there for its owner to end');
      feed(link, OK);
      assert.equal(heard.answers.length, 1, what);
    }
  }
});

test("what comes on an idle connection is nobody's answer, but for the 408 of a server that closes", () => {
  const idle: [string, string][] = [
    [OK, 'unsolicited answer'],
    ['H', 'unsolicited answer'],
    ['\r\n', 'unsolicited answer'],
    ['HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n', 'closed early'],
    ['HTTP/1.0 408 Request Time-out\r\n\r\n', 'closed early'],
    ['HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', 'unsolicited answer'],
  ];
  for (const [text, wanted] of idle) {
    for (const isUsed of [false, true]) {
      const { heard, link } = setUp();
      if (isUsed) {
        link.start(GET);
        feed(link, OK);
      }
      feed(link, text);
      assert.deepEqual(heard.other, [wanted], JSON.stringify(text));
      assert.equal(heard.answers.length, isUsed ? 1 : 0);
      assert.equal(link.mayStart, false);
    }
  }
});

test("as many answers as there were requests under way are theirs, and the next is nobody's", () => {
  const { heard, link, whenAnswered } = setUp(4);
  whenAnswered((answered) => void answered.start(GET));
  for (let i = 0; i < 4; i++) link.start(GET);
  feed(link, OK.repeat(3));
  assert.equal(heard.answers.length, 3);
  feed(link, OK.repeat(4));
  assert.equal(heard.answers.length, 7);
  feed(link, OK.repeat(5));
  assert.equal(heard.answers.length, 11);
  assert.deepEqual(heard.other, ['unsolicited answer']);
});

test('an interim answer is the beginning of an answer: the request has been seen', () => {
  const { link } = setUp();
  link.start(GET);
  assert.equal(link.isMidAnswer, false);
  feed(link, 'HTTP/1.1 103 Early Hints\r\n\r\n');
  assert.equal(link.isMidAnswer, true);
  feed(link, OK);
  assert.equal(link.isMidAnswer, false);
});

test('nothing is left on a new connection of what was wrong on the last', () => {
  const { heard, link, conn } = setUp();
  link.start(GET);
  feed(link, `HTTP/1.1 103 Early Hints\r\n\r\n${OK}${OK}`);
  link.detach();
  link.attach(conn as unknown as EngineConnection);
  assert.equal(link.mayStart, true);
  assert.equal(link.isMidAnswer, false);
  link.start(GET);
  feed(link, OK);
  assert.equal(heard.answers.length, 2);
  assert.deepEqual(heard.other, ['unsolicited answer']);
});
