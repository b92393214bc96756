/**
 * Installs what the applications in examples/apps are made of, beside them, and lets them find Holdfast as an installed
 * package is found. With `--node` it does so for those of node:http's frameworks, in examples/apps/node.
 *
 *     node scripts/reference-apps.mjs [--node]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const apps = path.join(ROOT, process.argv.includes('--node') ? 'examples/apps/node' : 'examples/apps');

execFileSync(
  'npm',
  ['ci', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error'],
  { cwd: apps, stdio: 'inherit' },
);
// No link to this folder, in which whoever walks through folders would go round and round.
const holdfast = path.join(apps, 'node_modules/holdfast');
rmSync(holdfast, { force: true, recursive: true });
mkdirSync(holdfast);
writeFileSync(
  path.join(holdfast, 'package.json'),
  '{ "name": "holdfast", "type": "module", "exports": "./index.js" }\n',
);
const bundle = path.relative(holdfast, path.join(ROOT, 'dist/bundle/index.js'));
writeFileSync(path.join(holdfast, 'index.js'), `export * from '${bundle}';\n`);
