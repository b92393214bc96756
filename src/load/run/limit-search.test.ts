import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextRate, type SearchStep } from './limit-search.ts';

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
