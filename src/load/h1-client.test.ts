import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../engine/engine.ts';
import type { Fault } from '../protocol/error.ts';
import type { AnswerContent, AnswerHandler, ClientLink } from './client.ts';
import { H1Client, type H1Link } from './h1-client.ts';

const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** Keeps what is committed; takes all of it when told. */
class TestConnection {
  user: unknown;
  out = new Uint8Array(64 * 1024);
  isOpen = true;
  unsentBytes = 0;
  sent = '';
  reserve(size: number): number {
    assert.ok(size >= 1 && size <= 64 * 1024);
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
}

function setUp(depth = 1, keepsContent = false) {
  const heard: Heard = { answers: [], garbage: [] };
  let onAnswer: (link: ClientLink) => void = () => {};
  const handler: AnswerHandler = {
    onAnswer(link, ticket, status, content) {
      heard.answers.push({ ticket, status, content });
      onAnswer(link);
    },
    onGarbage: (_link: ClientLink, fault: Fault) => void heard.garbage.push(fault.code),
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

test('bytes that nobody asked for are garbage', () => {
  const { heard, link } = setUp();
  feed(link, 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
  assert.equal(heard.garbage.length, 1);
});

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
