/** What the kernel tells of names below a root, and what is claimed where it does not. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadFfi } from '../sys/ffi.ts';
import { FolderWatch } from './folder-watch.ts';
import { Look, Looks } from './looks.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-watch-'));
after(() => rmSync(folder, { recursive: true }));

function refusal(): string | false {
  try {
    loadFfi();
    return false;
  } catch (error) {
    return String(error);
  }
}
const skip = refusal();

/** A root with files that have been looked at, each twice: the second look is what the first made of it. */
class Stage {
  readonly root: string;
  readonly given: Buffer;
  readonly changed: string[] = [];
  readonly watch: FolderWatch;
  readonly looks: Looks;
  readonly #known = new Map<string, Look>();
  nowMs = 1_000_000;

  constructor(name: string, given = name) {
    this.root = join(folder, name);
    mkdirSync(join(this.root, 'a/b'), { recursive: true });
    for (const file of ['top', 'a/middle', 'a/b/deep']) writeFileSync(join(this.root, file), file);
    this.given = Buffer.from(`${join(folder, given)}/`);
    const { given: prefix } = this;
    this.watch = new FolderWatch(
      { given: prefix, join: (path) => Buffer.concat([prefix, Buffer.from(path, 'latin1')]) },
      1,
      (path) => {
        this.changed.push(path);
        this.#known.get(path)?.forget();
      },
    );
    this.looks = new Looks(1, this.watch);
  }

  at(path: string): string {
    return join(this.root, path);
  }

  /** Asks the disk about `path`. */
  ask(path: string): void {
    const look = new Look();
    this.#known.set(path, look);
    this.looks.ask(path, Buffer.concat([this.given, Buffer.from(path)]), look, this.nowMs);
  }

  /** Whether what was known of `path` holds, when all that is trusted without news is over. */
  holds(path: string): boolean {
    this.nowMs += 2;
    return this.looks.holds(this.#known.get(path)!, this.nowMs);
  }
}

test('what nothing happens to holds without a look, for a second', { skip }, () => {
  const stage = new Stage('quiet');
  for (const path of ['top', 'a/b/deep', 'a/none']) stage.ask(path);
  writeFileSync(stage.at('a/other'), 'x');
  for (const path of ['top', 'a/b/deep', 'a/none']) assert.ok(stage.holds(path), path);
  assert.deepEqual([...new Set(stage.changed)], ['a/other']);
  stage.nowMs += 1000;
  assert.ok(!stage.holds('top'));
  stage.watch.close();
});

const CHANGES: Record<string, (stage: Stage) => void> = {
  'is written to': (stage) => appendFileSync(stage.at('a/b/deep'), 'x'),
  'is overwritten in place': (stage) => writeFileSync(stage.at('a/b/deep'), 'DEEP'),
  'has its times set': (stage) => utimesSync(stage.at('a/b/deep'), 1, 1),
  'is removed': (stage) => rmSync(stage.at('a/b/deep')),
  'is moved away': (stage) => renameSync(stage.at('a/b/deep'), stage.at('elsewhere')),
  'is replaced by another': (stage) => {
    writeFileSync(stage.at('new'), 'new');
    renameSync(stage.at('new'), stage.at('a/b/deep'));
  },
  'lies in a folder that is moved': (stage) => renameSync(stage.at('a/b'), stage.at('a/c')),
  'lies in a folder whose parent is replaced': (stage) => {
    mkdirSync(stage.at('other/b'), { recursive: true });
    writeFileSync(stage.at('other/b/deep'), 'other');
    renameSync(stage.at('a'), stage.at('old'));
    renameSync(stage.at('other'), stage.at('a'));
  },
  'lies in a folder that is removed': (stage) => rmSync(stage.at('a'), { recursive: true }),
  'lies in a root that is replaced': (stage) => {
    renameSync(stage.root, `${stage.root}-old`);
    mkdirSync(stage.at('a/b'), { recursive: true });
    writeFileSync(stage.at('a/b/deep'), 'deep');
  },
};

for (const [what, change] of Object.entries(CHANGES))
  test(`a file does not hold any more that ${what}`, { skip }, () => {
    const stage = new Stage(`change-${what.replaceAll(' ', '-')}`);
    stage.ask('a/b/deep');
    assert.ok(stage.holds('a/b/deep'));
    change(stage);
    assert.ok(!stage.holds('a/b/deep'));
    stage.watch.close();
  });

test('a name that led nowhere does not hold when something comes by it', { skip }, () => {
  const stage = new Stage('missing');
  stage.ask('a/page.gz');
  assert.ok(stage.holds('a/page.gz'));
  writeFileSync(stage.at('a/page.gz'), 'x');
  assert.ok(!stage.holds('a/page.gz'));
  stage.watch.close();
});

test('nothing is claimed of links, of what lies behind them, and of files with several names', {
  skip,
}, () => {
  const stage = new Stage('links');
  symlinkSync('top', stage.at('link'));
  symlinkSync('a', stage.at('way'));
  linkSync(stage.at('a/middle'), stage.at('twin'));
  for (const path of ['link', 'way/middle', 'twin', 'a/middle']) {
    stage.ask(path);
    assert.ok(!stage.holds(path), path);
  }
  stage.watch.close();
});

test('a root whose name is a link is one that may be swapped', { skip }, () => {
  const stage = new Stage('release-1', 'current');
  symlinkSync('release-1', join(folder, 'current'));
  stage.ask('top');
  assert.ok(stage.holds('top'));
  const other = new Stage('release-2');
  symlinkSync('release-2', join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'current'));
  assert.ok(!stage.holds('top'));
  stage.watch.close();
  other.watch.close();
});

test('so many folders are watched and no more, and files in others are asked about', { skip }, () => {
  const stage = new Stage('many');
  for (let i = 0; i < 600; i++) {
    mkdirSync(stage.at(`d${i}`));
    writeFileSync(stage.at(`d${i}/f`), 'x');
  }
  const covered = Array.from({ length: 600 }, (_, i) => stage.watch.covers(`d${i}/f`, stage.nowMs));
  assert.equal(covered.filter((each) => each).length, 511, 'with the root 512');
  assert.ok(stage.watch.covers('top', stage.nowMs));
  stage.watch.close();
});

test('more news than are taken at once are as good as none: everything is asked about', { skip }, () => {
  const stage = new Stage('flood');
  stage.ask('top');
  assert.ok(stage.holds('top'));
  const { epoch } = stage.watch;
  for (let i = 0; i < 2000; i++) writeFileSync(stage.at(`a${i}`), '');
  assert.ok(!stage.holds('top'));
  assert.equal(stage.watch.epoch, epoch + 1);
  // For a while nothing is watched, then it is again.
  stage.ask('top');
  assert.ok(!stage.holds('top'));
  stage.nowMs += 100;
  stage.ask('top');
  assert.ok(stage.holds('top'));
  assert.ok(statSync(stage.at('top')).isFile());
  stage.watch.close();
});
