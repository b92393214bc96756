import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FakePort } from './exchange.contract.ts';
import { Headers, headersOfHead } from './headers.ts';
import { ownText } from './own-text.ts';
import { createRequest } from './request.ts';

const COUNT = 500;
const HEAD_BYTES = 14_000;
const KEPT_BYTES_MAX = 2048;

/** Bytes of heap that each of many results keeps. */
function keptBytes(make: (i: number) => unknown): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const kept: unknown[] = [];
  const fill = () => {
    kept.length = 0;
    for (let i = 0; i < COUNT; i++) kept.push(make(i));
  };
  fill();
  kept.length = 0;
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  fill();
  collectGarbage();
  return (process.memoryUsage().heapUsed - before) / COUNT;
}

const padding = 'y'.repeat(HEAD_BYTES);

function latin1(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function fieldsOf(i: number): Headers {
  const text = latin1(
    `X-Token: token-${i}-abcdefghijklmnopqrst\r\nX-Long-Name-That-Nobody-Knows: 1\r\nX: ${padding}\r\n`,
  );
  return headersOfHead(text, 0, text.length);
}

function requestOf(i: number, target: string, method = 'SOMEVERYLONGMETHOD') {
  const line = `${method} ${target}?${i} HTTP/1.1\r\n`;
  const host = 'Host: a.very.long.name.example\r\n';
  const text = latin1(`${line}${host}X: ${padding}\r\n`);
  const targetStart = method.length + 1;
  const hostStart = line.length + 'Host: '.length;
  const head = {
    methodStart: 0,
    method: 0,
    methodEnd: method.length,
    targetStart,
    targetEnd: line.indexOf(' HTTP'),
    hostStart,
    hostEnd: line.length + host.length - 2,
    fieldsStart: line.length,
    fieldsEnd: text.length,
    hasContent: false,
  };
  return createRequest(new FakePort(), head, text);
}

test('a piece is what slice gives, whatever its length and that of the text', () => {
  const text = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(32 + (i % 220))).join('');
  for (const whole of [text, text.slice(0, 500), text.slice(0, 20)])
    for (const [start, end] of [
      [0, 0],
      [0, 12],
      [3, 16],
      [7, 300],
      [0, whole.length],
      [10, 4200],
    ] as const)
      assert.equal(ownText(whole, start, end), whole.slice(start, end));
});

test('the canary: a plain slice keeps the head that it was cut from', () => {
  assert.ok(keptBytes((i) => latin1(`token-${i}-abcdefghijklm${padding}`).slice(0, 20)) > HEAD_BYTES / 2);
});

test('what a program keeps of a long head does not keep the head', () => {
  const makers: Record<string, (i: number) => unknown> = {
    'a value': (i) => fieldsOf(i).get('x-token'),
    'a value of all': (i) => [...fieldsOf(i)].find(([name]) => name === 'x-token')![1],
    'a name': (i) => [...fieldsOf(i).keys()].find((name) => name.startsWith('x-long')),
    'a value of a copy': (i) => new Headers(fieldsOf(i)).get('x-token'),
    'a method': (i) => requestOf(i, '/').method,
    'a URL': (i) => requestOf(i, '/some/longer/path/that/is/plain').url,
    'a URL that is parsed': (i) => requestOf(i, '/some/longer/../path/that/is/not/plain').url,
    'a URL in absolute form': (i) => requestOf(i, 'http://another.long.name.example/path').url,
  };
  for (const [name, make] of Object.entries(makers)) {
    const bytes = keptBytes(make);
    assert.ok(bytes < KEPT_BYTES_MAX, `${name} keeps ${Math.round(bytes)} bytes`);
  }
});
