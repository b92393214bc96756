import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { factsOf } from './file-facts.ts';
import { Looks } from './looks.ts';
import { SmallFiles } from './small-files.ts';
import type { OpenFile } from './source.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-small-'));
const LATER = Date.now() + 60_000;

after(() => rmSync(folder, { recursive: true }));

function put(files: SmallFiles, name: string, text: string, nowMs = LATER): OpenFile {
  const full = join(folder, name);
  writeFileSync(full, text);
  const content = new Uint8Array(Buffer.from(text));
  const facts = factsOf(statSync(full));
  const file: OpenFile = {
    content,
    sizeBytes: content.length,
    modifiedMs: facts.modifiedMs,
    changedMs: facts.changedMs,
    version: 'v',
    read: async () => 0,
    isUnchanged: async () => true,
    part: () => undefined,
    close: async () => {},
  };
  files.set(name, Buffer.from(full), file, facts, nowMs);
  return file;
}

test('what is kept is given back until the file on disk differs in anything', () => {
  const files = new SmallFiles(100_000, new Looks(0));
  const file = put(files, 'a', 'one');
  assert.equal(files.get('a', 0), file);
  assert.equal(files.get('a', 0), file);
  // Same size, and the time of modification set back: the time of change still tells.
  const { atime, mtime } = statSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a'), 'two');
  utimesSync(join(folder, 'a'), atime, mtime);
  assert.equal(files.get('a', 0), undefined);
  assert.equal(files.get('a', 0), undefined);
});

test('a file that changed a moment ago is not kept', () => {
  const files = new SmallFiles(100_000, new Looks(0));
  put(files, 'b', 'one', Date.now());
  assert.equal(files.get('b', 0), undefined);
});

test('memory is bounded, and what was used longest ago goes first', () => {
  const files = new SmallFiles(2500, new Looks(0));
  put(files, 'c', 'x'.repeat(400));
  put(files, 'd', 'x'.repeat(400));
  assert.ok(files.get('c', 0));
  put(files, 'e', 'x'.repeat(400));
  assert.equal(files.get('d', 0), undefined);
  assert.ok(files.get('c', 0));
  assert.ok(files.get('e', 0));
  put(files, 'f', 'x'.repeat(4000));
  for (const name of ['c', 'e', 'f']) assert.equal(files.get(name, 0), undefined);
});

test('a look at the disk holds for a moment', () => {
  const files = new SmallFiles(100_000, new Looks(2));
  const file = put(files, 'g', 'one');
  assert.equal(files.get('g', 1000), file);
  rmSync(join(folder, 'g'));
  assert.equal(files.get('g', 1001), file);
  assert.equal(files.get('g', 1002), undefined);
  const other = put(files, 'h', 'one');
  assert.equal(files.get('h', 1000), other);
  rmSync(join(folder, 'h'));
  assert.equal(files.get('h', 999), undefined, 'the clock was set back');
});

test('a name that leads nowhere is remembered until something is there, and the oldest is forgotten first', () => {
  const files = new SmallFiles(100_000, new Looks(0));
  const full = (name: string) => Buffer.from(join(folder, name));
  files.setMissing('i', full('i'));
  assert.ok(files.isMissing('i', Number.NaN));
  assert.ok(!files.isMissing('j', Number.NaN));
  writeFileSync(join(folder, 'i'), '');
  assert.ok(!files.isMissing('i', Number.NaN));
  rmSync(join(folder, 'i'));
  assert.ok(!files.isMissing('i', Number.NaN), 'it is looked for anew');
  for (let i = 0; i < 1100; i++) files.setMissing(`k${i}`, full(`k${i}`));
  assert.ok(!files.isMissing('k0', Number.NaN));
  assert.ok(files.isMissing('k1099', Number.NaN));
});
