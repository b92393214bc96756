import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHttpDate, parseHttpDate } from '../protocol/semantics/http-date.ts';
import { evaluatePreconditions, rangeApplies, type Validators, validatorsOf } from './conditional.ts';
import { type ByteRange, chooseRanges } from './range.ts';

const NOW = Date.UTC(2026, 5, 1);
const CHANGED = Date.UTC(2026, 0, 2, 3, 4, 5);
const SAME = 'Fri, 02 Jan 2026 03:04:05 GMT';
const EARLIER = 'Fri, 02 Jan 2026 03:04:04 GMT';
const LATER = 'Fri, 02 Jan 2026 03:04:06 GMT';
const DATED = { lastModifiedMs: CHANGED - (CHANGED % 1000), isDateStrong: true, sinceMs: CHANGED };
const STRONG: Validators = { entityTag: '"a,b"', ...DATED };
const WEAK: Validators = { ...STRONG, entityTag: 'W/"a,b"' };
/** Its date was set: it came to be here two seconds later. */
const SET_BACK: Validators = { ...STRONG, isDateStrong: false, sinceMs: CHANGED + 2000 };
const UNDATED: Validators = { ...STRONG, lastModifiedMs: undefined, isDateStrong: false };
const UNTAGGED: Validators = { ...STRONG, entityTag: undefined };
const LATER_STILL = 'Fri, 02 Jan 2026 03:04:08 GMT';

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
  [{ 'if-modified-since': SAME }, SET_BACK, 'proceed'],
  [{ 'if-modified-since': LATER }, SET_BACK, 'proceed'],
  [{ 'if-modified-since': LATER_STILL }, SET_BACK, 'not-modified'],
  [{ 'if-unmodified-since': SAME }, SET_BACK, 'proceed'],
  [{ 'if-modified-since': LATER_STILL }, UNDATED, 'proceed'],
  [{ 'if-unmodified-since': EARLIER }, UNDATED, 'proceed'],
  [{ 'if-none-match': '"a,b"' }, UNTAGGED, 'proceed'],
  [{ 'if-none-match': '*' }, UNTAGGED, 'not-modified'],
  [{ 'if-match': '"a,b"' }, UNTAGGED, 'failed'],
  [{ 'if-match': '*' }, UNTAGGED, 'proceed'],
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
  assert.ok(!rangeApplies(fields({ 'if-range': SAME }), SET_BACK, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': SAME }), UNDATED, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': '"a,b"' }), UNTAGGED, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': LATER }), STRONG, NOW));
  assert.ok(!rangeApplies(fields({ 'if-range': 'nonsense' }), STRONG, NOW));
});

const SECOND = Date.UTC(2026, 0, 2, 3, 4, 5);
/** Modified, changed, now; the Last-Modified wanted, and whether it tells versions apart. */
const DATES: [string, number, number, number, number | undefined, boolean][] = [
  ['an old file', SECOND + 678, SECOND + 678, NOW, SECOND, true],
  ['one that was renamed within its second', SECOND + 678, SECOND + 900, NOW, SECOND, true],
  ['one that was renamed later', SECOND + 678, SECOND + 1001, NOW, SECOND, false],
  ['one whose date was set', SECOND, NOW - 60_000, NOW, SECOND, false],
  ['one whose second is not over', SECOND + 678, SECOND + 678, SECOND + 1019, undefined, false],
  ['one whose second is just over', SECOND + 678, SECOND + 678, SECOND + 1020, SECOND, true],
  ['one with the time of a coarse clock, too young', SECOND, SECOND, SECOND + 2999, undefined, false],
  ['one with the time of a coarse clock', SECOND, SECOND, SECOND + 3000, SECOND, true],
  ['Nix', 1000, NOW - 60_000, NOW, undefined, false],
  ['the epoch', 0, 0, NOW, undefined, false],
  ['before the epoch', -5e9, NOW - 60_000, NOW, undefined, false],
  ['npm', Date.UTC(1985, 9, 26, 8, 15), NOW - 60_000, NOW, undefined, false],
  ['the future', NOW + 1, NOW - 60_000, NOW, undefined, false],
  ['no time at all', Number.NaN, NOW - 60_000, NOW, undefined, false],
  ['a time beyond all calendars', 9e18, NOW - 60_000, NOW, undefined, false],
  ['one that is never at rest', SECOND, Number.POSITIVE_INFINITY, NOW, SECOND, false],
];

test('a date is told only where it is one, and trusted only where it tells versions apart', () => {
  for (const [what, modifiedMs, changedMs, nowMs, lastModifiedMs, isDateStrong] of DATES) {
    const validators = validatorsOf({ version: 'v', modifiedMs, changedMs }, nowMs);
    assert.equal(validators.lastModifiedMs, lastModifiedMs, what);
    assert.equal(validators.isDateStrong, isDateStrong, what);
    if (lastModifiedMs === undefined) continue;
    const echo = fields({ 'if-modified-since': formatHttpDate(lastModifiedMs) });
    assert.equal(
      evaluatePreconditions(echo, validators, NOW),
      isDateStrong ? 'not-modified' : 'proceed',
      what,
    );
  }
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
const part = (start: number, end: number) => ({ kind: 'parts', parts: [{ start, end }] });
const parts = (...each: [number, number][]) => ({
  kind: 'parts',
  parts: each.map(([start, end]): ByteRange => ({ start, end })),
});
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
  ['bytes=0-1,500-600', 1000, parts([0, 2], [500, 601])],
  ['bytes= 500-600 ,, 0-1, ', 1000, parts([500, 601], [0, 2])],
  ['bytes=0-1,5-6', 100, part(0, 7)],
  ['bytes=0-499,400-599,900-', 1000, parts([0, 600], [900, 1000])],
  ['bytes=900-999,0-9,890-910', 1000, parts([890, 1000], [0, 10])],
  ['bytes=0-9,91-99', 1000, parts([0, 10], [91, 100])],
  ['bytes=0-9,90-99', 1000, part(0, 100)],
  ['bytes=0-0,-1', 1000, parts([0, 1], [999, 1000])],
  ['bytes=-1,2000-', 1000, part(999, 1000)],
  ['bytes=2000-,3000-4000,-0', 1000, NONE],
  ['bytes=0-1,x', 1000, WHOLE],
  ['bytes=0-1,500-400', 1000, WHOLE],
  ['bytes=,', 1000, WHOLE],
  [`bytes=${'0-0,'.repeat(63)}200-`, 1000, parts([0, 1], [200, 1000])],
  [`bytes=${'0-0,'.repeat(64)}200-`, 1000, WHOLE],
  ['bytes=-5,-6', 0, WHOLE],
  ['bytes=0x10-', 100, WHOLE],
  ['lines=0-9', 100, WHOLE],
  ['bytes=0-99999999999999999999999', 100, part(0, 100)],
  ['bytes=99999999999999999999999-', 100, NONE],
];

test('byte ranges are honoured without a byte twice, nonsense and endless lists are ignored, and none within the file is refused', () => {
  for (const [value, size, wanted] of RANGES)
    assert.deepEqual(chooseRanges(value, size), wanted, `${value} of ${size}`);
});
