import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateGroups, ServerNames, serverNameOf } from './server-names.ts';

test('names of clients are compared without their case and their last dot, and what is none is nothing', () => {
  for (const [text, name] of [
    ['Example.COM.', 'example.com'],
    ['localhost', 'localhost'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])
    assert.equal(serverNameOf(text!), name);
  for (const text of [
    '',
    '.',
    'a..b',
    '.a',
    '[::1]',
    '10.0.0.1:80',
    'a b',
    'a\nb',
    'ä.example',
    '*.example',
    'a'.repeat(254),
  ])
    assert.equal(serverNameOf(text), undefined, text);
});

test('a wildcard is for one label, an exact name comes before it, and the first of two stands', () => {
  const names = new ServerNames<string>();
  names.add(['*.example.com', 'example.com'], 'wild');
  names.add(['www.example.com', 'example.com'], 'exact');
  assert.deepEqual(
    ['a.example.com', 'www.example.com', 'example.com', 'a.b.example.com', 'com', 'xexample.com'].map(
      (name) => names.find(name),
    ),
    ['wild', 'exact', 'wild', undefined, undefined, undefined],
  );
  assert.equal(names.has('a.example.com'), true);
  assert.equal(names.has('example.org'), false);
});

test('certificates for the same names are one group, a kind of key once', () => {
  const of = (cert: string, keyType: string, ...names: string[]) => ({ cert, key: '', keyType, names });
  const groups = certificateGroups([
    of('1', 'ec', 'a', 'b'),
    of('2', 'rsa', 'b', 'a'),
    of('3', 'ec', 'b', 'a'),
    of('4', 'ec', 'a'),
  ]);
  assert.deepEqual(
    groups.map(({ certificates }) => certificates.map(({ cert }) => cert)),
    [['1', '2'], ['4']],
  );
});
