import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const page = readFileSync('docs/dependencies.md', 'utf8');
const INSTALLED = ['@koromix/koffi-linux-arm64', '@koromix/koffi-linux-x64'];
const BUNDLED = [
  '@nats-io/transport-node',
  'hdr-histogram-js',
  'mrmime',
  'toml-eslint-parser',
  'uplot',
  'yaml',
];

/** The packages that have a row under a heading of the page. */
function documented(heading: string): string[] {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `docs/dependencies.md has no heading "${heading}"`);
  return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1]!).sort();
}

test('every dependency has its line in docs/dependencies.md, and every line its dependency', () => {
  assert.deepEqual(documented('Installed with Holdfast'), INSTALLED);
  assert.deepEqual(documented('Bundled'), BUNDLED);
  assert.deepEqual(
    [...BUNDLED, ...documented('For development only')].sort(),
    Object.keys(manifest.devDependencies).sort(),
  );
});

test('nothing is installed with Holdfast but the native module for the platform', () => {
  // Each one more is a decision: write it down in docs/dependencies.md, then count it here.
  assert.deepEqual(Object.keys(manifest.optionalDependencies).sort(), INSTALLED);
  assert.deepEqual(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), []);
});

test('the licences of what is bundled are shipped, all of them such as may be', () => {
  execFileSync(process.execPath, ['scripts/third-party-notices.mjs', '--check'], { stdio: 'pipe' });
  const notices = readFileSync('THIRD-PARTY-NOTICES', 'utf8');
  const packages = [...notices.matchAll(/^(\S+) [\d.]+ \((.+)\)$/gm)].map(([, name, license]) => ({
    name,
    license,
  }));
  for (const name of BUNDLED)
    assert.ok(
      packages.some((each) => each.name === name),
      name,
    );
  const others = packages.filter(
    ({ license }) => !/^(MIT|ISC|BSD-2-Clause|Apache-2\.0|Unlicense)$/.test(license!),
  );
  assert.deepEqual(others, []);
});

test('nothing runs when Holdfast is installed, and nothing comes from outside of the registry', () => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    assert.equal(manifest.scripts?.[script], undefined, script);
  for (const [name, version] of Object.entries({
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  }))
    assert.match(String(version), /^(?:npm:[\w-]+@)?[\^~]?\d+\.\d+\.\d+$/, `${name} is no plain version`);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  for (const [name, entry] of Object.entries(
    lock.packages as Record<string, { resolved?: string; hasInstallScript?: boolean }>,
  )) {
    if (entry.resolved !== undefined) assert.match(entry.resolved, /^https:\/\//, name);
    if (INSTALLED.some((each) => name.endsWith(each))) assert.equal(entry.hasInstallScript, undefined, name);
  }
});
