import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable, median, ratio, short, spread } from './stats.mjs';

test('the median is the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([1, 2, 3, 10]), 2.5);
});

test('the median leaves out what is no number and does not reorder its argument', () => {
  const values = [3, undefined, 1, Number.NaN];
  assert.equal(median(values), 2);
  assert.deepEqual(values, [3, undefined, 1, Number.NaN]);
  assert.equal(median([]), undefined);
});

test('the spread is the distance of the extremes over the median', () => {
  assert.equal(spread([90, 100, 120]), 0.3);
  assert.equal(spread([]), undefined);
});

test('a ratio to nothing is undefined, not infinite', () => {
  assert.equal(ratio(3, 2), 1.5);
  assert.equal(ratio(3, 0), undefined);
  assert.equal(ratio(3, undefined), undefined);
});

test('numbers are shown with three figures', () => {
  assert.deepEqual([0.0834, 1.519, 12.44, 118.2, 9999, 45_120, 118_400, 1_304_000, undefined].map(short), [
    '0.083',
    '1.52',
    '12.4',
    '118',
    '9999',
    '45.1k',
    '118k',
    '1.30M',
    '-',
  ]);
});

test('a table has its first column to the left and the others to the right', () => {
  assert.equal(
    formatTable([
      ['', 'req/s'],
      ['nginx', '7'],
    ]),
    '       req/s\nnginx      7',
  );
});
