/**
 * Puts what the compiler built into few files, `dist/bundle/`: what the package ships and the command runs.
 * Loading one module costs Node about a millisecond, however small it is, and `holdfast serve` needs over a
 * hundred; in a few larger files it is ready 70 ms sooner (bench/scenarios/startup.mjs).
 *
 * All entries are bundled together, so that the command, its worker threads and whoever imports `holdfast`
 * share one copy of each class. All files lie side by side: code finds the files of threads by
 * `new URL('./name.js', import.meta.url)`, wherever it ends up.
 */
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const ENTRIES = {
  index: 'dist/index.js',
  main: 'dist/cli/main.js',
  'folder-module': 'dist/cli/folder-module.js',
  worker: 'dist/server/worker.js',
  'load-worker': 'dist/load/load-worker.js',
};

const bundle = await rolldown({
  cwd: ROOT,
  input: ENTRIES,
  platform: 'node',
  external: [/^node:/, /^@koromix\/koffi-/, ...Object.keys(dependencies)],
});
rmSync(`${ROOT}dist/bundle`, { recursive: true, force: true });
await bundle.write({
  dir: `${ROOT}dist/bundle`,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();
