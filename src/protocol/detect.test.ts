import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import {
  DETECT_HTTP1,
  DETECT_HTTP2,
  DETECT_MORE,
  DETECT_TLS,
  detectProtocol,
  HTTP2_PREFACE,
} from './detect.ts';
import { asciiBytes } from './semantics/octets.ts';

function detect(text: string): number {
  const bytes = asciiBytes(`??${text}??`);
  return detectProtocol(bytes, 2, bytes.length - 2);
}

test('the HTTP/2 preface is known by all of its 24 bytes and by no fewer', () => {
  for (let length = 0; length < HTTP2_PREFACE.length; length++) {
    equal(detectProtocol(HTTP2_PREFACE, 0, length), DETECT_MORE);
  }
  equal(detectProtocol(HTTP2_PREFACE, 0, 24), DETECT_HTTP2);
});

test('HTTP/1 is known by the first byte that is not of the preface', () => {
  equal(detect('G'), DETECT_HTTP1);
  equal(detect('P'), DETECT_MORE);
  equal(detect('PO'), DETECT_HTTP1);
  equal(detect('PRI * HTTP/1.1'), DETECT_HTTP1);
  equal(detect('\r'), DETECT_HTTP1);
});

test('a TLS record is known by two bytes', () => {
  equal(detect('\x16'), DETECT_MORE);
  equal(detect('\x16\x03\x01'), DETECT_TLS);
  equal(detect('\x16G'), DETECT_HTTP1);
});
