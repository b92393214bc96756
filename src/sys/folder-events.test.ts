import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ERRNO } from './errno.ts';
import { loadFfi } from './ffi.ts';
import { FolderEvents } from './folder-events.ts';

function refusal(): string | false {
  try {
    loadFfi();
    return false;
  } catch (error) {
    return String(error);
  }
}
const skip = refusal();

test('what happens in a folder is told by its watch and name, in order, and names are bytes', {
  skip,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-events-'));
  const events = FolderEvents.open()!;
  try {
    const watch = events.watch(Buffer.from(folder), true);
    assert.ok(watch > 0);
    assert.equal(events.watch(Buffer.from(folder), true), watch);
    assert.equal(events.watch(Buffer.from(join(folder, 'none')), true), -ERRNO.ENOENT);
    const told: [number, string, boolean][] = [];
    const take = () => events.take((...each) => void told.push(each));
    assert.ok(take());
    assert.deepEqual(told, []);
    mkdirSync(join(folder, 'sub'));
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('\xff-\xe9', 'latin1')]), '');
    assert.ok(take());
    assert.deepEqual(told, [
      [watch, 'sub', true],
      [watch, '\xff-\xe9', false],
    ]);
    rmSync(folder, { recursive: true });
    assert.ok(!take(), 'the watch itself is gone');
  } finally {
    events.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a thread that is ended without a word leaves no descriptor behind', { skip }, async () => {
  const isInotify = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('inotify');
    } catch {
      // The descriptor that the list itself was read by.
      return false;
    }
  };
  const count = (): number => readdirSync('/proc/self/fd').filter(isInotify).length;
  const before = count();
  const url = new URL('folder-events.js', import.meta.url);
  const code = `import(${JSON.stringify(url)}).then(({ FolderEvents }) => {
    globalThis.kept = FolderEvents.open();
    require('node:worker_threads').parentPort.postMessage('open');
    setInterval(() => {}, 1000);
  });`;
  const worker = new Worker(code, { eval: true });
  await once(worker, 'message');
  assert.equal(count(), before + 1);
  await worker.terminate();
  assert.equal(count(), before);
});
