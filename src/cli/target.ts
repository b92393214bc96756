/**
 * What `holdfast serve TARGET` is to serve: a folder, or a module that exports a handler. Both become
 * the URL of a module, because that is what a worker thread can load for itself.
 *
 * Symbolic links on the way stay links: a deployment that swaps one (`current`) means the new release to be
 * served, at once where files are, after a reload where a module is.
 */
import type { Stats } from 'node:fs';
import { accessSync, constants, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FilesOptions } from '../files/options.ts';
import { CommandError } from './failure.ts';

export interface Target {
  readonly kind: 'folder' | 'module';
  /** Absolute, with the links that were given. */
  readonly path: string;
  /** The module that serves it. */
  readonly module: URL;
}

/** Linux follows no more (MAXSYMLINKS). */
const LINKS_MAX = 40;

/** The path without links, as they are now; as it was given while a link leads nowhere. */
export function realPathOf(target: Target): string {
  try {
    return realpathSync(target.path);
  } catch {
    return target.path;
  }
}

/** The folder in which changes mean that a module must be loaded anew. */
export function folderOf(target: Target): string {
  return dirname(realPathOf(target));
}

/** A link on the way to the target: when its name in the folder changes, the target may be another. */
interface LinkOnTheWay {
  readonly folder: string;
  readonly name: string;
}

/** All links on the way, those that links lead over included. */
export function linksOnTheWay(path: string): LinkOnTheWay[] {
  const links: LinkOnTheWay[] = [];
  const queue = [path];
  for (let next = queue.shift(); next !== undefined && links.length < LINKS_MAX; next = queue.shift()) {
    for (let at = next; at !== dirname(at); at = dirname(at)) {
      const leadsTo = linkTarget(at);
      if (leadsTo === undefined) continue;
      links.push({ folder: dirname(at), name: basename(at) });
      queue.push(resolve(dirname(at), leadsTo));
    }
  }
  return links;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

const MODULE_EXTENSIONS = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);

/** @throws CommandError saying what is wrong with the target and what to do about it */
export function resolveTarget(given: string): Target {
  // A file URL is what other tools print, and costs one line to accept.
  const asked = given.startsWith('file://') ? new URL(given).pathname : given;
  const path = resolve(asked);
  let facts: Stats;
  let extension: string;
  try {
    facts = statSync(path);
    // What a link leads to says how it is loaded, not what the link is called.
    extension = extname(realpathSync(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new CommandError(`${given}: no such folder or module`);
    throw new CommandError(`${given}: cannot be opened (${code ?? String(error)})`);
  }
  if (facts.isDirectory()) return folderTarget(given, path);
  if (!facts.isFile() || !MODULE_EXTENSIONS.has(extension)) {
    throw new CommandError(`${given}: neither a folder nor a module (${[...MODULE_EXTENSIONS].join(' ')})`);
  }
  if (extension.endsWith('ts')) refuseUnloadableTypeScript(given);
  return { kind: 'module', path, module: pathToFileURL(path) };
}

function folderTarget(given: string, path: string): Target {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch {
    throw new CommandError(`${given}: the folder may not be read by this user`);
  }
  const module = new URL('./folder-module.js', import.meta.url);
  module.searchParams.set('root', path);
  return { kind: 'folder', path, module };
}

/** The target with its module told what `files()` is to be given; one that is no folder as it is. */
export function withFolderOptions(target: Target, options: FilesOptions): Target {
  if (target.kind !== 'folder') return target;
  const module = new URL(target.module);
  module.searchParams.set('options', JSON.stringify(options));
  return { ...target, module };
}

/** What makes Node load more than it does by itself: a loader such as tsx, by --import, --require or --loader. */
const LOADER_FLAG = /(?:^|\s)(?:--import|--require|-r|--loader|--experimental-loader)(?:[=\s]|$)/;

function hasLoader(): boolean {
  return LOADER_FLAG.test([...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '));
}

/**
 * Node strips types from 22.18 and 23.6 on; before that, with a flag from 22.6 on. `process.features` tells. Whether a
 * loader takes TypeScript is seen when the module is loaded.
 */
function refuseUnloadableTypeScript(given: string): void {
  const features = process.features as { typescript?: unknown };
  if (features.typescript || hasLoader()) return;
  throw new CommandError(
    `${given}: Node ${process.versions.node} does not load TypeScript; use Node 22.18 or later (24 is recommended), a loader (NODE_OPTIONS='--import tsx'), or compile it and serve the .js file`,
  );
}
