/**
 * `holdfast prove`: reads the flags, lets the adversary run, and shows what it found. Results go to standard output,
 * progress to standard error.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { OptionError } from '../base/errors.ts';
import { usesColour } from '../observe/terminal.ts';
import { parseCapsule, playCapsule } from '../prove/capsules.ts';
import { type ProveOrder, prove, type Subject, startedBy, thereAlready } from '../prove/prove-run.ts';
import { proveText } from '../prove/report/text.ts';
import { findingsOf, type ProveResult } from '../prove/results.ts';
import { type Operations, readOperations } from '../prove/sessions/operations.ts';
import { writeCertificate } from '../prove/target/certificate.ts';
import { reachTarget } from '../prove/target/reach.ts';
import type { StartOrder } from '../prove/target/started-server.ts';
import type { Promises, TargetPaths } from '../prove/target/target.ts';
import { describeFlags, parseArguments } from './arguments.ts';
import { CommandError, EXIT, UsageError } from './failure.ts';
import { outliveReaders, packageVersion, runWithSignals } from './load-run.ts';
import { PROVE_FLAGS, PROVE_USAGE } from './prove-flags.ts';
import {
  checkHtml,
  DEFAULT_CONCURRENCY,
  ownCommand,
  type ProveFlags,
  progressOf,
  readEngines,
  readPromises,
  readProtocols,
  readSlices,
  SEED_RANGE,
  writeCapsules,
} from './prove-settings.ts';
import { resolveTarget } from './target.ts';

const ONLY_WITH_MATRIX = ['tier', 'out', 'resume', 'about'] as const;
/** Whom an agent may attack, its own command line says. */
const NOT_WITH_AGENTS = [
  'engines',
  'protocols',
  'upstream',
  'against',
  'openapi',
  'admin',
  'i-may-attack',
  'replay',
] as const;
const DEFAULT_DURATION_MS = 60_000;

export async function proveCommand(argv: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArguments(PROVE_FLAGS, argv, process.env, 1);
  if (flags.help === true) {
    process.stdout.write(`${PROVE_USAGE}\n${describeFlags(PROVE_FLAGS)}\n`);
    return EXIT.done;
  }
  outliveReaders();
  if (flags.matrix !== undefined) {
    const { proveMatrix } = await import('./prove-matrix.ts');
    return proveMatrix(flags.matrix, flags, positionals, argv);
  }
  const stray = ONLY_WITH_MATRIX.find((name) => flags[name] !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray} goes with --matrix`);
  const [given] = positionals;
  if (given === undefined)
    throw new UsageError('a target is missing, as in: holdfast prove http://127.0.0.1:8080/; see --help');
  if (flags.replay !== undefined) return replay(given, flags.replay, flags);
  await checkHtml(flags.html);
  if (flags.agents !== undefined) return attackFromAgents(given, flags.agents, flags);
  const setting = await readSetting(given, flags);
  const progress = progressOf(flags);
  const result = await runWithSignals((signal) =>
    prove({
      ...setting,
      signal,
      version: packageVersion(),
      command: `holdfast prove ${argv.join(' ')}`,
      onProgress: (target, entry) => progress.tell(target, entry),
    }),
  ).finally(() => progress.stop());
  await show(result, flags);
  return exitCode(result);
}

async function attackFromAgents(given: string, natsUrl: string, flags: ProveFlags): Promise<number> {
  if (!/^https?:\/\//.test(given))
    throw new UsageError('--agents goes with a URL: what prove starts is on this machine alone');
  const stray = NOT_WITH_AGENTS.find((name) => flags[name] !== undefined);
  if (stray !== undefined)
    throw new UsageError(`--${stray} goes without --agents: it is of this machine alone`);
  const { proveOnAgents } = await import('./prove-agents.ts');
  const wanted = {
    natsUrl,
    group: flags['agents-group'],
    credentialsFile: flags['agents-creds'],
    count: flags['agent-count'],
  };
  const order = {
    ...{
      url: given,
      slices: readSlices(flags.slices),
      promises: readPromises(flags, true),
      paths: await readPaths(flags),
    },
    seed: flags.seed ?? Math.floor(Math.random() * SEED_RANGE),
    concurrency: flags.concurrency ?? DEFAULT_CONCURRENCY,
    durationMs: flags.for ?? DEFAULT_DURATION_MS,
  };
  const result = await runWithSignals((signal) => proveOnAgents(wanted, order, signal));
  await show(result, flags);
  return exitCode(result);
}

/** @throws OptionError, UsageError or CommandError */
async function readSetting(
  given: string,
  flags: ProveFlags,
): Promise<Omit<ProveOrder, 'signal' | 'version' | 'command' | 'onProgress'>> {
  const paths = await readPaths(flags);
  const allowed = flags['i-may-attack'] ?? [];
  const slices = readSlices(flags.slices);
  const isUrl = /^https?:\/\//.test(given);
  const promises = readPromises(flags, isUrl);
  const against = await Promise.all(
    (flags.against ?? []).map((url) =>
      reachTarget('--against', url, { allowed, paths, adminUrl: undefined }),
    ),
  );
  for (const name of ['engines', 'protocols', 'upstream'] as const)
    if (isUrl && flags[name] !== undefined)
      throw new UsageError(
        `--${name} goes with a folder or a module, which prove starts; a URL is there already`,
      );
  const subjects = isUrl
    ? [thereAlready(await reachTarget('TARGET', given, { allowed, paths, adminUrl: flags.admin }))]
    : (await startOrders(given, flags, promises, paths)).map(startedBy);
  return {
    ...{ subjects, against, promises, paths, slices },
    seed: flags.seed ?? Math.floor(Math.random() * SEED_RANGE),
    concurrency: flags.concurrency ?? DEFAULT_CONCURRENCY,
    durationMs: flags.for ?? DEFAULT_DURATION_MS,
  };
}

async function readPaths(flags: ProveFlags): Promise<TargetPaths> {
  const { path, 'large-path': large, 'upload-path': upload, 'hung-path': hung } = flags;
  const { 'websocket-path': websocket, 'events-path': events } = flags;
  const named = {
    path,
    'large-path': large,
    'upload-path': upload,
    'hung-path': hung,
    'websocket-path': websocket,
    'events-path': events,
  };
  for (const [name, given] of Object.entries(named))
    if (given !== undefined && !/^\/[!-~]*$/.test(given))
      throw new OptionError(`--${name}`, given, 'a path that begins with / and has no white space');
  const operations = flags.openapi === undefined ? undefined : await openapiOperations(flags.openapi);
  return { small: path ?? '/', large, upload, hung, websocket, events, operations };
}

async function openapiOperations(file: string): Promise<Operations> {
  try {
    return readOperations(await readFile(file, 'utf8'));
  } catch (error) {
    throw new OptionError('--openapi', file, (error as Error).message);
  }
}

async function startOrders(
  given: string,
  flags: ProveFlags,
  promises: Promises,
  paths: TargetPaths,
): Promise<StartOrder[]> {
  const { path: target } = resolveTarget(given);
  const start = { command: ownCommand(), target, promises, paths, upstreams: flags.upstream ?? [] };
  const protocols = flags.protocols === undefined ? [undefined] : readProtocols(flags.protocols);
  const isSecure = protocols.some((each) => each?.endsWith('-tls'));
  const certificate = isSecure ? await writeCertificate() : undefined;
  process.once('exit', () => certificate?.remove());
  return (await readEngines(flags.engines)).flatMap((engine) =>
    protocols.map((protocol): StartOrder => ({ ...start, engine, protocol, certificate })),
  );
}

async function show(result: ProveResult, flags: ProveFlags): Promise<void> {
  const folder = flags.capsules ?? 'holdfast-capsules';
  await writeCapsules(findingsOf(result), folder);
  if (flags.html !== undefined) {
    const { provePage } = await import('../prove/report/page.ts');
    await writeFile(flags.html, provePage(result));
  }
  if (flags.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else process.stdout.write(proveText(result, usesColour(1), folder === 'off' ? undefined : folder));
}

function exitCode(result: ProveResult): number {
  if (findingsOf(result).some(({ severity }) => severity === 'high')) return EXIT.finding;
  if (result.interrupted) return EXIT.interrupted;
  // Whoever was not attacked has proved nothing.
  return result.targets.some(({ failed, quiet }) => failed !== undefined || quiet?.answered === 0)
    ? EXIT.failed
    : EXIT.done;
}

async function replay(given: string, file: string, flags: ProveFlags): Promise<number> {
  if (!existsSync(file)) throw new CommandError(`--replay ${file}: no such file`);
  let capsule: ReturnType<typeof parseCapsule>;
  try {
    capsule = parseCapsule(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CommandError(`--replay ${file}: ${(error as Error).message}`);
  }
  const subject = await replaySubject(given, flags);
  const server = await subject.begin().catch((error: Error) => {
    throw new CommandError(error.message);
  });
  const played = await runWithSignals((signal) => playCapsule(server.target, capsule, signal)).finally(() =>
    server.stop(),
  );
  if (played === undefined)
    throw new CommandError(`--replay ${file}: no script of one connection shows it; run: ${capsule.replay}`);
  const { verdict, exchange } = played;
  if (flags.json === true)
    process.stdout.write(`${JSON.stringify({ finding: capsule.finding, verdict, exchange }, null, 2)}\n`);
  else
    process.stdout.write(
      verdict === undefined
        ? `${capsule.finding} does not show any more\n`
        : `${capsule.finding} shows: ${verdict.title}\n`,
    );
  return verdict?.severity === 'high' ? EXIT.finding : EXIT.done;
}

/** A server that is there, or the first engine of one that is started for it. */
async function replaySubject(given: string, flags: ProveFlags): Promise<Subject> {
  const paths = await readPaths(flags);
  const isUrl = /^https?:\/\//.test(given);
  if (!isUrl) return startedBy((await startOrders(given, flags, readPromises(flags, isUrl), paths))[0]!);
  const allowed = flags['i-may-attack'] ?? [];
  return thereAlready(await reachTarget('TARGET', given, { allowed, paths, adminUrl: flags.admin }));
}
