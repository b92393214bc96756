/**
 * Reads fields out of the text of a head or a trailer section that a parser has already passed: every
 * line is `name: value` and ends in CRLF, so plain slicing is enough. The text is latin1, one
 * character a byte. Nothing here validates.
 */

const COLON = 0x3a;
const HTAB = 0x09;
const SP = 0x20;

/**
 * The value of a field, or `undefined` when there is none. Repeated lines are joined as lists are, by a
 * comma; cookie pairs by a semicolon, as RFC 9113 §8.2.3 does.
 * @param start the first byte of the first field line
 * @param end anything from the last line's end to the end of the section
 * @param lowerName the name in lower case
 */
export function findField(text: string, start: number, end: number, lowerName: string): string | undefined {
  const nameLength = lowerName.length;
  let found: string | undefined;
  let line = start;
  while (line < end) {
    let lineEnd = text.indexOf('\r', line);
    if (lineEnd < 0 || lineEnd > end) lineEnd = end;
    const colon = line + nameLength;
    if (colon < lineEnd && text.charCodeAt(colon) === COLON && isNamed(text, line, lowerName)) {
      const value = trimmed(text, colon + 1, lineEnd);
      if (found === undefined) found = value;
      else found += lowerName === 'cookie' ? `; ${value}` : `, ${value}`;
    }
    line = lineEnd + 2;
  }
  return found;
}

/**
 * Appends every field line to `names` and `values`, in order and without joining.
 * @param asWritten keep the case of the names, for those who show them; else they are lowered
 * @returns how many were appended
 */
export function readFields(
  text: string,
  start: number,
  end: number,
  names: string[],
  values: string[],
  asWritten = false,
): number {
  let count = 0;
  let line = start;
  while (line < end) {
    let lineEnd = text.indexOf('\r', line);
    if (lineEnd < 0 || lineEnd > end) lineEnd = end;
    if (lineEnd === line) break;
    const colon = text.indexOf(':', line);
    const name = text.slice(line, colon);
    names.push(asWritten ? name : name.toLowerCase());
    values.push(trimmed(text, colon + 1, lineEnd));
    count++;
    line = lineEnd + 2;
  }
  return count;
}

/** Compares in any case. Names are tokens, so setting bit 5 maps nothing but the two cases together. */
function isNamed(text: string, start: number, lowerName: string): boolean {
  for (let i = 0; i < lowerName.length; i++) {
    const code = text.charCodeAt(start + i);
    const expected = lowerName.charCodeAt(i);
    if (code !== expected && ((code | 0x20) !== expected || code < 0x41 || code > 0x5a)) return false;
  }
  return true;
}

/** Without the optional white space around it. RFC 9112 §5.1 */
function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}
