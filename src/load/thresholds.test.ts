import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_LATENCIES } from './latency-counts.ts';
import { nextRate, type SearchStep } from './limit-search.ts';
import { marksOf } from './marks.ts';
import { judgeThresholds, type Measured, parseLatencyThreshold, parseShare } from './thresholds.ts';
import { type SecondReport, zeroCounters } from './totals.ts';

test('limits are read in all their spellings', () => {
  const read = (text: string) => {
    const { what, percentile, limitMs } = parseLatencyThreshold('--slo', text);
    return [what, percentile, limitMs];
  };
  assert.deepEqual(read('p99=10ms'), ['p99', 99, 10]);
  assert.deepEqual(read('p99.9 <= 1.5s'), ['p99.9', 99.9, 1500]);
  assert.deepEqual(read('p50<800us'), ['p50', 50, 0.8]);
  assert.deepEqual(read('mean<0.25ms'), ['mean', undefined, 0.25]);
  assert.deepEqual(read('max=2s'), ['max', undefined, 2000]);
  for (const wrong of ['p99', 'p100=1s', 'p99>10ms', 'p99=10', 'p99=soon', 'p=1s', 'rate=5'])
    assert.throws(() => parseLatencyThreshold('--slo', wrong), /^OptionError: --slo: /, wrong);
});

test('a share is a fraction or a percentage', () => {
  assert.equal(parseShare('-e', '0.1%'), 0.001);
  assert.equal(parseShare('-e', '0.05'), 0.05);
  assert.equal(parseShare('-e', '0'), 0);
  for (const wrong of ['2', '101%', '-1%', 'none']) assert.throws(() => parseShare('-e', wrong), /-e/, wrong);
});

const MEASURED: Measured = {
  percentileMs: (percentile) => percentile / 10,
  meanMs: 5,
  maxMs: 20,
  answered: 10,
  unanswered: 0,
  errorShare: 0.01,
};

test('thresholds are held against what was measured', () => {
  const judged = (text: string, measured = MEASURED) =>
    judgeThresholds([parseLatencyThreshold('--slo', text)], undefined, measured)[0]!;
  assert.deepEqual(judged('p99=9.9ms'), { name: 'p99 <= 9.9 ms', limit: 9.9, measured: 9.9, isMet: true });
  assert.equal(judged('p99=9.8ms').isMet, false);
  assert.equal(judged('mean=5ms').isMet, true);
  assert.equal(judged('max=19ms').isMet, false);
  // Without an answer nothing is fast.
  assert.equal(judged('max=1s', { ...MEASURED, maxMs: 0, answered: 0 }).isMet, false);
  assert.deepEqual(judgeThresholds([], 0.01, MEASURED), [
    { name: 'error rate <= 1.00 %', limit: 0.01, measured: 0.01, isMet: true },
  ]);
  assert.equal(judgeThresholds([], 0.001, MEASURED)[0]!.isMet, false);
});

test('requests without an answer are slower than any limit', () => {
  const isMet = (text: string, unanswered: number) =>
    judgeThresholds([parseLatencyThreshold('--slo', text)], undefined, {
      ...MEASURED,
      answered: 1000 - unanswered,
      unanswered,
    })[0]!.isMet;
  assert.equal(isMet('p99=1m', 10), true);
  assert.equal(isMet('p99=1m', 11), false);
  assert.equal(isMet('p99.9=1m', 1), true);
  assert.equal(isMet('p99.9=1m', 2), false);
  assert.equal(isMet('max=1m', 1), false);
  assert.equal(isMet('mean=1m', 1000), false);
});

/** Searches against a server that keeps the limit up to `limit` requests a second. */
function search(limit: number, capacity: number): SearchStep[] {
  const steps: SearchStep[] = [];
  for (;;) {
    const rate = nextRate(steps, capacity);
    if (rate === undefined) return steps;
    steps.push({ rate, isMet: rate <= limit });
    assert.ok(steps.length < 50);
  }
}

test('the search comes within a few per cent of the limit, in few steps', () => {
  for (const [limit, capacity] of [
    [7000, 50_000],
    [49_000, 50_000],
    [800, 900],
    [30, 100_000],
    [1_000_000, 20_000],
    [3, 40],
  ] as const) {
    const steps = search(limit, capacity);
    const best = Math.max(...steps.filter(({ isMet }) => isMet).map(({ rate }) => rate));
    const wanted = Math.min(limit, capacity);
    assert.ok(best >= wanted * 0.95 && best <= wanted * 1.03, `${limit} of ${capacity}: ${best}`);
    assert.ok(steps.length <= 14, `${steps.length} steps`);
    assert.equal(new Set(steps.map(({ rate }) => rate)).size, steps.length, 'a rate was tried twice');
  }
});

test('a server that keeps no rate ends the search', () => {
  const steps = search(0, 1000);
  assert.ok(steps.length <= 14);
  assert.ok(steps.every(({ isMet }) => !isMet));
});

const QUIET: SecondReport = {
  second: 3,
  lengthMs: 1000,
  counters: { ...zeroCounters(), sent: 1000, answered: 1000 },
  open: 10,
  latency: NO_LATENCIES,
  errors: {},
  threads: [{ wallMs: 1000, cpuMs: 500, waitedMs: 20 }],
};

test('a second is marked for what was the client’s own', () => {
  const marks = (change: Partial<SecondReport>, counters = {}) =>
    marksOf({ ...QUIET, ...change, counters: { ...QUIET.counters, ...counters } });
  assert.deepEqual(marks({}), []);
  assert.deepEqual(marks({ threads: [{ wallMs: 1000, cpuMs: 990, waitedMs: 0 }] }), ['client-cpu']);
  assert.deepEqual(marks({ threads: [...QUIET.threads, { wallMs: 1000, cpuMs: 500, waitedMs: 200 }] }), [
    'client-waited-for-cpu',
  ]);
  assert.deepEqual(marks({ threads: [{ wallMs: 1000, cpuMs: 5, waitedMs: undefined }] }), []);
  assert.deepEqual(marks({}, { lateSends: 11 }), ['late-timers']);
  assert.deepEqual(marks({}, { lateSends: 2, sent: 2 }), []);
  assert.deepEqual(marks({ lengthMs: 1300 }), ['late-timers']);
  assert.deepEqual(marks({}, { receiveBufferExhaustions: 20 }), ['receive-queue-full']);
  assert.deepEqual(marks({ errors: { EADDRNOTAVAIL: 1, EMFILE: 1 } }), ['no-source-port', 'no-descriptor']);
});
