import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { FAULTS } from '../error.ts';
import { CHUNK_HEADER_BYTES_MAX, chunkEndInto, chunkHeaderInto, lastChunkInto } from './chunk-encoder.ts';
import { textOf } from './drive.contract.ts';
import { writeDecimal } from './field-encoder.ts';
import {
  continueBytes,
  FAULT_RESPONSE_BYTES_MAX,
  LENGTH_CHUNKED,
  LENGTH_NONE,
  MODE_CLOSE,
  MODE_KEEP_ALIVE,
  MODE_KEEP_ALIVE_10,
  MODE_UPGRADE,
  ResponseHeadEncoder,
  SIMPLE_HEAD_BYTES_MAX,
} from './response-head.ts';

const NOW_MS = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT
const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n';

function encoder(keepAliveText?: string): ResponseHeadEncoder {
  const made = new ResponseHeadEncoder({ keepAliveText });
  made.setDate(NOW_MS);
  return made;
}

function simple(
  heads: ResponseHeadEncoder,
  status: number,
  type: string | undefined,
  length: number,
  mode: number,
): string {
  const out = new Uint8Array(1024).fill(0x7e);
  const end = heads.encodeSimpleInto(out, 7, status, type, length, mode);
  equal(textOf(out, 0, 7), '~~~~~~~', 'nothing is written before the place');
  return textOf(out, 7, end);
}

test('a simple head has status, date, type and length', () => {
  equal(
    simple(encoder(), 200, 'text/plain', 13, MODE_KEEP_ALIVE),
    `HTTP/1.1 200 OK\r\n${DATE}Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n`,
  );
});

test('each connection mode has its fields', () => {
  const heads = encoder('timeout=76');
  const end = 'Content-Length: 0\r\n\r\n';
  equal(
    simple(heads, 200, undefined, 0, MODE_KEEP_ALIVE),
    `HTTP/1.1 200 OK\r\n${DATE}Connection: keep-alive\r\nKeep-Alive: timeout=76\r\n${end}`,
  );
  equal(
    simple(heads, 200, undefined, 0, MODE_CLOSE),
    `HTTP/1.1 200 OK\r\n${DATE}Connection: close\r\n${end}`,
  );
  equal(
    simple(heads, 200, undefined, 0, MODE_KEEP_ALIVE_10),
    `HTTP/1.1 200 OK\r\n${DATE}Connection: keep-alive\r\nKeep-Alive: timeout=76\r\n${end}`,
  );
  equal(
    simple(heads, 101, undefined, LENGTH_NONE, MODE_UPGRADE),
    `HTTP/1.1 101 Switching Protocols\r\n${DATE}Connection: upgrade\r\n\r\n`,
  );
});

test('each framing has its field', () => {
  const heads = encoder();
  equal(
    simple(heads, 204, undefined, LENGTH_NONE, MODE_KEEP_ALIVE),
    `HTTP/1.1 204 No Content\r\n${DATE}\r\n`,
  );
  equal(
    simple(heads, 200, 'text/html', LENGTH_CHUNKED, MODE_KEEP_ALIVE),
    `HTTP/1.1 200 OK\r\n${DATE}Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
});

test('a status without a registered phrase has an empty one', () => {
  ok(simple(encoder(), 299, undefined, 0, MODE_KEEP_ALIVE).startsWith('HTTP/1.1 299 \r\n'));
});

test('templates that share a slot do not mix', () => {
  const heads = encoder();
  for (let round = 0; round < 2; round++) {
    for (let status = 200; status < 600; status++) {
      for (const type of [undefined, 'a/b', 'c/d', 'text/plain']) {
        const text = simple(heads, status, type, status, status % 3);
        ok(text.startsWith(`HTTP/1.1 ${status} `));
        equal(text.includes(`Content-Type: ${type}\r\n`), type !== undefined);
        ok(text.endsWith(`Content-Length: ${status}\r\n\r\n`));
      }
    }
  }
});

test('the date of every template moves with the second', () => {
  const heads = encoder();
  ok(simple(heads, 200, 'a/b', 1, MODE_KEEP_ALIVE).includes('08:49:37'));
  heads.setDate(NOW_MS + 999);
  ok(simple(heads, 200, 'a/b', 1, MODE_KEEP_ALIVE).includes('08:49:37'));
  heads.setDate(NOW_MS + 1000);
  ok(simple(heads, 200, 'a/b', 1, MODE_KEEP_ALIVE).includes('08:49:38'));
  ok(simple(heads, 404, undefined, 1, MODE_CLOSE).includes('08:49:38'));
});

test('a content type that would inject a header is refused', () => {
  const out = new Uint8Array(1024);
  for (const type of ['a\r\nX: y', 'a\nb', 'a\0', 'a\u0100', '\x7f']) {
    equal(encoder().encodeSimpleInto(out, 0, 200, type, 0, MODE_KEEP_ALIVE), -1);
  }
});

test('a head with fields is begun, filled and ended', () => {
  const heads = encoder();
  const out = new Uint8Array(1024);
  for (const [length, ending] of [
    [5, 'Content-Length: 5\r\n\r\n'],
    [LENGTH_CHUNKED, 'Transfer-Encoding: chunked\r\n\r\n'],
    [LENGTH_NONE, '\r\n'],
  ] as const) {
    let p = heads.beginInto(out, 3, 302, MODE_CLOSE);
    p = heads.fieldInto(out, p, 'Location', '/x');
    p = heads.fieldInto(out, p, 'x-latin1', '\xe9\t');
    p = heads.endInto(out, p, length);
    equal(
      textOf(out, 3, p),
      `HTTP/1.1 302 Found\r\n${DATE}Connection: close\r\nLocation: /x\r\nx-latin1: \xe9\t\r\n${ending}`,
    );
  }
});

test('a reason phrase of the handler takes the place of the usual one', () => {
  const heads = encoder();
  const out = new Uint8Array(512);
  for (const reason of ['Fine', 'a\tb c', 'caf\xe9', 'Found']) {
    const p = heads.endInto(out, heads.beginWithReasonInto(out, 3, 302, reason, MODE_CLOSE), 0);
    equal(
      textOf(out, 3, p),
      `HTTP/1.1 302 ${reason}\r\n${DATE}Connection: close\r\nContent-Length: 0\r\n\r\n`,
    );
  }
  for (const reason of ['a\r\nb', 'a\nb', 'a\0', '\u0161'])
    equal(heads.beginWithReasonInto(out, 0, 200, reason, MODE_CLOSE), -1, JSON.stringify(reason));
});

test('a field that would inject a header is refused', () => {
  const heads = encoder();
  const out = new Uint8Array(256);
  for (const name of ['', 'a b', 'a:', 'a\r\nb', 'é', '\u0161'])
    equal(heads.fieldInto(out, 0, name, 'v'), -1, name);
  for (const value of ['a\r\nb: c', '\n', '\r', '\0', '\x7f', '\u{1f600}', '\u010a'])
    equal(heads.fieldInto(out, 0, 'a', value), -1, value);
});

test('fields are written alike the first time and every time after, whatever came between', () => {
  const heads = encoder();
  const out = new Uint8Array(2048);
  for (let round = 0; round < 4; round++) {
    for (const name of ['etag', 'vary', 'ETag']) {
      for (const value of ['', '"a"', '"b"', 'x'.repeat(600)]) {
        for (let times = 0; times <= round; times++) {
          equal(textOf(out, 1, heads.fieldInto(out, 1, name, value)), `${name}: ${value}\r\n`);
        }
      }
    }
    equal(heads.fieldInto(out, 0, 'a', 'b\n'), -1, 'an illegal line is never remembered as legal');
  }
});

test('a remembered field does not change with the memory it was first written to', () => {
  const heads = encoder();
  const out = Buffer.alloc(64);
  for (let times = 0; times < 4; times++) {
    equal(textOf(out, 0, heads.fieldInto(out, 0, 'vary', 'accept')), 'vary: accept\r\n');
    out.fill(0x21);
  }
});

test('a simple head fits the room that is asked for', () => {
  const heads = encoder('x'.repeat(64));
  for (let status = 100; status <= 599; status++) {
    for (const mode of [MODE_KEEP_ALIVE, MODE_CLOSE, MODE_KEEP_ALIVE_10, MODE_UPGRADE]) {
      const text = simple(heads, status, '', Number.MAX_SAFE_INTEGER, mode);
      ok(text.length <= SIMPLE_HEAD_BYTES_MAX, `${text.length}`);
    }
  }
});

test('every fault has a complete answer within its room', () => {
  const heads = encoder();
  for (const fault of FAULTS) {
    const out = new Uint8Array(FAULT_RESPONSE_BYTES_MAX);
    const end = heads.encodeFaultInto(out, 0, fault);
    const [head, body] = textOf(out, 0, end).split('\r\n\r\n');
    ok(head!.startsWith(`HTTP/1.1 ${fault.status} `));
    ok(head!.includes('\r\nConnection: close\r\n'));
    ok(head!.endsWith(`Content-Length: ${body!.length}`), fault.code);
    ok(body!.includes(fault.sentence));
    equal(textOf(out, 0, heads.encodeFaultInto(out, 0, fault, false)), `${head}\r\n\r\n`);
  }
});

test('interim responses carry fields', () => {
  const out = new Uint8Array(256);
  const heads = encoder();
  const end = heads.encodeInterimInto(out, 0, 103, ['Link'], ['</a>; rel=preload']);
  equal(textOf(out, 0, end), 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
  equal(heads.encodeInterimInto(out, 0, 103, ['Link'], ['a\r\nb']), -1);
  throws(() => heads.encodeInterimInto(out, 0, 101, [], []));
  equal(textOf(continueBytes, 0, continueBytes.length), 'HTTP/1.1 100 Continue\r\n\r\n');
});

test('numbers are written as String writes them', () => {
  const out = new Uint8Array(32);
  const numbers = [
    0,
    9,
    10,
    99,
    100,
    101,
    999,
    1000,
    65_535,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
  ];
  for (let n = 1; n < 2 ** 53; n *= 7) numbers.push(n, n - 1);
  for (const n of numbers) equal(textOf(out, 2, writeDecimal(out, 2, n)), String(n));
});

test('chunk headers are the shortest hexadecimal numbers', () => {
  const out = new Uint8Array(CHUNK_HEADER_BYTES_MAX + 2);
  for (const n of [1, 9, 10, 15, 16, 255, 256, 65_536, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
    equal(textOf(out, 2, chunkHeaderInto(out, 2, n)), `${n.toString(16)}\r\n`);
  }
  equal(textOf(out, 0, chunkEndInto(out, 0)), '\r\n');
});

test('the last chunk carries trailers, but none that are forbidden or illegal', () => {
  const out = new Uint8Array(128);
  equal(textOf(out, 0, lastChunkInto(out, 0)), '0\r\n\r\n');
  equal(textOf(out, 0, lastChunkInto(out, 0, ['grpc-status'], ['0'])), '0\r\ngrpc-status: 0\r\n\r\n');
  deepEqual(
    [lastChunkInto(out, 0, ['Content-Length'], ['0']), lastChunkInto(out, 0, ['a'], ['\n'])],
    [-1, -1],
  );
});
