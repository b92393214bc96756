#!/usr/bin/env node
/** The command of the simulation: runs seeds, on as many processes as asked, and says what was found. */
import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CapsuleToReplay, makeCapsule, readCapsule } from './capsule.ts';
import { checkedNarrowing, type Narrowing } from './narrowing.ts';
import { Recording } from './recording.ts';
import { report } from './report.ts';
import { type RunReport, runSeed } from './run.ts';
import { addTotals, noTotals, type Totals } from './totals.ts';

const EXIT_OTHER_RUN = 1;
const EXIT_USAGE = 2;
const EXIT_FINDING = 99;
/** Seeds between two messages of a worker. */
const BATCH_SEEDS = 200;
const FAILURES_SHOWN_MAX = 50;
/** Each takes some seconds. */
const FAILURES_SHRUNK_MAX = 3;

const USAGE = `usage: simulate [--seeds N=1000] [--from S=1] [--jobs N=1] [--keep-going] [--no-shrink] [--capsules FOLDER]
       simulate --seed S [--narrow JSON] [--trace] [--hash]
       simulate --capsule FILE [--trace]

Runs the HTTP server in a simulated world, once for each seed. Exit 99: something was found. The world of a finding is then made
as small as it can be (--no-shrink: it is not), and told as a command that replays it; with --capsules FOLDER it is written
there, with the bytes of its connections. --hash tells two runs of a seed apart, if they differ in anything.
`;

interface Batch {
  readonly totals: Totals;
  readonly failures: readonly { readonly seed: number; readonly findings: readonly string[] }[];
}

const flags = readFlags();
if (flags.worker !== undefined) await work(flags.worker, flags.from, flags.seeds, flags.jobs);
else if (flags.capsule !== undefined) await replayCapsule(flags.capsule);
else if (flags.seed !== undefined) await replay(flags.seed, flags.narrowing);
else await lead();

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '1000' },
        from: { type: 'string', default: '1' },
        jobs: { type: 'string', default: '1' },
        seed: { type: 'string' },
        narrow: { type: 'string', default: '{}' },
        capsule: { type: 'string' },
        capsules: { type: 'string' },
        'no-shrink': { type: 'boolean', default: false },
        hash: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        'keep-going': { type: 'boolean', default: false },
        worker: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    return {
      seeds: whole('seeds', values.seeds),
      from: whole('from', values.from),
      jobs: Math.max(1, whole('jobs', values.jobs)),
      seed: values.seed === undefined ? undefined : whole('seed', values.seed),
      worker: values.worker === undefined ? undefined : whole('worker', values.worker),
      narrowing: checkedNarrowing(JSON.parse(values.narrow)),
      capsule: values.capsule === undefined ? undefined : readCapsule(readFileSync(values.capsule, 'utf8')),
      capsules: values.capsules,
      shrinks: !values['no-shrink'],
      hash: values.hash,
      trace: values.trace,
      keepGoing: values['keep-going'],
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function whole(name: string, text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} ${text}: a whole number is needed`);
  return value;
}

/** One seed, with all that happens in it. @returns a hash of that */
async function replay(seed: number, narrowing: Narrowing, endsWithFinding = false): Promise<string> {
  const recording = new Recording();
  const trace = (text: string): void => void process.stdout.write(`${text}\n`);
  const options = { narrowing, endsWithFinding, ...(flags.trace ? { trace } : {}) };
  const { findings, totals } = await runSeed(seed, { ...options, recording });
  for (const finding of findings) process.stdout.write(`seed ${seed}: ${finding}\n`);
  if (findings.length === 0) process.stdout.write(`seed ${seed}: nothing found in ${totals.events} events\n`);
  const hash = recording.hash();
  if (flags.hash) process.stdout.write(`${hash}\n`);
  process.exitCode = findings.length > 0 ? EXIT_FINDING : 0;
  return hash;
}

async function replayCapsule({ seed, narrowing, finding, traceHash }: CapsuleToReplay): Promise<void> {
  const hash = await replay(seed, narrowing, true);
  if (hash === traceHash) return;
  process.stderr.write(`another run than the capsule's, in which was found: ${finding}\n`);
  if (process.exitCode === 0) process.exitCode = EXIT_OTHER_RUN;
}

/** Runs every `jobs`th seed and tells of them in batches, as a process of its own. */
async function work(index: number, from: number, seeds: number, jobs: number): Promise<void> {
  process.on('disconnect', () => process.exit(0));
  await runAll(from + index, from + seeds, jobs, (batch) => {
    process.send?.(batch);
    return true;
  });
  process.disconnect?.();
}

/** @param told answers whether to go on */
async function runAll(
  from: number,
  end: number,
  stride: number,
  told: (batch: Batch) => boolean,
): Promise<void> {
  let totals = noTotals();
  let failures: RunReport[] = [];
  for (let seed = from; seed < end; seed += stride) {
    const one = await runSeed(seed);
    addTotals(totals, one.totals);
    if (one.findings.length > 0) failures.push(one);
    if (totals.seeds < BATCH_SEEDS && seed + stride < end && failures.length === 0) continue;
    if (
      !told({ totals, failures: failures.map(({ seed: failed, findings }) => ({ seed: failed, findings })) })
    )
      return;
    totals = noTotals();
    failures = [];
  }
}

async function lead(): Promise<void> {
  const totals = noTotals();
  const failures: { seed: number; findings: readonly string[] }[] = [];
  const startedMs = performance.now();
  const told = (batch: Batch): boolean => {
    addTotals(totals, batch.totals);
    failures.push(...batch.failures);
    if (process.stderr.isTTY)
      process.stderr.write(`\r${totals.seeds} of ${flags.seeds} seeds, ${failures.length} failed `);
    return flags.keepGoing || failures.length === 0;
  };
  if (flags.jobs === 1) await runAll(flags.from, flags.from + flags.seeds, 1, told);
  else await shareOut(told);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  failures.sort((a, b) => a.seed - b.seed);
  process.stdout.write(report(totals, (performance.now() - startedMs) / 1000));
  for (const [index, { seed, findings }] of failures.slice(0, FAILURES_SHOWN_MAX).entries()) {
    for (const finding of findings) process.stdout.write(`seed ${seed}: ${finding}\n`);
    process.stdout.write(`replay: node dist/simulate/main.js --seed ${seed} --trace\n`);
    if (flags.shrinks && index < FAILURES_SHRUNK_MAX) await shrinkAndTell(seed);
  }
  if (failures.length > 0) {
    process.stdout.write(`${failures.length} of ${totals.seeds} seeds failed\n`);
    process.exitCode = EXIT_FINDING;
  }
}

/** Says how little it takes to find the same, and writes it down where that was asked for. */
async function shrinkAndTell(seed: number): Promise<void> {
  const report = await runSeed(seed);
  if (report.findings.length === 0) return;
  const capsule = await makeCapsule(report);
  const { events, eventsBefore, narrowing } = capsule;
  process.stdout.write(
    `shrunk from ${eventsBefore} events to ${events}: node dist/simulate/main.js --seed ${seed} --trace --narrow '${JSON.stringify(narrowing)}'\n`,
  );
  if (flags.capsules === undefined) return;
  mkdirSync(flags.capsules, { recursive: true });
  const file = path.join(flags.capsules, `seed-${seed}.json`);
  writeFileSync(file, `${JSON.stringify(capsule, undefined, 2)}\n`);
  process.stdout.write(`capsule: node dist/simulate/main.js --capsule ${file} --trace\n`);
}

/** Worker processes rather than threads: an unhandled rejection is told to the process. */
function shareOut(told: (batch: Batch) => boolean): Promise<void> {
  const argv = ['--from', String(flags.from), '--seeds', String(flags.seeds), '--jobs', String(flags.jobs)];
  const workers = Array.from({ length: flags.jobs }, (_, index) =>
    fork(fileURLToPath(import.meta.url), [...argv, '--worker', String(index)]),
  );
  const ends = workers.map(
    (worker, index) =>
      new Promise<void>((resolve, reject) => {
        worker.on('message', (batch) => {
          if (!told(batch as Batch)) for (const each of workers) each.disconnect();
        });
        worker.on('exit', (code) => {
          if (code === 0) resolve();
          else reject(new Error(`worker ${index} ended with ${code}`));
        });
      }),
  );
  return Promise.all(ends).then(() => {});
}
