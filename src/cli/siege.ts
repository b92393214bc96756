/**
 * `holdfast siege`: siege's flags, resource file, log and summary over the load generator, so that its users can
 * switch.
 */
import { access, appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LoadResult } from '../load/measure/load-result.ts';
import type { PlanSettings } from '../load/plan/build-plan.ts';
import { buildPlan, folderOf } from '../load/plan/build-plan.ts';
import { type ListedUrl, parseListedUrl, parseUrlList } from '../load/plan/url-list.ts';
import { siegeLogHead, siegeLogLine, siegeMark } from '../load/report/siege-log.ts';
import { siegeFigures, siegeJson, siegeText } from '../load/report/siege-summary.ts';
import { verdictLines } from '../load/report/text-report.ts';
import { urlLines } from '../load/report/url-lines.ts';
import { exchangeOnce } from '../load/run/single-exchange.ts';
import { checkTls } from '../load/run/tls-check.ts';
import { escapeControls, paint, usesColour } from '../observe/terminal.ts';
import { describeFlags, parseArguments } from './arguments.ts';
import { CommandError, EXIT, UsageError } from './failure.ts';
import { autoThreads, readSourceAddresses } from './load-options.ts';
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
import { checkTlsFlags, readTlsFlags } from './load-tls.ts';
import { SIEGE_FLAGS, SIEGE_USAGE } from './siege-flags.ts';
import { readSiegeResource } from './siege-resource.ts';
import { type SiegeFlags, type SiegeSettings, siegeSettings } from './siege-settings.ts';

export async function siegeCommand(argv: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(SIEGE_FLAGS, argv, process.env, 1);
  if (flags.help === true) {
    process.stdout.write(`${SIEGE_USAGE}\n${describeFlags(SIEGE_FLAGS)}\n`);
    return EXIT.done;
  }
  outliveReaders();
  const settings = siegeSettings(flags, await readSiegeResource(flags.rc, process.env), positionals[0]);
  if (!settings.isQuiet) for (const warning of settings.warnings) warn(warning);
  if (flags.get === true || flags.print === true) return showExchange(settings, flags);
  await checkFiles(flags);
  if (settings.logFile !== undefined) await openLog(settings.logFile);
  const urls = await readUrls(settings);
  const plan = await buildPlan({
    ...(await commonOptions(settings, flags)),
    urls,
    run: await readSettings(settings, flags, urls.length),
  });
  checkTlsFlags(flags, plan);
  await checkTls(plan);
  if (!settings.isQuiet) {
    warnBefore(plan);
    process.stderr.write(`** Preparing ${plan.connections} concurrent users for battle.\n`);
    process.stderr.write('The server is now under siege...\n');
  }
  const options = { plan, holdfastVersion: packageVersion(), descriptorsMax: descriptorLimit() };
  const result = await runWithSignals((signal) => runWithProgress({ ...options, signal }, settings.isQuiet));
  show(result, settings);
  await writeFiles(result, [], flags);
  await writeLog(result, settings);
  // siege ends with 0 also after Ctrl-C, which is its usual end when neither time nor reps are given.
  const hasEnd = settings.durationMs !== undefined || settings.reps !== undefined;
  if (result.interrupted && hasEnd) return EXIT.interrupted;
  return result.requests.answered === 0 ? EXIT.failed : EXIT.done;
}

function warn(text: string): void {
  process.stderr.write(`${paint('warning:', 'yellow', usesColour(2))} ${text}\n`);
}

async function commonOptions({ file, headers, cert, key }: SiegeSettings, flags: SiegeFlags) {
  return {
    ...(await readTlsFlags({ ...flags, cert, key })),
    folder: folderOf(file),
    method: undefined,
    headers,
    body: undefined,
    unixPath: undefined,
  };
}

/** `--get` and `--print`: what would be sent, and what comes. @returns 1 for answers of 400 and more, too */
async function showExchange(settings: SiegeSettings, flags: SiegeFlags): Promise<number> {
  if (settings.url === undefined)
    throw new UsageError('a URL is missing, as in: holdfast siege --get http://127.0.0.1:8080/');
  const listed = parseListedUrl(settings.url, 'URL');
  const plan = await buildPlan({
    ...(await commonOptions(settings, flags)),
    urls: [{ ...listed, method: listed.method ?? settings.getMethod }],
    headers: [...settings.headers, ['Connection', 'close']],
    run: await readSettings(settings, flags, 1),
  });
  checkTlsFlags(flags, plan);
  await checkTls(plan);
  const { bytes } = plan.requests[0]!;
  const sent = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!settings.isQuiet) process.stdout.write(`${headText(sent.replace(SECRET, '$1***'))}\n`);
  const { status, head, body } = await exchangeOnce(plan).catch((error: Error) => {
    throw new CommandError(`${plan.requests[0]!.url}: no answer (${error.message})`);
  });
  if (!settings.isQuiet) {
    process.stdout.write(`${headText(head)}\n`);
    if (flags.print === true) process.stdout.write(body);
  }
  return status < 400 ? EXIT.done : EXIT.failed;
}

/** No output shows a password, and this one is base64 and no more. */
const SECRET = /^((?:proxy-)?authorization: *(?:basic|bearer)? *).*$/gim;

/** Without its end, and as a terminal has lines. */
function headText(message: string): string {
  return message
    .split('\r\n\r\n', 1)[0]!
    .split('\r\n')
    .map((line) => `${escapeControls(line, false)}\n`)
    .join('');
}

async function readUrls({ url, file }: SiegeSettings): Promise<ListedUrl[]> {
  if (url !== undefined) return [parseListedUrl(url, 'URL')];
  if (file === undefined)
    throw new UsageError(
      'a URL or --file is missing, as in: holdfast siege -b -t 20S http://127.0.0.1:8080/',
    );
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${file}: cannot be read (${error.code})`);
  });
  return parseUrlList(text, file);
}

async function readSettings(
  settings: SiegeSettings,
  flags: SiegeFlags,
  urlCount: number,
): Promise<PlanSettings> {
  const { users, reps } = settings;
  return {
    randomOrder: settings.isRandom,
    connections: users,
    threads: flags.threads === undefined || flags.threads === 'auto' ? autoThreads(users) : flags.threads,
    protocol: 'http/1.1',
    pipeline: 1,
    engine: flags.engine ?? 'auto',
    ratePerSecond: undefined,
    durationMs: settings.durationMs,
    requestCount: reps === undefined ? undefined : users * (reps === 0 ? urlCount : reps),
    warmupMs: 0,
    rampMs: 0,
    thinkMinMs: 0,
    thinkMaxMs: settings.delayMs,
    timeoutMs: settings.timeoutMs,
    newConnection: !settings.keepsConnections,
    sourceAddresses: await readSourceAddresses(flags['source-addresses']),
    script: undefined,
    seed: 1,
  };
}

/**
 * Before the run, as other output files: an hour of siege must not end with a log that cannot be written.
 * @throws CommandError
 */
async function openLog(file: string): Promise<void> {
  try {
    if (dirname(file) === join(homedir(), '.siege')) await mkdir(dirname(file), { recursive: true });
    const isNew = await access(file).then(
      () => false,
      () => true,
    );
    const handle = await open(file, 'a');
    if (isNew) await handle.writeFile(siegeLogHead());
    await handle.close();
  } catch (error) {
    throw cannotLog(file, error);
  }
}

async function writeLog(result: LoadResult, settings: SiegeSettings): Promise<void> {
  const { logFile, mark } = settings;
  if (logFile === undefined) return;
  const line = siegeLogLine(siegeFigures(result), new Date());
  try {
    await appendFile(logFile, `${mark === undefined ? '' : siegeMark(mark)}${line}`);
  } catch (error) {
    throw cannotLog(logFile, error);
  }
  if (settings.showsLogFile && !settings.isQuiet) process.stderr.write(`LOG FILE: ${logFile}\n`);
}

function cannotLog(file: string, error: unknown): CommandError {
  return new CommandError(`--log ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
}

function show(result: LoadResult, { isJson }: SiegeSettings): void {
  const figures = siegeFigures(result);
  const output = isJson ? process.stderr : process.stdout;
  const options = { colour: usesColour(isJson ? 2 : 1), width: widthOf(output) };
  const byUrl = urlLines(result, options);
  const sections = [...(byUrl.length === 0 ? [] : [...byUrl, '']), ...verdictLines(result, options)];
  output.write(`${siegeText(figures)}\n${sections.join('\n')}\n`);
  if (isJson) process.stdout.write(siegeJson(figures));
}
