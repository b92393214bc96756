/**
 * Every option of a folder, with its default and why, and the check that turns what a caller wrote into what the folder
 * uses. This file is the manual of the options.
 */
import { OptionError } from '../base/errors.ts';
import { checkBoolean, checkChoice, snapshot } from '../base/option-checks.ts';
import { parsePace, parseSize, type Size } from '../base/units.ts';
import type { CacheRules } from './cache-rules.ts';
import { type NamePattern, patternOf, problemOfPattern } from './name-pattern.ts';
import { isPlainName } from './path.ts';

export interface FilesOptions {
  /** The path below which the folder is, as `'/static'`; requests for others find nothing here. @default '' */
  basePath?: string;
  /** Answer a folder without an index file with a list of what is in it. @default false: not everybody means to show it */
  listing?: boolean;
  /** Serve names that begin with a dot. @default false, `.well-known` at the root excepted (RFC 8615) */
  dotfiles?: boolean;
  /**
   * Symbolic links that are followed: those that lead into the folder, all, or none. One that is not followed is not there.
   * @default 'inside'
   */
  symlinks?: 'inside' | 'all' | 'none';
  /** The file that stands for its folder. @default 'index.html' */
  index?: string | false;
  /** Sent with status 404 when there is such a file at the root. @default '404.html' */
  notFound?: string | false;
  /** `/about` is the file `about.html` where there is no `about`. @default true */
  cleanUrls?: boolean;
  /**
   * A page that stands for every path that leads to no file and has no ending, or that a browser asks for as a page:
   * the router of a single-page application does the rest. `true` is the index file.
   * @default false
   */
  spa?: boolean | string;
  /** Let pages of other origins read the files: `true` is all of them, else those that are named. @default false */
  cors?: boolean | string | readonly string[];
  /**
   * What Cache-Control says, for all or by pattern: the first that matches. `*` stands for any characters.
   * @default 'no-cache': keep it, but ask before using it; a changed file is seen at once and a 304 is cheap
   */
  cacheControl?: string | readonly { readonly match: string; readonly value: string }[];
  /** Files whose names hold a hash of the content, as bundlers make them, are kept for a year without asking. @default false */
  immutable?: boolean;
  /** Files to be saved instead of shown: all, or by pattern. @default false */
  download?: boolean | string | readonly string[];
  /**
   * Send `app.js.br`, `.zst` or `.gz` in place of `app.js` to clients that take it, where it is there and no older. For text,
   * scripts, fonts and the like.
   * @default true
   */
  precompressed?: boolean;
  /**
   * Compress such files of 1 KiB to 4 MiB when they are asked for: by brotli, zstd or gzip, off the loop, kept in memory.
   * @default false: files beside them cost nothing at each start
   */
  compress?: boolean;
  /**
   * How many bytes of a file over 64 KiB leave in a second at most, for each connection, where the engine can hold it (not the node
   * engine, and not over HTTP/2): for clients that stop when it comes too fast, as some firmware does.
   * @default Infinity
   */
  pace?: Size;
  /** Memory for files of up to 64 KiB, in each thread, and with `compress` as much again; 0 is none. @default '32m' */
  memory?: Size;
}

const NAMES = [
  'basePath', 'listing', 'dotfiles', 'symlinks', 'index', 'notFound', 'cleanUrls', 'spa', 'cors', 'cacheControl',
  'immutable', 'download', 'precompressed', 'compress', 'pace', 'memory',
] as const satisfies readonly (keyof FilesOptions)[]; // biome-ignore format: one list

const CACHE_CONTROL = 'no-cache';

/** Options after the check. */
export interface FilesSettings {
  /** Without a slash at its end. */
  readonly basePath: string;
  readonly listing: boolean;
  readonly dotfiles: boolean;
  readonly symlinks: 'inside' | 'all' | 'none';
  /** Names as bytes, one a character; undefined for none. */
  readonly index: string | undefined;
  readonly notFound: string | undefined;
  readonly spa: string | undefined;
  readonly cleanUrls: boolean;
  /** Origins, or `*` alone; none where there is no CORS. */
  readonly corsOrigins: readonly string[];
  readonly cache: CacheRules;
  readonly downloads: readonly NamePattern[];
  readonly precompressed: boolean;
  readonly compress: boolean;
  /** undefined for no limit. */
  readonly paceBytesPerSecond: number | undefined;
  readonly memoryBytesMax: number;
}

/** @throws OptionError naming the first option that is not allowed, as `files.listing` */
export function readFilesOptions(given: FilesOptions): FilesSettings {
  const options = snapshot<FilesOptions>('files.', given, NAMES);
  for (const name of ['listing', 'dotfiles', 'cleanUrls', 'immutable', 'precompressed', 'compress'] as const)
    checkBoolean(`files.${name}`, options[name]);
  checkChoice('files.symlinks', options.symlinks, ['inside', 'all', 'none']);
  const index = fileName('index', options.index, 'index.html');
  return {
    basePath: basePathOf(options.basePath),
    listing: options.listing ?? false,
    dotfiles: options.dotfiles ?? false,
    symlinks: options.symlinks ?? 'inside',
    index,
    notFound: fileName('notFound', options.notFound, '404.html'),
    spa: spaOf(options.spa, index),
    cleanUrls: options.cleanUrls ?? true,
    corsOrigins: originsOf(options.cors),
    cache: cacheOf(options.cacheControl, options.immutable ?? false),
    downloads: downloadsOf(options.download),
    precompressed: options.precompressed ?? true,
    compress: options.compress ?? false,
    paceBytesPerSecond: paceOf(options.pace),
    memoryBytesMax: parseSize('files.memory', options.memory ?? '32m'),
  };
}

function basePathOf(value: unknown): string {
  if (value === undefined || value === '' || value === '/') return '';
  if (typeof value !== 'string' || !value.startsWith('/') || /[?#*\s]|\/\//.test(value))
    throw new OptionError('files.basePath', value, "the path of a URL, as '/static'");
  return value.replace(/\/$/, '');
}

/** A path below the root as bytes, one a character. */
function fileName(name: 'index' | 'notFound' | 'spa', value: unknown, otherwise: string): string | undefined {
  if (value === false) return undefined;
  const path = value === undefined || value === true ? otherwise : value;
  if (typeof path !== 'string' || path === '' || !path.split('/').every(isFileName))
    throw new OptionError(
      `files.${name}`,
      value,
      "the name of a file, as 'index.html', without '..' and a slash before it; or false",
    );
  if (name === 'index' && path.includes('/'))
    throw new OptionError('files.index', value, "a name alone, as 'index.html', which every folder may hold");
  return Buffer.from(path, 'utf8').toString('latin1');
}

function isFileName(segment: string): boolean {
  return segment !== '' && isPlainName(segment);
}

function paceOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const pace = parsePace('files.pace', value);
  return pace === Number.POSITIVE_INFINITY ? undefined : pace;
}

function spaOf(value: unknown, index: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value === true && index === undefined)
    throw new OptionError('files.spa', value, 'the name of the page, since `index` is switched off');
  return fileName('spa', value, index === undefined ? '' : Buffer.from(index, 'latin1').toString('utf8'));
}

function originsOf(value: unknown): readonly string[] {
  if (value === undefined || value === false) return [];
  if (value === true) return ['*'];
  const origins = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  for (const origin of origins)
    if (typeof origin !== 'string' || !isOrigin(origin))
      throw new OptionError(
        'files.cors',
        origin,
        "true for all, or origins as a browser sends them, as 'https://example.com'",
      );
  return origins as readonly string[];
}

function isOrigin(text: string): boolean {
  return text === '*' || text === 'null' || (URL.canParse(text) && new URL(text).origin === text);
}

function cacheOf(value: unknown, immutable: boolean): CacheRules {
  if (value === undefined) return { rules: [], immutable, otherwise: CACHE_CONTROL };
  if (!Array.isArray(value))
    return { rules: [], immutable, otherwise: fieldText('files.cacheControl', value) };
  const rules = value.map((given: unknown, at) => {
    const option = `files.cacheControl[${at}]`;
    const rule = snapshot<{ match: string; value: string }>(`${option}.`, given, ['match', 'value']);
    const problem = problemOfPattern(rule.match);
    if (problem !== undefined) throw new OptionError(`${option}.match`, rule.match, problem);
    return { pattern: patternOf(rule.match), value: fieldText(`${option}.value`, rule.value) };
  });
  return { rules, immutable, otherwise: CACHE_CONTROL };
}

function fieldText(option: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[!-~]+(?:[ \t]+[!-~]+)*$/.test(value))
    throw new OptionError(
      option,
      value,
      "what the field Cache-Control may hold, as 'public, max-age=3600'; or rules, as { match: '/assets/*', value: 'public, max-age=3600' }",
    );
  return value;
}

function downloadsOf(value: unknown): readonly NamePattern[] {
  if (value === undefined || value === false) return [];
  const patterns = value === true ? ['*'] : Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return patterns.map((pattern) => {
    const problem = problemOfPattern(pattern);
    if (problem !== undefined)
      throw new OptionError('files.download', pattern, `true, or patterns: ${problem}`);
    return patternOf(pattern as string);
  });
}
