/**
 * Installs and builds what the benchmark runs into `.cache/bench/`: `node bench/setup.mjs [only ...]`.
 *
 * Every step stands alone. One that fails leaves its reason in `failed.txt`, the run then names the peer as
 * skipped with that reason, and the others go on. Installed packages run no scripts of their own.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { BENCH_DIR, BULK_CLIENT, CACHE_DIR, CLIENT, FLOOR, NPM_DIR } from './lib/paths.mjs';
import { findProgram } from './peers.mjs';

const STEPS = {
  client: () => {
    compile('client/client.c', CLIENT);
    compile('client/bulk.c', BULK_CLIENT);
  },
  floor: () => compile('floor/floor.c', FLOOR),
  npm: installPackages,
  axum: buildAxum,
};

function compile(source, output) {
  need('cc', 'a C compiler');
  mkdirSync(`${CACHE_DIR}bin`, { recursive: true });
  run('cc', ['-O2', '-Wall', '-Wextra', '-o', output, `${BENCH_DIR}${source}`]);
}

function installPackages() {
  mkdirSync(NPM_DIR, { recursive: true });
  copyFileSync(`${BENCH_DIR}peers/npm/package.json`, `${NPM_DIR}package.json`);
  // Bun's own script would only move its binary, which is used where it lies.
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], NPM_DIR);
}

function buildAxum() {
  need('cargo', 'Rust');
  const directory = copyPeer('axum');
  run('cargo', ['build', '--release', '-j1'], directory);
  mkdirSync(`${CACHE_DIR}bin`, { recursive: true });
  copyFileSync(`${directory}target/release/axum-peer`, `${CACHE_DIR}bin/axum`);
  const version = /name = "axum"\nversion = "([^"]+)"/.exec(
    readFileSync(`${directory}Cargo.lock`, 'utf8'),
  )?.[1];
  writeFileSync(`${directory}version.txt`, version ?? '');
}

/** A copy to build in, so that lock files and objects stay out of the checkout. */
function copyPeer(name) {
  const directory = `${CACHE_DIR}${name}/`;
  cpSync(`${BENCH_DIR}peers/${name}`, directory, { recursive: true });
  return directory;
}

function need(program, what) {
  if (findProgram(program) === undefined) throw new Error(`${what} is not installed (no ${program} on PATH)`);
}

/** Low priority: a machine that builds is usually used for something else meanwhile. */
function run(command, args, cwd) {
  try {
    return execFileSync('nice', ['-n', '10', command, ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new Error(`${command} ${args[0]}: ${reasonOf(String(error.stderr ?? error.message))}`);
  }
}

/** The two lines that say why, of an output that may be long. Addresses are left out: they differ from host to host. */
function reasonOf(text) {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const told = lines.filter((line) => /error|forbidden|not available|not found|denied/i.test(line));
  return (told.length > 0 ? told : lines)
    .slice(-2)
    .join(' ')
    .replaceAll(/https?:\/\/\S+/g, '')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 240);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(STEPS).join(', ')}`);
  process.exit(2);
}

for (const [name, step] of Object.entries(STEPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const failed = `${CACHE_DIR}${name}/failed.txt`;
  if (existsSync(failed)) rmSync(failed);
  try {
    step();
    console.error(`${name}: ready`);
  } catch (error) {
    mkdirSync(`${CACHE_DIR}${name}`, { recursive: true });
    writeFileSync(failed, `${error.message}\n`);
    console.error(`${name}: skipped, ${error.message}`);
  }
}
for (const program of ['wrk', 'nginx', 'h2o']) {
  if (findProgram(program) === undefined)
    console.error(`${program}: not on PATH; Debian has a package of this name`);
}
