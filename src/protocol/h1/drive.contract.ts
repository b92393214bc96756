/**
 * Runs a parser over text the ways that a network would: whole, in pieces, at another place of a larger
 * buffer, with the next message behind. Shared by the tests of this folder.
 */
import type { HeadLimits } from '../limits.ts';
import { METHOD_NAMES } from '../semantics/methods.ts';
import { latin1Text } from '../semantics/octets.ts';
import { readFields } from './fields.ts';
import type { ReferenceVerdict } from './reference.contract.ts';
import { HEAD_COMPLETE, HEAD_MORE, HEAD_REFUSED, RequestHeadParser } from './request-head.ts';

/** Any byte can stand around the message: this one is legal nowhere in a head. */
const FILLER = 0x00;

export interface Run {
  readonly verdict: ReferenceVerdict;
  /** Bytes of input that had been given when the verdict came. */
  readonly givenBytes: number;
}

export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * @param cuts lengths after which the input is handed over, rising; the whole length is always the last
 * @param start where the message begins in its buffer
 */
export function runHead(text: string, limits: HeadLimits, cuts: readonly number[] = [], start = 0): Run {
  const parser = new RequestHeadParser(limits);
  parser.reset();
  for (const cut of [...cuts, text.length]) {
    // A new buffer each time, as when a connection's bytes are moved; what has not come is filler.
    const bytes = new Uint8Array(start + text.length + 8).fill(FILLER);
    bytes.set(latin1Bytes(text.slice(0, cut)), start);
    const status = parser.parse(bytes, start, start + cut);
    if (status !== HEAD_MORE || cut === text.length) {
      return { verdict: verdictOf(parser, status, text), givenBytes: cut };
    }
  }
  return { verdict: { verdict: 'more' }, givenBytes: 0 };
}

/** The parser's answer in the oracle's terms. */
export function verdictOf(parser: RequestHeadParser, status: number, text: string): ReferenceVerdict {
  if (status === HEAD_REFUSED) return { verdict: 'refused', code: parser.fault?.code ?? 'no fault' };
  if (status !== HEAD_COMPLETE) return { verdict: 'more' };
  const names: string[] = [];
  const values: string[] = [];
  const fieldCount = readFields(text, parser.fieldsStart, parser.headBytes, names, values);
  const method = text.slice(parser.methodStart, parser.methodEnd);
  return {
    verdict: 'complete',
    facts: {
      method:
        parser.method === 0 || METHOD_NAMES[parser.method] === method
          ? method
          : `misread as ${parser.method}`,
      target: text.slice(parser.targetStart, parser.targetEnd),
      minor: parser.minor,
      keepAlive: parser.keepAlive,
      contentLength: parser.contentLength,
      chunked: parser.chunked,
      expectContinue: parser.expectContinue,
      upgrade: parser.upgradeStart < 0 ? undefined : text.slice(parser.upgradeStart, parser.upgradeEnd),
      hasConnectionUpgrade: parser.hasConnectionUpgrade,
      host: parser.hostStart < 0 ? undefined : text.slice(parser.hostStart, parser.hostEnd),
      headBytes: parser.headBytes,
      fields: fieldCount === parser.fieldCount ? names.map((name, i) => [name, values[i]!] as const) : [],
    },
  };
}

/** Text as a person can read it on one line, and paste into a test. */
export function shown(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 13) out += '\\r';
    else if (code === 10) out += '\\n';
    else if (code < 0x20 || code > 0x7e) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += code === 0x5c || code === 0x27 ? `\\${text[i]}` : text[i];
  }
  return `'${out}'`;
}

/** The text of bytes, for comparisons. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return latin1Text(bytes, start, end);
}
