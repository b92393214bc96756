import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UrlTally } from './url-tally.ts';
import { mergeUrls, URL_ROWS_MAX, type UrlTotals } from './url-totals.ts';

/** A thread that was answered once by each of these, in this order, and failed once at `/failed`. */
function counted(paths: readonly string[]): UrlTotals {
  const tally = new UrlTally();
  tally.isOn = true;
  for (const path of paths) tally.answered(tally.rowOf('GET', `http://a${path}`), 200, 1000);
  tally.failed(tally.rowOf('GET', 'http://a/failed'));
  return tally.totals();
}

const sums = ({ rows, others }: UrlTotals) => {
  const all = [...rows, ...(others === undefined ? [] : [others])];
  return [all.reduce((sum, row) => sum + row.answered, 0), all.reduce((sum, row) => sum + row.failed, 0)];
};
const paths = (from: number, count: number) => Array.from({ length: count }, (_, i) => `/${from + i}`);

test('rows of the same URL are added, those of others stay', () => {
  const { rows, others } = mergeUrls([counted(['/a', '/b', '/a']), counted(['/b', '/c'])]);
  assert.deepEqual(
    rows.map(({ url, answered, failed }) => [url, answered, failed]),
    [
      ['http://a/a', 2, 0],
      ['http://a/b', 2, 0],
      ['http://a/failed', 0, 2],
      ['http://a/c', 1, 0],
    ],
  );
  assert.equal(others, undefined);
  assert.equal(rows[0]!.latency.count, 2);
});

test('there are so many rows, and all else is counted together', () => {
  const totals = counted(paths(0, URL_ROWS_MAX + 30));
  assert.equal(totals.rows.length, URL_ROWS_MAX);
  assert.equal(totals.others?.answered, 30);
  assert.equal(totals.others?.failed, 1);
  assert.deepEqual(sums(totals), [URL_ROWS_MAX + 30, 1]);
});

test('a row that one part had no place for is no row: it would tell a part for the whole', () => {
  const full = counted(paths(0, URL_ROWS_MAX + 5));
  const few = counted(['/0', '/52', '/new']);
  const merged = mergeUrls([full, few]);
  const urls = merged.rows.map(({ url }) => url);
  assert.ok(urls.includes('http://a/0'));
  assert.ok(!urls.includes('http://a/52') && !urls.includes('http://a/new'));
  assert.deepEqual(sums(merged), [URL_ROWS_MAX + 8, 2]);
  // Two parts that each had rows enough have no more rows together than there may be.
  const wide = mergeUrls([counted(paths(0, 40)), counted(paths(100, 40))]);
  assert.equal(wide.rows.length, URL_ROWS_MAX);
  assert.deepEqual(sums(wide), [80, 2]);
  // The order in which they are merged does not matter.
  const twice = mergeUrls([wide, counted(['/120'])]);
  assert.deepEqual(sums(twice), [81, 3]);
});
