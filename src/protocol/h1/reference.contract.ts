/**
 * The oracle of the request head parser: the same rules, written from the grammar with regular
 * expressions over whole text, slow and plain. It shares no code with the parser. The fuzzer and the
 * property tests hold the two against each other.
 */
import type { HeadLimits } from '../limits.ts';

export interface ReferenceFacts {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly keepAlive: boolean;
  readonly contentLength: number;
  readonly chunked: boolean;
  readonly expectContinue: boolean;
  readonly upgrade: string | undefined;
  readonly hasConnectionUpgrade: boolean;
  readonly host: string | undefined;
  readonly headBytes: number;
  readonly fields: readonly (readonly [string, string])[];
}

export type ReferenceVerdict =
  | { readonly verdict: 'more' }
  | { readonly verdict: 'refused'; readonly code: string }
  | { readonly verdict: 'complete'; readonly facts: ReferenceFacts };

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const TOKEN_START = new RegExp(`^${TCHAR}*`);
const TARGET_START = /^[\x21\x22\x24-\x7e]*/;
const VALUE_START = /^[\t\x20-\x7e\x80-\xff]*/;
const CODINGS = new RegExp(`^${TCHAR}+(?:[ \\t]*,[ \\t]*${TCHAR}+)*$`);

// RFC 3986 §3.2.2, as its ABNF stands.
const H16 = '[0-9A-Fa-f]{1,4}';
const DEC = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const LS32 = `(?:${H16}:${H16}|${DEC}\\.${DEC}\\.${DEC}\\.${DEC})`;
const IPV6 = [
  `(?:${H16}:){6}${LS32}`,
  `::(?:${H16}:){5}${LS32}`,
  `(?:${H16})?::(?:${H16}:){4}${LS32}`,
  `(?:(?:${H16}:){0,1}${H16})?::(?:${H16}:){3}${LS32}`,
  `(?:(?:${H16}:){0,2}${H16})?::(?:${H16}:){2}${LS32}`,
  `(?:(?:${H16}:){0,3}${H16})?::${H16}:${LS32}`,
  `(?:(?:${H16}:){0,4}${H16})?::${LS32}`,
  `(?:(?:${H16}:){0,5}${H16})?::${H16}`,
  `(?:(?:${H16}:){0,6}${H16})?::`,
].join('|');
const AUTHORITY = new RegExp(
  `^(?:\\[(?:${IPV6})\\]|(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]*))?$`,
);

class Refusal {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

const MORE = Symbol('more');

function refuse(code: string): never {
  throw new Refusal(code);
}

function isAuthorityText(text: string): boolean {
  const match = AUTHORITY.exec(text);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

class Reader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** What the expression matches here; leaves. */
  take(expression: RegExp): string {
    const match = expression.exec(this.text.slice(this.at))![0]; // every expression here matches the empty text
    this.at += match.length;
    return match;
  }

  /** The next character, not taken. */
  peek(): string {
    if (this.at >= this.text.length) throw MORE;
    return this.text[this.at]!;
  }

  next(): string {
    const character = this.peek();
    this.at++;
    return character;
  }

  lineFeed(): void {
    if (this.next() !== '\n') refuse('bare-cr');
  }
}

/** Judges the head that `text` begins with. */
export function referenceHead(text: string, limits: HeadLimits): ReferenceVerdict {
  try {
    return { verdict: 'complete', facts: readHead(new Reader(text.slice(0, limits.headBytesMax)), limits) };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { verdict: 'refused', code: thrown.code };
    if (thrown !== MORE) throw thrown;
    return text.length >= limits.headBytesMax
      ? { verdict: 'refused', code: 'head-too-large' }
      : { verdict: 'more' };
  }
}

function readHead(reader: Reader, limits: HeadLimits): ReferenceFacts {
  for (let emptyLines = 0; reader.peek() === '\r'; emptyLines++) {
    if (emptyLines === 2) refuse('too-many-empty-lines');
    reader.next();
    reader.lineFeed();
  }
  const methodStart = reader.at;
  const method = reader.take(TOKEN_START);
  if (method.length > 32) refuse('method-unsupported');
  endOfWord(reader, method, 'bad-method');
  if (method === 'CONNECT' || method === 'TRACE') refuse('method-unsupported');
  const target = reader.take(TARGET_START);
  if (target.length > limits.targetBytesMax) refuse('target-too-long');
  endOfWord(reader, target, 'bad-target');
  const isPreface = method === 'PRI' && target === '*' && methodStart === 0;
  const absolute = /^https?:\/\/([^/?]*)/i.exec(target);
  if (absolute !== null) {
    if (!isAuthorityText(absolute[1]!)) refuse('bad-target');
  } else if (!target.startsWith('/') && !(target === '*' && method === 'OPTIONS') && !isPreface) {
    refuse('bad-target');
  }
  const minor = readVersion(reader, isPreface);
  const fields: [string, string][] = [];
  const sofar = new Framing(minor);
  while (reader.peek() !== '\r') {
    if (fields.length === limits.headerCountMax) refuse('too-many-fields');
    const name = reader.take(TOKEN_START);
    const after = reader.next();
    if (after !== ':' || name === '') refuse(nameCode(name, after));
    const value = reader.take(VALUE_START);
    const end = reader.next();
    if (end !== '\r') refuse(end === '\n' ? 'bare-lf' : 'bad-field-value');
    reader.lineFeed();
    const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, '');
    fields.push([name.toLowerCase(), trimmed]);
    sofar.field(name.toLowerCase(), trimmed);
  }
  reader.next();
  reader.lineFeed();
  sofar.end();
  const connection = sofar.connection;
  return {
    method,
    target,
    minor,
    keepAlive: !connection.has('close') && (minor === 1 || connection.has('keep-alive')),
    contentLength: sofar.contentLength ?? -1,
    chunked: sofar.codings.length > 0,
    expectContinue: minor === 1 && sofar.expect,
    upgrade: minor === 1 ? fields.find(([name]) => name === 'upgrade')?.[1] : undefined,
    hasConnectionUpgrade: minor === 1 && connection.has('upgrade'),
    host: absolute !== null ? absolute[1] : sofar.host,
    headBytes: reader.at,
    fields,
  };
}

function endOfWord(reader: Reader, word: string, code: string): void {
  const after = reader.next();
  if (after === ' ' && word !== '') return;
  refuse(after === '\n' ? 'bare-lf' : after === '\r' ? 'bad-request-line' : code);
}

function nameCode(name: string, after: string): string {
  if (after === '\n') return 'bare-lf';
  if (after !== ' ' && after !== '\t') return 'bad-field-name';
  return name === '' ? 'obs-fold' : 'space-before-colon';
}

function readVersion(reader: Reader, isPreface: boolean): number {
  const expect = (expression: RegExp): string => {
    const character = reader.next();
    if (!expression.test(character)) refuse(character === '\n' ? 'bare-lf' : 'bad-request-line');
    return character;
  };
  for (const letter of 'HTTP/') expect(new RegExp(`^${letter}$`));
  const major = expect(/^[0-9]$/);
  if (isPreface) refuse(major === '2' ? 'http2-preface' : 'bad-target');
  expect(/^\.$/);
  const minor = expect(/^[0-9]$/);
  expect(/^\r$/);
  if (major !== '1') refuse('version-unsupported');
  reader.lineFeed();
  return minor === '0' ? 0 : 1;
}

class Framing {
  host: string | undefined;
  contentLength: number | undefined;
  codings: string[] = [];
  expect = false;
  readonly connection = new Set<string>();
  readonly #minor: number;

  constructor(minor: number) {
    this.#minor = minor;
  }

  field(name: string, value: string): void {
    if (name === 'host') {
      if (this.host !== undefined) refuse('host-repeated');
      if (!isAuthorityText(value)) refuse('bad-host');
      this.host = value;
    } else if (name === 'content-length') {
      if (this.contentLength !== undefined) refuse('content-length-repeated');
      if (this.codings.length > 0) refuse('content-length-with-transfer-encoding');
      if (!/^[0-9]+$/.test(value) || BigInt(value) > 2n ** 53n - 1n) refuse('bad-content-length');
      this.contentLength = Number(value);
    } else if (name === 'transfer-encoding') {
      if (this.#minor === 0) refuse('transfer-encoding-on-http10');
      if (this.contentLength !== undefined) refuse('content-length-with-transfer-encoding');
      if (!CODINGS.test(value)) refuse('bad-transfer-encoding');
      this.codings.push(...value.toLowerCase().split(/[ \t]*,[ \t]*/));
      if (this.codings.slice(0, -1).includes('chunked')) refuse('bad-transfer-encoding');
    } else if (name === 'expect') {
      if (value.toLowerCase() !== '100-continue') refuse('expectation-failed');
      this.expect = true;
    } else if (name === 'connection') {
      for (const option of value.toLowerCase().split(','))
        this.connection.add(option.replace(/^[ \t]+|[ \t]+$/g, ''));
    }
  }

  end(): void {
    if (this.codings.length > 0) {
      if (this.codings.at(-1) !== 'chunked') refuse('bad-transfer-encoding');
      if (this.codings.length > 1) refuse('transfer-coding-unsupported');
    }
    if (this.#minor === 1 && this.host === undefined) refuse('host-missing');
  }
}
