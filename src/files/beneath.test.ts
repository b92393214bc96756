/** What the kernel opens below a folder without a link and without a wait, and what it leaves to the other way. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Beneath } from './beneath.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-beneath-'));
after(() => rmSync(base, { recursive: true }));
const root = join(base, 'root');
mkdirSync(join(root, 'sub'), { recursive: true });
writeFileSync(join(root, 'sub', 'file.txt'), 'inside');
writeFileSync(join(base, 'secret.txt'), 'secret');
symlinkSync('sub', join(root, 'link'));
symlinkSync('../secret.txt', join(root, 'out'));
symlinkSync('root', join(base, 'current'));
execFileSync('mkfifo', [join(root, 'fifo')]);
const always = () => true;

/** Linux, FFI, and a kernel that has the call and its flags. */
const first = new Beneath(true).open(Buffer.from(root), 'sub/file.txt', always);
if (first?.kind === 'file') closeSync(first.fd);
const skip =
  first === undefined ? `not to be had here: ${process.platform}, no FFI, or a kernel without it` : false;

test('a file, a folder and nothing are told apart at once, from any folder that is named', { skip }, () => {
  const beneath = new Beneath(true);
  for (const folder of [root, join(base, 'current'), `${root}/`]) {
    // Where a name leads is known without a wait once somebody has asked.
    assert.ok(existsSync(join(folder, 'sub', 'file.txt')) && !existsSync(join(folder, 'nothing')));
    const found = beneath.open(Buffer.from(folder), 'sub/file.txt', always);
    assert.equal(found?.kind, 'file');
    assert.ok(found?.kind === 'file');
    assert.equal(found.stats.size, 6);
    const bytes = Buffer.alloc(6);
    readSync(found.fd, bytes);
    closeSync(found.fd);
    assert.equal(bytes.toString(), 'inside');
    assert.deepEqual(beneath.open(Buffer.from(folder), 'sub', always), { kind: 'directory' });
    assert.deepEqual(beneath.open(Buffer.from(folder), 'nothing', always), {
      kind: 'missing',
      isNamed: false,
    });
    assert.deepEqual(beneath.open(Buffer.from(folder), 'fifo', always), { kind: 'missing', isNamed: true });
  }
});

test('links, ways out and names that are too long are left to the other way', { skip }, () => {
  const beneath = new Beneath(true);
  for (const path of ['link/file.txt', 'link', 'out', '../secret.txt', 'sub/../../secret.txt', '/etc/passwd', `${'a/'.repeat(2100)}b`, ''])
    assert.equal(beneath.open(Buffer.from(root), path, always), undefined, path.slice(0, 40)); // biome-ignore format: a list
  assert.equal(beneath.open(Buffer.from(join(base, 'gone')), 'x', always), undefined);
  // None of these is why it would not be asked again.
  assert.equal(beneath.open(Buffer.from(root), 'sub', always)?.kind, 'directory');
});

test('a folder that is another one by now is looked at anew first', { skip }, () => {
  assert.equal(
    new Beneath(true).open(Buffer.from(root), 'sub/file.txt', () => false),
    undefined,
  );
});

test('no descriptor is left behind', { skip }, () => {
  const beneath = new Beneath(true);
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let i = 0; i < 50; i++)
    for (const path of ['sub', 'nothing', 'fifo', 'link', '../x', 'sub/file.txt']) {
      const found = beneath.open(Buffer.from(root), path, i % 2 === 0 ? always : () => false);
      if (found?.kind === 'file') closeSync(found.fd);
    }
  assert.equal(count(), before);
});

test('a worker closes what it opens without a warning', { skip }, async () => {
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const { closeSync } = require('node:fs');
     const warnings = [];
     process.on('warning', (warning) => warnings.push(String(warning)));
     import(workerData.file).then(({ Beneath }) => {
       const found = new Beneath(true).open(Buffer.from(workerData.root), 'sub/file.txt', () => true);
       closeSync(found.fd);
       setTimeout(() => parentPort.postMessage(warnings), 50);
     });`,
    { eval: true, workerData: { file: new URL('./beneath.js', import.meta.url).href, root } },
  );
  const warnings = await new Promise((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  await worker.terminate();
  assert.deepEqual(warnings, []);
});
