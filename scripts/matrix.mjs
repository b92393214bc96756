/**
 * Runs `holdfast prove --matrix examples/apps/matrix.yaml` with a PostgreSQL and a Redis, where they are installed, and says in
 * the document which commit was attacked. All flags are passed on.
 *
 *     npm run matrix -- --tier nightly --out matrix.json [--resume] [--engines epoll,node] [--slices sessions,slow] ...
 *
 * Needs what `npm run build` builds and `npm run apps` installs.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasService, startServices } from './services.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const COMMAND = path.join(ROOT, 'dist/bundle/main.js');
const APPS = path.join(ROOT, 'examples/apps');

function commit() {
  try {
    return `commit ${execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim()}`;
  } catch {
    return 'no commit';
  }
}

async function main() {
  if (!existsSync(COMMAND)) throw new Error('not built: npm run build first');
  if (!existsSync(`${APPS}/node_modules/holdfast`)) throw new Error('not installed: npm run apps first');
  const names = ['postgres', 'redis'].filter(hasService);
  const services = await startServices(names);
  try {
    const args = [
      COMMAND,
      'prove',
      '--matrix',
      `${APPS}/matrix.yaml`,
      '--about',
      commit(),
      ...process.argv.slice(2),
    ];
    const child = spawn(process.execPath, args, {
      stdio: 'inherit',
      env: { ...process.env, ...services.env },
    });
    // A terminal sends ^C to the command as well, which writes down what it has.
    process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'));
    const [code] = await once(child, 'exit');
    return code ?? 1;
  } finally {
    await services.close();
  }
}

process.exitCode = await main().catch((error) => {
  console.error(error.message);
  return 2;
});
