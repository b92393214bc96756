import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULT_COMPRESSION, type Http2Fault } from './error-codes.ts';
import { FieldList } from './field-list.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { emptyTableInto, encodedBytesMax, encodeFieldInto } from './hpack-encoder.ts';
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

const WIDE = { listBytesMax: 1 << 20, fieldCountMax: 1000 };
const newDecoder = (): HpackDecoder =>
  new HpackDecoder((bytes, start, end) => Buffer.from(bytes.subarray(start, end)).toString('latin1'));

interface Decoded {
  readonly fields: string[];
  readonly list: FieldList;
  readonly fault: Http2Fault | undefined;
}

function decode(decoder: HpackDecoder, hex: string, limits = WIDE): Decoded {
  const bytes = Buffer.from(`00${hex.replaceAll(/\s/g, '')}00`, 'hex');
  const list = new FieldList(limits);
  const fault = decoder.decode(bytes, 1, bytes.length - 1, list);
  const fields = list.names.slice(0, list.count).map((name, i) => `${name}: ${list.values[i]}`);
  return { fields, list, fault };
}

/** Blocks that follow each other on one connection, what they mean, and the table's size then. RFC 7541 Appendix C */
const EXAMPLES: Record<string, [hex: string, fields: string[], tableBytes: number][]> = {
  'requests without Huffman (C.3)': [
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
      57,
    ],
    [
      '8286 84be 5808 6e6f 2d63 6163 6865',
      [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
      110,
    ],
    [
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      [
        ':method: GET',
        ':scheme: https',
        ':path: /index.html',
        ':authority: www.example.com',
        'custom-key: custom-value',
      ],
      164,
    ],
  ],
  'requests with Huffman (C.4)': [
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
      57,
    ],
    [
      '8286 84be 5886 a8eb 1064 9cbf',
      [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
      110,
    ],
    [
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      [
        ':method: GET',
        ':scheme: https',
        ':path: /index.html',
        ':authority: www.example.com',
        'custom-key: custom-value',
      ],
      164,
    ],
  ],
  'literals (C.2.1 to C.2.4)': [
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key: custom-header'], 55],
    ['040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path'], 55],
    ['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret'], 55],
    ['82', [':method: GET'], 55],
  ],
};

for (const [name, blocks] of Object.entries(EXAMPLES)) {
  test(`the examples of RFC 7541: ${name}`, () => {
    const decoder = newDecoder();
    for (const [hex, fields, tableBytes] of blocks) {
      assert.deepEqual(decode(decoder, hex).fields, fields);
      assert.equal(decoder.tableBytes, tableBytes);
    }
  });
}

test('entries are evicted from a table of 256 bytes as in RFC 7541 C.6', () => {
  const decoder = newDecoder();
  const first = decode(
    decoder,
    `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
     2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
  );
  assert.deepEqual(first.fields, [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ]);
  assert.equal(decoder.tableBytes, 222);
  assert.equal(decode(decoder, '4883 640e ffc1 c0bf').fields[0], ':status: 307');
  assert.equal(decoder.tableBytes, 222);
  const third = decode(
    decoder,
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7
     821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  );
  assert.deepEqual(third.fields, [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ]);
  assert.equal(decoder.tableBytes, 215);
});

test('what cannot be decompressed is a fault that ends the connection', () => {
  for (const [why, hex] of [
    ['index 0', '80'],
    ['an index behind the tables', 'be'],
    ['the name of an entry that is not there', '7f00 0161'],
    ['an integer that does not end', 'ffffffffffff'],
    ['an integer beyond 2^28', 'ffffffffff7f'],
    ['a block that ends in an integer', 'ff'],
    ['a string longer than the block', '400a 6162'],
    ['a block that ends before the value', '4001 61'],
    ['Huffman with EOS', '4084 ffffffff 0161'],
    ['Huffman with wrong padding', '4081 18 0161'],
    ['a table larger than we allow', '3fe21f'],
    ['a change of size behind a field', '82 20'],
  ])
    assert.equal(decode(newDecoder(), hex!).fault, FAULT_COMPRESSION, why);
  assert.equal(decode(newDecoder(), '3fe11f 82').fault, undefined, 'a table of exactly 4096 bytes');
  assert.equal(decode(newDecoder(), '20 3f81 1f 82').fault, undefined, 'two changes at the beginning');
});

test('a name or value that no message may hold marks the list, also when it comes from the table again', () => {
  for (const [why, hex] of [
    ['a name in upper case', '4001 41 0161'],
    ['an empty name', '4000 0161'],
    ['a space in a name', '4003 612062 0161'],
    ['a colon in the middle of a name', '4003 613a62 0161'],
    ['NUL in a value', '4001 61 0100'],
    ['CR in a value', '4001 61 0361 0d62'],
    ['LF in a value', '4001 61 0361 0a62'],
    ['a space before a value', '4001 61 0220 62'],
    ['a tab behind a value', '4001 61 0262 09'],
  ]) {
    const decoder = newDecoder();
    const { list, fault } = decode(decoder, hex!);
    assert.equal(fault, undefined, why);
    assert.equal(list.isMalformed, true, why);
    assert.equal(decode(decoder, 'be').list.isMalformed, true, `${why}, from the table`);
  }
  // A good value behind the name of an entry whose value was wrong.
  const decoder = newDecoder();
  decode(decoder, '4001 61 0100');
  assert.equal(decode(decoder, '7e01 62').list.isMalformed, false);
});

test('a list that is too large is counted and not kept, and the table goes on', () => {
  const decoder = newDecoder();
  const large = decode(decoder, '4001 61 0162 4001 63 0164 4001 65 0166', {
    listBytesMax: 1 << 20,
    fieldCountMax: 2,
  });
  assert.equal(large.fault, undefined);
  assert.equal(large.list.isTooLarge, true);
  assert.deepEqual(large.fields, ['a: b', 'c: d']);
  assert.deepEqual(decode(decoder, 'be bf c0').fields, ['e: f', 'c: d', 'a: b']);
  const exact = { listBytesMax: 68, fieldCountMax: 9 };
  assert.equal(decode(decoder, 'be bf', exact).list.isTooLarge, false);
  assert.equal(decode(decoder, 'be bf', { ...exact, listBytesMax: 67 }).list.isTooLarge, true);
});

test('canary: a bomb of one-byte references keeps no more than the limits allow', () => {
  const decoder = newDecoder();
  const long = `40 01 61 7fa11e ${'62'.repeat(4000)}`;
  decode(decoder, long);
  const { list } = decode(decoder, 'be'.repeat(15_000), { listBytesMax: 65_536, fieldCountMax: 100 });
  assert.equal(list.isTooLarge, true);
  assert.ok(list.count <= 16);
  assert.equal(list.listBytes, 15_000 * (4001 + 32));
});

test('what we encode is what is decoded, for each kind of field', () => {
  const decoder = newDecoder();
  const fields: [string, string, boolean][] = [
    ['x-own', 'value', false],
    ['x-long', 'v'.repeat(10_000), false],
    ['x-latin', 'gr\u00fc\u00df', false],
    ['content-type', 'text/plain', false],
    ['authorization', 'secret', true],
    ['x-empty', '', false],
  ];
  for (let i = 1; i <= STATIC_COUNT; i++) fields.push([STATIC_NAMES[i]!, STATIC_VALUES[i]!, false]);
  const out = Buffer.alloc(fields.reduce((sum, [name, value]) => sum + encodedBytesMax(name, value), 1));
  let at = emptyTableInto(out, 0);
  for (const [name, value, isSecret] of fields) at = encodeFieldInto(out, at, name, value, isSecret);
  const { fields: decoded, fault } = decode(decoder, out.toString('hex', 0, at));
  assert.equal(fault, undefined);
  assert.deepEqual(
    decoded,
    fields.map(([name, value]) => `${name}: ${value}`),
  );
  assert.equal(decoder.tableBytes, 0, 'nothing goes into the table');
  const status = Buffer.alloc(9);
  assert.equal(encodeFieldInto(status, 0, ':status', '200'), 1);
  assert.equal(status[0], 0x88);
});
