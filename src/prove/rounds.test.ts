import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimedSlice } from './results.ts';
import { inRounds, joinedSlices } from './rounds.ts';
import { SLICES } from './slices/all.ts';

const round = (count: number, p99Ms: number, ids: readonly string[]): TimedSlice =>
  ({
    ...{ name: 'slow', counters: { asked: count }, durationMs: 10, grid: [] },
    findings: ids.map((id) => ({ id, times: 1 })),
    beside: { answered: 5, failed: 1, wrong: 0, dead: 0, p50Ms: 1, p99Ms, maxMs: p99Ms, failures: ['reset'] },
  }) as unknown as TimedSlice;

test('slices come by in rounds, and what looks at the whole comes last', () => {
  let left = 3;
  const names = [...inRounds(SLICES, () => --left > 0)].map(({ name }) => name);
  assert.equal(names.filter((name) => name === 'slow').length, 3);
  assert.equal(names.indexOf('invariants'), names.length - 1);
});

test('rounds of a slice add up, a finding is one, and the worse waits count', () => {
  const { counters, findings, beside, durationMs } = joinedSlices(
    round(3, 7, ['a']),
    round(4, 2, ['a', 'b']),
  );
  assert.deepEqual(counters, { asked: 7 });
  assert.deepEqual(
    findings.map(({ id, times }) => [id, times]),
    [
      ['a', 2],
      ['b', 1],
    ],
  );
  assert.deepEqual([beside.p99Ms, beside.answered, beside.failed, durationMs], [7, 10, 2, 20]);
});
