import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { findField, readFields } from './fields.ts';

const LINE = 'GET / HTTP/1.1\r\n';
const HEAD = `${LINE}Host: example.com\r\nAccept:a\r\nX-Empty:\r\nx-pad: \t v w\t \r\nCookie: a=1\r\naccept: b\r\ncookie: b=2\r\nX-Odd]: no\r\n\r\n`;

function find(name: string): string | undefined {
  return findField(HEAD, LINE.length, HEAD.length - 2, name);
}

test('a field is found in any case, without the white space around its value', () => {
  equal(find('host'), 'example.com');
  equal(find('x-pad'), 'v w');
  equal(find('x-empty'), '');
});

test('a field that is not there is undefined, also when it begins or ends like one', () => {
  equal(find('hos'), undefined);
  equal(find('host2'), undefined);
  equal(find('ost'), undefined);
  equal(find('x-odd}'), undefined, 'setting bit 5 must not map ] onto }');
});

test('repeated lines are joined by commas, cookies by semicolons', () => {
  equal(find('accept'), 'a, b');
  equal(find('cookie'), 'a=1; b=2');
});

test('all fields are read in order', () => {
  const names: string[] = [];
  const values: string[] = [];
  equal(readFields(HEAD, LINE.length, HEAD.length, names, values), 8);
  deepEqual(names, ['host', 'accept', 'x-empty', 'x-pad', 'cookie', 'accept', 'cookie', 'x-odd]']);
  deepEqual(values, ['example.com', 'a', '', 'v w', 'a=1', 'b', 'b=2', 'no']);
});

test('names can be read as they were written', () => {
  const names: string[] = [];
  readFields(HEAD, LINE.length, HEAD.length - 2, names, [], true);
  deepEqual(names.slice(0, 4), ['Host', 'Accept', 'X-Empty', 'x-pad']);
});

test('a head without fields has none', () => {
  equal(readFields('\r\n', 0, 2, [], []), 0);
  equal(findField('\r\n', 0, 2, 'a'), undefined);
  equal(findField('', 0, 0, 'a'), undefined);
});
