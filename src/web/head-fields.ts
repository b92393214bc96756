/**
 * Reads the fields of a request head that the protocol layer has already accepted: lines of
 * `name: value CRLF`, no folding, optional whitespace around the value (RFC 9112 §5). It checks
 * nothing; on text that was not accepted it would only misread, never overrun.
 *
 * Most programs look at one or two fields of twenty. Looking one up therefore reads no other: it goes
 * by an index of where the lines begin (measured with 20 fields: a fifth of reading them all).
 */
import { isNameAt, lowerNameAt, nextNameHash } from './known-names.ts';
import { ownText } from './own-text.ts';

/** Where each line of text[start, end) begins, and `end` at last. @hot */
export function indexHeadLines(text: string, start: number, end: number): number[] {
  const lines: number[] = [];
  let at = start;
  while (at < end) {
    lines.push(at);
    const lineEnd = text.indexOf('\r', at);
    at = lineEnd === -1 ? end : lineEnd + 2;
  }
  lines.push(end);
  return lines;
}

/**
 * The value of a field, those of the same name joined; null when there is none.
 * @param key in lower case
 * @param lines from `indexHeadLines`
 * @hot
 */
export function findHeadField(
  text: string,
  lines: readonly number[],
  key: string,
  separator: string,
): string | null {
  const length = key.length;
  const last = lines.length - 1;
  let value: string | null = null;
  for (let i = 0; i < last; i++) {
    const start = lines[i]!;
    if (text.charCodeAt(start + length) !== 0x3a || !isNameAt(text, start, key)) continue;
    const found = trimmed(text, start + length + 1, lines[i + 1]! - 2);
    value = value === null ? found : value + separator + found;
  }
  return value;
}

/**
 * Appends all fields to two lists: names in lower case, values without the whitespace around them.
 * Names may repeat.
 * @param lines from `indexHeadLines`
 * @hot
 */
export function readHeadFields(
  text: string,
  lines: readonly number[],
  names: string[],
  values: string[],
): void {
  const last = lines.length - 1;
  for (let i = 0; i < last; i++) {
    const start = lines[i]!;
    const end = lines[i + 1]! - 2;
    let at = start;
    let hash = 0;
    let code = text.charCodeAt(at);
    while (code !== 0x3a && at < end) {
      hash = nextNameHash(hash, code);
      code = text.charCodeAt(++at);
    }
    names.push(lowerNameAt(text, start, at, hash));
    values.push(trimmed(text, at + 1, end));
  }
}

/** @hot */
function trimmed(text: string, start: number, end: number): string {
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (start < end && isWhitespace(text.charCodeAt(end - 1))) end--;
  return ownText(text, start, end);
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
