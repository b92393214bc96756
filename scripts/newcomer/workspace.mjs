/**
 * The ground of the newcomer's trial: a folder that is removed afterwards, the packed package, processes with a
 * time limit and without what an outer npm has put into the environment, and a look at what was installed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
/** Longer than any step takes on a busy machine, and shorter than the tests' own limits. */
const RUN_TIMEOUT_MS = 115_000;

export function scratchFolder() {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-trial-')));
  const store = `${folder}/store`;
  return {
    path: folder,
    /** pnpm's store and caches, which else stay in the user's home. */
    pnpmEnv: { XDG_DATA_HOME: store, XDG_CACHE_HOME: store, XDG_STATE_HOME: store, CI: 'true' },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @returns the path of the tarball, as `npm publish` would send it */
export async function packInto(folder) {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
  });
  return `${folder}/${JSON.parse(stdout)[0].filename}`;
}

/** What an outer `npm run` says of itself would be taken for settings by the npm inside. */
export function cleanEnvironment(extra = {}) {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(?!config_(registry|cache|userconfig)$)|INIT_CWD$|NODE_OPTIONS$|NODE_TEST_CONTEXT$)/i.test(
        name,
      ),
  );
  return { ...Object.fromEntries(kept), ...extra };
}

/**
 * @returns what it wrote, when it ended with 0
 * @throws Error with all that it wrote otherwise, or when it took too long
 */
export function run(command, args, { cwd, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: cleanEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_TIMEOUT_MS,
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else
        reject(
          new Error(
            `${[command, ...args].join(' ')} ended with ${code ?? signal}\n${output.stdout}${output.stderr}`,
          ),
        );
    });
  });
}

/** The packages below a node_modules folder, each with its manifest and where it lies. */
export function treeOf(modules) {
  const found = [];
  for (const name of readdirSync(modules).filter((each) => !each.startsWith('.'))) {
    const folder = `${modules}/${name}`;
    if (name.startsWith('@')) found.push(...treeOf(folder));
    else {
      found.push({ ...JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')), folder });
      if (readdirSync(folder).includes('node_modules')) found.push(...treeOf(`${folder}/node_modules`));
    }
  }
  return found;
}

export function sizeOf(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true }))
    bytes += statSync(path.join(folder, entry)).isFile() ? statSync(path.join(folder, entry)).size : 0;
  return bytes;
}
