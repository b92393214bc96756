/**
 * Runs the suites of frameworks of node:http on ours: each as it is, on node:http, and then with `createServer` of this package
 * in its place, once for each engine. Tests are compared by name; what fails on node:http too is left out.
 *
 *   npm run build && node scripts/foreign-suites.mjs FOLDER [--only SUITE,…] [--engine NAME,…] [--json FILE] [--fetch] [--tries N] [--node PATH]
 *
 * FOLDER holds a checkout of each suite, under the name that it has in test/foreign/suites.mjs, with its dependencies installed; none is
 * part of this repository. What is not there is skipped, or cloned and installed with `--fetch`. What fails is run again, on
 * both, up to `--tries` times in all: suites have tests that depend on how busy the machine is.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { READERS, SUITES } from '../test/foreign/suites.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PRELOAD = path.join(ROOT, 'test/foreign/preload.cjs');
const SUITE_TIMEOUT_MS = 15 * 60_000;
const FILE_TIMEOUT_MS = 2 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: Object.keys(SUITES).join(',') },
    engine: { type: 'string', default: 'auto' },
    json: { type: 'string' },
    fetch: { type: 'boolean', default: false },
    tries: { type: 'string', default: '2' },
    node: { type: 'string', default: process.execPath },
  },
});
const [base] = positionals;
if (base === undefined) {
  console.log('skipped: give the folder that holds the checkouts');
  process.exit(0);
}

const report = [];
for (const name of values.only.split(',')) {
  const suite = SUITES[name];
  if (suite === undefined)
    throw new Error(`no suite is called ${name}; there are ${Object.keys(SUITES).join(', ')}`);
  const folder = path.resolve(base, suite.in ?? name);
  if (!existsSync(folder) && values.fetch) fetchSuite(suite, folder);
  if (existsSync(folder)) await compare(name, suite, folder);
  else console.log(`${name}: skipped, ${folder} is not there`);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);

async function compare(name, suite, folder) {
  const theirs = await runUntilPassed(suite, folder, undefined);
  const passing = [...theirs].filter(([, { ok, isSkipped }]) => ok && !isSkipped).map(([test]) => test);
  for (const engine of values.engine.split(',')) {
    const ours = await runUntilPassed(suite, folder, engine);
    const misses = passing.filter((test) => ours.get(test)?.ok !== true);
    const passed = passing.length - misses.length;
    console.log(
      `${name} on ${engine}: ${passed} of ${passing.length} (${((100 * passed) / passing.length).toFixed(2)} %)`,
    );
    for (const test of misses) console.log(`  MISS ${test}: ${ours.get(test)?.why ?? 'did not run'}`);
    report.push({ name, engine, passed, of: passing.length, misses });
  }
}

/** What has passed in any try has passed. */
async function runUntilPassed(suite, folder, engine) {
  const all = new Map();
  for (let tried = 0; tried < Number(values.tries); tried++) {
    for (const [test, result] of await run(suite, folder, engine)) {
      if (all.get(test)?.ok !== true) all.set(test, result);
    }
    if ([...all.values()].every(({ ok }) => ok)) break;
  }
  return all;
}

/** @returns tests by name */
async function run(suite, folder, engine) {
  const place = mkdtempSync(path.join(tmpdir(), 'foreign-'));
  const output = path.join(place, 'results.json');
  const env = { ...process.env };
  if (engine !== undefined) {
    env.NODE_OPTIONS = `--require ${PRELOAD}`;
    env.HOLDFAST_NODE_DOOR = path.join(ROOT, 'dist/bundle/node.js');
    env.HOLDFAST_FOREIGN_OPTIONS = JSON.stringify({ engine });
    env.HOLDFAST_FOREIGN_END_MS = String(FILE_TIMEOUT_MS);
  }
  const { args, results } = READERS[suite.reads](suite.run(folder), output);
  try {
    const stdout = await outputOf(args, folder, env);
    return named(results(existsSync(output) ? readFileSync(output, 'utf8') : stdout), folder);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function outputOf(args, cwd, env) {
  return new Promise((resolve) => {
    const child = spawn(values.node, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: SUITE_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('close', (code, signal) => {
      if (code !== 0 && stdout === '') console.error(`ended by ${signal ?? code}: ${stderr.slice(-2000)}`);
      resolve(stdout);
    });
  });
}

/** Tests of the same name are told apart by their order. */
function named(results, folder) {
  const tests = new Map();
  for (const { file, path: names, ...result } of results) {
    const name = `${file === undefined ? '' : `${path.relative(folder, file)} `}${names.join(' > ')}`;
    let own = name;
    for (let i = 2; tests.has(own); i++) own = `${name} (${i})`;
    tests.set(own, result);
  }
  return tests;
}

function fetchSuite({ from, at, in: inside }, folder) {
  const checkout = inside === undefined ? folder : path.join(path.resolve(base), inside.split('/')[0]);
  execFileSync(
    'git',
    ['clone', '--quiet', '--depth', '1', '--branch', at, `https://github.com/${from}.git`, checkout],
    { stdio: 'inherit' },
  );
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: checkout,
    stdio: 'inherit',
  });
}
