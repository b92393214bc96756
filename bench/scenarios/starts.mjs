/**
 * What a start costs by its kind, in CPU-milliseconds beyond those of Node with a program that only writes a line:
 *
 *     node bench/scenarios/starts.mjs [ROUNDS] [NODE...]
 *
 * for each of these Nodes, or the one that runs this. Kinds and Nodes take turns, so that drift falls on all alike. The least is
 * told beside the median: neighbours on the machine only ever add to it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BENCH_DIR, ROOT_DIR } from '../lib/paths.mjs';
import { startOnce } from '../lib/starts.mjs';
import { formatTable, median } from '../lib/stats.mjs';

const PORT = 19_098;
const CPU = '0';
const [rounds = '13', ...given] = process.argv.slice(2);
const nodes = given.length === 0 ? [process.execPath] : given;

const folder = mkdtempSync(join(tmpdir(), 'holdfast-starts-'));
const program = join(folder, 'program.mjs');
const index = JSON.stringify(pathToFileURL(`${ROOT_DIR}dist/bundle/index.js`).href);
writeFileSync(
  program,
  `import { serve } from ${index};
const { url } = await serve({ port: ${PORT}, fetch: () => new Response('x') });
console.log('ready url=' + url);\n`,
);
const command = (what) => [`${ROOT_DIR}dist/bundle/main.js`, 'serve', what, '-p', String(PORT), '-w', '1'];
const KINDS = {
  'Node alone': ['-e', "console.log('ready url=none'); setInterval(() => {}, 1e9)"],
  'holdfast serve MODULE': command(`${BENCH_DIR}scenarios/hello.mjs`),
  'holdfast serve FOLDER': command(`${ROOT_DIR}docs`),
  'a program that calls serve()': [program],
};

const starts = nodes.flatMap((node) =>
  Object.entries(KINDS).map(([kind, args]) => ({ node, kind, args, cpuMs: [] })),
);
const run = ({ node, args }, signal) => startOnce({ command: node, args, until: 'line' }, PORT, CPU, signal);
try {
  // Node writes what it has compiled when a process ends by itself.
  for (const start of starts) await run(start, 'SIGTERM');
  for (let round = 0; round < Number(rounds); round++)
    for (const start of starts) start.cpuMs.push((await run(start)).cpuMs);
} finally {
  rmSync(folder, { recursive: true });
}

const least = ({ cpuMs }) => Math.min(...cpuMs);
const rows = starts.map((start) => {
  const alone = starts.find(({ node, kind }) => node === start.node && kind === 'Node alone');
  const isAlone = alone === start;
  const over = (figure) => (figure(start) - (isAlone ? 0 : figure(alone))).toFixed(0);
  const version = execFileSync(start.node, ['--version'], { encoding: 'utf8' }).trim();
  return [version, start.kind, over(least), over(({ cpuMs }) => median(cpuMs))];
});
console.log(formatTable([['', 'CPU ms beyond Node alone', 'least', 'median'], ...rows]));
