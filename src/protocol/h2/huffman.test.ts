import assert from 'node:assert/strict';
import { test } from 'node:test';
import { huffmanDecodeInto, huffmanEncodeInto, huffmanLength } from './huffman.ts';

const encode = (text: string): string => {
  const out = Buffer.alloc(huffmanLength(text));
  assert.equal(huffmanEncodeInto(text, out, 0), out.length);
  return out.toString('hex');
};

/** The text, or undefined where the code is refused. */
const decode = (hex: string): string | undefined => {
  const bytes = Buffer.from(hex, 'hex');
  const out = Buffer.alloc(Math.ceil(bytes.length * 1.6));
  const end = huffmanDecodeInto(bytes, 0, bytes.length, out, 0);
  return end < 0 ? undefined : out.toString('latin1', 0, end);
};

test('the examples of RFC 7541 Appendix C.4 and C.6', () => {
  for (const [text, hex] of [
    ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
    ['no-cache', 'a8eb10649cbf'],
    ['custom-key', '25a849e95ba97d7f'],
    ['custom-value', '25a849e95bb8e8b4bf'],
    ['302', '6402'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
    ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
    [
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ]) {
    assert.equal(encode(text!), hex);
    assert.equal(decode(hex!), text);
  }
});

test('every byte, alone and beside every other, comes back as it was', () => {
  for (let a = 0; a < 256; a++) {
    const one = String.fromCharCode(a);
    assert.equal(decode(encode(one)), one);
    for (let b = 0; b < 256; b++) {
      const two = one + String.fromCharCode(b);
      assert.equal(decode(encode(two)), two);
    }
  }
  assert.equal(decode(''), '');
});

test('padding is the beginning of EOS and shorter than a byte, and EOS itself is refused', () => {
  // 'a' is 00011: three bits of padding, which are ones.
  assert.equal(decode('1f'), 'a');
  for (const wrong of ['18', '1e', '1c', '1fff', 'ff', 'ffffffff', '1fffffffff', 'fffffffc'])
    assert.equal(decode(wrong), undefined, wrong);
  // Codes of 5, 6 and 6 bits leave seven to pad, which is the most there can be, and two of 8 bits leave none.
  for (const [text, bytes] of [
    ['abd', 3],
    ['&&', 2],
  ] as const) {
    assert.equal(encode(text).length / 2, bytes);
    assert.equal(decode(encode(text)), text);
  }
});
