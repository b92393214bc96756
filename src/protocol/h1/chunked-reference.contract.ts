/**
 * The oracle of the chunked decoder: the grammar of RFC 9112 §7.1 as regular expressions over whole text.
 * It only knows whether a complete body stands at the beginning, and what is in it.
 */
import { isForbiddenTrailer } from '../semantics/trailers.ts';

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"';
const SIZE_LINE = new RegExp(`^([0-9A-Fa-f]{1,16})(?:;${TCHAR}+(?:=(?:${TCHAR}+|${QUOTED}))?)*\\r\\n`);
const TRAILER_LINE = new RegExp(`^(${TCHAR}+):[\\t \\x21-\\x7e\\x80-\\xff]*\\r\\n`);

export interface ReferenceBody {
  readonly data: string;
  readonly bytes: number;
}

/** The body that `text` begins with; `undefined` when it is malformed or not complete. */
export function referenceChunked(text: string): ReferenceBody | undefined {
  let at = 0;
  let data = '';
  for (;;) {
    const line = SIZE_LINE.exec(text.slice(at));
    if (line === null || line[1]!.replace(/^0+/, '').length > 13) return undefined;
    at += line[0].length;
    const size = Number.parseInt(line[1]!, 16);
    if (size === 0) break;
    if (text.slice(at + size, at + size + 2) !== '\r\n') return undefined;
    data += text.slice(at, at + size);
    at += size + 2;
  }
  for (;;) {
    if (text.slice(at, at + 2) === '\r\n') return { data, bytes: at + 2 };
    const line = TRAILER_LINE.exec(text.slice(at));
    if (line === null || isForbiddenTrailer(line[1]!.toLowerCase())) return undefined;
    at += line[0].length;
  }
}
