/** The flags of `holdfast serve` that are about a folder, as options of `files()`. */
import { OptionError } from '../base/errors.ts';
import { type FilesOptions, readFilesOptions } from '../files/options.ts';
import type { FlagValues, GivenFlag } from './arguments.ts';
import { UsageError } from './failure.ts';
import type { SERVE_FLAGS } from './serve-flags.ts';

/** By option of `files()`: its flag. */
export const FOLDER_FLAGS = {
  listing: 'listing',
  spa: 'spa',
  cors: 'cors',
  cacheControl: 'cache-control',
  immutable: 'immutable',
  cleanUrls: 'clean-urls',
  dotfiles: 'dotfiles',
  symlinks: 'symlinks',
  download: 'download',
  compress: 'compress',
  precompressed: 'precompressed',
  pace: 'pace',
} as const;

/** For all threads together; each has at least what the small files of most sites take. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const MEMORY_BYTES_MIN = 4 * 1024 * 1024;

/**
 * @param isFolder whether it is a folder that is served
 * @param workerCount threads that serve it
 * @throws UsageError naming the flag, the value and what is allowed
 */
export function folderOptions(
  values: FlagValues<typeof SERVE_FLAGS>,
  given: ReadonlyMap<string, GivenFlag>,
  isFolder: boolean,
  workerCount: number,
): FilesOptions {
  if (!isFolder) {
    for (const flag of Object.values(FOLDER_FLAGS))
      if (given.has(flag))
        throw new UsageError(`${given.get(flag)!.spelling} is for folders; what is served is a module`);
    return {};
  }
  const options: FilesOptions = {
    memory: Math.max(MEMORY_BYTES_MIN, Math.floor(MEMORY_BYTES / Math.max(1, workerCount))),
    listing: values.listing ?? true,
  };
  if (values.spa !== undefined) options.spa = values.spa === '' ? true : values.spa;
  if (values.cors !== undefined) options.cors = values.cors.includes('') ? true : values.cors;
  if (values['cache-control'] !== undefined) options.cacheControl = cacheRules(values['cache-control']);
  if (values.immutable !== undefined) options.immutable = values.immutable;
  if (values['clean-urls'] !== undefined) options.cleanUrls = values['clean-urls'];
  if (values.dotfiles !== undefined) options.dotfiles = values.dotfiles;
  if (values.symlinks !== undefined) options.symlinks = values.symlinks as 'inside' | 'all' | 'none';
  if (values.download !== undefined) options.download = values.download.includes('') ? true : values.download;
  if (values.compress !== undefined) options.compress = values.compress;
  if (values.precompressed !== undefined) options.precompressed = values.precompressed;
  if (values.pace !== undefined) options.pace = values.pace;
  check(options);
  return options;
}

/** `PATTERN=VALUE`, where a pattern begins with a slash or a star; anything else is for all other files. */
function cacheRules(texts: readonly string[]): NonNullable<FilesOptions['cacheControl']> {
  const rules: { match: string; value: string }[] = [];
  let otherwise: string | undefined;
  for (const text of texts) {
    const [, match, value] = /^([/*][^=]*)=(.*)$/s.exec(text) ?? [];
    if (match !== undefined) rules.push({ match, value: value! });
    else otherwise = text;
  }
  if (otherwise !== undefined) rules.push({ match: '*', value: otherwise });
  return rules;
}

function check(options: FilesOptions): void {
  try {
    readFilesOptions(options);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const name = /^files\.(\w+)/.exec(error.option)?.[1] ?? '';
    if (!Object.hasOwn(FOLDER_FLAGS, name)) throw error;
    const flag = `--${FOLDER_FLAGS[name as keyof typeof FOLDER_FLAGS]}`;
    throw new UsageError(`${flag}: ${error.shown} is not allowed; ${ALLOWED[name] ?? error.allowed}`);
  }
}

/** What is allowed in the words of the command line, where the option's own are others. */
const ALLOWED: Readonly<Record<string, string>> = {
  spa: 'the name of a page in the folder, as --spa=app.html; --spa alone is index.html',
  cors: 'an origin as a browser sends it, as --cors=https://example.com; --cors alone is all of them',
  cacheControl:
    "what the field Cache-Control may hold, for all files as 'public, max-age=3600', or for some as '/assets/*=public, max-age=3600' or '*.html=no-store'",
  download:
    "a pattern of names, as --download='*.iso' or --download='/media/*'; --download alone is all files",
};
