import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHttpDate, parseHttpDate } from '../protocol/semantics/http-date.ts';
import { evaluatePreconditions, rangeApplies, type Validators } from './conditional.ts';
import { chooseRange } from './range.ts';

const NOW = Date.UTC(2026, 5, 1);
const CHANGED = Date.UTC(2026, 0, 2, 3, 4, 5);
const SAME = 'Fri, 02 Jan 2026 03:04:05 GMT';
const EARLIER = 'Fri, 02 Jan 2026 03:04:04 GMT';
const LATER = 'Fri, 02 Jan 2026 03:04:06 GMT';
const STRONG: Validators = { entityTag: '"a,b"', lastModifiedMs: CHANGED, isStrong: true };
const WEAK: Validators = { entityTag: 'W/"a,b"', lastModifiedMs: CHANGED, isStrong: false };

const fields = (entries: Record<string, string>) => ({ get: (name: string) => entries[name] ?? null });

const CASES: [Record<string, string>, Validators, string][] = [
  [{}, STRONG, 'proceed'],
  [{ 'if-none-match': '"a,b"' }, STRONG, 'not-modified'],
  [{ 'if-none-match': 'W/"a,b"' }, STRONG, 'not-modified'],
  [{ 'if-none-match': '"a,b"' }, WEAK, 'not-modified'],
  [{ 'if-none-match': '"x", "a,b"' }, STRONG, 'not-modified'],
  [{ 'if-none-match': '"a"' }, STRONG, 'proceed'],
  [{ 'if-none-match': 'a,b' }, STRONG, 'proceed'],
  [{ 'if-none-match': ' * ' }, STRONG, 'not-modified'],
  [{ 'if-none-match': '"x"', 'if-modified-since': SAME }, STRONG, 'proceed'],
  [{ 'if-modified-since': SAME }, STRONG, 'not-modified'],
  [{ 'if-modified-since': LATER }, STRONG, 'not-modified'],
  [{ 'if-modified-since': EARLIER }, STRONG, 'proceed'],
  [{ 'if-modified-since': 'yesterday' }, STRONG, 'proceed'],
  [{ 'if-match': '"a,b"' }, STRONG, 'proceed'],
  [{ 'if-match': '"a,b"' }, WEAK, 'failed'],
  [{ 'if-match': 'W/"a,b"' }, WEAK, 'failed'],
  [{ 'if-match': '*' }, WEAK, 'proceed'],
  [{ 'if-match': '"x"' }, STRONG, 'failed'],
  [{ 'if-match': '"x"', 'if-none-match': '"a,b"' }, STRONG, 'failed'],
  [{ 'if-match': '"a,b"', 'if-unmodified-since': EARLIER }, STRONG, 'proceed'],
  [{ 'if-unmodified-since': EARLIER }, STRONG, 'failed'],
  [{ 'if-unmodified-since': SAME }, STRONG, 'proceed'],
  [{ 'if-unmodified-since': SAME, 'if-none-match': '"a,b"' }, STRONG, 'not-modified'],
];

test('preconditions are evaluated in the order of RFC 9110 §13.2.2', () => {
  for (const [request, validators, wanted] of CASES) {
    assert.equal(evaluatePreconditions(fields(request), validators, NOW), wanted, JSON.stringify(request));
  }
});

test('If-Range lets a range through only on a strong, exact match', () => {
  assert.ok(rangeApplies(fields({}), WEAK, NOW));
  assert.ok(rangeApplies(fields({ 'if-range': '"a,b"' }), STRONG, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': 'W/"a,b"' }), WEAK, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': '"x"' }), STRONG, NOW));
  assert.ok(rangeApplies(fields({ 'if-range': SAME }), STRONG, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': SAME }), WEAK, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': LATER }), STRONG, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': 'nonsense' }), STRONG, NOW));
});

test('all three date forms of RFC 9110 §5.6.7 are read, and nothing else', () => {
  const wanted = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of [
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ]) {
    assert.equal(parseHttpDate(text, NOW), wanted, text);
  }
  assert.equal(formatHttpDate(wanted + 999), 'Sun, 06 Nov 1994 08:49:37 GMT');
  const bad = [
    '',
    '0',
    '1994-11-06',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
  ];
  for (const text of bad) assert.equal(parseHttpDate(text, NOW), Number.NaN, text);
});

const WHOLE = { kind: 'whole' };
const NONE = { kind: 'unsatisfiable' };
const part = (start: number, end: number) => ({ kind: 'part', start, end });
const RANGES: [string | null, number, object][] = [
  [null, 100, WHOLE],
  ['bytes=0-9', 100, part(0, 10)],
  ['BYTES=0-9', 100, part(0, 10)],
  ['bytes=90-', 100, part(90, 100)],
  ['bytes=90-1000', 100, part(90, 100)],
  ['bytes=99-99', 100, part(99, 100)],
  ['bytes=100-', 100, NONE],
  ['bytes=0-', 0, NONE],
  ['bytes=-10', 100, part(90, 100)],
  ['bytes=-1000', 100, part(0, 100)],
  ['bytes=-0', 100, NONE],
  ['bytes=-5', 0, WHOLE],
  ['bytes=5-4', 100, WHOLE],
  ['bytes=-', 100, WHOLE],
  ['bytes=', 100, WHOLE],
  ['bytes=a-b', 100, WHOLE],
  ['bytes=0-1,5-6', 100, WHOLE],
  ['bytes=0x10-', 100, WHOLE],
  ['lines=0-9', 100, WHOLE],
  ['bytes=0-99999999999999999999999', 100, part(0, 100)],
  ['bytes=99999999999999999999999-', 100, NONE],
];

test('one byte range is honoured, a list or nonsense is ignored, and none within the file is refused', () => {
  for (const [value, size, wanted] of RANGES)
    assert.deepEqual(chooseRange(value, size), wanted, `${value} of ${size}`);
});
