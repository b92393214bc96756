/** `holdfast siege`: siege's flags and siege's summary over the load generator, so that its users can switch. */
import { readFile } from 'node:fs/promises';
import type { PlanSettings } from '../load/plan-builder.ts';
import { buildPlan, folderOf } from '../load/plan-builder.ts';
import { parseHeaderFlag } from '../load/request-encoder.ts';
import type { LoadResult } from '../load/result.ts';
import { siegeFigures, siegeJson, siegeText } from '../load/siege-report.ts';
import { verdictLines } from '../load/text-report.ts';
import { type ListedUrl, parseListedUrl, parseUrlList } from '../load/url-list.ts';
import { usesColour } from '../observe/terminal.ts';
import { describeFlags, type FlagValues, parseArguments } from './arguments.ts';
import { CommandError, EXIT, UsageError } from './failure.ts';
import { parsePositiveTime } from './load-numbers.ts';
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
import { autoThreads, readSourceAddresses } from './load-wish.ts';
import { parseDelay, parseReps, parseSiegeTime, SIEGE_FLAGS, SIEGE_USAGE } from './siege-flags.ts';

type SiegeFlags = FlagValues<typeof SIEGE_FLAGS>;

const DEFAULT_USERS = 25;
/** siege's manual says so; its configuration file, which not everybody has, may say otherwise. */
const DEFAULT_DELAY_MS = 500;
const DEFAULT_TIMEOUT_MS = 30_000;

export async function siegeCommand(argv: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(SIEGE_FLAGS, argv, process.env, 1);
  if (flags.help === true) {
    process.stdout.write(`${SIEGE_USAGE}\n${describeFlags(SIEGE_FLAGS)}\n`);
    return EXIT.done;
  }
  await checkFiles(flags);
  const urls = await readUrls(flags, positionals[0]);
  const plan = await buildPlan({
    urls,
    folder: folderOf(flags.file),
    method: undefined,
    headers: readHeaders(flags),
    body: undefined,
    unixPath: undefined,
    run: await readSettings(flags, urls.length),
  });
  if (flags.quiet !== true) {
    warnBefore(plan);
    process.stderr.write(`** Preparing ${plan.connections} concurrent users for battle.\n`);
    process.stderr.write('The server is now under siege...\n');
  }
  const options = { plan, holdfastVersion: packageVersion(), descriptorsMax: descriptorLimit() };
  const result = await runWithSignals((signal) =>
    conductWithProgress({ ...options, signal }, flags.quiet === true),
  );
  show(result, flags);
  await writeFiles(result, [], flags);
  // siege ends with 0 also after Ctrl-C, which is its usual end when neither time nor reps are given.
  if (result.interrupted && (flags.time !== undefined || flags.reps !== undefined)) return EXIT.interrupted;
  return result.requests.answered === 0 ? EXIT.failed : EXIT.done;
}

async function readUrls(flags: SiegeFlags, positional: string | undefined): Promise<ListedUrl[]> {
  if (positional !== undefined) return [parseListedUrl(positional, 'URL')];
  if (flags.file === undefined)
    throw new UsageError(
      'a URL or --file is missing, as in: holdfast siege -b -t 20S http://127.0.0.1:8080/',
    );
  let text: string;
  try {
    text = await readFile(flags.file, 'utf8');
  } catch (error) {
    throw new CommandError(`${flags.file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return parseUrlList(text, flags.file);
}

function readHeaders(flags: SiegeFlags) {
  const headers = (flags.header ?? []).map((text) => parseHeaderFlag('--header', text));
  if (flags['user-agent'] !== undefined) headers.push(['User-Agent', flags['user-agent']]);
  if (flags['content-type'] !== undefined) headers.push(['Content-Type', flags['content-type']]);
  return headers;
}

async function readSettings(flags: SiegeFlags, urlCount: number): Promise<PlanSettings> {
  const connections = flags.concurrent ?? DEFAULT_USERS;
  const delayMs = flags.delay === undefined ? DEFAULT_DELAY_MS : parseDelay(flags.delay);
  const reps = flags.reps === undefined ? undefined : parseReps(flags.reps);
  const durationMs = flags.time === undefined ? undefined : parseSiegeTime(flags.time);
  if (durationMs !== undefined && reps !== undefined)
    throw new UsageError('--time and --reps are not given together');
  return {
    connections,
    threads:
      flags.threads === undefined || flags.threads === 'auto' ? autoThreads(connections) : flags.threads,
    pipeline: 1,
    engine: flags.engine ?? 'auto',
    ratePerSecond: undefined,
    durationMs,
    requestCount: reps === undefined ? undefined : connections * (reps === 0 ? urlCount : reps),
    warmupMs: 0,
    rampMs: 0,
    thinkMinMs: 0,
    thinkMaxMs: flags.benchmark === true ? 0 : delayMs,
    timeoutMs:
      flags.timeout === undefined ? DEFAULT_TIMEOUT_MS : parsePositiveTime('--timeout', flags.timeout),
    newConnection: flags['keep-alive'] !== true,
    sourceAddresses: await readSourceAddresses(flags['source-addresses']),
    script: undefined,
    seed: 1,
  };
}

function show(result: LoadResult, flags: SiegeFlags): void {
  const figures = siegeFigures(result);
  const isJson = flags['json-output'] === true;
  const output = isJson ? process.stderr : process.stdout;
  const options = { colour: usesColour(isJson ? 2 : 1), width: output.columns ?? WIDTH_WHEN_UNKNOWN };
  output.write(`${siegeText(figures)}\n${verdictLines(result, options).join('\n')}\n`);
  if (isJson) process.stdout.write(siegeJson(figures));
}
