import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHttpDate, HTTP_DATE_BYTES, parseHttpDate } from './http-date.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const EXAMPLE_MS = 784_111_777_000; // the RFC's own example

test('the three forms of RFC 9110 §5.6.7 name one moment', () => {
  equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', NOW_MS), EXAMPLE_MS);
  equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', NOW_MS), EXAMPLE_MS);
  equal(parseHttpDate('Sun Nov  6 08:49:37 1994', NOW_MS), EXAMPLE_MS);
  equal(formatHttpDate(EXAMPLE_MS), 'Sun, 06 Nov 1994 08:49:37 GMT');
});

test('formatting agrees with the platform', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) }), (ms) => {
      const text = formatHttpDate(ms);
      const date = new Date(ms);
      equal(
        text,
        date.toUTCString().replace(/ (\d{1,3}) (?=\d\d:)/, (_, year: string) => ` ${year.padStart(4, '0')} `),
      );
      equal(text.length, HTTP_DATE_BYTES);
      equal(parseHttpDate(text, NOW_MS), Math.floor(ms / 1000) * 1000);
    }),
  );
});

test('a two-digit year lies at most 50 years ahead', () => {
  equal(new Date(parseHttpDate('Friday, 01-Jan-76 00:00:00 GMT', NOW_MS)).getUTCFullYear(), 2076);
  equal(new Date(parseHttpDate('Friday, 01-Jan-77 00:00:00 GMT', NOW_MS)).getUTCFullYear(), 1977);
  equal(
    new Date(parseHttpDate('Friday, 01-Jan-00 00:00:00 GMT', Date.UTC(1999, 0, 1))).getUTCFullYear(),
    2000,
  );
});

test('what is no HTTP date is NaN', () => {
  for (const text of [
    '',
    '0',
    'now',
    '1994-11-06T08:49:37Z',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:37 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Wed, 29 Feb 2023 00:00:00 GMT',
    'Sun, 06 Nox 1994 08:49:37 GMT',
    'Someday, 06-Nov-94 08:49:37 GMT',
    'Xyz Nov  6 08:49:37 1994',
  ]) {
    ok(Number.isNaN(parseHttpDate(text, NOW_MS)), text);
  }
  ok(!Number.isNaN(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT', NOW_MS)));
});
