/**
 * Log lines of the server itself: four levels, two formats, one bounded queue. The interface is the one
 * that pino, winston and console share, so that any of them can stand in its place.
 *
 * What is logged is often what somebody threw, and that may be anything: nothing given to it makes it throw.
 */
import { show } from '../base/errors.ts';
import { codeOf, isError, stackFrames, textProperty } from './error-text.ts';
import { LineWriter, type LineWriterOptions } from './line-writer.ts';
import { escapeControls, paint, usesColour } from './terminal.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
type LogFormat = 'pretty' | 'json';
type LogFields = Readonly<Record<string, unknown>>;

/**
 * What Holdfast calls: a message and what belongs to it. Errors and plain objects among the arguments
 * become fields, first or last, so that calls in the manner of console and of pino both read well.
 */
interface Logger {
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

interface LoggerOptions extends LineWriterOptions {
  /** @default 'pretty' */
  readonly format?: LogFormat;
  /** Lines below it are not made. @default 'info' */
  readonly level?: LogLevel;
  /** The descriptor that lines go to; the caller closes it. @default 2, standard error */
  readonly fd?: number;
  /** @default colours on a terminal, unless NO_COLOR is set */
  readonly colour?: boolean;
  /** The clock, for tests. @default Date.now */
  readonly now?: () => number;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const STYLE: Record<LogLevel, 'dim' | 'green' | 'yellow' | 'red'> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

export function createLogger(options: LoggerOptions = {}): HoldfastLogger {
  return new HoldfastLogger(options);
}

export class HoldfastLogger implements Logger {
  readonly #writer: LineWriter;
  readonly #format: LogFormat;
  readonly #rank: number;
  readonly #colour: boolean;
  readonly #now: () => number;

  constructor(options: LoggerOptions = {}) {
    const fd = options.fd ?? 2;
    this.#format = options.format ?? 'pretty';
    this.#rank = RANK[options.level ?? 'info'];
    this.#colour = options.colour ?? (this.#format === 'pretty' && usesColour(fd));
    this.#now = options.now ?? Date.now;
    this.#writer = new LineWriter(fd, {
      describeDropped: (count) =>
        this.#line(
          'warn',
          { dropped: count },
          'log lines were dropped: the log is read too slowly, or its disk was full',
        ),
      ...options,
    });
  }

  get droppedCount(): number {
    return this.#writer.droppedCount;
  }

  debug(...args: unknown[]): void {
    if (this.#rank <= RANK.debug) this.#log('debug', args);
  }

  info(...args: unknown[]): void {
    if (this.#rank <= RANK.info) this.#log('info', args);
  }

  warn(...args: unknown[]): void {
    if (this.#rank <= RANK.warn) this.#log('warn', args);
  }

  error(...args: unknown[]): void {
    this.#log('error', args);
  }

  /** @returns whether everything went out within `timeoutMs` */
  flush(timeoutMs: number): Promise<boolean> {
    return this.#writer.flush(timeoutMs);
  }

  flushSync(): void {
    this.#writer.flushSync();
  }

  #log(level: LogLevel, args: readonly unknown[]): void {
    const fields: Record<string, unknown> = {};
    const words: string[] = [];
    for (const arg of args) {
      if (isError(arg)) fields['error'] = arg;
      else if (typeof arg === 'object' && arg !== null) addFields(fields, arg);
      else words.push(typeof arg === 'string' ? arg : wordOf(arg));
    }
    const error = fields['error'];
    if (words.length === 0 && isError(error)) words.push(textProperty(error, 'message'));
    this.#writer.write(this.#line(level, fields, words.join(' ')));
  }

  #line(level: LogLevel, fields: LogFields, message: string): string {
    const time = new Date(this.#now()).toISOString();
    return this.#format === 'json'
      ? jsonLine(time, level, fields, message)
      : this.#prettyLine(time, level, fields, message);
  }

  #prettyLine(time: string, level: LogLevel, fields: LogFields, message: string): string {
    const clock = time.slice(11, 23);
    let line = `${paint(clock, 'dim', this.#colour)} ${paint(level.padEnd(5), STYLE[level], this.#colour)} ${escapeControls(message, true)}`;
    let stack = '';
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      if (isError(value)) {
        const said = textProperty(value, 'message');
        if (said !== message)
          line += ` ${paint(`${name}=`, 'dim', this.#colour)}${escapeControls(said, true)}`;
        const frames = level === 'error' ? stackFrames(value) : '';
        if (frames !== '') stack = `\n${escapeControls(frames, true)}`;
      } else {
        line += ` ${paint(`${name}=`, 'dim', this.#colour)}${escapeControls(textOf(value), false)}`;
      }
    }
    return line + stack;
  }
}

/** An object whose properties cannot be read stands there under a name of its own. */
function addFields(fields: Record<string, unknown>, given: object): void {
  try {
    Object.assign(fields, given);
  } catch {
    fields['value'] = show(given);
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'function' ? show(value) : String(value);
}

function jsonLine(time: string, level: LogLevel, fields: LogFields, message: string): string {
  const record: Record<string, unknown> = { time, level };
  for (const [name, value] of Object.entries(fields))
    record[name] = isError(value) ? errorRecord(value) : value;
  record['msg'] = message;
  return tryJson(record) ?? jsonOfEach(record);
}

function errorRecord(error: Error): Record<string, unknown> {
  return {
    name: textProperty(error, 'name'),
    message: textProperty(error, 'message'),
    code: codeOf(error),
    stack: textProperty(error, 'stack'),
  };
}

/** One field is a cycle, or has a toJSON that throws: the others are told all the same. */
function jsonOfEach(record: Record<string, unknown>): string {
  const printable: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record))
    printable[name] = tryJson(value) === undefined ? show(value) : value;
  return (
    tryJson(printable) ?? JSON.stringify({ time: record['time'], level: record['level'], msg: record['msg'] })
  );
}

function tryJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each));
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return wordOf(value);
  return tryJson(value) ?? show(value);
}
