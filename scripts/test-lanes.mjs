/**
 * Runs test files, each in a process of its own and some side by side. Says a line a file, all that a file printed
 * when a test in it failed, and in the end the sums in the words of Node's own runner.
 *
 * Knows nothing of where files come from, or what is done about those that fail.
 */
import { spawn } from 'node:child_process';
import { constants, cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** A file that hangs must not hang the run. The slowest takes some 50 s on two quiet cores. */
const FILE_TIMEOUT_MS = 180_000;
/** What it prints goes to its report; a file that prints for ever is cut. */
const OUTPUT_CHARS_MAX = 4_000_000;
/** How long what a file printed is still read once it has ended. */
const OUTPUT_PATIENCE_MS = 500;
const COUNTS = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo'];
const COUNT_LINE = /^ℹ (\w+) ([\d.]+)$/;

/** How often the machine is asked whether it has room for one file more; a file that begins shows within that time. */
const LOOK_MS = 150;
/** The part of all cores that nobody uses then. With less, what measures deadlines would wait for its turn. */
const IDLE_MIN = 0.25;

/**
 * Runs as many files side by side as there are `lanes`, and up to `lanesMax` while cores are idle: most files wait more
 * than they compute.
 *
 * @param idleShare tells the part of all cores that was idle since it was asked before
 * @returns the files in which a test failed, or that ended in another way than they should
 */
export async function runFiles(files, { lanes, lanesMax = lanes, idleShare = idleSince(cpuTimes()) }) {
  if (files.length === 0) return [];
  const begunMs = performance.now();
  const sums = new Map(COUNTS.map((each) => [each, 0]));
  const failed = [];
  const waiting = [...files];
  const running = new Set();
  const stop = (signal) => {
    waiting.length = 0;
    for (const child of running) killGroup(child, signal);
    process.exitCode = 128 + constants.signals[signal];
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  const runNext = async () => {
    const file = waiting.shift();
    const ended = await runFile(file, running);
    for (const [name, count] of ended.counts) if (sums.has(name)) sums.set(name, sums.get(name) + count);
    const tests = ended.counts.get('tests') ?? 0;
    const line = `${file} (${tests} tests, ${(ended.ms / 1000).toFixed(1)} s)`;
    if (ended.fault === undefined) {
      console.log(`✔ ${line}`);
      return;
    }
    failed.push(file);
    // What fails before its first test, or ends in its middle, is a failure that its counts do not show.
    if ((ended.counts.get('fail') ?? 0) === 0) sums.set('fail', sums.get('fail') + 1);
    console.log(`${ended.output}\n✖ ${line}: ${ended.fault}`);
  };
  const lane = async () => {
    while (waiting.length > 0) await runNext();
  };
  const spare = [];
  const look = setInterval(() => {
    if (idleShare() >= IDLE_MIN && running.size < lanesMax && waiting.length > 0) spare.push(runNext());
  }, LOOK_MS);
  await Promise.all(Array.from({ length: lanes }, lane));
  clearInterval(look);
  await Promise.all(spare);
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
  for (const [name, sum] of sums) console.log(`ℹ ${name} ${sum}`);
  console.log(`ℹ duration_ms ${Math.round(performance.now() - begunMs)}`);
  return failed;
}

function idleSince(before) {
  return () => {
    const now = cpuTimes();
    const share = (now.idle - before.idle) / Math.max(1, now.all - before.all);
    before = now;
    return share;
  };
}

function cpuTimes() {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    for (const ms of Object.values(times)) all += ms;
  }
  return { idle, all };
}

/**
 * Node reads further authorities at each start, 90 ms of CPU time for those of a distribution, and tests start it some
 * thousand times. They talk to nobody beyond this machine.
 */
const { NODE_EXTRA_CA_CERTS: _authorities, ...ENVIRONMENT } = process.env;

/** @returns what it printed without its own sums, these, and what is wrong with it, if anything */
function runFile(file, running) {
  const begunMs = performance.now();
  // A process group of its own: what a test leaves behind when it hangs is ended with it.
  const child = spawn(process.execPath, ['--test-reporter=spec', file], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENVIRONMENT,
    detached: true,
  });
  running.add(child);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      if (printed.length < OUTPUT_CHARS_MAX) printed += text;
    });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child, 'SIGKILL');
  }, FILE_TIMEOUT_MS);
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      const finish = () => {
        clearTimeout(patience);
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
        const { counts, output } = withoutCounts(printed);
        const fault = faultOf(code, signal, isLate, counts);
        resolve({ ms: performance.now() - begunMs, counts, output, fault });
      };
      // Whoever inherited its output may keep that open for ever.
      const patience = setTimeout(finish, OUTPUT_PATIENCE_MS);
      child.on('close', finish);
    });
  });
}

function withoutCounts(printed) {
  const counts = new Map();
  const lines = printed.split('\n').filter((line) => {
    const [, name, count] = COUNT_LINE.exec(line) ?? [];
    if (name !== undefined) counts.set(name, Number(count));
    return name === undefined;
  });
  return { counts, output: lines.join('\n') };
}

function faultOf(code, signal, isLate, counts) {
  if (isLate) return `did not end within ${FILE_TIMEOUT_MS / 1000} s`;
  if (signal !== null) return `was ended by ${signal}`;
  if (code !== 0) return `${counts.get('fail') ?? 0} failed, exit code ${code}`;
  if (!counts.has('tests')) return 'ended before its tests had';
  return undefined;
}

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {} // It has just ended by itself.
}
