import assert from 'node:assert/strict';
import { fstatSync, mkdtempSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { factsOf } from './file-facts.ts';
import { OpenFiles, SharedFile } from './open-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-open-'));
after(() => rmSync(folder, { recursive: true }));

function opened(name: string, nowMs: number): SharedFile {
  const full = join(folder, name);
  writeFileSync(full, 'x');
  return new SharedFile(openSync(full, 'r'), factsOf(statSync(full)), Buffer.from(full), 'v', 0, nowMs);
}

function isOpen({ fd, facts }: SharedFile): boolean {
  try {
    return fstatSync(fd).ino === facts.inode;
  } catch {
    return false;
  }
}

test('all who ask for a file share a descriptor, which is closed with the last after another has taken its name', () => {
  const files = new OpenFiles(1);
  const file = files.add('a', opened('a', 1000));
  assert.equal(files.get('a', 1000), file);
  assert.equal(files.get('a', 1005), file);
  writeFileSync(join(folder, 'new'), 'y');
  renameSync(join(folder, 'new'), join(folder, 'a'));
  assert.equal(files.get('a', 1005), file, 'a look holds for a moment');
  assert.equal(files.get('a', 1006), undefined);
  assert.equal(files.get('a', 1006), undefined);
  for (let users = 4; users > 0; users--) {
    assert.ok(isOpen(file), `${users} users`);
    file.release();
  }
  assert.ok(!isOpen(file));
});

test('what nobody asks for is closed after a second or two', async () => {
  const files = new OpenFiles(1);
  const idle = files.add('b', opened('b', Date.now()));
  const used = files.add('c', opened('c', Date.now()));
  idle.release();
  assert.ok(isOpen(idle));
  for (let waitedMs = 0; waitedMs < 10_000 && isOpen(idle); waitedMs += 50) await sleep(50);
  assert.ok(!isOpen(idle));
  assert.ok(isOpen(used));
  used.release();
  for (let waitedMs = 0; waitedMs < 10_000 && isOpen(used); waitedMs += 50) await sleep(50);
  assert.ok(!isOpen(used));
});

test('so many are kept, and the one asked for longest ago goes first', () => {
  const files = new OpenFiles(1);
  const all = Array.from({ length: 65 }, (_, i) => {
    if (i === 64) files.get('n0', 1000)?.release();
    const file = files.add(`n${i}`, opened(`n${i}`, 1000));
    file.release();
    return file;
  });
  assert.deepEqual(
    all.map(isOpen).flatMap((open, i) => (open ? [] : [i])),
    [1],
  );
});

test('nothing is kept open where no look holds', () => {
  const files = new OpenFiles(0);
  const file = files.add('d', opened('d', 1000));
  assert.equal(files.get('d', 1000), undefined);
  assert.ok(isOpen(file));
  file.release();
  assert.ok(!isOpen(file));
});
