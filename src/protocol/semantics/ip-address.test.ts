import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipText, isInRange, isV4, parseIp, parseIpRange } from './ip-address.ts';

const shown = (text: string) => {
  const groups = parseIp(text);
  return groups === undefined ? undefined : ipText(groups);
};

test('an address is shown in the form that people write, IPv4 also where it came as IPv6', () => {
  for (const [given, wanted] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80::1', 'fe80::1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])
    assert.equal(shown(given!), wanted, given);
});

test('what is no plain address is none', () => {
  for (const text of [
    '', ' ', '1', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', ' 1.2.3.4', '0x7f.0.0.1', '1.2.3.-4',
    '1.2.3.4/8', ':', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '1:2:3:4:5:6:7::8', ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8:', '12345::', 'g::', '::1.2.3', '1.2.3.4::', '::1.2.3.4:5', 'fe80::1%eth0', '[::1]', '::1]',
    'localhost', 'unknown', '١.٢.٣.٤',
  ]) // biome-ignore format: a list
    assert.equal(parseIp(text), undefined, JSON.stringify(text));
});

test('every address that Node knows is read, and read again from what is shown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const groups = parseIp(text);
      assert.ok(groups !== undefined, text);
      assert.equal(isV4(groups), isIP(ipText(groups)) === 4);
      assert.deepEqual(parseIp(ipText(groups)), groups);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.'), maxLength: 12 }), (text) => {
      assert.equal(parseIp(text) !== undefined, isIP(text) !== 0, text);
    }),
  );
});

test('a range holds what has its leading bits', () => {
  const cases: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
    ['10.9.9.9/8', '10.1.1.1', true],
    ['192.168.1.128/25', '192.168.1.127', false],
    ['192.168.1.128/25', '192.168.1.128', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '1.2.3.4', true],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::1', '::1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['1.2.3.4/32', '1.2.3.4', true],
  ];
  for (const [range, address, isIn] of cases)
    assert.equal(isInRange(parseIp(address)!, parseIpRange(range)!), isIn, `${address} in ${range}`);
  for (const text of [
    '1.2.3.4/33',
    '::1/129',
    '1.2.3.4/',
    '1.2.3.4/a',
    '1.2.3.4/08',
    '/8',
    '1.2.3.4/8/8',
    'x/8',
  ])
    assert.equal(parseIpRange(text), undefined, text);
});
