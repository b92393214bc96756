import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

/** More than that, and the pages are no longer held to what compiles. */
const FRAGMENTS_MAX = 3;

function check(...pages: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/check-code-blocks.mjs', ...pages],
    { encoding: 'utf8' },
  );
  return { status, output: stdout + stderr };
}

test('every block of TypeScript and JavaScript in the README and the docs compiles', () => {
  const { status, output } = check();
  assert.equal(status, 0, output);
  assert.match(output, /^[1-9]\d* blocks of code/);
});

test('canary: a block that uses what does not exist is named by page and line', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-page-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const page = path.join(folder, 'page.md');
  writeFileSync(
    page,
    "# A page\n\n```js\nimport { serve } from 'holdfast';\nawait serve({ prot: 80 });\n```\n",
  );
  const { status, output } = check(path.relative('.', page));
  assert.equal(status, 1);
  assert.match(output, /page\.md\(5,\d+\): error .*'prot'/);
});

test('few blocks are excepted from that', () => {
  const pages = [
    'README.md',
    ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`),
  ];
  const fragments = pages
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => readFileSync(file, 'utf8').match(/^\s*```\w+ .*\bfragment\b/gm) ?? []);
  assert.ok(fragments.length <= FRAGMENTS_MAX, fragments.join('\n'));
});
