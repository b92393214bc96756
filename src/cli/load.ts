/**
 * `holdfast load`: reads the flags, lets the load generator run, and shows what it found. Results go to
 * standard output, progress and warnings to standard error.
 */
import { readFile } from 'node:fs/promises';
import { comparisonText, parseResult } from '../load/comparison.ts';
import type { ConductOptions } from '../load/conduct.ts';
import { findLimit } from '../load/limit-search.ts';
import type { LoadPlan } from '../load/plan.ts';
import { buildPlan } from '../load/plan-builder.ts';
import type { LoadResult } from '../load/result.ts';
import { textReport } from '../load/text-report.ts';
import { parseLatencyThreshold, parseShare } from '../load/thresholds.ts';
import { usesColour } from '../observe/terminal.ts';
import { describeFlags, parseArguments } from './arguments.ts';
import { CommandError, EXIT } from './failure.ts';
import { withAgents } from './load-agents.ts';
import { LOAD_FLAGS, LOAD_USAGE } from './load-flags.ts';
import {
  checkFiles,
  conductWithProgress,
  descriptorLimit,
  packageVersion,
  runWithSignals,
  WIDTH_WHEN_UNKNOWN,
  warnBefore,
  writeFiles,
} from './load-run.ts';
import { type LoadFlags, readWish } from './load-wish.ts';

/** As many as a file of URLs is for. */
const URLS_MAX = 1000;

export async function loadCommand(argv: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(LOAD_FLAGS, argv, process.env, URLS_MAX);
  if (flags.help === true) {
    process.stdout.write(`${LOAD_USAGE}\n${describeFlags(LOAD_FLAGS)}\n`);
    return EXIT.done;
  }
  // Whatever is wrong with the flags is told before anything is opened.
  const judged = readThresholds(flags);
  const before = await Promise.all((flags.compare ?? []).map(readEarlier));
  await checkFiles(flags);
  const plan = await buildPlan(await readWish(flags, positionals));
  if (flags.quiet !== true && flags.agents === undefined) warnBefore(plan);
  const result = await runWithSignals((signal) =>
    withAgents(flags, signal, (agents) => carryOut({ ...judged, plan, signal, ...agents }, flags)),
  );
  show(result, before, flags);
  await writeFiles(result, before, flags);
  return exitCode(result);
}

function readThresholds(flags: LoadFlags) {
  const errorShare = flags['max-error-rate'];
  return {
    holdfastVersion: packageVersion(),
    descriptorsMax: descriptorLimit(),
    latencyThresholds: (flags.slo ?? []).map((text) => parseLatencyThreshold('--slo', text)),
    errorShareMax: errorShare === undefined ? undefined : parseShare('--max-error-rate', errorShare),
    limit:
      flags['find-limit'] === undefined
        ? undefined
        : parseLatencyThreshold('--find-limit', flags['find-limit']),
  };
}

type Wanted = ConductOptions & { readonly plan: LoadPlan } & Pick<ReturnType<typeof readThresholds>, 'limit'>;

function carryOut({ limit, ...options }: Wanted, flags: LoadFlags): Promise<LoadResult> {
  const isQuiet = flags.quiet === true;
  if (limit === undefined) return conductWithProgress(options, isQuiet);
  return findLimit(limit, options, (step, label) => conductWithProgress(step, isQuiet, label));
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

function show(result: LoadResult, before: readonly LoadResult[], flags: LoadFlags): void {
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const options = { colour: usesColour(1), width: process.stdout.columns ?? WIDTH_WHEN_UNKNOWN };
  process.stdout.write(textReport(result, options));
  for (const earlier of before) process.stdout.write(`\n${comparisonText(earlier, result, options)}`);
}

function exitCode({ interrupted, thresholds, requests, machines }: LoadResult): number {
  if (interrupted) return EXIT.interrupted;
  // It is not the load that was asked for: neither a success nor a finding about the server.
  if (machines.some(({ lost }) => lost !== undefined)) return EXIT.failed;
  if (thresholds.some(({ isMet }) => !isMet)) return EXIT.finding;
  // Nothing was measured: no script should take that for a success.
  return requests.answered === 0 ? EXIT.failed : EXIT.done;
}
