import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const pages = ['.', 'docs']
  .flatMap((root) =>
    readdirSync(root, { recursive: root !== '.', encoding: 'utf8' }).map((file) => path.join(root, file)),
  )
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** A heading's anchor as GitHub and most renderers make it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

test('every link between the pages leads somewhere', () => {
  const broken: string[] = [];
  for (const { file, text } of pages) {
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(target!)) continue;
      const [link, anchor] = target!.split('#');
      const to = link === '' ? file : path.join(path.dirname(file), link!);
      if (!existsSync(to)) broken.push(`${file}: ${target}`);
      else if (anchor !== undefined && to.endsWith('.md')) {
        const headings = [...readFileSync(to, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) =>
          anchorOf(match[1]!),
        );
        if (!headings.includes(anchor)) broken.push(`${file}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('every npm command that the pages name exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const { file, text } of pages)
    for (const [, name] of text.matchAll(/\bnpm run ([a-z][a-z:-]*)/g))
      assert.ok(scripts[name!] !== undefined, `${file}: npm run ${name}`);
});

test('decisions are numbered without gaps and have the parts that a decision has', () => {
  const files = readdirSync('docs/decisions').sort();
  for (const [index, file] of files.entries()) {
    assert.match(file, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    const text = readFileSync(path.join('docs/decisions', file), 'utf8');
    for (const part of ['Context', 'Choice', 'Numbers', 'Rejected'])
      assert.ok(text.includes(`\n## ${part}\n`), `${file} lacks "${part}"`);
  }
});
