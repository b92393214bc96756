/**
 * One line a request. The server calls `record` with plain values when the last byte of an answer has
 * left, or when the exchange ended without; nothing is allocated for a server that keeps no such log,
 * because it has no AccessLog to call. Lines share the bounded queue of `line-writer.ts`.
 */
import { LineWriter } from './line-writer.ts';
import { escapeControls, paint, usesColour } from './terminal.ts';
import type { TlsSummary } from './tls-summary.ts';

/** What one line tells. The log keeps nothing of it. */
export interface AccessRecord {
  /** The client's address; undefined for a unix socket, and when the peer was gone before it was asked for. */
  readonly ip: string | undefined;
  readonly method: string;
  readonly target: string;
  /** 0 when the client went before an answer was begun. */
  readonly status: number;
  /** Bytes of the answer's body that were handed over. */
  readonly bytes: number;
  /** From the first byte of the request to the last of the answer. */
  readonly durationMs: number;
  readonly referer: string | null;
  readonly userAgent: string | null;
  /** undefined in the clear. */
  readonly tls?: TlsSummary | undefined;
}

/** The log is the function that takes a record; what else it can do hangs on it. */
export interface AccessLog {
  (record: AccessRecord): void;
  /** @returns whether everything went out within `timeoutMs` */
  flush(timeoutMs: number): Promise<boolean>;
  flushSync(): void;
  /** Lines lost because the log was read too slowly, or its disk was full. */
  droppedCount(): number;
}

interface AccessLogOptions {
  /** @default 2, standard error */
  readonly fd?: number;
  readonly colour?: boolean;
  /** The clock, for tests. @default Date.now */
  readonly now?: () => number;
  readonly linesMax?: number;
  readonly bytesMax?: number;
  /** @default 20: hundreds of lines share one write under load, and a person sees no delay */
  readonly lingerMs?: number;
}

/** A target or user agent of 16 KiB says nothing that its beginning does not. */
const TEXT_CHARACTERS_MAX = 2048;

const LINGER_MS = 20;

export function createAccessLog(format: 'pretty' | 'json', options: AccessLogOptions = {}): AccessLog {
  const fd = options.fd ?? 2;
  const now = options.now ?? Date.now;
  const isJson = format === 'json';
  const writer = new LineWriter(fd, {
    ...options,
    lingerMs: options.lingerMs ?? LINGER_MS,
    describeDropped: (count) => droppedLine(isJson, now(), count),
  });
  const formatter = new LineFormatter(isJson, !isJson && (options.colour ?? usesColour(fd)));
  return Object.assign((record: AccessRecord) => writer.write(formatter.line(record, now())), {
    flush: (timeoutMs: number) => writer.flush(timeoutMs),
    flushSync: () => writer.flushSync(),
    droppedCount: () => writer.droppedCount,
  });
}

function droppedLine(isJson: boolean, nowMs: number, count: number): string {
  if (!isJson)
    return `holdfast: ${count} access log lines were dropped: the log is read too slowly, or its disk was full`;
  return JSON.stringify({
    time: new Date(nowMs).toISOString(),
    level: 'warn',
    dropped: count,
    msg: 'access log lines were dropped: the log is read too slowly, or its disk was full',
  });
}

class LineFormatter {
  readonly #isJson: boolean;
  readonly #colour: boolean;
  /** The clock's text is made once a second, as most lines of a busy server share it. */
  #second = -1;
  #secondText = '';

  constructor(isJson: boolean, colour: boolean) {
    this.#isJson = isJson;
    this.#colour = colour;
  }

  line(record: AccessRecord, nowMs: number): string {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 19);
    }
    return this.#isJson ? this.#jsonLine(record, nowMs) : this.#prettyLine(record);
  }

  #jsonLine(record: AccessRecord, nowMs: number): string {
    const time = `${this.#secondText}.${String(Math.floor(nowMs) % 1000).padStart(3, '0')}Z`;
    const ms = Math.round(record.durationMs * 1000) / 1000;
    let line =
      `{"time":"${time}","remote":${jsonText(record.ip ?? '')},"method":${jsonText(record.method)}` +
      `,"target":${jsonText(bounded(record.target))},"status":${record.status},"bytes":${record.bytes},"ms":${ms}`;
    if (record.referer !== null) line += `,"referer":${jsonText(bounded(record.referer))}`;
    if (record.userAgent !== null) line += `,"agent":${jsonText(bounded(record.userAgent))}`;
    if (record.tls !== undefined) line += `,"tls":${jsonText(record.tls)}`;
    return `${line}}`;
  }

  #prettyLine(record: AccessRecord): string {
    const on = this.#colour;
    const status = paint(statusText(record.status), statusPaint(record.status), on);
    const cost = paint(`${sizeText(record.bytes)} ${durationText(record.durationMs)}`, 'dim', on);
    const request = `${escapeControls(record.method, false)} ${escapeControls(bounded(record.target), false)}`;
    const referer = record.referer === null ? '' : ` ${quoted(record.referer)}`;
    const userAgent = record.userAgent === null ? '' : ` ${quoted(record.userAgent)}`;
    return `${paint(this.#secondText.slice(11), 'dim', on)} ${record.ip ?? '-'} ${status} ${request} ${cost}${referer}${userAgent}`;
  }
}

function bounded(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX)}...`;
}

/** JSON leaves DEL and the C1 controls as they are, and terminals obey the latter (U+009B begins a sequence). */
function jsonText(value: string | TlsSummary): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

function quoted(text: string): string {
  return `"${escapeControls(bounded(text), false).replaceAll('"', '\\"')}"`;
}

function statusText(status: number): string {
  return status === 0 ? '---' : String(status);
}

function statusPaint(status: number): 'green' | 'cyan' | 'yellow' | 'red' {
  if (status >= 500) return 'red';
  if (status >= 400 || status === 0) return 'yellow';
  return status >= 300 ? 'cyan' : 'green';
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes}B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)}kB` : `${(bytes / 1e6).toFixed(1)}MB`;
}

function durationText(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)}us`;
  return ms < 1000 ? `${ms.toFixed(1)}ms` : `${(ms / 1000).toFixed(2)}s`;
}
