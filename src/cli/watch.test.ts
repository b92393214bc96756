import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { versionOf } from '../server/loaded-files.ts';
import { type Watch, watchFiles } from './watch.ts';

interface Watched {
  readonly root: string;
  readonly watch: Watch;
  /** Resolves with what is told next. */
  told(): Promise<readonly string[]>;
  /** All that was told and not asked for. */
  readonly untold: (readonly string[])[];
}

/** A folder `app` with `main.mjs` and `lib/part.mjs`, both watched. */
async function watched(t: TestContext): Promise<Watched> {
  const top = await mkdtemp(join(tmpdir(), 'holdfast-watch-'));
  const root = join(top, 'app');
  await mkdir(join(root, 'lib'), { recursive: true });
  const watch = watchFiles(root);
  t.after(async () => {
    watch.close();
    await rm(top, { recursive: true });
  });
  for (const name of ['main.mjs', 'lib/part.mjs']) {
    await writeFile(join(root, name), 'one');
    watch.add({ path: join(root, name), version: versionOf(join(root, name)) });
  }
  const untold: (readonly string[])[] = [];
  let heard: (() => void) | undefined;
  watch.onChange((names) => {
    untold.push(names);
    heard?.();
  });
  const told = async () => {
    // The file must be there for long enough that the system tells of it.
    while (untold.length === 0) await new Promise<void>((resolve) => (heard = resolve));
    return untold.shift()!;
  };
  // Folders are looked at from here on; what made them is told before or not at all.
  await pause(100);
  untold.length = 0;
  return { root, watch, told, untold };
}

/** What is told of a change, or that nothing is: the change of a watched file comes after it. */
async function toldOf({ root, told }: Watched, change: () => Promise<unknown>): Promise<readonly string[]> {
  await change();
  await writeFile(join(root, 'main.mjs'), 'changed after it');
  return told();
}

test('a watched file is told when it is written, and when an editor saves it by renaming', async (t) => {
  const { root, told } = await watched(t);
  await writeFile(join(root, 'lib/part.mjs'), 'two');
  assert.deepEqual(await told(), ['lib/part.mjs']);
  await writeFile(join(root, '4913'), 'three');
  await rename(join(root, '4913'), join(root, 'main.mjs'));
  assert.deepEqual(await told(), ['main.mjs']);
  await rename(join(root, 'main.mjs'), join(root, 'main.mjs~'));
  await writeFile(join(root, 'main.mjs'), 'four');
  assert.deepEqual(await told(), ['main.mjs']);
});

test('what else is written beside it is not told: data, logs, uploads, folders, source that nobody loads', async (t) => {
  const place = await watched(t);
  const { root } = place;
  const names = await toldOf(place, async () => {
    for (const name of ['data.db', 'data.json', 'lib/access.txt', 'upload.mjs', 'main.mjs.swp'])
      await writeFile(join(root, name), 'x');
    await mkdir(join(root, 'uploads'));
    await writeFile(join(root, 'uploads/part.mjs'), 'x');
    await rm(join(root, 'data.db'));
  });
  assert.deepEqual(names, ['main.mjs']);
});

test("folders that a build removes and makes again are followed, the module's own too", async (t) => {
  const { root, told } = await watched(t);
  for (const folder of [join(root, 'lib'), root]) {
    await rm(folder, { recursive: true });
    await told();
    await mkdir(join(root, 'lib'), { recursive: true });
    await told();
    await writeFile(join(root, 'lib/part.mjs'), 'new');
    assert.deepEqual(await told(), ['lib/part.mjs']);
  }
});

test('a file outside of the folder is told by its way from there', async (t) => {
  const { root, told, watch } = await watched(t);
  const path = join(root, '../shared.mjs');
  await writeFile(path, 'one');
  watch.add({ path, version: versionOf(path) });
  await writeFile(path, 'two');
  assert.deepEqual(await told(), ['../shared.mjs']);
});

test('a file that has changed since it was read is told as soon as it is known', async (t) => {
  const { root, told, watch } = await watched(t);
  const path = join(root, 'late.mjs');
  await writeFile(path, 'one');
  const version = versionOf(path);
  await writeFile(path, 'longer');
  watch.add({ path, version });
  assert.deepEqual(await told(), ['late.mjs']);
});

test('what was looked for in vain is told when it comes, with whatever extension', async (t) => {
  const { root, told, watch } = await watched(t);
  watch.add({ path: join(root, 'missing'), version: undefined });
  await writeFile(join(root, 'missing.cjs'), 'x');
  assert.deepEqual(await told(), ['missing.cjs']);
});
