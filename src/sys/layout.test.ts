import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionFailure } from '../base/assert.ts';
import { array, group, struct, union } from './layout.ts';

test('fields are placed at their natural alignment and the end is padded', () => {
  const s = struct('s', 24, { a: 'u8', b: 'u32', c: 'u8', d: 'u64' });
  assert.deepEqual({ ...s.offset }, { a: 0, b: 4, c: 8, d: 16 });
  assert.deepEqual({ ...s.width }, { a: 1, b: 4, c: 1, d: 8 });
  assert.equal(s.alignment, 8);
});

test('a packed struct has no gaps', () => {
  const s = struct('s', 14, { a: 'u8', b: 'u32', c: 'u8', d: 'u64' }, { packed: true });
  assert.deepEqual({ ...s.offset }, { a: 0, b: 1, c: 5, d: 6 });
});

test('the members of a union share a place, and what follows comes after the largest', () => {
  const s = struct('s', 24, {
    head: 'u32',
    _: union({ small: 'u8', _: group({ x: 'u32', y: 'u32' }), large: 'u64' }),
    tail: 'u16',
  });
  assert.deepEqual({ ...s.offset }, { head: 0, small: 8, x: 8, y: 12, large: 8, tail: 16 });
});

test('structs and arrays nest', () => {
  const inner = struct('inner', 8, { a: 'u32', b: 'u16' });
  const s = struct('s', 32, { flag: 'u8', list: array(inner, 2), bytes: array('u8', 3), last: 's64' });
  assert.deepEqual({ ...s.offset }, { flag: 0, list: 4, bytes: 20, last: 24 });
  assert.equal(s.width.list, 16);
});

test('a table that does not come to the stated size fails when it is loaded', () => {
  assert.throws(() => struct('s', 12, { a: 'u8', b: 'u64' }), AssertionFailure);
});

test('a field declared twice fails when it is loaded', () => {
  assert.throws(() => struct('s', 8, { a: 'u32', _: union({ a: 'u32' }) }), /declared twice/);
});
