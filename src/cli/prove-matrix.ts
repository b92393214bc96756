/**
 * `holdfast prove --matrix FILE`: a list of applications, each attacked on every engine and in every protocol. The document of
 * results is written after each application, and `--resume` goes on with it.
 */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OptionError } from '../base/errors.ts';
import { type App, readAppList } from '../prove/matrix/app-list.ts';
import { tableOf } from '../prove/matrix/cells.ts';
import { type MatrixDocument, newDocument, runMatrix } from '../prove/matrix/matrix-run.ts';
import { findingsOf, type ProveResult } from '../prove/results.ts';
import { PROTOCOLS } from '../prove/target/target.ts';
import { CommandError, EXIT, UsageError } from './failure.ts';
import { packageVersion, runWithSignals } from './load-run.ts';
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

const TIERS = { pr: 10 * 60_000, nightly: 3600_000, soak: 24 * 3600_000 } as const;
/** Half a minute in each cell, which a run before each merge has no time for. */
const NOT_IN_PR = 'faults';
/** What is each application's own, its line in the list says. */
const NOT_WITH_MATRIX = [
  ...['against', 'replay', 'i-may-attack', 'path', 'large-path', 'upload-path', 'hung-path'],
  ...['websocket-path', 'events-path', 'openapi', 'upstream', 'admin'],
] as (keyof ProveFlags)[];

export async function proveMatrix(
  file: string,
  flags: ProveFlags,
  positionals: readonly string[],
  argv: readonly string[],
): Promise<number> {
  if (positionals.length > 0)
    throw new UsageError('--matrix takes its targets from its file, and none beside it');
  const stray = NOT_WITH_MATRIX.find((name) => flags[name] !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray} goes without --matrix`);
  const apps = await readApps(file);
  const tier = flags.tier ?? 'pr';
  const slices = readSlices(flags.slices).filter(
    ({ name }) => flags.slices !== undefined || tier !== 'pr' || name !== NOT_IN_PR,
  );
  const engines = await readEngines(flags.engines);
  const protocols = flags.protocols === undefined ? PROTOCOLS : readProtocols(flags.protocols);
  await checkHtml(flags.html);
  const begun = await beginning(flags, tier);
  const progress = progressOf(flags);
  const results: ProveResult[] = [];
  const document = await runWithSignals((signal) =>
    runMatrix({
      ...{
        apps,
        command: ownCommand(),
        engines,
        protocols,
        slices,
        promises: readPromises(flags, false),
        signal,
        begun,
      },
      concurrency: flags.concurrency ?? DEFAULT_CONCURRENCY,
      durationMs: flags.for ?? TIERS[tier],
      commandLine: `holdfast prove ${argv.join(' ')}`,
      onApp(app, what) {
        if (flags.quiet !== true)
          process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${app} ${what}\n`);
      },
      onProgress: (target, entry) => progress.tell(target, entry),
      onDocument: (each) => writeDocument(flags.out, each),
      async onResult(app, result) {
        progress.stop();
        const named = nameTargets(app, result);
        results.push(named);
        await writeCapsules(findingsOf(named), flags.capsules ?? 'holdfast-capsules');
      },
    }).then((done) => ({ done, wasStopped: signal.aborted })),
  ).finally(() => progress.stop());
  await show(document.done, results, flags);
  return exitCode(document.done, document.wasStopped);
}

async function readApps(file: string): Promise<App[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`--matrix ${file}: cannot be read (${error.code})`);
  });
  try {
    return readAppList(text, dirname(resolve(file)));
  } catch (error) {
    throw new OptionError('--matrix', file, (error as Error).message);
  }
}

/** A new document, or what an earlier run has left in `--out`. */
async function beginning(flags: ProveFlags, tier: string): Promise<MatrixDocument> {
  const { out, resume, seed, about = '' } = flags;
  const fresh = newDocument({
    ...{ version: packageVersion(), tier, about },
    seed: seed ?? Math.floor(Math.random() * SEED_RANGE),
  });
  if (resume !== true) {
    await writeDocument(out, fresh);
    return fresh;
  }
  if (out === undefined)
    throw new UsageError('--resume goes on with the document of --out, which is missing');
  if (!existsSync(out)) return fresh;
  let found: Partial<MatrixDocument>;
  try {
    found = JSON.parse(await readFile(out, 'utf8')) as Partial<MatrixDocument>;
  } catch (error) {
    throw new CommandError(`--out ${out}: cannot be gone on with (${(error as Error).message})`);
  }
  if (found.tool !== 'holdfast matrix' || !Array.isArray(found.cells))
    throw new CommandError(`--out ${out}: it is no document of a matrix`);
  for (const name of ['version', 'tier', 'about'] as const)
    if (found[name] !== fresh[name])
      throw new CommandError(
        `--out ${out}: it is of ${name} ${JSON.stringify(found[name])}, and this of ${JSON.stringify(fresh[name])}`,
      );
  return found as MatrixDocument;
}

/** Whole or not at all, whatever ends this process. */
async function writeDocument(file: string | undefined, document: MatrixDocument): Promise<void> {
  if (file === undefined) return;
  try {
    await writeFile(`${file}.new`, `${JSON.stringify(document, null, 2)}\n`);
    await rename(`${file}.new`, file);
  } catch (error) {
    throw new CommandError(`--out ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

function nameTargets(app: string, result: ProveResult): ProveResult {
  const targets = result.targets.map((target) => ({
    ...{ ...target, name: `${app} ${target.name}` },
    slices: target.slices.map((slice) => ({
      ...slice,
      findings: slice.findings.map((finding) => ({ ...finding, target: `${app} ${finding.target}` })),
    })),
  }));
  return { ...result, targets };
}

async function show(
  document: MatrixDocument,
  results: readonly ProveResult[],
  flags: ProveFlags,
): Promise<void> {
  const [first] = results;
  if (flags.html !== undefined && first !== undefined) {
    const { provePage } = await import('../prove/report/page.ts');
    const targets = results.flatMap((result) => result.targets);
    const durationMs = results.reduce((sum, result) => sum + result.durationMs, 0);
    await writeFile(flags.html, provePage({ ...first, targets, durationMs }));
  }
  process.stdout.write(flags.json === true ? `${JSON.stringify(document, null, 2)}\n` : textOf(document));
}

function textOf({ cells, leftOut, divergences, seed }: MatrixDocument): string {
  const lines = [tableOf(cells), ''];
  lines.push(`verdict, and the p99 of a good client: quiet -> beside the worst attack; seed ${seed}`);
  for (const [app, why] of Object.entries(leftOut)) lines.push(`${app} was left out: ${why}`);
  for (const { app, engine, protocol, failed, findings } of cells) {
    const where = `${app} on ${engine} ${protocol}`;
    if (failed !== undefined) lines.push(`${where}: ${failed}`);
    for (const { severity, id, title } of findings) lines.push(`${where}: ${severity} ${id}: ${title}`);
  }
  for (const { app, protocol, what, on, notOn } of divergences)
    lines.push(`${app} ${protocol}: ${what} on ${on.join(', ')}, and not on ${notOn.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

function exitCode({ cells, leftOut }: MatrixDocument, wasStopped: boolean): number {
  if (cells.some(({ verdict }) => verdict === 'high')) return EXIT.finding;
  if (wasStopped) return EXIT.interrupted;
  const isUnable = cells.length === 0 || Object.values(leftOut).some((why) => why.startsWith('failed'));
  return isUnable || cells.some(({ verdict }) => verdict === 'failed') ? EXIT.failed : EXIT.done;
}
