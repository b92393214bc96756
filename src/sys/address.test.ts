import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sockaddr_storage } from './abi/socket.ts';
import {
  encodeAddressInto,
  formatIPv6,
  parseAddress,
  parseIPv4,
  parseIPv6,
  type SocketAddress,
} from './address.ts';
import { ERRNO } from './errno.ts';

function view(): DataView {
  return new DataView(new ArrayBuffer(sockaddr_storage.size));
}

function roundTrip(address: SocketAddress): SocketAddress | number {
  const into = view();
  return parseAddress(into, encodeAddressInto(into, address));
}

test('addresses of every family survive being encoded and parsed', () => {
  const addresses: SocketAddress[] = [
    { family: 'IPv4', address: '127.0.0.1', port: 8080 },
    { family: 'IPv4', address: '255.255.255.255', port: 65535 },
    { family: 'IPv6', address: '::1', port: 443 },
    { family: 'IPv6', address: '2001:db8::8:800:200c:417a', port: 0 },
    { family: 'IPv6', address: 'fe80::1%7', port: 1 },
    { family: 'unix', address: '/run/holdfast.sock', port: 0 },
    { family: 'unix', address: '\0abstract', port: 0 },
  ];
  for (const address of addresses) assert.deepEqual(roundTrip(address), address);
});

test('an IPv4 address is stored in network order', () => {
  const into = view();
  assert.equal(encodeAddressInto(into, { family: 'IPv4', address: '192.0.2.1', port: 80 }), 16);
  assert.deepEqual([...new Uint8Array(into.buffer, 0, 8)], [2, 0, 0, 80, 192, 0, 2, 1]);
});

test('text that is no address is refused', () => {
  for (const address of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', '::1']) {
    assert.equal(encodeAddressInto(view(), { family: 'IPv4', address, port: 1 }), -ERRNO.EINVAL, address);
  }
  for (const address of [
    '',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3',
    '1.2.3.4::',
    '::g',
    '1:2:3:4:5:6:7::8',
    '::1%nowhere',
  ]) {
    assert.equal(encodeAddressInto(view(), { family: 'IPv6', address, port: 1 }), -ERRNO.EINVAL, address);
  }
  assert.equal(encodeAddressInto(view(), { family: 'IPv4', address: '1.2.3.4', port: 65536 }), -ERRNO.EINVAL);
});

test('a unix path must fit with its NUL, an abstract name without one', () => {
  const encode = (address: string) => encodeAddressInto(view(), { family: 'unix', address, port: 0 });
  assert.equal(encode('a'.repeat(107)), 110);
  assert.equal(encode('a'.repeat(108)), -ERRNO.ENAMETOOLONG);
  assert.equal(encode(`\0${'a'.repeat(107)}`), 110);
  assert.equal(encode('a\0b'), -ERRNO.EINVAL);
});

test('an unnamed unix socket has an empty address', () => {
  const into = view();
  into.setUint16(0, 1, true);
  assert.deepEqual(parseAddress(into, 2), { family: 'unix', address: '', port: 0 });
});

test('a family that is none of ours is said to be so', () => {
  const into = view();
  into.setUint16(0, 16, true);
  assert.equal(parseAddress(into, 12), -ERRNO.EAFNOSUPPORT);
});

test('IPv6 text follows RFC 5952', () => {
  const canonical: [string, string][] = [
    ['2001:0db8:0000:0000:0000:0000:0002:0001', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ];
  for (const [text, expected] of canonical) {
    const groups = parseIPv6(text);
    assert.ok(groups !== undefined, text);
    assert.equal(formatIPv6(groups), expected);
  }
});

test('IPv4 text becomes a number in host order', () => {
  assert.equal(parseIPv4('1.2.3.4'), 0x01020304);
  assert.equal(parseIPv4('255.255.255.255'), 0xffffffff);
  assert.equal(parseIPv4('1.2.3.4a'), undefined);
});
