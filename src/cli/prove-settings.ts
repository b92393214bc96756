/** What the flags of `holdfast prove` mean, for one target and for many: slices, engines, protocols, promises, and where findings go. */
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../base/errors.ts';
import { selectEngine } from '../engine/select.ts';
import { usesColour } from '../observe/terminal.ts';
import { fileNameOf } from '../prove/capsules.ts';
import type { Finding } from '../prove/finding.ts';
import { ProveProgress } from '../prove/report/progress.ts';
import { SLICES } from '../prove/slices/all.ts';
import type { Slice } from '../prove/slices/slice.ts';
import { PROTOCOLS, type Promises, type Protocol } from '../prove/target/target.ts';
import type { FlagValues } from './arguments.ts';
import { CommandError } from './failure.ts';
import { widthOf } from './load-run.ts';
import type { PROVE_FLAGS } from './prove-flags.ts';

export type ProveFlags = FlagValues<typeof PROVE_FLAGS>;
const ENGINES = ['iouring', 'epoll', 'node'] as const;
export const DEFAULT_CONCURRENCY = 32;
export const SEED_RANGE = 2 ** 31;
/** Servers that are started for a run: short, so that a run is. */
const QUICK_PROMISES: Promises = { headerMs: 2000, idleMs: 3000, bodyMs: 2000 };

export function readSlices(text: string | undefined): readonly Slice[] {
  if (text === undefined) return SLICES;
  return text.split(',').map((name) => {
    const slice = SLICES.find((each) => each.name === name.trim());
    if (slice === undefined)
      throw new OptionError('--slices', name, `slices are ${SLICES.map((each) => each.name).join(', ')}`);
    return slice;
  });
}

export function readPromises(flags: ProveFlags, isUrl: boolean): Promises {
  const quick = isUrl ? undefined : QUICK_PROMISES;
  return {
    headerMs: flags['header-timeout'] ?? quick?.headerMs,
    idleMs: flags['idle-timeout'] ?? quick?.idleMs,
    bodyMs: flags['body-timeout'] ?? quick?.bodyMs,
  };
}

export function ownCommand(): string {
  return fileURLToPath(new URL('./main.js', import.meta.url));
}

export function readProtocols(text: string): Protocol[] {
  return text.split(',').map((each) => {
    const protocol = PROTOCOLS.find((known) => known === each.trim());
    if (protocol === undefined)
      throw new OptionError('--protocols', each, `protocols are ${PROTOCOLS.join(', ')}`);
    return protocol;
  });
}

/** @param text a list; undefined for what this host offers */
export async function readEngines(text: string | undefined): Promise<string[]> {
  const names = text?.split(',').map((each) => each.trim()) ?? (await enginesHere());
  for (const engine of names)
    if (!(ENGINES as readonly string[]).includes(engine))
      throw new OptionError('--engines', engine, `engines are ${ENGINES.join(', ')}`);
  return names;
}

async function enginesHere(): Promise<string[]> {
  const found: string[] = [];
  for (const engine of ENGINES)
    await selectEngine(engine).then(
      () => found.push(engine),
      () => {},
    );
  return found;
}

/** Before the run: an hour of attacks must not end with a file that cannot be written. */
export async function checkHtml(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  await open(file, 'a').then(
    (handle) => handle.close(),
    (error: NodeJS.ErrnoException) => {
      throw new CommandError(`--html ${file}: cannot be written (${error.code})`);
    },
  );
}

/** @param folder or `off` */
export async function writeCapsules(findings: readonly Finding[], folder: string): Promise<void> {
  if (folder === 'off' || findings.length === 0) return;
  try {
    await mkdir(folder, { recursive: true });
    for (const { id, target, capsule } of findings)
      await writeFile(join(folder, fileNameOf(id, target)), `${JSON.stringify(capsule, null, 2)}\n`);
  } catch (error) {
    throw new CommandError(
      `--capsules ${folder}: cannot be written (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

export function progressOf(flags: Pick<ProveFlags, 'quiet'>): ProveProgress {
  const isOn = flags.quiet !== true && process.stderr.isTTY === true;
  const write = (text: string): void => void process.stderr.write(text);
  return new ProveProgress({ write, columns: widthOf(process.stderr), colour: usesColour(2) }, isOn);
}
