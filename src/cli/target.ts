/**
 * What `holdfast serve TARGET` is to serve: a folder, or a module that exports a handler. Both become
 * the URL of a module, because that is what a worker thread can load for itself.
 */
import type { Stats } from 'node:fs';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CommandError } from './failure.ts';

export interface Target {
  readonly kind: 'folder' | 'module';
  /** Absolute, links resolved. */
  readonly path: string;
  /** The module that serves it. */
  readonly module: URL;
  /** The folder in which changes mean that it must be loaded anew. */
  readonly folder: string;
}

const MODULE_EXTENSIONS = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);

/** @throws CommandError saying what is wrong with the target and what to do about it */
export function resolveTarget(given: string): Target {
  // A file URL is what other tools print, and costs one line to accept.
  const asked = given.startsWith('file://') ? new URL(given).pathname : given;
  let facts: Stats;
  let path: string;
  try {
    path = realpathSync(resolve(asked));
    facts = statSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new CommandError(`${given}: no such folder or module`);
    throw new CommandError(`${given}: cannot be opened (${code ?? String(error)})`);
  }
  if (facts.isDirectory()) return folderTarget(given, path);
  const extension = extname(path);
  if (!facts.isFile() || !MODULE_EXTENSIONS.has(extension)) {
    throw new CommandError(`${given}: neither a folder nor a module (${[...MODULE_EXTENSIONS].join(' ')})`);
  }
  if (extension.endsWith('ts')) refuseUnloadableTypeScript(given);
  return { kind: 'module', path, module: pathToFileURL(path), folder: dirname(path) };
}

function folderTarget(given: string, path: string): Target {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch {
    throw new CommandError(`${given}: the folder may not be read by this user`);
  }
  const module = new URL('./folder-module.js', import.meta.url);
  module.searchParams.set('root', path);
  return { kind: 'folder', path, module, folder: path };
}

/** Node strips types from 22.18 and 23.6 on; before that, with a flag from 22.6 on. `process.features` tells. */
function refuseUnloadableTypeScript(given: string): void {
  const features = process.features as { typescript?: unknown };
  if (features.typescript) return;
  throw new CommandError(
    `${given}: Node ${process.versions.node} does not load TypeScript; use Node 22.18 or later, or compile it and serve the .js file`,
  );
}
