import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePriority } from './priority.ts';

test('urgency and incremental are read, and what cannot be read means the default', () => {
  for (const [text, urgency, isIncremental] of [
    ['', 3, false],
    ['u=0', 0, false],
    ['u=7, i', 7, true],
    ['i', 3, true],
    ['i=?1', 3, true],
    ['i=?0', 3, false],
    ['u=1;x=2, i;y', 1, true],
    ['u=8', 3, false],
    ['u=-1', 3, false],
    ['u=1.5', 3, false],
    ['u="1"', 3, false],
    ['other=1, u=2', 2, false],
    ['U=1', 3, false],
    ['u=1,,i', 3, false],
  ] as const)
    assert.deepEqual(parsePriority(text), { urgency, isIncremental }, text);
});
