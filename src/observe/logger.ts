/**
 * Log lines of the server itself: four levels, two formats, one bounded queue. The interface is the one
 * that pino, winston and console share, so any of them can stand in its place.
 */
import { LineWriter, type LineWriterOptions } from './line-writer.ts';
import { escapeControls, paint, usesColour } from './terminal.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'pretty' | 'json';
export type LogFields = Readonly<Record<string, unknown>>;

/** What Holdfast calls. Fields come first and the message last, as pino has it; a message alone will do. */
export interface Logger {
  debug(fieldsOrMessage: LogFields | string, message?: string): void;
  info(fieldsOrMessage: LogFields | string, message?: string): void;
  warn(fieldsOrMessage: LogFields | string, message?: string): void;
  error(fieldsOrMessage: LogFields | string, message?: string): void;
}

export interface LoggerOptions extends LineWriterOptions {
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
        this.#line('warn', { dropped: count }, 'log lines were dropped: the log is read too slowly'),
      ...options,
    });
  }

  get droppedCount(): number {
    return this.#writer.droppedCount;
  }

  debug(fieldsOrMessage: LogFields | string, message?: string): void {
    this.#log('debug', fieldsOrMessage, message);
  }

  info(fieldsOrMessage: LogFields | string, message?: string): void {
    this.#log('info', fieldsOrMessage, message);
  }

  warn(fieldsOrMessage: LogFields | string, message?: string): void {
    this.#log('warn', fieldsOrMessage, message);
  }

  error(fieldsOrMessage: LogFields | string, message?: string): void {
    this.#log('error', fieldsOrMessage, message);
  }

  /** A line that is formatted already, as the access log's. */
  line(text: string): void {
    this.#writer.write(text);
  }

  /** @returns whether everything went out within `timeoutMs` */
  flush(timeoutMs: number): Promise<boolean> {
    return this.#writer.flush(timeoutMs);
  }

  flushSync(): void {
    this.#writer.flushSync();
  }

  #log(level: LogLevel, fieldsOrMessage: LogFields | string, message: string | undefined): void {
    if (RANK[level] < this.#rank) return;
    const line =
      typeof fieldsOrMessage === 'string'
        ? this.#line(level, undefined, fieldsOrMessage)
        : this.#line(level, fieldsOrMessage, message ?? '');
    this.#writer.write(line);
  }

  #line(level: LogLevel, fields: LogFields | undefined, message: string): string {
    const time = new Date(this.#now()).toISOString();
    return this.#format === 'json'
      ? jsonLine(time, level, fields, message)
      : this.#prettyLine(time, level, fields, message);
  }

  #prettyLine(time: string, level: LogLevel, fields: LogFields | undefined, message: string): string {
    const clock = time.slice(11, 23);
    let line = `${paint(clock, 'dim', this.#colour)} ${paint(level.padEnd(5), STYLE[level], this.#colour)} ${escapeControls(message, true)}`;
    let stack = '';
    for (const [name, value] of Object.entries(fields ?? {})) {
      if (value === undefined) continue;
      if (value instanceof Error) {
        if (value.message !== message)
          line += ` ${paint(`${name}=`, 'dim', this.#colour)}${escapeControls(value.message, true)}`;
        if (level === 'error' && value.stack !== undefined)
          stack = `\n${escapeControls(stackFrames(value.stack), true)}`;
      } else {
        line += ` ${paint(`${name}=`, 'dim', this.#colour)}${escapeControls(textOf(value), false)}`;
      }
    }
    return line + stack;
  }
}

function jsonLine(time: string, level: LogLevel, fields: LogFields | undefined, message: string): string {
  const record: Record<string, unknown> = { time, level };
  for (const [name, value] of Object.entries(fields ?? {})) {
    record[name] =
      value instanceof Error
        ? { name: value.name, message: value.message, code: codeOf(value), stack: value.stack }
        : value;
  }
  record['msg'] = message;
  try {
    return JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  } catch {
    // A cycle, or a toJSON that throws: the message matters more than its fields.
    return JSON.stringify({ time, level, msg: message });
  }
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}

function stackFrames(stack: string): string {
  const first = stack.search(/^\s+at /m);
  return first === -1 ? '' : stack.slice(first);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return '[unprintable]';
  }
}
