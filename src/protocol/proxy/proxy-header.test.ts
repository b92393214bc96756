/** Headers of both versions: whole, split at every byte, with bytes behind them, and what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ProxyHeader, parseProxyHeader } from './proxy-header.ts';

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
/** @param rest addresses and extensions */
function v2(command: number, family: number, rest: readonly number[]): Uint8Array {
  const length = String.fromCharCode(rest.length >> 8, rest.length & 255);
  return latin1(SIGNATURE + String.fromCharCode(command, family) + length + String.fromCharCode(...rest));
}

const TCP4 = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb];
const END_4 = (address: string, port: number) => ({ family: 'IPv4', address, port });
const END_6 = (address: string, port: number) => ({ family: 'IPv6', address, port });
const UNIX = { family: 'unix', address: '', port: 0 };

const GOOD: readonly [string, Uint8Array, object | undefined][] = [
  ['TCP4', latin1('PROXY TCP4 192.0.2.1 198.51.100.2 4660 443\r\n'), { remote: END_4('192.0.2.1', 4660), local: END_4('198.51.100.2', 443) }],
  ['TCP6', latin1('PROXY TCP6 2001:DB8:0:0::1 ::1 65535 0\r\n'), { remote: END_6('2001:db8::1', 65_535), local: END_6('::1', 0) }],
  ['the longest line', latin1(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), undefined],
  ['UNKNOWN', latin1('PROXY UNKNOWN\r\n'), undefined],
  ['v2 TCP4', v2(0x21, 0x11, TCP4), { remote: END_4('192.0.2.1', 0x1234), local: END_4('198.51.100.2', 443) }],
  ['v2 TCP6', v2(0x21, 0x21, [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, ...Array(15).fill(0), 1, 0, 1, 0, 2]), { remote: END_6('2001:db8::1', 1), local: END_6('::1', 2) }],
  ['v2 unix', v2(0x21, 0x31, Array(216).fill(0x61)), { remote: UNIX, local: UNIX }],
  ['v2 LOCAL', v2(0x20, 0x00, []), undefined],
  ['v2 LOCAL with addresses', v2(0x20, 0x11, TCP4), undefined],
  ['v2 unspecified', v2(0x21, 0x00, [1, 2, 3]), undefined],
  ['v2 with extensions', v2(0x21, 0x11, [...TCP4, 0x01, 0, 2, 0x68, 0x32, 0x04, 0, 0]), { remote: END_4('192.0.2.1', 0x1234), local: END_4('198.51.100.2', 443), said: { alpn: latin1('h2'), authority: undefined, uniqueId: undefined, tls: undefined, others: [] } }],
  // CRC-32C of the whole, as Python's crc32c package has it.
  ['v2 with a checksum', v2(0x21, 0x11, [...TCP4, 0x03, 0, 4, ...crcOf(v2(0x21, 0x11, [...TCP4, 0x03, 0, 4, 0, 0, 0, 0]))]), { remote: END_4('192.0.2.1', 0x1234), local: END_4('198.51.100.2', 443) }],
]; // biome-ignore format: one header a line

/** By a table, unlike the parser. */
function crcOf(bytes: Uint8Array): number[] {
  const table = Array.from({ length: 256 }, (_, i) => {
    let crc = i;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 255]! ^ (crc >>> 8)) >>> 0;
  crc = ~crc >>> 0;
  return [crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255];
}

for (const [name, bytes, ends] of GOOD) {
  test(`${name}: whole, at every split, and with bytes before and behind`, () => {
    const expected = { length: bytes.length, ends };
    for (let end = 0; end < bytes.length; end++)
      assert.equal(parseProxyHeader(bytes, 0, end), 'unfinished', `${end} of ${bytes.length}`);
    assert.deepEqual(parseProxyHeader(bytes, 0, bytes.length), expected);
    const around = Uint8Array.from([1, 2, 3, ...bytes, ...latin1('GET / HTTP/1.1\r\n')]);
    assert.deepEqual(parseProxyHeader(around, 3, around.length), expected);
  });
}

test('the checksum of CRC-32C is that of the standard', () => {
  assert.deepEqual(crcOf(latin1('123456789')), [0xe3, 0x06, 0x92, 0x83]);
});

const BAD: Record<string, Uint8Array> = {
  'a request': latin1('GET / HTTP/1.1\r\n\r\n'),
  'a TLS record': Uint8Array.from([0x16, 3, 1, 2, 0]),
  POST: latin1('POST / HTTP/1.1\r\n'),
  'the preface of HTTP/2': latin1('PRI * HTTP/2.0\r\n\r\n'),
  'another protocol': latin1('PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n'),
  'two blanks': latin1('PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n'),
  'a blank at the end': latin1('PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n'),
  'no port': latin1('PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n'),
  'a port with zeros': latin1('PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n'),
  'a port beyond 65535': latin1('PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n'),
  'a signed port': latin1('PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n'),
  'an address of the other family': latin1('PROXY TCP4 ::1 ::1 1 2\r\n'),
  'a mixed family': latin1('PROXY TCP6 192.0.2.1 ::1 1 2\r\n'),
  'an address with zeros': latin1('PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n'),
  'LF alone': latin1('PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n'),
  'CR alone': latin1('PROXY TCP4 192.0.2.1\r 198.51.100.2 1 2\r\n'),
  'a line that is too long': latin1(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`),
  'a line without an end': latin1(`PROXY UNKNOWN ${'f'.repeat(200)}`),
  'a wrong signature': latin1('\r\n\r\n\0\r\nQUIT\r'),
  'version 3': v2(0x31, 0x11, TCP4),
  'command 2': v2(0x22, 0x11, TCP4),
  datagrams: v2(0x21, 0x12, TCP4),
  'too few bytes of addresses': v2(0x21, 0x11, TCP4.slice(1)),
  'an extension that is cut off': v2(0x21, 0x11, [...TCP4, 1, 0]),
  'an extension longer than the header': v2(0x21, 0x11, [...TCP4, 1, 0, 3, 1, 2]),
  'a wrong checksum': v2(0x21, 0x11, [...TCP4, 3, 0, 4, 1, 2, 3, 4]),
  'a header that is too long': v2(0x21, 0x11, [...TCP4, ...Array(4100).fill(0)]),
};

for (const [name, bytes] of Object.entries(BAD)) {
  test(`${name} is refused, and no sooner taken for whole`, () => {
    assert.equal(parseProxyHeader(bytes, 0, bytes.length), 'malformed');
    for (let end = 0; end <= bytes.length; end++)
      assert.match(parseProxyHeader(bytes, 0, end) as string, /^(unfinished|malformed)$/);
  });
}

test('whatever comes, the answer at a shorter length agrees with that at a longer one', () => {
  const part = fc.constantFrom(
    ...GOOD.map(([, bytes]) => bytes),
    ...Object.values(BAD),
    latin1('PROXY TCP4 '),
    latin1(SIGNATURE),
  );
  const input = fc
    .tuple(
      part,
      fc.uint8Array({ maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 2 }),
    )
    .map(([bytes, behind, damages]) => {
      const all = Uint8Array.from([...bytes, ...behind]);
      for (const [at, byte] of damages) all[at % all.length] = byte;
      return all;
    });
  fc.assert(
    fc.property(input, (bytes) => {
      let last: ProxyHeader = 'unfinished';
      for (let end = 0; end <= bytes.length; end++) {
        const now = parseProxyHeader(bytes, 0, end);
        if (last !== 'unfinished') assert.deepEqual(now, last);
        else if (typeof now === 'object') assert.equal(now.length, end);
        last = now;
      }
    }),
    { numRuns: 300 },
  );
});
