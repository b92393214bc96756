/**
 * WPT's tests of Request, Response, Headers and bodies against Holdfast's classes.
 *
 *     node scripts/wpt.mjs FOLDER [--engine NAME] [--file PART] [--failures]
 *
 * FOLDER is a checkout of https://github.com/web-platform-tests/wpt, which is no part of this repository. Every file
 * runs three times: with Node's own classes; with ours as a program constructs them; and with each Request
 * replaced by the one that a handler received over a socket of `--engine`. Subtests that pass with Node's classes
 * have to pass with ours, but for those in test/wpt-exceptions.json, which has a reason for each. The run
 * fails when another one fails, and when one of the table passes. `--failures` prints messages.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const FOLDERS = ['abort', 'basic', 'body', 'headers', 'request', 'response'].map(
  (name) => `fetch/api/${name}`,
);
const EXTRA_FOLDERS = [
  'xhr/formdata',
  'fetch/content-type',
  'fetch/api/crashtests',
  'fetch/data-urls',
  'fetch/range',
  'mimesniff/mime-types',
];
const EXTRA_FILES = ['fetch/api/idlharness.any.js'];
const FILE_TIMEOUT_MS = 25_000;
const KINDS = ['platform', 'constructed', 'received'];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: 'node' },
    file: { type: 'string', default: '' },
    failures: { type: 'boolean', default: false },
  },
});
const folder = positionals[0];
if (
  folder === undefined ||
  statSync(path.join(folder, 'resources/testharness.js'), { throwIfNoEntry: false }) === undefined
) {
  console.error('usage: node scripts/wpt.mjs FOLDER, the folder of a WPT checkout');
  process.exit(2);
}

const exceptions = JSON.parse(readFileSync(path.join(ROOT, 'test/wpt-exceptions.json'), 'utf8'));
const server = createServer(answerFile).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const totals = { files: 0, subtests: 0, platform: 0, constructed: 0, received: 0, requests: 0 };
const wrong = [];
for (const file of testFiles()) await runOne(file);
server.close();
report();

/** Files without a browser's frames, workers and images in them. */
function testFiles() {
  return [...FOLDERS, ...EXTRA_FOLDERS]
    .flatMap((name) => filesIn(name))
    .concat(EXTRA_FILES)
    .filter(
      (file) =>
        /\.(any|window)\.js$|\.html$/.test(file) &&
        !/\.h2\.|\/(destination|multi-globals|resources)\//.test(file),
    )
    .filter((file) => file.includes(flags.file));
}

function filesIn(name) {
  try {
    return readdirSync(path.join(folder, name), { recursive: true, encoding: 'utf8' })
      .map((file) => `${name}/${file.split(path.sep).join('/')}`)
      .sort();
  } catch {
    return [];
  }
}

/** What tests fetch, where it is a file. */
function answerFile(request, response) {
  const { pathname } = new URL(request.url, origin);
  let content;
  try {
    content = readFileSync(path.join(folder, path.posix.normalize(pathname)));
  } catch {
    response.statusCode = 404;
  }
  response.end(content);
}

async function runOne(file) {
  const [platform, ...ours] = await Promise.all(KINDS.map((kind) => runFile(file, kind)));
  const known = passedIn(platform);
  if (known.size === 0) return;
  totals.files++;
  totals.subtests += platform.rows.length;
  totals.platform += known.size;
  for (const [index, outcome] of ours.entries()) {
    const kind = KINDS[index + 1];
    totals.requests += outcome.counts?.received ?? 0;
    const passed = passedIn(outcome);
    for (const name of known) {
      const isException = reasonFor(kind, file, name) !== undefined;
      if (passed.has(name)) totals[kind]++;
      if (passed.has(name) === isException) {
        const message = outcome.rows.find((row) => row.name === name)?.message ?? 'did not run';
        wrong.push({ kind, file, name, message: isException ? 'passes: take it out of the table' : message });
      }
    }
  }
}

/** Names hold the port of the run. Names may repeat in a file: such a subtest has passed when all of its name have. */
function passedIn({ rows }) {
  for (const row of rows) row.name = row.name.replaceAll(origin, 'ORIGIN');
  const passed = new Set(rows.map(({ name }) => name));
  for (const row of rows) if (!row.passed) passed.delete(row.name);
  return passed;
}

function runFile(file, kind) {
  const script = path.join(ROOT, 'scripts/wpt/run-file.mjs');
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, folder, file, kind, flags.engine, origin],
      { timeout: FILE_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout) => {
        try {
          resolve(JSON.parse(stdout));
        } catch {
          resolve({ rows: [{ name: '(the file)', passed: false, message: String(error?.message) }] });
        }
      },
    );
  });
}

/** @returns why the subtest need not pass, undefined where it has to */
function reasonFor(kind, file, name) {
  for (const { reason, in: kinds, subtests } of exceptions) {
    if (!kinds.includes(kind)) continue;
    const names = subtests[file];
    if (names?.includes(name)) return reason;
  }
  return undefined;
}

function report() {
  const { files, platform, constructed, received, requests } = totals;
  console.log(`${files} files; ${platform} subtests pass with Node's own classes, of them with ours:`);
  console.log(
    `  ${constructed} as constructed, ${received} as received (${requests} requests over the ${flags.engine} engine)`,
  );
  for (const { kind, file, name, message } of wrong)
    console.log(`${kind}: ${file}: ${name}${flags.failures ? `\n    ${message}` : ''}`);
  console.log(wrong.length === 0 ? 'as the table has it' : `${wrong.length} not as the table has it`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
