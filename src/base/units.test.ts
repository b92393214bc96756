import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OptionError } from './errors.ts';
import { parseDuration, parseSize } from './units.ts';

const refusedBy = (parse: (option: string, value: unknown) => number, value: unknown) =>
  assert.throws(
    () => parse('timeouts.idle', value),
    (error) => error instanceof OptionError && error.option === 'timeouts.idle',
    `should be refused: ${String(value)}`,
  );

test('a duration is a number of milliseconds or a number with its unit', () => {
  const cases: [unknown, number][] = [
    [1, 1],
    [2500, 2500],
    [0.2, 1],
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['8.2s', 8200],
    ['1.005s', 1005],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['24d', 24 * 86_400_000],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ];
  for (const [value, ms] of cases) assert.equal(parseDuration('timeouts.idle', value), ms, String(value));
});

test('Infinity and the word off switch a duration or a size off', () => {
  for (const value of [Number.POSITIVE_INFINITY, 'Infinity', 'off']) {
    assert.equal(parseDuration('timeouts.idle', value), Number.POSITIVE_INFINITY);
    assert.equal(parseSize('limits.bodyBytes', value), Number.POSITIVE_INFINITY);
  }
});

test('what is no duration is refused: no unit, zero, a sign, a space, too long', () => {
  for (const value of [
    '',
    '10',
    '0s',
    '-1s',
    '+1s',
    ' 1s',
    '1s ',
    '1 s',
    '1S',
    '1sec',
    '.5s',
    '1.s',
    '1e3s',
    's',
    '٣s',
  ])
    refusedBy(parseDuration, value);
  for (const value of [
    0,
    -1,
    Number.NaN,
    -Infinity,
    2 ** 31,
    '25d',
    '0',
    null,
    undefined,
    true,
    {},
    [1],
    10n,
  ])
    refusedBy(parseDuration, value);
});

test('the message of a refused zero says how to switch off', () => {
  assert.throws(() => parseDuration('timeouts.handler', 0), {
    message:
      /^timeouts\.handler: 0 is not allowed; .*Infinity or 'off' for off; 0 would mean off to some and at once to others$/,
  });
});

test('a size is a number of bytes or a number with its unit, of 1024', () => {
  const cases: [unknown, number][] = [
    [0, 0],
    ['0', 0],
    [65_536, 65_536],
    ['4096', 4096],
    ['10b', 10],
    ['64k', 65_536],
    ['64K', 65_536],
    ['64kb', 65_536],
    ['64KiB', 65_536],
    ['1.5k', 1536],
    ['10m', 10 * 1024 ** 2],
    ['1g', 1024 ** 3],
    ['2t', 2 * 1024 ** 4],
  ];
  for (const [value, bytes] of cases)
    assert.equal(parseSize('limits.bodyBytes', value), bytes, String(value));
});

test('what is no size is refused: part of a byte, doubled units, a sign, a space', () => {
  for (const value of [
    '',
    '1.5',
    '1.5b',
    '5bb',
    '5ib',
    '5bib',
    '5kk',
    '-1',
    '+1',
    ' 1',
    '1 k',
    '1p',
    'k',
    '1e3',
  ])
    refusedBy(parseSize, value);
  for (const value of [-1, 1.5, Number.NaN, 2 ** 53, '9007199254740993', null, undefined, true, {}, 10n])
    refusedBy(parseSize, value);
});

test('whole numbers with a unit come back as number times unit', () => {
  const units: [string, number][] = [
    ['ms', 1],
    ['s', 1000],
    ['m', 60_000],
  ];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30_000 }), fc.constantFrom(...units), (count, [unit, ms]) => {
      assert.equal(parseDuration('timeouts.idle', `${count}${unit}`), count * ms);
    }),
  );
});

test('any text either parses or is refused by name: nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [parseDuration, parseSize]) {
        try {
          assert.ok(parse('o', text) >= 0);
        } catch (error) {
          assert.ok(error instanceof OptionError);
        }
      }
    }),
  );
});
