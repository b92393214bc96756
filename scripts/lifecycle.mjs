/**
 * Runs the life-cycle tests in full and prints their figures: one table a row of the promise, one line an
 * engine. The machine should be quiet: nothing is tried a second time.
 *
 *     node scripts/lifecycle.mjs [--scaled] [--engine NAME] [--json FILE] [PART-OF-A-FILE-NAME...]
 *
 * Needs what `npm run build` builds. Ends with 1 when a test failed; the figures are printed all the same.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const BUILT = path.join(ROOT, 'dist-test/lifecycle');
/** The slowest file takes some three minutes in full. */
const FILE_TIMEOUT_MS = 900_000;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scaled: { type: 'boolean', default: false },
    engine: { type: 'string' },
    json: { type: 'string' },
  },
});

if (!existsSync(BUILT)) {
  console.error('not built: npm run build first');
  process.exit(1);
}
const files = readdirSync(BUILT)
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .map((file) => path.join(BUILT, file));
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-lifecycle-'));
const figuresFile = path.join(folder, 'figures.jsonl');
const args = ['--test', '--test-concurrency=1', `--test-timeout=${FILE_TIMEOUT_MS}`, '--test-reporter=spec'];
const runner = spawn(process.execPath, [...args, ...files], {
  cwd: ROOT,
  stdio: ['ignore', 2, 2],
  env: {
    ...process.env,
    HOLDFAST_FIGURES: figuresFile,
    ...(flags.scaled ? {} : { HOLDFAST_FULL: '1' }),
    ...(flags.engine === undefined ? {} : { HOLDFAST_ENGINE: flags.engine }),
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => runner.kill(signal));
runner.on('exit', (code) => {
  const lines = existsSync(figuresFile) ? readFileSync(figuresFile, 'utf8').trimEnd().split('\n') : [];
  const rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  rmSync(folder, { recursive: true });
  const host = { node: process.version, kernel: release(), cores: cpus().length, cpu: cpus()[0]?.model };
  if (flags.json !== undefined)
    writeFileSync(flags.json, `${JSON.stringify({ host, at: new Date().toISOString(), rows }, null, 2)}\n`);
  console.log(`Node ${host.node}, Linux ${host.kernel}, ${host.cores} cores`);
  for (const row of new Set(rows.map((each) => each.row))) printTable(row, rows);
  process.exitCode = code ?? 1;
});

/** One row of the promise as a Markdown table: figures down, engines across. The last attempt counts. */
function printTable(row, rows) {
  const byEngine = new Map(
    rows.filter((each) => each.row === row).map((each) => [each.engine, each.figures]),
  );
  const names = [...new Set([...byEngine.values()].flatMap((figures) => Object.keys(figures)))];
  const engines = [...byEngine.keys()];
  console.log(`\n| ${row} | ${engines.join(' | ')} |\n|---|${engines.map(() => '---:|').join('')}`);
  for (const name of names)
    console.log(`| ${name} | ${engines.map((engine) => byEngine.get(engine)[name] ?? '').join(' | ')} |`);
}
