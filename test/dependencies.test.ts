import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const page = readFileSync('docs/dependencies.md', 'utf8');
const documented = new Set([...page.matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1]!));
const dependencies = Object.keys(manifest.dependencies ?? {});
const developed = Object.keys(manifest.devDependencies ?? {});

test('every dependency has its line in docs/dependencies.md, and every line its dependency', () => {
  for (const name of [...dependencies, ...developed])
    assert.ok(documented.has(name), `${name} has no line in docs/dependencies.md`);
  for (const name of documented)
    assert.ok(dependencies.includes(name) || developed.includes(name), `${name} is not in package.json`);
});

test('what is installed with Holdfast stays small', () => {
  // Each one more is a decision: write it down in docs/dependencies.md, then count it here.
  assert.deepEqual(dependencies.sort(), ['@nats-io/transport-node', 'hdr-histogram-js', 'koffi', 'mrmime']);
  assert.deepEqual(Object.keys(manifest.optionalDependencies ?? {}), []);
  assert.deepEqual(Object.keys(manifest.peerDependencies ?? {}), []);
});

test('nothing runs when Holdfast is installed, and nothing comes from outside of the registry', () => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    assert.equal(manifest.scripts?.[script], undefined, script);
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    assert.match(String(version), /^[\^~]?\d+\.\d+\.\d+$/, `${name} is no plain version`);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  for (const [name, entry] of Object.entries(lock.packages as Record<string, { resolved?: string }>))
    if (entry.resolved !== undefined) assert.match(entry.resolved, /^https:\/\//, name);
});
