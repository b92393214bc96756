/** No export of `src/` is left that nobody imports: what a file keeps to itself can be changed without a look elsewhere. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path, { posix } from 'node:path';
import { test } from 'node:test';
import { exportsOf, unused, usesIn } from './rooms/exports.ts';

/**
 * What the public door and the contract suites export is for others; Node itself calls what loaded-files.ts exports.
 */
const EXCEPTED = /^src\/index\.ts$|\.contract\.ts$|^src\/server\/loaded-files\.ts$/;

const files = ['src', 'test', 'bench', 'scripts', 'examples']
  .flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => `${root}/${file}`),
  )
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => /\.(ts|mjs)$/.test(file) && !/\/(node_modules|peers|\.cache)\//.test(file))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** What is built has another place and another ending than its source. */
function sourceOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('#src/')) return `src/${specifier.slice('#src/'.length)}`;
  if (!specifier.startsWith('.')) return undefined;
  return posix
    .join(posix.dirname(file), specifier)
    .replace(/^dist\/(?!bundle\/)/, 'src/')
    .replace(/^dist-test\//, 'test/')
    .replace(/\.js$/, '.ts');
}

test('every export of src/ is used by another file', () => {
  const used = new Set(files.flatMap(({ file, text }) => usesIn(file, text, sourceOf)));
  const exported = files
    .filter(({ file }) => file.startsWith('src/') && !EXCEPTED.test(file))
    .flatMap(({ file, text }) => exportsOf(file, text));
  assert.ok(exported.length > 500, `only ${exported.length} exports were found`);
  assert.deepEqual(unused(exported, used), []);
});

test('an export that nobody imports is seen, and one that is imported in any way is not', () => {
  const exporter = `
export const byName = 1;
export function renamed(): void {}
export async function whenNeeded(): Promise<void> {}
export abstract class Passed {}
export interface AsType {}
export type Typed = 1;
const inList = 1;
export { inList as listed, type Unlisted };
export class Alone {}
`;
  const importer = `
import { byName, renamed as other, type AsType } from './exporter.ts';
import * as whole from './exporter.ts';
export { Passed } from './exporter.ts';
const { whenNeeded } = await import('./exporter.ts');
type T = typeof import('./exporter.ts').Typed;
whole.listed();
`;
  const exported = exportsOf('src/exporter.ts', exporter);
  assert.equal(exported.length, 9);
  const used = new Set(usesIn('src/importer.ts', importer));
  assert.deepEqual(unused(exported, used), ['src/exporter.ts#Alone', 'src/exporter.ts#Unlisted']);
});

test('whoever takes a whole file in a way that names nothing uses all of it', () => {
  const used = new Set(usesIn('src/importer.ts', "const module = await import('./exporter.ts');"));
  assert.deepEqual(unused(['src/exporter.ts#any'], used), []);
});
