import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseReader, type ResponseSink } from './response-reader.ts';

/** Writes down what it is told. */
class Notes implements ResponseSink {
  answersHead = false;
  readonly lines: string[] = [];
  #body = '';

  onHead(status: number, _minor: number, fields: ReadonlyMap<string, string>): void {
    this.lines.push(`${status} ${[...fields].map(([name, value]) => `${name}=${value}`).join(' ')}`.trim());
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.#body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }

  onEnd(): void {
    this.lines.push(`end "${this.#body}"`);
    this.#body = '';
  }

  onNonsense(what: string): void {
    this.lines.push(`nonsense: ${what}`);
  }
}

function read(text: string, pieceBytes: number, answersHead = false): string[] {
  const notes = new Notes();
  notes.answersHead = answersHead;
  const reader = new ResponseReader(notes);
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += pieceBytes)
    reader.feed(bytes, at, Math.min(bytes.length, at + pieceBytes));
  reader.finish();
  return notes.lines;
}

const STREAM =
  'HTTP/1.1 100 Continue\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc' +
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n' +
  'HTTP/1.1 204 No Content\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end';

test('responses are read the same however they are cut', () => {
  const whole = read(STREAM, STREAM.length);
  assert.deepEqual(whole, [
    '100',
    '200 content-length=3',
    'end "abc"',
    '200 transfer-encoding=chunked',
    'end "def"',
    '204',
    'end ""',
    '200 connection=close',
    'end "to the end"',
  ]);
  for (let size = 1; size < STREAM.length; size++)
    assert.deepEqual(read(STREAM, size), whole, `in pieces of ${size}`);
});

test('the answer to HEAD has no body, whatever its fields say', () => {
  assert.deepEqual(read('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 7, true), [
    '200 content-length=3',
    'end ""',
  ]);
});

test('what is no response is said to be none', () => {
  const nonsense = [
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nNo colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
  ];
  for (const text of nonsense) {
    const lines = read(text, text.length);
    assert.ok(
      lines.some((line) => line.startsWith('nonsense: ')),
      `${JSON.stringify(text)} was taken as ${lines.join(', ')}`,
    );
  }
});
