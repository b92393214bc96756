/**
 * What the commands that make load have in common: warnings before, progress and Ctrl-C meanwhile, files
 * afterwards.
 */
import { readFileSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { asksForClose } from '../load/client/h1-request-encoder.ts';
import { predictLimits } from '../load/judge/predict-limits.ts';
import type { LoadResult } from '../load/measure/load-result.ts';
import { PROC_FILES } from '../load/measure/proc-files.ts';
import { countTakenPorts, readPortFacts } from '../load/measure/source-ports.ts';
import { addressPairCount, type LoadPlan } from '../load/plan/load-plan.ts';
import { Progress } from '../load/report/progress.ts';
import { coordinateRun, type LoadRunOptions } from '../load/run/run-coordinator.ts';
import { paint, usesColour } from '../observe/terminal.ts';
import { onShutdownSignals } from '../server/shutdown-signals.ts';
import { CommandError, EXIT } from './failure.ts';

const WIDTH_WHEN_UNKNOWN = 100;

/** Columns of a terminal; a pipe has none, and a terminal that nobody has given a size has 0. */
export function widthOf(stream: { readonly columns?: number }): number {
  return stream.columns || WIDTH_WHEN_UNKNOWN;
}

/** Whoever read standard output may have left (`| head -1`): files are written and the exit code tells all the same. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
}

/**
 * Ctrl-C and SIGTERM break the run off; the result is what there is until then. A second Ctrl-C waits for nothing:
 * not for a script that never returns, not for agents that do not answer.
 */
export async function runWithSignals<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const giveBack = onShutdownSignals({
    begin: () => controller.abort(),
    force() {
      process.stderr.write('\nholdfast: interrupted twice: the run was cut off without a result\n');
      process.exit(EXIT.interrupted);
    },
  });
  try {
    return await run(controller.signal);
  } finally {
    giveBack();
  }
}

/** @param label before the bar, for one run of several */
export async function runWithProgress(
  options: LoadRunOptions,
  isQuiet: boolean,
  label = '',
): Promise<LoadResult> {
  if (isQuiet || !process.stderr.isTTY) return coordinateRun(options);
  const { durationMs, warmupMs, requestCount } = options.plan;
  const progress = new Progress(
    {
      write: (text) => void process.stderr.write(text),
      get columns() {
        return widthOf(process.stderr);
      },
      colour: usesColour(2),
    },
    { totalMs: durationMs === undefined ? undefined : durationMs + warmupMs, requestCount },
    () => performance.now(),
    label,
  );
  try {
    return await coordinateRun({
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
  const target = plan.targets[0]!.connects[0]!;
  const ports = readPortFacts(target, addressPairCount(plan), PROC_FILES);
  const warnings = predictLimits({
    connections: plan.connections,
    newConnection: plan.newConnection,
    ratePerSecond: plan.ratePerSecond,
    requestCount: plan.requestCount,
    durationMs: plan.durationMs === undefined ? undefined : plan.durationMs + plan.warmupMs,
    serverCloses: plan.requests.every(({ bytes }) => asksForClose(bytes)),
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

/** RLIMIT_NOFILE, which Node raises to the hard limit when it starts. */
export function descriptorLimit(): number | undefined {
  const line = /^Max open files\s+(\d+)/m.exec(PROC_FILES.text('/proc/self/limits') ?? '');
  return line === null ? undefined : Number(line[1]);
}

interface FileFlags {
  readonly save: string | undefined;
  readonly html: string | undefined;
}

/**
 * Before the run: an hour of load must not end with a file that cannot be written. An existing file is left
 * as it is.
 * @throws CommandError naming the flag and the file
 */
export async function checkFiles({ save, html }: FileFlags): Promise<void> {
  for (const [flag, file] of [
    ['--save', save],
    ['--html', html],
  ] as const) {
    if (file === undefined) continue;
    const handle = await open(file, 'a').catch((error: NodeJS.ErrnoException) => {
      throw cannotWrite(flag, file, error);
    });
    await handle.close();
  }
}

/** @throws CommandError naming the flag and the file */
export async function writeFiles(
  result: LoadResult,
  before: readonly LoadResult[],
  { save, html }: FileFlags,
): Promise<void> {
  if (save !== undefined) await write('--save', save, `${JSON.stringify(result, null, 2)}\n`);
  if (html === undefined) return;
  const { renderHtmlReport } = await import('../load/report/html/html-report.ts');
  await write('--html', html, renderHtmlReport(result, before));
}

async function write(flag: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw cannotWrite(flag, file, error as NodeJS.ErrnoException);
  }
}

function cannotWrite(flag: string, file: string, { code }: NodeJS.ErrnoException): CommandError {
  return new CommandError(`${flag} ${file}: cannot be written (${code})`);
}

export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
