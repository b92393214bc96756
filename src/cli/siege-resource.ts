/**
 * siege's resource file: `key = value` lines, `#` comments, variables. What each key means here is one table:
 * taken over, without effect here, not taken over (with a warning, for a run without it is still the run that
 * was meant), or refused, where a run without it would load something else. Facts of format and place: siege
 * 4, src/init.c and doc/siegerc.in.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '../base/errors.ts';
import { nearest } from './arguments.ts';
import { CommandError } from './failure.ts';

/** Settings by key as the file has them, variables put in. */
export interface SiegeResource {
  /** The file's name; undefined where there is none. */
  readonly file: string | undefined;
  readonly values: ReadonlyMap<string, string>;
  readonly headers: readonly string[];
  readonly warnings: readonly string[];
}

const TAKEN = [
  ...['quiet', 'gmethod', 'connection', 'concurrent', 'time', 'reps', 'file', 'url', 'delay', 'timeout'],
  ...['internet', 'benchmark', 'user-agent', 'accept-encoding', 'limit', 'logging', 'logfile'],
  ...['show-logfile', 'json_output', 'header', 'protocol', 'ssl-cert', 'ssl-key'],
];
/** They shape lines that are not printed here, or protocols that are not spoken, or say what is so anyway. */
const WITHOUT_EFFECT = [
  ...['verbose', 'csv', 'timestamp', 'fullurl', 'display-id', 'color', 'spinner', 'debug', 'chunked'],
  ...['url-escaping', 'unique', 'ftp-login', 'nofollow', 'ssl-timeout', 'attempts'],
];
/** A warning, unless the value is the one that stands here. */
const NOT_TAKEN: Readonly<Record<string, readonly [fine: string, what: string]>> = {
  parser: ['false', 'what a page refers to is not loaded'],
  cookies: ['false', 'cookies are not kept'],
  'follow-location': ['false', 'redirects are not followed'],
  cache: ['false', 'nothing is asked for again with its ETag'],
  'zero-data-ok': ['true', 'an empty answer is an answer'],
  'expire-session': ['false', 'there are no cookies to forget'],
  failures: ['0', 'a siege is not given up for its failures'],
};
const REFUSED: Readonly<Record<string, string>> = {
  'proxy-host': 'there is no loading through a proxy',
  'proxy-port': 'there is no loading through a proxy',
  'proxy-login': 'there is no loading through a proxy',
  login: 'credentials stand in the URL: http://user:password@host/',
  username: 'credentials stand in the URL: http://user:password@host/',
  password: 'credentials stand in the URL: http://user:password@host/',
  'login-url': 'there are no cookies to log in with; a script (holdfast load --script) can log in',
  'ssl-ciphers': "ciphers are OpenSSL's to choose",
};
const KEYS = [...TAKEN, ...WITHOUT_EFFECT, ...Object.keys(NOT_TAKEN), ...Object.keys(REFUSED)];

const LINE = /^([^\s=:]+)(?:\s*[=:]\s*|\s+)(.*)$/;
const VARIABLE = /\$(?:\((\w+)\)|\{(\w+)\}|(\w+))/g;

/** @throws OptionError naming the line */
export function parseSiegeResource(text: string, file: string, env: NodeJS.ProcessEnv): SiegeResource {
  const variables = new Map<string, string>();
  const values = new Map<string, string>();
  const headers: string[] = [];
  const warnings: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const at = `${file}:${index + 1}`;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name, rest] = LINE.exec(line) ?? [];
    // `logfile =` is how a file says nothing.
    if (name === undefined) continue;
    const key = name.toLowerCase() === 'json-output' ? 'json_output' : name.toLowerCase();
    const value = putIn(rest!, at, (variable) => variables.get(variable) ?? env[variable]);
    if (!KEYS.includes(key)) {
      refuseSlip(name, key, text, at);
      variables.set(name, value);
    } else if (value === '') continue;
    // Without its value, which may be a secret.
    else if (Object.hasOwn(REFUSED, key)) throw new OptionError(at, key, REFUSED[key]!);
    else if (key === 'header') headers.push(value);
    else if (TAKEN.includes(key)) values.set(key, value);
    else if (Object.hasOwn(NOT_TAKEN, key) && value.toLowerCase() !== NOT_TAKEN[key]![0])
      warnings.push(`${at}: ${key} = ${value} is not taken over: ${NOT_TAKEN[key]![1]}`);
  }
  return { file, values, headers, warnings };
}

/** Any other word declares a variable; one that nothing uses and that looks like a setting was meant as one. */
function refuseSlip(name: string, key: string, text: string, at: string): void {
  const isUsed = [...text.matchAll(VARIABLE)].some(
    ([, round, curly, plain]) => (round ?? curly ?? plain) === name,
  );
  const meant = isUsed ? undefined : nearest(key, KEYS);
  if (meant !== undefined)
    throw new OptionError(at, name, `siege has no such setting; did you mean ${meant}?`);
}

function putIn(text: string, at: string, read: (name: string) => string | undefined): string {
  return text.trim().replace(VARIABLE, (_, round: string, curly: string, plain: string) => {
    const name = round ?? curly ?? plain;
    const value = read(name);
    if (value === undefined)
      throw new OptionError(at, text.trim(), `${name} is set on a line before, or in the environment`);
    return value;
  });
}

/**
 * The file that is asked for, else the one that `SIEGERC` names, else the one in the home folder if there is
 * one: `.siege/siege.conf`, before siege 4 `.siegerc`.
 * @throws CommandError when one that is named cannot be read
 */
export async function readSiegeResource(
  given: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<SiegeResource> {
  const [named, source] = given === undefined ? [env['SIEGERC'], 'SIEGERC'] : [given, '--rc'];
  if (named !== undefined && named !== '') {
    const text = await readFile(named, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(`${source} ${named}: cannot be read (${error.code})`);
    });
    return parseSiegeResource(text, named, env);
  }
  const home = env['HOME'] ?? homedir();
  for (const file of [join(home, '.siege', 'siege.conf'), join(home, '.siegerc')]) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseSiegeResource(text, file, env);
  }
  return { file: undefined, values: new Map(), headers: [], warnings: [] };
}
