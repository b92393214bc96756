/**
 * Reads values out of a TOML document by what is expected of them, and collects what is wrong, each with file, line, key
 * and what is allowed. It knows kinds of values and nothing of booting.
 */
import { show } from '../base/errors.ts';
import { parseDuration, parsePace } from '../base/units.ts';
import { readToml, type TomlDocument, type TomlPath, TomlSyntaxError } from './toml-document.ts';

/** A configuration that is not used. `problems` has a line for each mistake. */
export class BootConfigError extends Error {
  override readonly name = 'BootConfigError';
  readonly code = 'HOLDFAST_BOOT_CONFIG';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** More mistakes than that are one mistake: the file is another. */
const PROBLEMS_MAX = 20;

export class ConfigReader {
  readonly #document: TomlDocument;
  readonly #file: string;
  readonly #problems: { readonly line: number; readonly text: string }[] = [];

  /** @throws BootConfigError when the text is no TOML */
  constructor(text: string, file: string) {
    this.#file = file;
    try {
      this.#document = readToml(text);
    } catch (error) {
      if (!(error instanceof TomlSyntaxError)) throw error;
      throw new BootConfigError([`${file}:${error.line}: ${error.message}`]);
    }
  }

  top(keys: readonly string[]): Table {
    const table = new Table(this, [], this.#document.value);
    table.only(keys);
    return table;
  }

  lineOf(path: TomlPath): number {
    return this.#document.lineOf(path);
  }

  problem(path: TomlPath, what: string, allowed: string): void {
    if (this.#problems.length === PROBLEMS_MAX) return;
    const key = path.length === 0 ? '' : ` ${pathText(path)}:`;
    const line = this.lineOf(path);
    this.#problems.push({ line, text: `${this.#file}:${line}:${key} ${what}; allowed: ${allowed}` });
  }

  /** @throws BootConfigError when anything was wrong */
  finish(): void {
    if (this.#problems.length === 0) return;
    throw new BootConfigError(this.#problems.sort((a, b) => a.line - b.line).map(({ text }) => text));
  }
}

function pathText(path: TomlPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

type Values = Readonly<Record<string, unknown>>;

/** A URL of what iPXE fetches by itself, or a variable of iPXE that will be one. */
const URL_START = /^(?:https?|ftp|tftp|nfs|iscsi|aoe|file):|^\$\{/;

export class Table {
  readonly #reader: ConfigReader;
  readonly #path: TomlPath;
  readonly #values: Values;

  constructor(reader: ConfigReader, path: TomlPath, values: Values) {
    this.#reader = reader;
    this.#path = path;
    this.#values = values;
  }

  get line(): number {
    return this.#reader.lineOf(this.#path);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  only(keys: readonly string[]): void {
    for (const key of Object.keys(this.#values))
      if (!keys.includes(key)) this.#reader.problem([...this.#path, key], 'unknown key', keys.join(', '));
  }

  /** @param key which of the table's is meant; the table itself without one */
  wrong(what: string, allowed: string, key?: string): void {
    this.#reader.problem(key === undefined ? this.#path : [...this.#path, key], what, allowed);
  }

  wrongAt(path: TomlPath, what: string, allowed: string): void {
    this.#reader.problem([...this.#path, ...path], what, allowed);
  }

  text(key: string): string | undefined {
    const value = this.#own(key);
    if (value === undefined || (typeof value === 'string' && isLine(value))) return value;
    return this.#refuse(key, value, 'a line of text in quotes');
  }

  boolean(key: string): boolean | undefined {
    const value = this.#own(key);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.#refuse(key, value, 'true or false');
  }

  /** In ms; Infinity for 'off'. */
  duration(key: string): number | undefined {
    const value = this.#own(key);
    if (value === undefined) return undefined;
    try {
      if (typeof value === 'string') return parseDuration(key, value);
    } catch {}
    return this.#refuse(key, value, "a duration in quotes, as '10s' or '2m', or 'off'");
  }

  /** In bytes a second; Infinity for 'off'. */
  pace(key: string): number | undefined {
    const value = this.#own(key);
    if (value === undefined) return undefined;
    try {
      if (typeof value === 'string') return parsePace(key, value);
    } catch {}
    return this.#refuse(key, value, "bytes a second in quotes, '1k' or more, as '1m', or 'off'");
  }

  choice(key: string, choices: readonly string[]): string | undefined {
    const value = this.#own(key);
    if (value === undefined || (typeof value === 'string' && choices.includes(value))) return value;
    return this.#refuse(key, value, `one of ${choices.join(', ')}`);
  }

  /** A path of a file in the folder. */
  path(key: string): string | undefined {
    const value = this.#own(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && isPath(value)) return value.replace(/^\/+/, '');
    return this.#refuse(key, value, "a path within the folder, without '..'");
  }

  /** A path of a file in the folder, or a URL. */
  place(key: string): string | undefined {
    const value = this.#own(key);
    return value === undefined ? undefined : this.#place(key, value);
  }

  places(key: string): string[] | undefined {
    const value = this.#own(key);
    if (value === undefined) return undefined;
    const list = Array.isArray(value) ? value : [value];
    return list.map((each) => this.#place(key, each)).filter((each) => each !== undefined);
  }

  #place(key: string, value: unknown): string | undefined {
    if (typeof value === 'string' && isLine(value)) {
      if (URL_START.test(value)) return value;
      if (isPath(value)) return value.replace(/^\/+/, '');
    }
    return this.#refuse(key, value, "a path within the folder, without '..', or a URL");
  }

  /** One text, or a list of them. */
  words(key: string): string[] | undefined {
    const value = this.#own(key);
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every((each): each is string => typeof each === 'string' && isLine(each)))
      return list;
    if (list.length === 0 && key === 'args') return [];
    return this.#refuse(key, value, 'a line of text in quotes, or a list of such');
  }

  /** A table of plain values, as text. */
  variables(key: string): Readonly<Record<string, string>> {
    const table = this.table(key);
    const variables: Record<string, string> = {};
    if (table === undefined) return variables;
    for (const [name, value] of Object.entries(table.#values)) {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        variables[name] = String(value);
      else if (typeof value === 'bigint') variables[name] = String(value);
      else table.#refuse(name, value, 'a text, a number, true or false');
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name))
        table.wrong('is no name', "letters, digits, '_' and '-', a letter first", name);
    }
    return variables;
  }

  table(key: string): Table | undefined {
    const value = this.#own(key);
    if (value === undefined) return undefined;
    if (isTable(value)) return new Table(this.#reader, [...this.#path, key], value);
    return this.#refuse(key, value, `a table, [${pathText([...this.#path, key])}]`);
  }

  /** The tables in a table, by name. */
  tables(key: string): [string, Table][] {
    const outer = this.table(key);
    if (outer === undefined) return [];
    return Object.keys(outer.#values).flatMap((name) => {
      const inner = outer.table(name);
      return inner === undefined ? [] : ([[name, inner]] as [string, Table][]);
    });
  }

  /** A list of tables, `[[key]]`. */
  list(key: string): Table[] {
    const value = this.#own(key);
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every(isTable))
      return value.map((each, index) => new Table(this.#reader, [...this.#path, key, index], each));
    this.#refuse(key, value, `tables, each begun by [[${key}]]`);
    return [];
  }

  /** What `read` gives; what it throws is a problem of the key. */
  checked<T>(key: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      const [what = '', ...allowed] = String((error as Error).message)
        .replace(/^\w+: /, '')
        .split('; ');
      this.wrong(what, allowed.join('; '), key);
      return undefined;
    }
  }

  #own(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  #refuse(key: string, value: unknown, allowed: string): undefined {
    this.#reader.problem([...this.#path, key], `${show(value)} is not allowed`, allowed);
    return undefined;
  }
}

function isTable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isLine(text: string): boolean {
  return text !== '' && !/\p{Cc}/u.test(text);
}

function isPath(text: string): boolean {
  return isLine(text) && !text.includes('\\') && !text.split('/').includes('..');
}
