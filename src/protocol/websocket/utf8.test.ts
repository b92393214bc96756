/** The check of UTF-8 against the platform's, and where it tells. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { checkUtf8, UTF8_BAD, UTF8_WHOLE } from './utf8.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function isWhole(bytes: Uint8Array): boolean {
  return checkUtf8(UTF8_WHOLE, bytes, 0, bytes.length) === UTF8_WHOLE;
}

it('agrees with the platform on all sequences of two bytes, and on all that begin a character of three or four', () => {
  for (let a = 0x7e; a < 256; a++) {
    for (let b = 0; b < 256; b++) {
      for (const rest of [[], [0x80], [0xbf, 0xbf], [0x80, 0x7f]]) {
        const bytes = new Uint8Array([a, b, ...rest]);
        assert.equal(isWhole(bytes), isUtf8(bytes), Buffer.from(bytes).toString('hex'));
      }
    }
  }
});

it('agrees on what is nearly UTF-8, at every split', () => {
  const random = new SeededRandom(7);
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from('aé☃𝄞\u{10ffff}\ud7ff\ue000'.repeat(2), 'utf8');
    for (let n = random.int(3); n > 0; n--) bytes[random.int(bytes.length)] = random.int(256);
    const expected = isUtf8(bytes);
    for (let at = 0; at <= bytes.length; at++) {
      const state = checkUtf8(UTF8_WHOLE, bytes, 0, at);
      const end = state === UTF8_BAD ? UTF8_BAD : checkUtf8(state, bytes, at, bytes.length);
      assert.equal(end === UTF8_WHOLE, expected, bytes.toString('hex'));
    }
  }
});

it('tells with the first byte that cannot follow', () => {
  for (const [hex, upTo] of [
    ['c0', 1],
    ['e09f', 2],
    ['eda0', 2],
    ['f08f', 2],
    ['f490', 2],
    ['f5', 1],
    ['80', 1],
    ['e28241', 3],
  ] as const) {
    const bytes = Buffer.from(hex, 'hex');
    assert.notEqual(checkUtf8(UTF8_WHOLE, bytes, 0, upTo - 1), UTF8_BAD, hex);
    assert.equal(checkUtf8(UTF8_WHOLE, bytes, 0, upTo), UTF8_BAD, hex);
  }
});
