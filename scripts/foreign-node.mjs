/**
 * Runs Node's own tests of its HTTP server (test/parallel/test-http-*.js) on ours: each first as it is, on node:http, and then
 * with `createServer` of this package in its place. What fails on node:http too, for want of a flag or of a file, is left out.
 *
 *   npm run build && node scripts/foreign-node.mjs FOLDER [--only PART] [--json FILE] [--node PATH] [--all]
 *
 * FOLDER is a checkout of Node, or of its `test` folder; the tests are not part of this repository. `--all` tells of those
 * that pass as well.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PRELOAD = path.join(ROOT, 'test/foreign/preload.cjs');
const TIMEOUT_MS = 10_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    json: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    all: { type: 'boolean', default: false },
  },
});
const folder = ['test/parallel', 'parallel', '.']
  .map((each) => path.join(positionals[0] ?? '.', each))
  .find((each) => existsSync(path.join(each, 'test-http-1.0.js')));
if (folder === undefined) {
  console.log('skipped: give the folder of a checkout of Node, which holds test/parallel');
  process.exit(0);
}

/** Those that make a server of node:http. */
const names = readdirSync(folder)
  .filter((name) => /^test-http-.*\.m?js$/.test(name) && name.includes(values.only ?? ''))
  .filter((name) =>
    /createServer\(|http\.Server\(|Server\(/.test(readFileSync(path.join(folder, name), 'utf8')),
  );

const results = [];
const waiting = [...names];
await Promise.all([work(), work()]);

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await compare(name);
}

async function compare(name) {
  const theirs = await run(name, []);
  if (theirs !== '') return;
  const ours = await run(name, ['--require', PRELOAD]);
  results.push({ name, passes: ours === '', reason: ours });
  if (ours !== '' || values.all) console.log(`${ours === '' ? 'pass' : 'FAIL'} ${name} ${ours}`);
}
const passed = results.filter(({ passes }) => passes).length;
console.log(`${passed} of ${results.length} pass (${((100 * passed) / results.length).toFixed(1)} %)`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`);

/** @returns nothing when it passes, else why not, in a line */
function run(name, flags) {
  const file = path.join(folder, name);
  const asked = /^\/\/ Flags: (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.trim().split(/\s+/) ?? [];
  const env = {
    ...process.env,
    NODE_TEST_KNOWN_GLOBALS: '0',
    HOLDFAST_NODE_DOOR: path.join(ROOT, 'dist/bundle/node.js'),
  };
  return new Promise((resolve) => {
    execFile(
      values.node,
      [...asked, ...flags, file],
      { cwd: path.dirname(folder), env, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve('');
        else if (error.killed) resolve('timed out');
        else {
          const line = `${stderr}\n${stdout}`
            .split('\n')
            .find((each) => /Error|Mismatched|expected/.test(each));
          resolve(`${error.code ?? error.signal}: ${(line ?? stderr.split('\n')[0]).trim().slice(0, 200)}`);
        }
      },
    );
  });
}
