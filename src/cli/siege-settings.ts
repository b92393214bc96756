/**
 * What a siege is asked for, by flags and by siege's resource file: a flag counts before the file, and what
 * neither says is as siege's manual has it.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '../base/errors.ts';
import { type FieldPair, parseHeaderFlag } from '../load/client/h1-request-encoder.ts';
import type { FlagValues } from './arguments.ts';
import { UsageError } from './failure.ts';
import { parsePositiveTime } from './load-numbers.ts';
import { parseDelay, parseReps, parseSiegeTime, type SIEGE_FLAGS } from './siege-flags.ts';
import type { SiegeResource } from './siege-resource.ts';

export type SiegeFlags = FlagValues<typeof SIEGE_FLAGS>;

const DEFAULT_USERS = 25;
/** siege's manual says so; its configuration file, which not everybody has, may say otherwise. */
const DEFAULT_DELAY_MS = 500;
const DEFAULT_TIMEOUT_MS = 30_000;
const USERS_MAX = 1_000_000;

export interface SiegeSettings {
  readonly users: number;
  readonly durationMs: number | undefined;
  /** Requests of each user; 0 for all URLs once. */
  readonly reps: number | undefined;
  readonly delayMs: number;
  readonly timeoutMs: number;
  readonly isRandom: boolean;
  readonly isQuiet: boolean;
  readonly isJson: boolean;
  readonly keepsConnections: boolean;
  readonly headers: readonly FieldPair[];
  readonly url: string | undefined;
  readonly file: string | undefined;
  readonly getMethod: string;
  /** Where the run is logged; undefined when it is not. */
  readonly logFile: string | undefined;
  readonly showsLogFile: boolean;
  readonly mark: string | undefined;
  /** Files of a certificate and its key, to be shown. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly warnings: readonly string[];
}

/** @throws UsageError and OptionError naming the flag, or the file and its key */
export function siegeSettings(
  flags: SiegeFlags,
  resource: SiegeResource,
  positional: string | undefined,
): SiegeSettings {
  const { values } = resource;
  const at = (key: string) => `${key} (${resource.file ?? ''})`;
  const isOn = (key: string) => readSwitch(at(key), values.get(key));
  const warnings = [...resource.warnings];
  if (/^HTTP\/1\.0/i.test(values.get('protocol') ?? ''))
    throw new OptionError(at('protocol'), values.get('protocol'), 'HTTP/1.1: nothing else is spoken');
  const delay = values.get('delay');
  const timeout = flags.timeout ?? values.get('timeout');
  return {
    users: users(flags, resource, warnings),
    ...extent(flags, resource, warnings),
    delayMs:
      flags.benchmark === true || (flags.delay === undefined && isOn('benchmark'))
        ? 0
        : flags.delay !== undefined
          ? parseDelay('--delay', flags.delay)
          : delay === undefined
            ? DEFAULT_DELAY_MS
            : parseDelay(at('delay'), delay),
    timeoutMs:
      timeout === undefined
        ? DEFAULT_TIMEOUT_MS
        : parsePositiveTime(flags.timeout === undefined ? at('timeout') : '--timeout', timeout),
    isRandom: flags.internet === true || isOn('internet'),
    isQuiet: flags.quiet === true || isOn('quiet'),
    isJson: flags['json-output'] === true || isOn('json_output'),
    keepsConnections: flags['keep-alive'] === true || /^keep-alive/i.test(values.get('connection') ?? ''),
    headers: headers(flags, resource),
    url: positional ?? (flags.file === undefined ? values.get('url') : undefined),
    file: flags.file ?? values.get('file'),
    getMethod: flags.print === true || /^get$/i.test(values.get('gmethod') ?? '') ? 'GET' : 'HEAD',
    logFile:
      flags.log !== undefined || flags.mark !== undefined || isOn('logging')
        ? ((flags.log || values.get('logfile')) ?? join(homedir(), '.siege', 'siege.log'))
        : undefined,
    showsLogFile: !values.has('show-logfile') || isOn('show-logfile'),
    mark: flags.mark,
    cert: flags.cert ?? values.get('ssl-cert'),
    key: flags.key ?? values.get('ssl-key'),
    warnings,
  };
}

function users(flags: SiegeFlags, { file, values }: SiegeResource, warnings: string[]): number {
  const text = values.get('concurrent');
  const wanted = flags.concurrent ?? readCount(`concurrent (${file ?? ''})`, text) ?? DEFAULT_USERS;
  const limit = readCount(`limit (${file ?? ''})`, values.get('limit'));
  if (limit === undefined || wanted <= limit) return wanted;
  warnings.push(`the number of users is capped at ${limit}, by limit = ${limit} in ${file}`);
  return limit;
}

/** How long a siege lasts, or how many requests each user makes. A flag takes the place of both keys of the file. */
function extent(
  flags: SiegeFlags,
  { file, values }: SiegeResource,
  warnings: string[],
): Pick<SiegeSettings, 'durationMs' | 'reps'> {
  if (flags.time !== undefined && flags.reps !== undefined)
    throw new UsageError('--time and --reps are not given together');
  if (flags.time !== undefined) return { durationMs: parseSiegeTime('--time', flags.time), reps: undefined };
  if (flags.reps !== undefined) return { durationMs: undefined, reps: parseReps('--reps', flags.reps) };
  const [time, reps] = [values.get('time'), values.get('reps')];
  if (time !== undefined && reps !== undefined)
    warnings.push(`${file} has both time and reps: as with siege, time counts`);
  if (time !== undefined) return { durationMs: parseSiegeTime(`time (${file})`, time), reps: undefined };
  return { durationMs: undefined, reps: reps === undefined ? undefined : parseReps(`reps (${file})`, reps) };
}

/** A flag's field takes the place of the file's of that name. */
function headers(flags: SiegeFlags, { file, values, headers: lines }: SiegeResource): FieldPair[] {
  const given = (flags.header ?? []).map((text) => parseHeaderFlag('--header', text));
  if (flags['user-agent'] !== undefined)
    given.push(parseHeaderFlag('--user-agent', `User-Agent: ${flags['user-agent']}`));
  if (flags['content-type'] !== undefined)
    given.push(parseHeaderFlag('--content-type', `Content-Type: ${flags['content-type']}`));
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  const kept = lines.map((text) => parseHeaderFlag(`header (${file})`, text));
  const own = new Set(kept.map(([name]) => name.toLowerCase()));
  for (const [key, name] of [
    ['user-agent', 'User-Agent'],
    ['accept-encoding', 'Accept-Encoding'],
  ] as const) {
    const value = values.get(key);
    if (value !== undefined && !own.has(key)) kept.push([name, value]);
  }
  return [...kept.filter(([name]) => !names.has(name.toLowerCase())), ...given];
}

function readCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > USERS_MAX)
    throw new OptionError(name, text, `a whole number from 1 to ${USERS_MAX}`);
  return count;
}

function readSwitch(name: string, text: string | undefined): boolean {
  if (text === undefined) return false;
  if (!/^(?:true|false|on|off)$/i.test(text)) throw new OptionError(name, text, 'true or false');
  return /^(?:true|on)$/i.test(text);
}
