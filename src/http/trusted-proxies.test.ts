import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionError } from '../base/errors.ts';
import { parseTrustProxy } from './trusted-proxies.ts';

type Fields = Record<string, string>;
const PEER = { family: 'IPv4', address: '10.0.0.9' } as const;

function client(
  trust: unknown,
  fields: Fields,
  peer: { family: 'IPv4' | 'IPv6' | 'unix'; address: string } = PEER,
) {
  const headers = new Headers(fields);
  const found = parseTrustProxy('trustProxy', trust)!.clientOf(peer, headers);
  return [found.ip, found.scheme, found.host];
}
const ip = (trust: unknown, value: string, peer?: Parameters<typeof client>[2]) =>
  client(trust, { 'x-forwarded-for': value }, peer)[0];

test('addresses are read from the right, and only what a trusted hop wrote', () => {
  assert.equal(ip('10.0.0.0/8', '1.1.1.1'), '1.1.1.1');
  assert.equal(ip('10.0.0.0/8', '6.6.6.6, 1.1.1.1'), '1.1.1.1');
  assert.equal(ip('10.0.0.0/8', '6.6.6.6, 1.1.1.1, 10.0.0.2'), '1.1.1.1');
  assert.equal(
    ip('10.0.0.0/8', '10.0.0.3, 10.0.0.2'),
    '10.0.0.3',
    'all are trusted: the first that was named',
  );
  assert.equal(ip('loopback', '1.1.1.1'), '10.0.0.9', 'the peer itself is not trusted');
  assert.equal(ip(1, '6.6.6.6, 1.1.1.1'), '1.1.1.1');
  assert.equal(ip(2, '6.6.6.6, 1.1.1.1, 10.0.0.2'), '1.1.1.1');
  assert.equal(ip(2, '1.1.1.1'), '1.1.1.1', 'fewer hops than were promised');
  assert.equal(ip(true, '6.6.6.6, 1.1.1.1'), '6.6.6.6');
  assert.equal(ip(1, ''), '10.0.0.9');
});

test('what cannot be read ends the search: the hop that wrote it stands for its client', () => {
  assert.equal(ip('uniquelocal', '1.1.1.1, unknown'), '10.0.0.9');
  assert.equal(ip('uniquelocal', '1.1.1.1, junk, 10.0.0.2'), '10.0.0.2');
  assert.equal(ip(true, '1.1.1.1,,10.0.0.2'), '10.0.0.2');
  assert.equal(ip(true, '1.1.1.1, 10.0.0.256'), '10.0.0.9');
});

test('IPv4 in IPv6, IPv6, ports and unix sockets', () => {
  assert.equal(ip('10.0.0.0/8', '1.1.1.1', { family: 'IPv6', address: '::ffff:10.0.0.9' }), '1.1.1.1');
  assert.equal(ip('loopback', '2001:db8::1', { family: 'IPv6', address: '::1' }), '2001:db8::1');
  assert.equal(
    ip('linklocal', '[2001:DB8::1]:99', { family: 'IPv6', address: 'fe80::2%eth0' }),
    '2001:db8::1',
  );
  assert.equal(ip('10.0.0.0/8', '1.1.1.1:99, ::ffff:10.0.0.1'), '1.1.1.1');
  assert.equal(ip('loopback', '1.1.1.1', { family: 'unix', address: '' }), '1.1.1.1');
  assert.equal(ip('10.0.0.0/8', '1.1.1.1', { family: 'unix', address: '' }), undefined);
  assert.equal(ip(1, '1.1.1.1', { family: 'unix', address: '' }), '1.1.1.1');
});

test('scheme and host are those that the farthest trusted hop wrote', () => {
  const fields = (proto: string, host = 'a.example') => ({
    'x-forwarded-for': '1.1.1.1',
    'x-forwarded-proto': proto,
    'x-forwarded-host': host,
  });
  assert.deepEqual(client('uniquelocal', fields('https')), ['1.1.1.1', 'https', 'a.example']);
  assert.deepEqual(client('uniquelocal', fields('https, http', 'evil.example, a.example')), [
    '1.1.1.1',
    'http',
    'a.example',
  ]);
  assert.deepEqual(client(1, fields('https, http', 'evil.example, a.example')), [
    '1.1.1.1',
    'http',
    'a.example',
  ]);
  assert.deepEqual(client(2, fields('https, http', 'first.example, a.example')), [
    '1.1.1.1',
    'https',
    'first.example',
  ]);
  assert.deepEqual(client(true, fields('https, http')), ['1.1.1.1', 'https', 'a.example']);
  assert.deepEqual(client('loopback', fields('https')), ['10.0.0.9', undefined, undefined]);
  for (const proto of ['ftp', 'https:', 'javascript', ''])
    assert.equal(client(1, fields(proto))[1], undefined, proto);
  for (const host of ['a/b', 'user@a', 'a b', ''])
    assert.equal(client(1, fields('https', host))[2], undefined, host);
});

test('Forwarded is read where it stands alone, likewise from the right', () => {
  const forwarded = (trust: unknown, value: string) => client(trust, { forwarded: value });
  assert.deepEqual(forwarded('uniquelocal', 'for=1.1.1.1;proto=https;host=a.example'), [
    '1.1.1.1',
    'https',
    'a.example',
  ]);
  assert.deepEqual(forwarded('uniquelocal', 'for=6.6.6.6;proto=https;host=evil, for="[2001:db8::1]:8"'), [
    '2001:db8::1',
    undefined,
    undefined,
  ]);
  assert.deepEqual(forwarded('uniquelocal', 'for=1.1.1.1;proto=https, for=10.0.0.2;proto=http'), [
    '1.1.1.1',
    'https',
    undefined,
  ]);
  assert.deepEqual(
    forwarded('uniquelocal', 'for="6.6.6.6, for=1.1.1.1;proto=https'),
    ['1.1.1.1', 'https', undefined],
    'an open quote on the left',
  );
  assert.deepEqual(forwarded('uniquelocal', 'for=1.1.1.1, for=unknown;proto=https'), [
    '10.0.0.9',
    'https',
    undefined,
  ]);
  assert.deepEqual(forwarded(1, 'for=6.6.6.6, for=1.1.1.1;proto=https'), ['1.1.1.1', 'https', undefined]);
  assert.deepEqual(forwarded('loopback', 'for=1.1.1.1;proto=https'), ['10.0.0.9', undefined, undefined]);
  assert.deepEqual(
    client(1, { forwarded: 'for=6.6.6.6;proto=https;host=evil', 'x-forwarded-for': '1.1.1.1' }),
    ['1.1.1.1', undefined, undefined],
    'most proxies let a Forwarded of the client pass',
  );
});

test('the option is a boolean, a number of hops, or addresses, ranges and names; 0, false and [] trust nobody', () => {
  for (const value of [false, 0, []]) assert.equal(parseTrustProxy('trustProxy', value), undefined);
  for (const value of [true, 1, 'loopback', 'loopback, 10.0.0.0/8', ['::1', '192.0.2.0/24']])
    assert.ok(parseTrustProxy('trustProxy', value) !== undefined);
  for (const value of [
    null,
    -1,
    1.5,
    300,
    Number.NaN,
    '',
    'localhost',
    '10.0.0.0/33',
    'loopback,',
    [''],
    [5],
    {},
    ['loopback', 'x'],
  ])
    assert.throws(() => parseTrustProxy('trustProxy', value), OptionError, JSON.stringify(value));
});
