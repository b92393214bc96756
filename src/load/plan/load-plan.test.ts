import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAN } from './load-plan.fixture.ts';
import { dividePlan, type LoadPlan } from './load-plan.ts';

test('a divided plan adds up to the whole', () => {
  const plan = { ...PLAN, connections: 11, ratePerSecond: 1100, requestCount: 7 };
  for (const count of [1, 2, 3, 4, 7]) {
    const parts = dividePlan(plan, count);
    assert.equal(parts.length, count);
    const sum = (read: (part: LoadPlan) => number) => parts.reduce((total, part) => total + read(part), 0);
    assert.equal(
      sum(({ connections }) => connections),
      11,
    );
    assert.ok(Math.abs(sum(({ ratePerSecond }) => ratePerSecond!) - 1100) < 1e-9);
    assert.equal(
      sum(({ requestCount }) => requestCount!),
      7,
    );
    assert.equal(new Set(parts.map(({ phase }) => phase)).size, count);
  }
});

test('no part is without a connection', () => {
  assert.equal(dividePlan({ ...PLAN, connections: 2 }, 8).length, 2);
});

test('parts of parts have phases of their own', () => {
  const phases = dividePlan({ ...PLAN, connections: 4 }, 2).flatMap((part) =>
    dividePlan(part, 2).map(({ phase }) => phase),
  );
  assert.deepEqual([...phases].sort(), [0, 0.25, 0.5, 0.75]);
});

test('a plan survives a structured clone', () => {
  assert.deepEqual(structuredClone(PLAN), PLAN);
});

const sum = (values: readonly (number | undefined)[]) => values.reduce<number>((a, b) => a + (b ?? 0), 0);

test('parts add up to the plan, whatever the numbers', () => {
  for (const connections of [1, 2, 7, 16, 100])
    for (const requestCount of [1, 3, 10, 100, 1001])
      for (const count of [1, 2, 3, 10, 16]) {
        const parts = dividePlan({ ...PLAN, connections, requestCount, ratePerSecond: 999 }, count);
        assert.equal(sum(parts.map((part) => part.requestCount)), requestCount);
        assert.ok(parts.every((part) => part.requestCount! >= 1));
        assert.equal(sum(parts.map((part) => part.connections)), connections);
        assert.ok(Math.abs(sum(parts.map((part) => part.ratePerSecond)) - 999) < 1e-9);
        assert.equal(new Set(parts.map(({ phase }) => phase)).size, parts.length);
      }
});

test('counts and rates are divided alike, so that all parts end together', () => {
  const parts = dividePlan({ ...PLAN, connections: 3, requestCount: 9000, ratePerSecond: 300 }, 2);
  for (const { requestCount, ratePerSecond } of parts)
    assert.ok(Math.abs(requestCount! / ratePerSecond! - 30) < 0.05, `${requestCount} at ${ratePerSecond}/s`);
});

test('a part without a request would never end, so there is none', () => {
  const parts = dividePlan({ ...PLAN, connections: 8, requestCount: 2 }, 4);
  assert.deepEqual(
    parts.map(({ requestCount }) => requestCount),
    [1, 1],
  );
});
