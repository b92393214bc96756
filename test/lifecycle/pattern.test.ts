/** The checker of the byte-exact tests: a fault of its own would pass for one of the server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultIn, isPattern, patternAt } from './pattern.ts';

test('content is the same however it is cut, at every place where its period wraps', () => {
  for (const offset of [0, 1, 65_520, 65_521, 65_535, 65_536, 4_455_424]) {
    const whole = patternAt(offset, 65_536);
    assert.equal(whole.length, 65_536);
    const cut = Buffer.concat(
      Array.from({ length: 64 }, (_, i) => Buffer.from(patternAt(offset + i * 1024, 1024))),
    );
    assert.deepEqual(Buffer.from(whole), cut, `at ${offset}`);
    assert.ok(isPattern(cut, offset));
  }
});

test('canary: a byte changed, lost or doubled is found and placed', () => {
  const bytes = Buffer.from(patternAt(100_000, 50_000));
  const changed = Buffer.from(bytes);
  changed[30_000] = changed[30_000]! ^ 1;
  assert.equal(isPattern(changed, 100_000), false);
  assert.match(faultIn(changed, 100_000), /^bytes 130000 to 130000 are wrong/);
  const lost = Buffer.concat([bytes.subarray(0, 10), bytes.subarray(11)]);
  assert.equal(isPattern(lost, 100_000), false);
  const doubled = Buffer.concat([bytes.subarray(0, 10), bytes.subarray(9)]);
  assert.equal(isPattern(doubled, 100_000), false);
});
