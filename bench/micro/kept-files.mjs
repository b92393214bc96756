/**
 * What it costs to find that a file in memory is still the one on the disk, in nanoseconds a file, where 2,000 files in 20 folders are
 * asked for in turn: by a stat for each, and by the kernel's word that nothing has happened. Run after a build:
 * `node bench/micro/kept-files.mjs`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDisk } from '../../dist/files/disk.js';
import { loadFfi } from '../../dist/sys/ffi.js';

const ROUNDS = 60;
/** Longer than a look holds, so that each round asks anew. */
const PAUSE_MS = 3;
/** What has just been written is not kept. */
const SETTLED_MS = 100;

async function measure(root, paths) {
  const disk = openDisk(root);
  for (const path of paths) await disk.open(path);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(PAUSE_MS);
    const began = process.hrtime.bigint();
    for (const path of paths)
      if (disk.openKept(path)?.content === undefined) throw new Error(`${path} is not kept`);
    best = Math.min(best, Number(process.hrtime.bigint() - began) / paths.length);
  }
  return best;
}

const [root, how] = process.argv.slice(2);
if (root === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-kept-files-'));
  for (let i = 0; i < 20; i++) mkdirSync(join(folder, `d${i}`));
  for (let i = 0; i < 2000; i++) writeFileSync(join(folder, `d${i % 20}/f${i}.bin`), 'x'.repeat(4096));
  await sleep(SETTLED_MS);
  for (const each of ['stat', 'inotify']) {
    const ns = Number(execFileSync(process.execPath, [import.meta.filename, folder, each]).toString());
    console.log(`${each}: ${ns.toFixed(0)} ns a file`);
  }
  rmSync(folder, { recursive: true });
} else {
  // Engines that call the kernel by themselves have loaded what does.
  if (how === 'inotify') loadFfi();
  const paths = Array.from({ length: 2000 }, (_, i) => `d${i % 20}/f${i}.bin`);
  console.log(await measure(root, paths));
}
