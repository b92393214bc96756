import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../limits.ts';
import { CHUNKED_DATA, CHUNKED_END, CHUNKED_MORE, CHUNKED_REFUSED, ChunkedDecoder } from './chunked.ts';
import { latin1Bytes, shown, textOf } from './drive.contract.ts';
import { readFields } from './fields.ts';

interface Outcome {
  readonly verdict: string;
  readonly data: string;
  readonly trailers: readonly string[];
  /** Input after the body. */
  readonly restBytes: number;
}

/** Decodes `text` handed over in pieces that end after `cuts`. */
function decode(text: string, cuts: readonly number[], limits = DEFAULT_LIMITS): Outcome {
  const decoder = new ChunkedDecoder(limits);
  let data = '';
  let position = 0;
  for (const cut of [...cuts, text.length]) {
    // Each piece comes at another index of another buffer, as receive buffers do.
    const shift = position % 3;
    const piece = latin1Bytes(' '.repeat(shift) + text.slice(position, cut));
    let p = shift;
    do {
      p = decoder.decode(piece, p, piece.length);
      if (decoder.event === CHUNKED_DATA) data += textOf(piece, decoder.dataStart, decoder.dataEnd);
    } while (decoder.event === CHUNKED_DATA && p < piece.length);
    position += p - shift;
    if (decoder.event === CHUNKED_REFUSED)
      return { verdict: decoder.fault!.code, data, trailers: [], restBytes: 0 };
    if (decoder.event === CHUNKED_END) break;
  }
  const names: string[] = [];
  const values: string[] = [];
  const trailerText = decoder.trailerText();
  const count = readFields(trailerText, 0, trailerText.length, names, values);
  if (decoder.event === CHUNKED_END) equal(count, decoder.trailerCount);
  return {
    verdict: decoder.event === CHUNKED_END ? 'ok' : 'more',
    data,
    trailers: names.map((name, i) => `${name}=${values[i]}`),
    restBytes: text.length - position,
  };
}

function judge(text: string, limits = DEFAULT_LIMITS): Outcome {
  const whole = decode(text, [], limits);
  for (let cut = 0; cut <= text.length; cut++)
    deepEqual(decode(text, [cut], limits), whole, `split after ${cut} of ${shown(text)}`);
  const drip = Array.from({ length: text.length }, (_, i) => i + 1);
  deepEqual(decode(text, drip, limits), whole, `byte by byte: ${shown(text)}`);
  return whole;
}

const PASSING: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['an empty body', '0\r\n\r\n', '', []],
  ['two chunks', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world', []],
  [
    'hexadecimal in both cases',
    `a\r\n${'x'.repeat(10)}\r\nB\r\n${'y'.repeat(11)}\r\n00\r\n\r\n`,
    'x'.repeat(10) + 'y'.repeat(11),
    [],
  ],
  ['leading zeros', '0000000000000003\r\nabc\r\n0000\r\n\r\n', 'abc', []],
  ['data that looks like framing', '7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n\r\n', []],
  ['an extension name', '1;a\r\nx\r\n0;b\r\n\r\n', 'x', []],
  ['extension values, plain and quoted', '1;a=b;c="d \\" \\\\ \xe9";e\r\nx\r\n0\r\n\r\n', 'x', []],
  ['trailers', '1\r\nx\r\n0\r\nChecksum: 1\r\nA:  b \r\n\r\n', 'x', ['checksum=1', 'a=b']],
];

for (const [rule, text, data, trailers] of PASSING) {
  test(`chunked: ${rule} passes, and what follows is left alone`, () => {
    deepEqual(judge(text), { verdict: 'ok', data, trailers, restBytes: 0 });
    deepEqual(decode(`${text}GET /`, []), { verdict: 'ok', data, trailers, restBytes: 5 });
    for (let length = 0; length < text.length; length++)
      equal(decode(text.slice(0, length), []).verdict, 'more', `${length}`);
  });
}

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['no size', '\r\n', 'bad-chunk-size'],
  ['a sign', '+1\r\nx', 'bad-chunk-size'],
  ['a minus', '-1\r\nx', 'bad-chunk-size'],
  ['0x', '0x1\r\nx', 'bad-chunk-size'],
  ['an underscore', '1_0\r\nx', 'bad-chunk-size'],
  ['a space before the size', ' 1\r\nx', 'bad-chunk-size'],
  ['a space after the size', '1 \r\nx', 'bad-chunk-size'],
  ['a tab after the size', '1\t\r\nx', 'bad-chunk-size'],
  ['no digit at all', 'g\r\n', 'bad-chunk-size'],
  ['14 significant digits', '10000000000000\r\n', 'bad-chunk-size'],
  ['17 digits', '00000000000000001\r\n', 'bad-chunk-size'],
  ['a size that wraps at 64 bits', '10000000000000001\r\nx', 'bad-chunk-size'],
  ['a bare LF after the size', '1\nx', 'bare-lf'],
  ['a bare LF in place of a size', '\n', 'bare-lf'],
  ['a bare CR after the size', '1\rx', 'bare-cr'],
  ['a bare LF in an extension name', '1;a\nx', 'bare-lf'],
  ['a bare LF in an extension value', '1;a=b\nx', 'bare-lf'],
  ['a bare LF in a quoted value', '1;a="b\n"\r\n', 'bare-lf'],
  ['an escaped LF', '1;a="\\\n"\r\n', 'bare-lf'],
  ['a bare CR in an extension', '1;a\rx', 'bare-cr'],
  ['a CR in a quoted value', '1;a="\r\n', 'bad-chunk-extension'],
  ['an empty extension', '1;\r\nx', 'bad-chunk-extension'],
  ['two semicolons', '1;;a\r\nx', 'bad-chunk-extension'],
  ['an extension without a name', '1;=b\r\nx', 'bad-chunk-extension'],
  ['an extension without its value', '1;a=\r\nx', 'bad-chunk-extension'],
  ['white space in an extension', '1; a\r\nx', 'bad-chunk-extension'],
  ['bytes after a quoted value', '1;a="b"c\r\nx', 'bad-chunk-extension'],
  ['NUL in an extension', '1;a\x00\r\nx', 'bad-chunk-extension'],
  ['data longer than its size', '1\r\nxy\r\n', 'bad-chunk-end'],
  ['a bare LF after data', '1\r\nx\n0\r\n\r\n', 'bad-chunk-end'],
  ['a bare CR after data', '1\r\nx\r0\r\n\r\n', 'bad-chunk-end'],
  ['a bare LF at the end', '0\r\n\n', 'bare-lf'],
  ['a bare CR at the end', '0\r\n\rx', 'bare-cr'],
  ['a malformed trailer', '0\r\nA : b\r\n\r\n', 'space-before-colon'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n', 'obs-fold'],
  ['a trailer that ends in LF', '0\r\nA: b\n\r\n', 'bare-lf'],
  ['Content-Length as a trailer', '0\r\nContent-Length: 1\r\n\r\n', 'forbidden-trailer'],
  ['Transfer-Encoding as a trailer', '0\r\nTRANSFER-ENCODING: chunked\r\n\r\n', 'forbidden-trailer'],
  ['Host as a trailer', '0\r\nhost: a\r\n\r\n', 'forbidden-trailer'],
  ['Authorization as a trailer', '0\r\nX: y\r\nAuthorization: a\r\n\r\n', 'forbidden-trailer'],
];

for (const [rule, text, code] of REFUSED) {
  test(`chunked: ${rule} is ${code}`, () => {
    equal(judge(text).verdict, code);
  });
}

const SMALL = {
  ...DEFAULT_LIMITS,
  bodyBytesMax: 10,
  chunkExtensionBytesMax: 8,
  trailerBytesMax: 20,
  trailerCountMax: 2,
};

test('a body of the largest size passes, one byte more is refused before it comes', () => {
  equal(judge('4\r\nabcd\r\n6\r\nabcdef\r\n0\r\n\r\n', SMALL).verdict, 'ok');
  equal(judge('4\r\nabcd\r\n7\r\n', SMALL).verdict, 'body-too-large');
  equal(judge('fffffffffffff\r\n', SMALL).verdict, 'body-too-large');
});

test('a body limit can be set for one message', () => {
  const decoder = new ChunkedDecoder(SMALL);
  decoder.reset(3);
  const bytes = latin1Bytes('4\r\nabcd');
  decoder.decode(bytes, 0, bytes.length);
  equal(decoder.fault?.code, 'body-too-large');
  decoder.reset();
  decoder.decode(bytes, 0, bytes.length);
  equal(decoder.event, CHUNKED_DATA);
});

test('extensions may outweigh the data by their limit and no more', () => {
  equal(judge('1;abcdefg\r\nx\r\n', SMALL).verdict, 'more');
  equal(judge('1;abcdefgh\r\nx\r\n', SMALL).verdict, 'chunk-extensions-too-large');
  equal(judge('1;abcdefg\r\nx\r\n1;\r\n', SMALL).verdict, 'bad-chunk-extension');
  equal(judge('1;abcdefg\r\nx\r\n1;a', SMALL).verdict, 'chunk-extensions-too-large');
  equal(judge('8;abcdefg\r\nxxxxxxxx\r\n1;abcdefg\r\n', SMALL).verdict, 'more');
});

test('a trailer section of the largest size passes, one byte more does not', () => {
  equal(judge('0\r\nA: 0123456789abcd\r\n\r\n', SMALL).verdict, 'trailers-too-large');
  equal(judge('0\r\nA: 0123456789abc\r\n\r\n', SMALL).verdict, 'ok');
  equal(judge('0\r\nA:\r\nB:\r\n\r\n', SMALL).verdict, 'ok');
  equal(judge('0\r\nA:\r\nB:\r\nC:\r\n\r\n', SMALL).verdict, 'too-many-fields');
});

test('a decoder that was reset forgets trailers, faults and sizes', () => {
  const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
  const rich = latin1Bytes('0\r\nA: b\r\n\r\n');
  equal(decoder.decode(rich, 0, rich.length), rich.length);
  equal(decoder.trailerCount, 1);
  const bad = latin1Bytes('12x');
  decoder.reset();
  equal(decoder.trailerCount, 0);
  decoder.decode(bad, 0, bad.length);
  equal(decoder.event, CHUNKED_REFUSED);
  decoder.reset();
  const plain = latin1Bytes('0\r\n\r\n');
  decoder.decode(plain, 0, plain.length);
  equal(decoder.event, CHUNKED_END);
  equal(decoder.trailerText(), '');
  equal(decoder.bodyBytes, 0);
});

test('after its end a decoder takes nothing more', () => {
  const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
  const bytes = latin1Bytes('0\r\n\r\nGET /');
  equal(decoder.decode(bytes, 0, bytes.length), 5);
  equal(decoder.decode(bytes, 5, bytes.length), 5);
  equal(decoder.event, CHUNKED_END);
});

test('no bytes are no event', () => {
  const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
  equal(decoder.decode(new Uint8Array(0), 0, 0), 0);
  equal(decoder.event, CHUNKED_MORE);
  ok(decoder.fault === undefined);
});
