/**
 * Autobahn's fuzzing client (autobahntestsuite 0.8.2) against an echo server of ours, on each engine: npm run test:autobahn
 * [-- --engine NAME] [--cases PATTERN[,PATTERN]] [--compress]. The suite is Python 2 and is not ours to ship: PYTHON2 names an
 * interpreter with pip, and AUTOBAHN a folder in which the suite is, or is to be installed. Where it cannot be had, this says so and ends with 0.
 *
 * Every case has to be OK, in what it does and in how it closes; informational cases are shown and judge nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { serve } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true },
    cases: { type: 'string', default: '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*' },
    compress: { type: 'boolean', default: false },
  },
});
const PYTHON = process.env.PYTHON2 ?? 'python2.7';
const FOLDER = process.env.AUTOBAHN ?? path.join(tmpdir(), 'holdfast-autobahn');
const WSTEST = path.join(FOLDER, 'bin', 'wstest');

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

function install() {
  if (existsSync(WSTEST)) return;
  if (spawnSync(PYTHON, ['--version']).error !== undefined)
    skip(`there is no ${PYTHON} (PYTHON2 names another)`);
  mkdirSync(FOLDER, { recursive: true });
  console.error(`installing autobahntestsuite 0.8.2 into ${FOLDER}`);
  const { status, stderr } = spawnSync(
    PYTHON,
    ['-m', 'pip', 'install', '-q', '--target', FOLDER, 'autobahntestsuite==0.8.2'],
    { encoding: 'utf8' },
  );
  // A package of several roots, which Python 2 finds outside of site-packages only with this.
  if (status === 0) writeFileSync(path.join(FOLDER, 'zope', '__init__.py'), '');
  else skip(`the suite could not be installed: ${stderr.trim().split('\n').at(-1)}`);
}

/** @returns the suite's report: by case, how it behaved and closed */
async function run(engine, cases) {
  const echo = { message: (peer, message) => void peer.send(message.data) };
  const server = await serve({
    port: 0,
    engine,
    fetch: (_request, context) => context.upgrade(),
    websocket: { ...echo, maxPayloadBytes: '64m', ...(values.compress ? { compress: true } : {}) },
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-autobahn-'));
  try {
    const spec = path.join(folder, 'spec.json');
    const out = path.join(folder, 'reports');
    writeFileSync(
      spec,
      JSON.stringify({
        outdir: out,
        servers: [{ agent: engine, url: server.url.replace('http', 'ws') }],
        cases: cases.split(','),
        'exclude-cases': [],
        'exclude-agent-cases': {},
      }),
    );
    const client = spawn(PYTHON, [WSTEST, '-m', 'fuzzingclient', '-s', spec], {
      env: { ...process.env, PYTHONPATH: FOLDER },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await new Promise((resolve, reject) => client.on('exit', resolve).on('error', reject));
    return JSON.parse(readFileSync(path.join(out, 'index.json'), 'utf8'))[engine];
  } finally {
    rmSync(folder, { recursive: true });
    await server.close({ force: true });
  }
}

/** A case is sound where it behaved as it has to and closed so. */
function judge(engine, report) {
  const counts = {};
  const failed = [];
  for (const [id, { behavior, behaviorClose }] of Object.entries(report)) {
    const verdict =
      behavior === 'OK' && behaviorClose !== 'OK' && behaviorClose !== 'INFORMATIONAL'
        ? `close ${behaviorClose}`
        : behavior;
    counts[verdict] = (counts[verdict] ?? 0) + 1;
    if (verdict !== 'OK' && verdict !== 'INFORMATIONAL') failed.push(`${id} ${verdict}`);
  }
  const text = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(`| ${engine} | ${Object.keys(report).length} | ${text.join(', ')} |`);
  for (const line of failed) console.log(`  ${line}`);
  return failed.length === 0;
}

install();
const cases = values.compress && !process.argv.includes('--cases') ? '12.*,13.*' : values.cases;
let isSound = true;
for (const engine of values.engine ?? ['iouring', 'epoll', 'node'])
  isSound = judge(engine, await run(engine, cases)) && isSound;
process.exit(isSound ? 0 : 1);
