import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeThresholds, type Measured, parseLatencyThreshold, parseShare } from './thresholds.ts';

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
