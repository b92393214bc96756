import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { before, test } from 'node:test';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
let packed: string[] = [];

before(() => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  packed = (JSON.parse(output)[0].files as { path: string }[]).map((each) => each.path);
});

test('the package holds what runs and what people need, and nothing else', () => {
  for (const wanted of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'THIRD-PARTY-NOTICES'])
    assert.ok(packed.includes(wanted), `${wanted} is not packed`);
  for (const folder of ['docs', 'examples'])
    assert.ok(
      packed.some((file) => file.startsWith(`${folder}/`)),
      `${folder}/ is not packed`,
    );
  const stray = packed.filter(
    (file) =>
      !/^[A-Z-]+(\.md)?$|^package\.json$|^(docs|examples)\/|^dist\/[\w/.-]+\.(js|d\.ts)$/.test(file) ||
      /\.(test|contract|fixture)\.|tsbuildinfo/.test(file),
  );
  assert.deepEqual(stray, []);
});

test('every link of a packed page leads to something that is packed, for who reads it in node_modules', () => {
  const isPacked = (link: string) => packed.some((file) => file === link || file.startsWith(`${link}/`));
  const lost: string[] = [];
  for (const page of packed.filter((file) => file.endsWith('.md')))
    for (const [, link] of readFileSync(page, 'utf8').matchAll(/\]\(([^)\s#]+)/g))
      if (
        !/^(https?|mailto):/.test(link!) &&
        !isPacked(path.join(path.dirname(page), link!).replace(/\/$/, ''))
      )
        lost.push(`${page}: ${link}`);
  assert.deepEqual(lost, []);
});

test('every file that package.json names is there, and packed', () => {
  const targets = [
    ...Object.values(manifest.bin),
    ...Object.values(manifest.exports['.']),
    ...manifest.sideEffects,
  ];
  for (const target of targets.map((each) => path.normalize(String(each)))) {
    assert.ok(existsSync(target), `${target} is not built`);
    assert.ok(packed.includes(target), `${target} is not packed`);
  }
});

test('what is shipped imports nothing that is not installed with it', () => {
  const folder = 'dist/bundle';
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.js'))
    .flatMap((file) =>
      [
        ...readFileSync(`${folder}/${file}`, 'utf8').matchAll(
          /(?:\bfrom|\bimport|\b_{0,2}require)\s*\(?\s*["']([\w@./:-]{2,})["']/g,
        ),
      ].map(([, name]) => name!),
    );
  const isKnown = (name: string) => isBuiltin(name) || /^(\.\/|@koromix\/koffi-)/.test(name);
  assert.ok(names.length > 50);
  assert.deepEqual([...new Set(names.filter((name) => !isKnown(name)))], []);
});

test('nothing that is shipped is made to code from text', () => {
  for (const file of readdirSync('dist/bundle').filter((each) => each.endsWith('.js')))
    assert.doesNotMatch(readFileSync(`dist/bundle/${file}`, 'utf8'), /\beval\s*\(|\bnew Function\s*\(/, file);
});

test('the declarations are of what the door exports, and offer nothing that is internal', async () => {
  const text = readFileSync(manifest.exports['.'].types, 'utf8');
  const [, list] = /\nexport \{ (.*) \};\n$/.exec(text)!;
  const values = list!.split(', ').filter((name) => !name.startsWith('type '));
  assert.deepEqual(values.sort(), Object.keys(await import(manifest.name)).sort());
  assert.doesNotMatch(text, /@internal|\b_\w+[(:]|\bimport\b|\bNodeJS\b|\bBuffer\b/);
});

test('the command can be run as one', () => {
  const [first] = readFileSync(manifest.bin.holdfast, 'utf8').split('\n');
  assert.equal(first, '#!/usr/bin/env node');
});

test('the package can be imported by its own name, and its door has no default export', async () => {
  const door = await import(manifest.name);
  assert.equal(typeof door.serve, 'function');
  assert.equal(typeof door.Response, 'function');
  assert.equal(door.default, undefined);
});
