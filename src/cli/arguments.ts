/**
 * Flags as a table: each is declared once, with its kind, default, help text and environment variable,
 * and from that come the parser, the help page and the types. It knows no command.
 */
import { parseArgs } from 'node:util';
import { parseDuration, parsePause, parseSize } from '../base/units.ts';
import { UsageError } from './failure.ts';

interface FlagBase {
  readonly short?: string;
  readonly help: string;
  /** Heading that the help page shows it under. */
  readonly group: string;
  /** Read when the flag is not given. */
  readonly env?: string;
  /** What happens without the flag, as the help page says it. */
  readonly defaultText?: string;
}

interface SwitchFlag extends FlagBase {
  readonly kind: 'switch';
  /** Also accept `--no-NAME`. */
  readonly negatable?: boolean;
}

interface ValueFlag extends FlagBase {
  /** `list` is text that may be given several times; a `pause` is a duration that may be none. */
  readonly kind: 'text' | 'list' | 'duration' | 'pause' | 'size' | 'integer';
  /** What the value is called in the help page. */
  readonly metavar: string;
  readonly min?: number;
  readonly max?: number;
  /** A word that is allowed instead of a number. */
  readonly word?: string;
  /** `--NAME ''` is a value. */
  readonly mayBeEmpty?: boolean;
  /** `--NAME` alone is the empty value; one that is given stands in the same word, as getopt has it: `--NAME=x`, `-nx`. */
  readonly isOptional?: boolean;
}

interface ChoiceFlag extends FlagBase {
  readonly kind: 'choice';
  readonly metavar: string;
  readonly choices: readonly string[];
}

type Flag = SwitchFlag | ValueFlag | ChoiceFlag;
export type FlagTable = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F extends { kind: 'switch' }
  ? boolean
  : F extends { kind: 'choice'; choices: readonly (infer C)[] }
    ? C
    : F extends { kind: 'text' }
      ? string
      : F extends { kind: 'list' }
        ? readonly string[]
        : F extends { word: infer W }
          ? number | W
          : number;

/** Values by flag name; `undefined` where neither the flag nor its variable was given. */
export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: ValueOf<T[K]> | undefined };

export interface ParsedArguments<T extends FlagTable> {
  readonly values: FlagValues<T>;
  readonly positionals: readonly string[];
  /** By name: the flags that stand in `argv`; other values come from variables. */
  readonly given: ReadonlyMap<string, GivenFlag>;
}

/** A flag as it was typed. */
export interface GivenFlag {
  /** With its dashes: `-p` or `--port`. */
  readonly spelling: string;
  readonly text: string | undefined;
}

/**
 * @param positionalsMax how many arguments without a dash are allowed
 * @throws UsageError naming the flag, the value and what is allowed
 */
export function parseArguments<T extends FlagTable>(
  table: T,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  positionalsMax: number,
): ParsedArguments<T> {
  const options: Record<string, { type: 'boolean' | 'string'; short?: string }> = {};
  for (const [name, flag] of Object.entries(table)) {
    options[name] = {
      type: flag.kind === 'switch' ? 'boolean' : 'string',
      ...(flag.short === undefined ? {} : { short: flag.short }),
    };
  }
  const { tokens } = parseArgs({
    args: withEmptyValues(table, argv),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  const positionals: string[] = [];
  const given = new Map<string, GivenFlag>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    else if (token.kind === 'option') {
      const { name, rawName, value } = token;
      setFromToken(table, values, name, rawName, value, token.inlineValue ?? false);
      given.set(name, { spelling: rawName, text: value });
    }
  }
  if (positionals.length > positionalsMax) {
    throw new UsageError(`unexpected argument ${JSON.stringify(positionals[positionalsMax])}`);
  }
  for (const [name, flag] of Object.entries(table)) {
    const text = flag.env === undefined ? undefined : env[flag.env];
    if (values[name] !== undefined || text === undefined || text === '') continue;
    const read = readValue(flag, `${flag.env} (environment)`, text);
    values[name] = flag.kind === 'list' ? [read] : read;
  }
  return { values: values as FlagValues<T>, positionals, given };
}

/** An optional value that is not there is written out as an empty one: the parser would take the next word for it. */
function withEmptyValues(table: FlagTable, argv: readonly string[]): string[] {
  const words: string[] = [];
  for (const [index, word] of argv.entries()) {
    if (word === '--') return [...words, ...argv.slice(index)];
    const found = Object.entries(table).find(
      ([name, flag]) =>
        'isOptional' in flag &&
        flag.isOptional === true &&
        (word === `--${name}` || endsIn(table, word, flag.short)),
    );
    if (found === undefined) words.push(word);
    else {
      if (!word.startsWith('--') && word.length > 2) words.push(word.slice(0, -1));
      words.push(`--${found[0]}=`);
    }
  }
  return words;
}

/** `-l`, or switches before it as in `-bil`. */
function endsIn(table: FlagTable, word: string, short: string | undefined): boolean {
  if (short === undefined || !/^-[^-]/.test(word) || !word.endsWith(short)) return false;
  return [...word.slice(1, -1)].every((letter) =>
    Object.values(table).some((flag) => flag.kind === 'switch' && flag.short === letter),
  );
}

function setFromToken(
  table: FlagTable,
  values: Record<string, unknown>,
  name: string,
  rawName: string,
  value: string | undefined,
  isInline: boolean,
): void {
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (flag === undefined) {
    const negated = name.startsWith('no-') ? name.slice(3) : '';
    const positive = Object.hasOwn(table, negated) ? table[negated] : undefined;
    if (positive?.kind !== 'switch' || positive.negatable !== true) throw unknownFlag(table, rawName);
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    values[negated] = false;
    return;
  }
  if (flag.kind === 'switch') {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    values[name] = true;
    return;
  }
  // Without `=`, a value that looks like a flag is a flag whose predecessor lacks its value.
  const isMissing =
    value === undefined ||
    (value === '' && flag.kind !== 'choice' && flag.mayBeEmpty !== true && flag.isOptional !== true);
  if (isMissing || (!isInline && /^-\D/.test(value))) {
    throw new UsageError(`${rawName} needs a value: ${allowedOf(flag)}`);
  }
  const read = readValue(flag, rawName, value);
  values[name] = flag.kind === 'list' ? [...((values[name] as string[] | undefined) ?? []), read] : read;
}

function readValue(flag: Flag, name: string, text: string): unknown {
  switch (flag.kind) {
    case 'switch':
      return text !== '0' && text !== 'false';
    case 'text':
    case 'list':
      return text;
    case 'choice':
      if (!flag.choices.includes(text))
        throw new UsageError(`${name}: ${JSON.stringify(text)} is not one of ${flag.choices.join(', ')}`);
      return text;
    case 'duration':
      return readUnit(parseDuration, flag, name, text);
    case 'pause':
      return readUnit(parsePause, flag, name, text);
    case 'size':
      return readUnit(parseSize, flag, name, text);
    case 'integer': {
      if (flag.word !== undefined && text === flag.word) return text;
      const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (!(number >= (flag.min ?? 0) && number <= (flag.max ?? Number.MAX_SAFE_INTEGER))) {
        throw new UsageError(`${name}: ${JSON.stringify(text)} is not allowed; ${allowedOf(flag)}`);
      }
      return number;
    }
  }
}

/** What options take as numbers cannot be written on a command line: the message says what can. */
function readUnit(
  parse: (name: string, text: string) => number,
  flag: Flag,
  name: string,
  text: string,
): number {
  try {
    return parse(name, text);
  } catch {
    throw new UsageError(`${name}: ${JSON.stringify(text)} is not allowed; ${unitRule(flag, text)}`);
  }
}

function unitRule(flag: Flag, text: string): string {
  if (flag.kind === 'size')
    return "a size is a number of bytes, or one with its unit, as 64k, 10m or 1g; 'off' for no limit";
  if (/^0+(?:\.0*)?(?:ms|[smhd])?$/.test(text))
    return "0 would mean off to some and at once to others; say 'off', or a duration of 1ms or more";
  const examples = /^\d+(\.\d+)?$/.test(text) ? `${text}ms or ${text}s` : '500ms, 10s, 2m or 1h';
  return `a duration is a number with its unit, as ${examples}; ${flag.kind === 'pause' ? '0' : "'off'"} for none`;
}

function allowedOf(flag: Flag): string {
  switch (flag.kind) {
    case 'switch':
      return 'no value';
    case 'choice':
      return `one of ${flag.choices.join(', ')}`;
    case 'text':
    case 'list':
      return flag.metavar;
    case 'duration':
      return "a duration such as 500ms, 10s, 2m or 1h, or 'off'";
    case 'pause':
      return 'a duration such as 500ms, 10s, 2m or 1h, or 0 for none';
    case 'size':
      return "a size such as 64k, 10m or 1g, or 'off'";
    case 'integer': {
      const range =
        flag.max === undefined
          ? `a whole number from ${flag.min ?? 0}`
          : `a whole number from ${flag.min ?? 0} to ${flag.max}`;
      return flag.word === undefined ? range : `${range}, or '${flag.word}'`;
    }
  }
}

function unknownFlag(table: FlagTable, rawName: string): UsageError {
  const names: string[] = [];
  for (const [name, flag] of Object.entries(table)) {
    names.push(`--${name}`);
    if (flag.kind === 'switch' && flag.negatable === true) names.push(`--no-${name}`);
  }
  const near = rawName.startsWith('--') ? nearest(rawName, names) : undefined;
  return new UsageError(
    `unknown flag ${rawName}${near === undefined ? '; see --help' : `; did you mean ${near}?`}`,
  );
}

/** The most similar of `names`, if one is similar enough to be what was meant. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  // A third of the letters may be wrong: more, and the suggestion is a guess.
  let bestDistance = Math.max(1, Math.floor(wanted.replace(/^-+/, '').length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(wanted, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best ?? names.find((name) => wanted.length >= 5 && name.startsWith(wanted));
}

/** Optimal string alignment: insertions, deletions, substitutions and swapped neighbours. */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, older[j - 2]! + 1);
      current.push(cost);
    }
    older = previous;
    previous = current;
  }
  return previous[b.length]!;
}

/** The flags of a table as help text, under their groups, in columns that fit 80 characters. */
export function describeFlags(table: FlagTable): string {
  const groups = new Map<string, [string, string][]>();
  for (const [name, flag] of Object.entries(table)) {
    const rows = groups.get(flag.group) ?? [];
    rows.push([spellingOf(name, flag), explanationOf(flag)]);
    groups.set(flag.group, rows);
  }
  const width = Math.max(...[...groups.values()].flat().map(([spelling]) => spelling.length)) + 2;
  const sections: string[] = [];
  for (const [group, rows] of groups) {
    const lines = rows.map(
      ([spelling, text]) =>
        `  ${spelling.padEnd(width)}${wrap(text, 78 - width - 2).join(`\n${' '.repeat(width + 2)}`)}`,
    );
    sections.push(`${group}:\n${lines.join('\n')}`);
  }
  return sections.join('\n\n');
}

function spellingOf(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  const long = flag.kind === 'switch' && flag.negatable === true ? `--[no-]${name}` : `--${name}`;
  const isOptional = 'isOptional' in flag && flag.isOptional === true;
  const value = flag.kind === 'switch' ? '' : isOptional ? `[=${flag.metavar}]` : ` ${flag.metavar}`;
  return `${short}${long}${value}`;
}

function explanationOf(flag: Flag): string {
  const notes: string[] = [];
  if (flag.kind === 'choice') notes.push(flag.choices.join('|'));
  if (flag.defaultText !== undefined) notes.push(`default ${flag.defaultText}`);
  if (flag.env !== undefined) notes.push(`or ${flag.env}`);
  return notes.length === 0 ? flag.help : `${flag.help} [${notes.join('; ')}]`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
