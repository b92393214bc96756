import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

test('the package holds what runs and what people need, and nothing else', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packed = (JSON.parse(output)[0].files as { path: string }[]).map((each) => each.path);
  for (const wanted of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md'])
    assert.ok(packed.includes(wanted), `${wanted} is not packed`);
  const stray = packed.filter(
    (file) =>
      !/^[A-Z]+(\.md)?$|^package\.json$|^dist\/[\w/.-]+\.(js|d\.ts)$/.test(file) ||
      /\.(test|contract|fixture)\.|tsbuildinfo/.test(file),
  );
  assert.deepEqual(stray, []);
});

test('every file that package.json names is there', () => {
  for (const target of [...Object.values(manifest.bin), ...Object.values(manifest.exports['.'])])
    assert.ok(existsSync(String(target)), `${target} is not built`);
});

test('what is shipped imports nothing that is not installed with it', () => {
  const folder = 'dist/bundle';
  const names = readdirSync(folder).flatMap((file) =>
    [
      ...readFileSync(`${folder}/${file}`, 'utf8').matchAll(
        /(?:\bfrom|\bimport)\s*\(?\s*["']([\w@./:-]{2,})["']/g,
      ),
    ].map(([, name]) => name!),
  );
  const isKnown = (name: string) =>
    /^(\.\/|node:|@koromix\/koffi-)/.test(name) ||
    Object.keys(manifest.dependencies).some((known) => name === known || name.startsWith(`${known}/`));
  assert.ok(names.length > 50);
  assert.deepEqual([...new Set(names.filter((name) => !isKnown(name)))], []);
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
