/** Planted faults that nobody runs for a while must still be faults: each applies to the sources as they are, and compiles. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { plant, ROOT, readFaults } from './lib/faults.mjs';
import { compile } from './lib/private-copy.mjs';

const faults = readFaults();

test('every fault is planted in one place, and makes a program', () => {
  for (const fault of faults) {
    const source = readFileSync(path.join(ROOT, fault.file), 'utf8');
    const spoilt = plant(fault, source);
    assert.notEqual(spoilt, source, fault.id);
    assert.doesNotThrow(() => compile(fault.file, spoilt), fault.id);
  }
});

test('there are many, in every area, and no two are the same', () => {
  assert.ok(faults.length >= 80, `${faults.length}`);
  const areas = new Set(faults.map(({ area }) => area));
  for (const area of [
    'timers',
    'ends',
    'http1',
    'http2',
    'engines',
    'answers',
    'web',
    'files',
    'workers',
    'tls',
  ])
    assert.ok(areas.has(area), area);
  assert.equal(new Set(faults.map(({ sentence }) => sentence)).size, faults.length);
});

test('what does not stand in the source exactly once is no fault', () => {
  const fault = { id: 'a/b', file: 'src/a.ts', was: 'a\n', becomes: 'b\n' };
  assert.equal(plant(fault, 'c\na\n'), 'c\nb\n');
  assert.throws(() => plant(fault, 'c\n'), /stands 0 times in src\/a\.ts/);
  assert.throws(() => plant(fault, 'a\na\n'), /stands 2 times/);
});
