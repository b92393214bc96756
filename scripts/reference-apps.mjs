/**
 * Installs what the applications in examples/apps are made of, beside them, and lets them find Holdfast as an installed
 * package is found.
 *
 *     node scripts/reference-apps.mjs
 */
import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const APPS = fileURLToPath(new URL('../examples/apps/', import.meta.url));

execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: APPS,
  stdio: 'inherit',
});
const link = `${APPS}node_modules/holdfast`;
rmSync(link, { force: true, recursive: true });
symlinkSync('../../..', link, 'dir');
