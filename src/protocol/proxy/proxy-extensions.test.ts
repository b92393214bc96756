/** Extensions of PROXY headers: what is read of those that are known, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProxyExtensions, readExtensions } from './proxy-extensions.ts';

const latin1 = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
const one = (type: number, value: string | readonly number[]): number[] => {
  const bytes = typeof value === 'string' ? latin1(value) : value;
  return [type, bytes.length >> 8, bytes.length & 255, ...bytes];
};
const read = (...extensions: number[][]): ProxyExtensions | null | undefined => {
  // With bytes before and behind, which are no concern of it.
  const bytes = Uint8Array.from([1, 2, 3, ...extensions.flat(), 4, 5]);
  return readExtensions(bytes, 0, 3, bytes.length - 2);
};
const tls = (client: number, verify: readonly number[], ...fields: number[][]) =>
  one(0x20, [client, ...verify, ...fields.flat()]);
const bytesOf = (text: string) => Uint8Array.from(latin1(text));

test('each that is known is read, and those that are not keep their order', () => {
  const said = read(
    one(0x01, 'h2'),
    one(0x04, 'padding'),
    one(0xea, '\x01vpce-1'),
    one(0x02, 'shop.example'),
    one(0x05, [0, 255, 1]),
    tls(0x07, [0, 0, 0, 0], one(0x21, 'TLSv1.3'), one(0x22, 'device 7'), one(0x28, [0x30, 0x80])),
    one(0xea, 'again'),
    one(0x04, ''),
  );
  assert.deepEqual(said, {
    alpn: bytesOf('h2'),
    authority: bytesOf('shop.example'),
    uniqueId: Uint8Array.of(0, 255, 1),
    tls: {
      client: 7,
      verify: 0,
      fields: new Map([
        [0x21, bytesOf('TLSv1.3')],
        [0x22, bytesOf('device 7')],
        [0x28, Uint8Array.of(0x30, 0x80)],
      ]),
    },
    others: [
      { type: 0xea, value: bytesOf('\x01vpce-1') },
      { type: 0xea, value: bytesOf('again') },
    ],
  });
});

test('where nothing is said there is nothing to tell', () => {
  assert.equal(read(), null);
  assert.equal(read(one(0x04, 'xx'), one(0x04, '')), null);
});

test('a certificate that was not found good keeps the number that says so', () => {
  assert.equal(read(tls(3, [0xff, 0xff, 0xff, 0xff]))!.tls!.verify, 0xffffffff);
});

for (const [name, extensions] of [
  ['one that is cut off behind its type', [[1]]],
  ['one that is cut off in its length', [[1, 0]]],
  ['one that is longer than the header', [[1, 0, 3, 1, 2]]],
  ['ALPN without a name', [one(0x01, '')]],
  ['ALPN with a name that is too long', [one(0x01, 'a'.repeat(256))]],
  ['two of ALPN', [one(0x01, 'h2'), one(0x01, 'http/1.1')]],
  ['two authorities', [one(0x02, 'a'), one(0x02, 'b')]],
  ['an authority that is too long', [one(0x02, 'a'.repeat(256))]],
  ['an authority with a line in it', [one(0x02, 'a\r\nb')]],
  ['an authority that is no UTF-8', [one(0x02, [0xc3, 0x28])]],
  ['an authority that ends in a character', [one(0x02, [0x61, 0xc3])]],
  ['an id that is too long', [one(0x05, new Array(129).fill(1))]],
  ['two of TLS', [tls(1, [0, 0, 0, 0]), tls(1, [0, 0, 0, 0])]],
  ['TLS too short for its head', [one(0x20, [1, 0, 0, 0])]],
  ['a field of TLS that is cut off', [tls(1, [0, 0, 0, 0], [0x21, 0])]],
  ['a field of TLS that is longer than it', [tls(1, [0, 0, 0, 0], [0x21, 0, 9, 1])]],
  ['two versions of TLS', [tls(1, [0, 0, 0, 0], one(0x21, 'TLSv1.2'), one(0x21, 'TLSv1.3'))]],
  ['a common name with a NUL', [tls(1, [0, 0, 0, 0], one(0x22, 'a\0b'))]],
  [
    'too many of its fields',
    [tls(1, [0, 0, 0, 0], ...Array.from({ length: 65 }, (_, i) => one(0x40 + i, '')))],
  ],
  ['too many', Array.from({ length: 65 }, () => one(0xe0, ''))],
  ['a checksum of three bytes', [one(0x03, [1, 2, 3])]],
] as [string, number[][]][])
  test(`refused: ${name}`, () => assert.equal(read(...extensions), undefined));

test('as many as are allowed are taken', () => {
  assert.equal(read(...Array.from({ length: 64 }, () => one(0xe0, '')))!.others.length, 64);
  assert.equal(read(one(0x02, 'a'.repeat(255)), one(0x05, new Array(128).fill(1)))!.uniqueId!.length, 128);
});

test('what is read is a copy: the engine takes its bytes back', () => {
  const bytes = Uint8Array.from(one(0x02, 'a.example'));
  const said = readExtensions(bytes, 0, 0, bytes.length)!;
  bytes.fill(0);
  assert.deepEqual(said.authority, bytesOf('a.example'));
});
