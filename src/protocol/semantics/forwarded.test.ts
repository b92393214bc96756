import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseForwardedElement, parseForwardedHost, parseNode } from './forwarded.ts';
import { ipText } from './ip-address.ts';

const node = (text: string) => {
  const groups = parseNode(text);
  return groups === undefined ? undefined : ipText(groups);
};

test('an address of a proxy may have a port and brackets', () => {
  assert.equal(node('192.0.2.1'), '192.0.2.1');
  assert.equal(node('192.0.2.1:443'), '192.0.2.1');
  assert.equal(node('2001:db8::1'), '2001:db8::1');
  assert.equal(node('[2001:db8::1]'), '2001:db8::1');
  assert.equal(node('[2001:db8::1]:443'), '2001:db8::1');
  assert.equal(node('[2001:db8::1]:_hidden'), '2001:db8::1');
  for (const text of [
    '',
    'unknown',
    '_a',
    '[1.2.3.4]',
    '[::1',
    '[::1]x',
    '[::1]:',
    '1.2.3.4:',
    '1.2.3.4:x',
    '1.2.3.4:123456',
    ' 1.2.3.4',
  ])
    assert.equal(node(text), undefined, text);
});

const element = (text: string) => {
  const found = parseForwardedElement(text);
  return found === undefined
    ? undefined
    : { ip: found.address && ipText(found.address), proto: found.proto, host: found.host };
};

test('an element of Forwarded is pairs of a token and a value, each once', () => {
  const nothing = { ip: undefined, proto: undefined, host: undefined };
  assert.deepEqual(element('for=192.0.2.43'), { ...nothing, ip: '192.0.2.43' });
  assert.deepEqual(element('For="[2001:db8:cafe::17]:4711"'), { ...nothing, ip: '2001:db8:cafe::17' });
  assert.deepEqual(element('for=192.0.2.60; proto=HTTPS ;by=203.0.113.43;host="a.example:8443"'), {
    ip: '192.0.2.60',
    proto: 'https',
    host: 'a.example:8443',
  });
  assert.deepEqual(element('for="\\1\\92.0.2.60"'), { ...nothing, ip: '192.0.2.60' });
  for (const text of ['for=unknown', 'for=_gazonk', 'for="2001:db8::1"', 'for=""', 'by=1.2.3.4', ''])
    assert.deepEqual(element(text), nothing, text);
  for (const text of [
    'for',
    'for=',
    'for =1.2.3.4',
    'for= 1.2.3.4',
    'for="1.2.3.4',
    'for=1.2.3.4"',
    'for=[::1]',
    'for=1.2.3.4;for=5.6.7.8',
    'for=a b',
    '=x',
  ])
    assert.equal(element(text), undefined, text);
  assert.equal(element('proto=ftp')?.proto, undefined);
});

test('a host is a name or an address with an optional port, and cannot reach into the rest of a URL', () => {
  for (const text of ['a.example', 'a.example:8080', '192.0.2.1', '[::1]:80', 'xn--a'])
    assert.equal(parseForwardedHost(text), text);
  for (const text of [
    '',
    'a/b',
    'a?b',
    'a#b',
    'a@b',
    'a\\b',
    'a b',
    'a:b',
    'a:',
    '[::1',
    'a.example:123456',
    'http://a',
    `${'a'.repeat(300)}`,
  ])
    assert.equal(parseForwardedHost(text), undefined, text);
});
