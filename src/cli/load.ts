/**
 * `holdfast load`: reads the flags, lets the load generator run, and shows what it found. Results go to
 * standard output, progress and warnings to standard error.
 */
import { readFile } from 'node:fs/promises';
import { parseLatencyThreshold, parseShare } from '../load/judge/thresholds.ts';
import type { LoadResult } from '../load/measure/load-result.ts';
import { buildPlan } from '../load/plan/build-plan.ts';
import type { LoadPlan } from '../load/plan/load-plan.ts';
import { comparisonText, parseResult } from '../load/report/comparison.ts';
import { textReport } from '../load/report/text-report.ts';
import { findLimit } from '../load/run/limit-search.ts';
import type { LoadRunOptions } from '../load/run/run-coordinator.ts';
import { checkTls } from '../load/run/tls-check.ts';
import { usesColour } from '../observe/terminal.ts';
import { describeFlags, parseArguments } from './arguments.ts';
import { CommandError, EXIT } from './failure.ts';
import { withAgents } from './load-agents.ts';
import { LOAD_FLAGS, LOAD_USAGE } from './load-flags.ts';
import { type LoadFlags, overHttp2, readLoadOptions } from './load-options.ts';
import {
  checkFiles,
  descriptorLimit,
  outliveReaders,
  packageVersion,
  runWithProgress,
  runWithSignals,
  warnBefore,
  widthOf,
  writeFiles,
} from './load-run.ts';
import { checkTlsFlags } from './load-tls.ts';

/** For more URLs there is `--file`. */
const URLS_MAX = 1000;

export async function loadCommand(argv: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(LOAD_FLAGS, argv, process.env, URLS_MAX);
  if (flags.help === true) {
    process.stdout.write(`${LOAD_USAGE}\n${describeFlags(LOAD_FLAGS)}\n`);
    return EXIT.done;
  }
  outliveReaders();
  // Whatever is wrong with the flags is told before anything is opened.
  const judged = readThresholds(flags);
  const before = await Promise.all((flags.compare ?? []).map(readEarlier));
  await checkFiles(flags);
  const plan = await makePlan(flags, positionals);
  if (flags.quiet !== true && flags.agents === undefined) warnBefore(plan);
  const result = await runWithSignals((signal) =>
    withAgents(flags, signal, (agents) => carryOut({ ...judged, plan, signal, ...agents }, flags)),
  );
  show(result, before, flags);
  await writeFiles(result, before, flags);
  return exitCode(result);
}

/** Where TLS is to be spoken a handshake has shown that it can be. */
async function makePlan(flags: LoadFlags, urls: readonly string[]): Promise<LoadPlan> {
  const options = await readLoadOptions(flags, urls);
  const plan = await buildPlan(options);
  checkTlsFlags(flags, plan);
  // Agents are perhaps the only ones that reach the target.
  if (flags.agents !== undefined) return plan;
  if (flags.alpn !== true) {
    await checkTls(plan);
    return plan;
  }
  const chosen = new Set((await checkTls(plan, ['h2', 'http/1.1'])).filter((name) => name !== undefined));
  if (chosen.has('h2') && chosen.size > 1)
    throw new CommandError('--alpn: not all of these servers choose HTTP/2, and one run speaks one protocol');
  return chosen.has('h2') ? buildPlan(overHttp2(options, flags)) : plan;
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

type Wanted = LoadRunOptions & { readonly plan: LoadPlan } & Pick<ReturnType<typeof readThresholds>, 'limit'>;

function carryOut({ limit, ...options }: Wanted, flags: LoadFlags): Promise<LoadResult> {
  const isQuiet = flags.quiet === true;
  if (limit === undefined) return runWithProgress(options, isQuiet);
  return findLimit(limit, options, (step, label) => runWithProgress(step, isQuiet, label));
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
  const options = { colour: usesColour(1), width: widthOf(process.stdout) };
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
