/**
 * Installs what the applications in examples/apps are made of, beside them, and lets them find Holdfast as an installed
 * package is found.
 *
 *     node scripts/reference-apps.mjs
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const APPS = fileURLToPath(new URL('../examples/apps/', import.meta.url));

execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: APPS,
  stdio: 'inherit',
});
// No link to this folder, in which whoever walks through folders would go round and round.
const holdfast = `${APPS}node_modules/holdfast/`;
rmSync(holdfast, { force: true, recursive: true });
mkdirSync(holdfast);
writeFileSync(
  `${holdfast}package.json`,
  '{ "name": "holdfast", "type": "module", "exports": "./index.js" }\n',
);
writeFileSync(`${holdfast}index.js`, "export * from '../../../../dist/bundle/index.js';\n");
