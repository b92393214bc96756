/**
 * Chooses the built tests and runs them, one process a file, side by side; ends with a summary.
 *
 *     node scripts/run-tests.mjs [--unit | --long | --all] [--list] [--retry] [--without PART]... [PART-OF-A-PATH...]
 *
 * It owns the list of files: every `*.test.ts` must have its built file, or the run fails, so that no
 * test is left out in silence; built files whose source is gone are deleted, so that none runs on as a
 * ghost, or is packed. `--unit` takes the rooms that open no sockets. `--long` takes the files that are named
 * `*.long.test.ts` or `*.alone.test.ts`, and `--all` takes these too. The latter measure what a neighbour would spoil, and
 * run one at a time. A part of a path picks files, long ones too: `node scripts/run-tests.mjs timing-wheel`; `--without`
 * leaves files out. `--retry`, or HOLDFAST_RETRY=1, runs a few files that failed once more.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runFiles } from './test-lanes.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** Rooms whose tests need neither sockets nor the kernel's mood. */
const UNIT_ROOMS = ['base', 'protocol', 'web'];
/** More than that is a fault and no bad moment. */
const RETRIED_FILES_MAX = 5;
const LONG = /\.long\.test\.m?js$/;
const ALONE = /\.alone\.test\.m?js$/;

/** What takes longest, by the time it took on two cores: first those that are called long. Whatever is missing here runs behind its kind. */
const SLOW = [
  'dist-test/worker-ends.long.test',
  'dist-test/http2-attacks.long.test',
  'dist-test/reference-apps.long.test',
  'dist-test/lifecycle/slow-readers.long.test',
  'dist-test/load-agents.long.test',
  'dist/simulate/reach.long.test',
  'dist-test/admin-status.long.test',
  'dist-test/dead-peer.long.test',
  'dist-test/stopped-readers.long.test',
  'dist-test/serve-folder.long.test',
  'dist-test/slow-file-readers.long.test',
  'dist-test/cli-load-tls.long.test',
  'dist-test/cli-load-unsolicited.long.test',
  'dist/load/agents/fleet.long.test',
  'dist-test/cli-load.test',
  'dist-test/cli-serve.test',
  'dist/engine/node/node-engine.test',
  'dist/engine/epoll/epoll-engine.test',
  'dist/engine/iouring/iouring-engine.test',
  'dist-test/admin.test',
  'dist/engine/tls/tls-engine.test',
  'dist-test/server-handle.test',
  'dist-test/cli-usage.test',
  'dist-test/http2-connections.test',
  'dist/simulate/run.test',
  'dist-test/client-leaves.test',
  'dist-test/websocket.test',
  'dist-test/metrics.test',
  'dist-test/websocket-http2.test',
  'dist-test/cli-siege-files.test',
  'dist-test/file-answers.test',
  'dist-test/serve-http.test',
  'dist/server/head-memory.test',
  'dist-test/last-requests.test',
  'dist-test/connection-limits.test',
  'dist/simulate/canary.test',
  'dist-test/cli-prove.test',
  'dist-test/tls-certificates.test',
  'dist-test/examples.test',
  'dist/engine/epoll/waking.test',
  'dist-test/node-http.test',
  'dist-test/workers.test',
  'dist-test/streamed-bodies.test',
  'dist-test/odd-handlers.test',
  'dist/engine/tls/tls-wire.test',
  'dist/load/report/html/html-report.test',
];

/** Where a tree of sources is built to; the same as the `outDir` of its tsconfig.json. */
const TREES = [
  { source: 'src', built: 'dist' },
  { source: 'test', built: 'dist-test' },
];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    unit: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [] },
    retry: { type: 'boolean', default: process.env.HOLDFAST_RETRY === '1' },
  },
});

const chosen = [];
const missing = [];
for (const { source, built } of TREES) {
  const sources = filesIn(source).filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
  for (const file of sources.filter((each) => each.endsWith('.test.ts'))) {
    const output = `${built}/${file.replace(/\.ts$/, '.js')}`;
    if (!isWanted(source === 'src' ? file.split('/')[0] : source, `${source}/${file}`)) continue;
    if (exists(output)) chosen.push(output);
    else missing.push(`${source}/${file}`);
  }
  deleteStale(built, new Set(sources.map((file) => file.replace(/\.ts$/, ''))));
}
for (const source of ['bench', 'scripts']) {
  for (const file of filesIn(source).filter((each) => each.endsWith('.test.mjs')))
    if (isWanted(source, `${source}/${file}`)) chosen.push(`${source}/${file}`);
}
chosen.sort();
const isPicked = flags.all || positionals.length > 0;
const takesLong = flags.long || isPicked;
const takesShort = !flags.long || isPicked;
const alone = chosen.filter((file) => ALONE.test(file) && takesLong);
const beside = chosen.filter((file) => !ALONE.test(file) && (LONG.test(file) ? takesLong : takesShort));
// The longest first: what is left for the end then fills the lanes evenly.
beside.sort((a, b) => rankOf(a) - rankOf(b));
chosen.splice(0, Infinity, ...beside, ...alone);

if (missing.length > 0) {
  console.error(`not built, so not run (npm run build first):\n  ${missing.join('\n  ')}`);
  process.exit(1);
}
if (flags.list) {
  console.log(chosen.join('\n'));
  process.exit(0);
}
if (chosen.length === 0) {
  console.error(`no test file matches ${positionals.join(' ') || 'anything'}`);
  process.exit(1);
}

bundleIfStale();
/** One more than there are cores, and twice as many while these have nothing to do. */
const lanes = Math.min(2, availableParallelism()) + 1;
let failed = [
  ...(await runFiles(beside, { lanes, lanesMax: 2 * lanes })),
  ...(await runFiles(alone, { lanes: 1 })),
];
if (flags.retry && failed.length > 0 && failed.length <= RETRIED_FILES_MAX) failed = await runAgain(failed);
process.exitCode = failed.length === 0 ? 0 : 1;

/**
 * Tests of deadlines fail when somebody else has the machine for a second. A few files that failed are run
 * once more; what fails twice has failed, and what does not is named, so that nobody takes it for sound.
 */
async function runAgain(files) {
  console.log(`\nfailed, so run once more: ${files.join(', ')}\n`);
  const failedTwice = await runFiles(files, { lanes: 1 });
  const unsteady = files.filter((file) => !failedTwice.includes(file));
  if (unsteady.length > 0)
    console.log(`\nunsteady: failed once and passed the second time: ${unsteady.join(', ')}`);
  if (failedTwice.length > 0) console.log(`\nfailed twice: ${failedTwice.join(', ')}`);
  return failedTwice;
}

/** The lower, the sooner. */
function rankOf(file) {
  const place = SLOW.findIndex((part) => file.startsWith(part));
  if (LONG.test(file)) return place < 0 ? -1 : place - SLOW.length;
  return place < 0 ? SLOW.length : place;
}

function isWanted(room, file) {
  if (flags.unit && !UNIT_ROOMS.includes(room)) return false;
  if (flags.without.some((part) => file.includes(part))) return false;
  return positionals.length === 0 || positionals.some((part) => file.includes(part));
}

/** Paths of all files under `directory`, relative to it, with forward slashes. */
function filesIn(directory) {
  if (!exists(directory)) return [];
  return readdirSync(path.join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      path.relative(path.join(ROOT, directory), path.join(entry.parentPath ?? entry.path, entry.name)),
    )
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => !file.split('/').includes('node_modules'));
}

function exists(file) {
  return statSync(path.join(ROOT, file), { throwIfNoEntry: false }) !== undefined;
}

/** Tests of the command run what is shipped, and the compiler alone does not renew that. */
function bundleIfStale() {
  const script = 'scripts/bundle.mjs';
  if (!exists(script)) return;
  const changedMs = (file) => statSync(path.join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const bundledMs = changedMs('dist/bundle/main.js');
  const isStale = filesIn('dist').some(
    (file) => file.endsWith('.js') && !file.startsWith('bundle/') && changedMs(`dist/${file}`) > bundledMs,
  );
  if (!isStale) return;
  console.error('bundling what is newer than dist/bundle/');
  execFileSync(process.execPath, [script], { cwd: ROOT, stdio: 'inherit' });
}

/** Removes what the compiler left behind of sources that are gone. */
function deleteStale(built, stems) {
  for (const file of filesIn(built)) {
    const output = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file);
    // What is bundled has other names than its sources; the bundler itself clears it away.
    if (output === null || stems.has(output[1]) || file.startsWith('bundle/')) continue;
    rmSync(path.join(ROOT, built, file));
    console.error(`deleted ${built}/${file}: its source is gone`);
  }
}
