import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytes,
  bytesOf,
  bytesPerSecond,
  count,
  duration,
  memory,
  milliseconds,
  percent,
  perSecond,
} from './numbers.ts';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');
const all = (format: (value: number) => string, values: readonly number[]) =>
  values.map((value) => plain(format(value)));

test('each kind of number has one form', () => {
  assert.deepEqual(all(count, [0, 999, 1000, 1_234_567]), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual(all(perSecond, [0, 0.04, 9.9, 9.96, 1234.5]), ['0', '0.0', '9.9', '10', '1,235']);
  assert.deepEqual(all(milliseconds, [0, 0.05, 0.5, 5, 9.96, 1500]), [
    '0 ms',
    '0.05 ms',
    '0.5 ms',
    '5 ms',
    '10 ms',
    '1,500 ms',
  ]);
  assert.deepEqual(all(duration, [0, 900, 12_000, 59_000, 61_000, 3_600_000, 90_000_000]), [
    '0.0 s', '0.9 s', '12 s', '59 s', '1 min 1 s', '1 h', '1 d 1 h',
  ]); // biome-ignore format: one list
  assert.deepEqual(all(bytes, [0, 999, 1000, 1_550_000, 120_000_000]), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.6 MB',
    '120 MB',
  ]);
  assert.deepEqual(all(memory, [1024 * 1024 * 200]), ['200 MiB']);
  assert.deepEqual(all(bytesPerSecond, [1500]), ['1.5 kB/s']);
  assert.deepEqual(all(percent, [0, 0.012, 0.5, 1.2]), ['0 %', '1.2 %', '50 %', '120 %']);
});

test('a part and its whole have one unit', () => {
  assert.equal(plain(bytesOf(500_000, 64_000_000)), '0.5 of 64.0 MB');
  assert.equal(plain(bytesOf(10, 640)), '10 of 640 B');
  assert.equal(plain(bytesOf(1_000_000, 500_000_000)), '1 of 500 MB');
  assert.equal(plain(bytesOf(0, 0)), '0 of 0 B');
});

test('what is not known is a dash, and never a 0', () => {
  for (const format of [count, perSecond, milliseconds, duration, bytes, bytesPerSecond, memory, percent])
    for (const nothing of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY])
      assert.equal(format(nothing), '–');
});
