import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMemory,
  formatMs,
  formatRate,
  formatRatio,
  formatShare,
  formatShortCount,
} from './numbers.ts';

/** With plain spaces, to be read. */
const plain = (text: string | undefined) => text?.replaceAll('\u00a0', ' ');

test('times have three significant digits in the unit that suits them', () => {
  const expected: [ms: number | undefined, text: string][] = [
    [0, '0 ms'],
    [0.000_4, '0.40 µs'],
    [0.0123, '12.3 µs'],
    [0.812, '812 µs'],
    [0.9994, '999 µs'],
    [0.9996, '1.00 ms'],
    [1.234, '1.23 ms'],
    [12.345, '12.3 ms'],
    [999.6, '1.00 s'],
    [1234, '1.23 s'],
    [59_900, '59.9 s'],
    [66_000, '1 min 6 s'],
    [3_600_000, '1 h'],
    [3_720_000, '1 h 2 min'],
    [undefined, '–'],
    [Number.NaN, '–'],
    [Number.POSITIVE_INFINITY, '–'],
  ];
  for (const [ms, text] of expected) assert.equal(plain(formatMs(ms)), text, String(ms));
});

test('durations that were asked for have no digits that say nothing', () => {
  for (const [ms, text] of [
    [30_000, '30 s'],
    [1500, '1.5 s'],
    [250, '250 ms'],
    [3.4, '3.4 ms'],
    [90_000, '1 min 30 s'],
    [120_000, '2 min'],
    [5_400_000, '1 h 30 min'],
    [Number.POSITIVE_INFINITY, 'no limit'],
  ] as const)
    assert.equal(plain(formatDuration(ms)), text);
});

test('counts and rates have their thousands set apart', () => {
  assert.equal(formatCount(1234), '1,234');
  assert.equal(formatCount(1_234_567), '1,234,567');
  assert.equal(formatCount(999), '999');
  assert.equal(formatCount(-1234), '−1,234');
  assert.equal(formatCount(undefined), '–');
  assert.deepEqual([0, 0.001, 0.5, 9.994, 9.996, 99.94, 99.96, 48_219.4].map(formatRate), [
    '0',
    '<0.01',
    '0.50',
    '9.99',
    '10.0',
    '99.9',
    '100',
    '48,219',
  ]);
  assert.deepEqual([999_999, 1_000_000, 1_250_000, 999_999_999, 4_490_801_291].map(formatShortCount), [
    '999,999',
    '1M',
    '1.25M',
    '1G',
    '4.49G',
  ]);
});

test('a share is never shown as nothing or as all when it is not', () => {
  assert.deepEqual(
    [0, 1e-9, 0.0004, 0.0123, 0.5, 0.9989, 0.999_95, 1, 3.235].map((share) => plain(formatShare(share))),
    ['0 %', '<0.01 %', '0.04 %', '1.23 %', '50 %', '99.89 %', '>99.99 %', '100 %', '324 %'],
  );
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const text = plain(formatShare(share));
      if (text === '0 %') assert.equal(share, 0);
      if (text === '100 %') assert.equal(share, 1);
    }),
  );
});

test('sizes are in powers of 1000 for traffic and of 1024 for memory', () => {
  assert.equal(plain(formatBytes(0)), '0 B');
  assert.equal(plain(formatBytes(999)), '999 B');
  assert.equal(plain(formatBytes(218_400_000)), '218 MB');
  assert.equal(plain(formatMemory(16 * 1024 ** 3)), '16.0 GiB');
});

test('a ratio is a number of times, or nothing where there is no telling', () => {
  assert.equal(formatRatio(108, 100), '1.08×');
  assert.equal(formatRatio(1, 1000), '<0.01×');
  assert.equal(formatRatio(12_345, 1), '12,345×');
  assert.equal(formatRatio(0, 5), '0.00×');
  assert.equal(formatRatio(5, 0), undefined);
  assert.equal(formatRatio(undefined, 5), undefined);
});

test('no number at all makes a text that people would not write', () => {
  const formats = [
    formatMs,
    formatDuration,
    formatCount,
    formatRate,
    formatShortCount,
    formatShare,
    formatBytes,
  ];
  fc.assert(
    fc.property(fc.double({ min: -1e15, max: 1e15 }), (value) => {
      for (const format of formats) assert.doesNotMatch(format(value), /NaN|Infinity|undefined|e[+-]?\d/);
    }),
  );
});
