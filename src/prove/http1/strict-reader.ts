/**
 * The reading that RFC 9112 gives to a stream of requests: where each ends, and the first thing in it that no server may
 * accept. It is the judge's own reader and shares nothing with our protocol room, so that an error there cannot agree with
 * itself here. What a server may repair is noted as a liberty and repaired as the RFC says.
 */
import { RULES, type RuleName } from './rules.ts';

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Asked for the end of the connection, by Connection or by version. */
  readonly closes: boolean;
  readonly contentBytes: number;
  /** Behind its last byte. */
  readonly end: number;
}

export interface StreamReading {
  /** Whole ones, in order. */
  readonly requests: readonly ReadRequest[];
  /** What is wrong with the request behind these, where no server may accept it. */
  readonly fault: RuleName | undefined;
  /** What some servers refuse and some repair; none of it is a fault. */
  readonly liberties: ReadonlySet<RuleName>;
  /** Nothing is left behind the last request. */
  readonly isWhole: boolean;
  /** The head of the request that is not whole was. */
  readonly hasOpenContent: boolean;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** IPv6 in brackets, or a registered name, with a port (RFC 9110 §7.2); empty where the target has no authority. */
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(?::\d*)?$/;
const SIZE_DIGITS_MAX = 16; // 64 bits in hexadecimal digits, once leading zeros are gone

const NO_TOKEN = /[^\t -~]/;

class Stop extends Error {
  readonly rule: RuleName | undefined;

  /** @param rule undefined when the bytes have come to an end */
  constructor(rule: RuleName | undefined) {
    super(rule ?? 'more bytes are needed');
    this.rule = rule;
  }
}

/**
 * @param isStrict what a server may repair is a fault too
 */
export function readStream(bytes: string, isStrict: boolean): StreamReading {
  const reader = new Reader(bytes, isStrict);
  const requests: ReadRequest[] = [];
  const reading = (fault: RuleName | undefined, isWhole: boolean): StreamReading => ({
    requests,
    fault,
    isWhole,
    liberties: reader.liberties,
    hasOpenContent: reader.isInContent,
  });
  try {
    for (;;) {
      reader.skipEmptyLines();
      if (reader.isAtEnd) return reading(undefined, true);
      requests.push(reader.request());
      // What stands behind the last request of a connection is nobody's.
      if (requests.at(-1)!.closes) return reading(undefined, true);
    }
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return reading(error.rule, false);
  }
}

interface Head {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

class Reader {
  readonly liberties = new Set<RuleName>();
  isInContent = false;
  readonly #bytes: string;
  readonly #isStrict: boolean;
  #at = 0;

  constructor(bytes: string, isStrict: boolean) {
    this.#bytes = bytes;
    this.#isStrict = isStrict;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** RFC 9112 §2.2: a server should ignore at least one empty line before a request. */
  skipEmptyLines(): void {
    while (this.#bytes.startsWith('\r\n', this.#at)) this.#at += 2;
  }

  request(): ReadRequest {
    this.isInContent = false;
    const head = this.#head();
    const length = this.#framing(head);
    this.isInContent = true;
    const from = this.#at;
    if (length === 'chunked') this.#chunks();
    else this.#take(length);
    this.isInContent = false;
    const connection = valuesOf(head.fields, 'connection').toLowerCase();
    const closes = /(?:^|[\s,])close(?:$|[\s,])/.test(connection);
    const isKept = head.version !== 'HTTP/1.0' || connection.includes('keep-alive');
    return {
      method: head.method,
      target: head.target,
      version: head.version,
      closes: closes || !isKept || head.method === 'CONNECT',
      contentBytes: this.#at - from,
      end: this.#at,
    };
  }

  /** A thing that a server may repair, or not. */
  #liberty(rule: RuleName): void {
    if (this.#isStrict) throw new Stop(rule);
    this.liberties.add(rule);
  }

  #take(size: number): void {
    if (this.#at + size > this.#bytes.length) {
      this.#at = this.#bytes.length;
      throw new Stop(undefined);
    }
    this.#at += size;
  }

  /** Up to LF; without the line's end. */
  #line(bareLf: RuleName): string {
    const lf = this.#bytes.indexOf('\n', this.#at);
    if (lf < 0) throw new Stop(undefined);
    const hasCr = lf > this.#at && this.#bytes[lf - 1] === '\r';
    const line = this.#bytes.slice(this.#at, hasCr ? lf - 1 : lf);
    this.#at = lf + 1;
    if (!hasCr) this.#liberty(bareLf);
    return line;
  }

  #head(): Head {
    const { method, target, version } = this.#requestLine(this.#line('bare-lf'));
    const fields: (readonly [string, string])[] = [];
    for (;;) {
      let line = this.#line('bare-lf');
      if (line === '') break;
      if (line.includes('\r')) {
        this.#liberty('bare-cr');
        line = line.replaceAll('\r', ' ');
      }
      if (/^[ \t]/.test(line)) {
        this.#liberty(fields.length === 0 ? 'space-before-fields' : 'line-folding');
        const last = fields.pop();
        if (last !== undefined) fields.push([last[0], `${last[1]} ${line.trim()}`]);
        continue;
      }
      const field = this.#field(line);
      if (field !== undefined) fields.push(field);
    }
    this.#checkHost(version, fields);
    return { method, target, version, fields };
  }

  #requestLine(line: string): Omit<Head, 'fields'> {
    if (line.includes('\r')) this.#liberty('bare-cr');
    const [method = '', target = '', version = '', ...more] = line.split(/[ \t\v\f\r]+/);
    if (more.some((word) => word !== '') || !TOKEN.test(method) || version === '')
      throw new Stop('request-line');
    if (line !== `${method} ${target} ${version}`) this.#liberty('request-line-space');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no target may have
    if (/[\x00-\x20\x7f#]/.test(target)) throw new Stop('request-target');
    if (/[\x80-\xff]/.test(target)) this.#liberty('target-octets');
    const isForm = target.startsWith('/') || target === '*' || /^[a-z][a-z0-9+.-]*:/i.test(target);
    if (!isForm && method !== 'CONNECT') throw new Stop('request-target');
    if (!/^HTTP\/1\.\d$/.test(version)) throw new Stop('version');
    return { method, target, version };
  }

  #field(line: string): readonly [string, string] | undefined {
    const colon = line.indexOf(':');
    if (colon < 0) {
      this.#liberty('no-colon');
      return undefined;
    }
    const name = line.slice(0, colon);
    if (/[ \t]$/.test(name)) throw new Stop('space-before-colon');
    if (!TOKEN.test(name)) {
      this.#liberty('field-name');
      return undefined;
    }
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
    if (value.includes('\0')) this.#liberty('nul');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no value may have
    if (/[\x01-\x08\x0b-\x1f\x7f]/.test(value)) this.#liberty('control-in-value');
    return [name.toLowerCase(), value];
  }

  /** RFC 9112 §3.2 */
  #checkHost(version: string, fields: Head['fields']): void {
    const hosts = fields.filter(([name]) => name === 'host');
    if (hosts.length > 1) throw new Stop('two-hosts');
    if (hosts.length === 0 && version !== 'HTTP/1.0') throw new Stop('no-host');
    if (hosts.length === 1 && !HOST.test(hosts[0]![1])) this.#liberty('bad-host');
    if (hosts[0]?.[1] === '') this.#liberty('bad-host');
  }

  /** RFC 9112 §6.3 */
  #framing({ version, fields }: Head): number | 'chunked' {
    const lengths = fields
      .filter(([name]) => name === 'content-length')
      .flatMap(([, value]) => value.split(','));
    const hasCoding = fields.some(([name]) => name === 'transfer-encoding');
    const listed = valuesOf(fields, 'transfer-encoding').split(',');
    const codings = listed
      .map((each) => each.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase())
      .filter((each) => each !== '');
    if (hasCoding) {
      if (codings.at(-1) !== 'chunked') throw new Stop('coding-not-final');
      if (codings.filter((each) => each === 'chunked').length > 1) throw new Stop('coding-twice');
      if (version === 'HTTP/1.0') throw new Stop('coding-in-1.0');
      if (lengths.length > 0) throw new Stop('length-and-coding');
      if (codings.length > 1) this.#liberty('coding-unknown');
      if (codings.length < listed.length) this.#liberty('coding-list');
      return 'chunked';
    }
    if (lengths.length === 0) return 0;
    const values = lengths.map((each) => each.replace(/^[ \t]+|[ \t]+$/g, ''));
    if (values.some((each) => !/^\d+$/.test(each))) throw new Stop('bad-length');
    if (new Set(values.map(Number)).size > 1) throw new Stop('two-lengths');
    if (values.length > 1) this.#liberty('same-lengths');
    return Number(values[0]);
  }

  /** RFC 9112 §7.1 */
  #chunks(): void {
    for (;;) {
      const line = this.#line('chunk-line-end');
      const [, digits = '', space = '', extension = ''] = /^([0-9a-fA-F]*)([ \t]*)(.*)$/s.exec(line) ?? [];
      if (digits === '' || (extension !== '' && !extension.startsWith(';'))) throw new Stop('chunk-size');
      if (digits.replace(/^0+/, '').length > SIZE_DIGITS_MAX) throw new Stop('chunk-size-overflow');
      if (digits.length > SIZE_DIGITS_MAX) this.#liberty('chunk-size-zeros');
      if (space !== '') this.#liberty('chunk-space');
      if (/[\r\0]/.test(extension)) throw new Stop('chunk-extension');
      const unquoted = extension.replace(/"(?:[^"\\]|\\.)*"/g, '');
      if (
        extension !== '' &&
        (!/^;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(extension) || NO_TOKEN.test(unquoted))
      )
        this.#liberty('chunk-extension-grammar');
      const size = Number.parseInt(digits, 16);
      if (size === 0) break;
      this.#take(size);
      if (this.#bytes.length < this.#at + 2 && '\r\n'.startsWith(this.#bytes.slice(this.#at)))
        throw new Stop(undefined);
      if (!this.#bytes.startsWith('\r\n', this.#at))
        throw new Stop(this.#bytes[this.#at] === '\n' ? 'chunk-end-lf' : 'chunk-end');
      this.#at += 2;
    }
    for (let line = this.#line('bare-lf'); line !== ''; line = this.#line('bare-lf'))
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(line)) this.#liberty('trailer');
      else if (/^(?:content-length|transfer-encoding|host):/i.test(line)) this.#liberty('trailer-frames');
  }
}

/** A repeated field is a list: RFC 9110 §5.3. */
function valuesOf(fields: Head['fields'], name: string): string {
  return fields
    .filter(([each]) => each === name)
    .map(([, value]) => value)
    .join(', ');
}

/** The part of a message that a fault is in decides how its acceptance shows. */
export function isInHead(rule: RuleName): boolean {
  return RULES[rule].part === 'head';
}
