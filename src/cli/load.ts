/**
 * `holdfast load`: reads the flags, lets the load generator run, and shows what it found. Results go to
 * standard output, progress and warnings to standard error.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { comparisonText, parseResult } from '../load/comparison.ts';
import { type ConductOptions, conductRun } from '../load/conduct.ts';
import { findLimit } from '../load/limit-search.ts';
import type { LoadPlan } from '../load/plan.ts';
import { buildPlan } from '../load/plan-builder.ts';
import { predictLimits } from '../load/prediction.ts';
import { PROC_FILES } from '../load/proc-files.ts';
import { Progress } from '../load/progress.ts';
import type { LoadResult } from '../load/result.ts';
import { countTakenPorts, readPortFacts } from '../load/source-ports.ts';
import { textReport } from '../load/text-report.ts';
import { parseLatencyThreshold, parseShare } from '../load/thresholds.ts';
import { paint, usesColour } from '../observe/terminal.ts';
import { describeFlags, parseArguments } from './arguments.ts';
import { CommandError, EXIT } from './failure.ts';
import { LOAD_FLAGS, LOAD_USAGE } from './load-flags.ts';
import { type LoadFlags, readWish } from './load-wish.ts';

/** As many as a file of URLs is for. */
const URLS_MAX = 1000;
const WIDTH_WHEN_UNKNOWN = 100;

export async function loadCommand(argv: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(LOAD_FLAGS, argv, process.env, URLS_MAX);
  if (flags.help === true) {
    process.stdout.write(`${LOAD_USAGE}\n${describeFlags(LOAD_FLAGS)}\n`);
    return EXIT.done;
  }
  const before = await Promise.all((flags.compare ?? []).map(readEarlier));
  const plan = await buildPlan(await readWish(flags, positionals));
  if (flags.quiet !== true) warnBefore(plan);
  const result = await runWithSignals((signal) => carryOut(plan, flags, signal));
  await show(result, before, flags);
  return exitCode(result);
}

/** Ctrl-C and SIGTERM break the run off; the result is what there is until then. */
export async function runWithSignals<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.on('SIGINT', abort);
  process.on('SIGTERM', abort);
  try {
    return await run(controller.signal);
  } finally {
    process.off('SIGINT', abort);
    process.off('SIGTERM', abort);
  }
}

function carryOut(plan: LoadPlan, flags: LoadFlags, signal: AbortSignal): Promise<LoadResult> {
  const options: ConductOptions = {
    plan,
    holdfastVersion: packageVersion(),
    signal,
    latencyThresholds: (flags.slo ?? []).map((text) => parseLatencyThreshold('--slo', text)),
    errorShareMax:
      flags['max-error-rate'] === undefined
        ? undefined
        : parseShare('--max-error-rate', flags['max-error-rate']),
    descriptorsMax: descriptorLimit(),
  };
  if (flags['find-limit'] === undefined) return conductWithProgress(options, flags, '');
  const threshold = parseLatencyThreshold('--find-limit', flags['find-limit']);
  return findLimit(threshold, options, (step, label) => conductWithProgress(step, flags, label));
}

async function conductWithProgress(
  options: ConductOptions,
  flags: LoadFlags,
  label: string,
): Promise<LoadResult> {
  if (flags.quiet === true || !process.stderr.isTTY) return conductRun(options);
  const { durationMs, warmupMs, requestCount } = options.plan;
  const progress = new Progress(
    {
      write: (text) => void process.stderr.write(text),
      get columns() {
        return process.stderr.columns ?? WIDTH_WHEN_UNKNOWN;
      },
      colour: usesColour(2),
    },
    { totalMs: durationMs === undefined ? undefined : durationMs + warmupMs, requestCount },
    () => performance.now(),
    label,
  );
  try {
    return await conductRun({
      ...options,
      onStart: () => progress.start(),
      onSecond: (sample) => progress.second(sample),
    });
  } finally {
    progress.stop();
  }
}

/** What the plan will run into, before it does. */
export function warnBefore(plan: LoadPlan): void {
  const target = plan.targets[0]!.connect;
  const ports = readPortFacts(target, plan.sourceAddresses.length, PROC_FILES);
  const head = plan.requests.map(({ bytes }) =>
    Buffer.from(bytes.subarray(0, HEAD_LOOKED_AT)).toString('latin1'),
  );
  const warnings = predictLimits({
    connections: plan.connections,
    newConnection: plan.newConnection,
    ratePerSecond: plan.ratePerSecond,
    requestCount: plan.requestCount,
    durationMs: plan.durationMs === undefined ? undefined : plan.durationMs + plan.warmupMs,
    serverCloses: head.length > 0 && head.every((text) => /\r\nconnection:[^\r]*\bclose\b/i.test(text)),
    hasSourceAddresses: plan.sourceAddresses.length > 0,
    ports,
    portsTaken: countTakenPorts(target, PROC_FILES) ?? 0,
    descriptorsMax: descriptorLimit(),
  });
  const colour = usesColour(2);
  for (const { sentence, remedies } of warnings) {
    process.stderr.write(`${paint('warning:', 'yellow', colour)} ${sentence}\n`);
    for (const remedy of remedies) process.stderr.write(`  - ${remedy}\n`);
  }
}

const HEAD_LOOKED_AT = 4096;

/** RLIMIT_NOFILE, which Node raises to the hard limit when it starts. */
function descriptorLimit(): number | undefined {
  const line = /^Max open files\s+(\d+)/m.exec(PROC_FILES.text('/proc/self/limits') ?? '');
  return line === null ? undefined : Number(line[1]);
}

async function readEarlier(file: string): Promise<LoadResult> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(`--compare ${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return parseResult(text);
  } catch (error) {
    throw new CommandError(`--compare ${file}: ${(error as Error).message}`);
  }
}

async function show(result: LoadResult, before: readonly LoadResult[], flags: LoadFlags): Promise<void> {
  if (flags.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else {
    const options = { colour: usesColour(1), width: process.stdout.columns ?? WIDTH_WHEN_UNKNOWN };
    process.stdout.write(textReport(result, options));
    for (const earlier of before) process.stdout.write(`\n${comparisonText(earlier, result, options)}`);
  }
  if (flags.save !== undefined) await write('--save', flags.save, `${JSON.stringify(result, null, 2)}\n`);
  if (flags.html !== undefined) {
    const { renderReport } = await import('../load/report/report.ts');
    await write('--html', flags.html, renderReport(result, before));
  }
}

async function write(flag: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CommandError(`${flag} ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

function exitCode({ interrupted, thresholds, requests }: LoadResult): number {
  if (interrupted) return EXIT.interrupted;
  if (thresholds.some(({ isMet }) => !isMet)) return EXIT.finding;
  // Nothing was measured: no script should take that for a success.
  return requests.answered === 0 ? EXIT.failed : EXIT.done;
}

export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
