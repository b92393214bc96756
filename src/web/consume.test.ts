import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { decodedRange } from './consume.ts';

/** Bytes at which UTF-8 is decided: ASCII, continuations, leads of two to four bytes, and what is never legal. */
const TELLING = [
  0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbb, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0,
  0xf1, 0xf4, 0xf5, 0xff,
];

test('a range decodes as the standard says, whatever its bytes are', () => {
  const random = new SeededRandom(9);
  const decoder = new TextDecoder();
  for (let i = 0; i < 20_000; i++) {
    const bytes = new Uint8Array(12 + random.int(20));
    for (let at = 0; at < bytes.length; at++) bytes[at] = TELLING[random.int(TELLING.length)]!;
    if (random.int(8) === 0) bytes.set([0xef, 0xbb, 0xbf], 3);
    const expected = decoder.decode(bytes.subarray(3, bytes.length - 2));
    assert.equal(decodedRange(bytes, 3, bytes.length - 2), expected, Buffer.from(bytes).toString('hex'));
  }
});
