import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstPartOf } from './send-parts.ts';

/** @returns the sizes of the calls in which so much is sent */
function partsOf(bytes: number): number[] {
  const parts: number[] = [];
  for (let left = bytes; left > 0; left -= parts.at(-1)!) parts.push(firstPartOf(left));
  return parts;
}

test('what fits into a packet is sent in one call', () => {
  for (const bytes of [1, 4096, 65_160]) assert.deepEqual(partsOf(bytes), [bytes]);
});

test('a piece of 64 KiB with the frame of its chunk is two halves, and no tiny packet', () => {
  assert.deepEqual(partsOf(65_546), [32_773, 32_773]);
});

test('parts of much are even, and no more than it has packets', () => {
  assert.deepEqual(partsOf(131_082), [43_694, 43_694, 43_694]);
  const parts = partsOf(8_000_001);
  assert.equal(parts.length, Math.ceil(8_000_001 / 65_160));
  assert.ok(Math.max(...parts) - Math.min(...parts) <= 1);
});
