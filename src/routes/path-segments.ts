/**
 * The path of a request as segments in one text, found without making a string where nothing in the path is encoded or relative,
 * which one look at every character tells. Everything else takes the way of the URL parser, whose result `request.url` shows:
 * `.` and `..` are resolved, and each segment is decoded by itself, so that an encoded slash never divides one.
 */
import { type HoldfastRequest, isLightRequest } from '../web/request.ts';

/** Deeper patterns are a mistake; a bound on them bounds what is kept of a request's path. */
export const SEGMENTS_MAX = 64;
const SLASH = 0x2f;
const DOT = 0x2e;
const QUERY = 0x3f;

/** Used again and again: its positions are those of the last path. */
export class PathSegments {
  text = '';
  /** One more than the longest pattern has: that there are more is all that matters then. */
  count = 0;
  end = 0;
  readonly starts = new Int32Array(SEGMENTS_MAX + 1);
  readonly ends = new Int32Array(SEGMENTS_MAX + 1);
  readonly hashes = new Int32Array(SEGMENTS_MAX + 1);

  /** @hot */
  read(request: Request): void {
    if (isLightRequest(request) && this.#readPlain(request)) return;
    this.#readUrl(request.url);
  }

  /** @returns false where the path is not plain @hot */
  #readPlain(request: HoldfastRequest): boolean {
    const { _text: text, _targetStart: first, _targetEnd: last } = request;
    if (text.charCodeAt(first) !== SLASH) return false;
    let count = 0;
    let start = first + 1;
    let hash = 0;
    let at = start;
    for (; at < last; at++) {
      const code = text.charCodeAt(at);
      if (code === QUERY) break;
      if (code === SLASH) {
        if (isRelative(text, start, at)) return false;
        this.#add(count++, start, at, hash);
        start = at + 1;
        hash = 0;
      } else {
        // What the URL parser would change: %, \, #, blanks, ", <, >, ^, `, {, |, } and what is not ASCII.
        if (IS_PLAIN[code] !== 1) return false;
        hash = (Math.imul(hash, 31) + code) | 0;
      }
    }
    if (isRelative(text, start, at)) return false;
    this.#add(count++, start, at, hash);
    this.text = text;
    this.end = at;
    this.count = Math.min(count, SEGMENTS_MAX + 1);
    return true;
  }

  #readUrl(url: string): void {
    const decoded = new URL(url).pathname.slice(1).split('/').map(decodedSegment);
    let at = 0;
    for (const [i, segment] of decoded.entries()) {
      this.#add(i, at, at + segment.length, hashOf(segment));
      at += segment.length + 1;
    }
    this.text = decoded.join('/');
    this.end = this.text.length;
    this.count = Math.min(decoded.length, SEGMENTS_MAX + 1);
  }

  #add(i: number, start: number, end: number, hash: number): void {
    if (i > SEGMENTS_MAX) return;
    this.starts[i] = start;
    this.ends[i] = end;
    this.hashes[i] = hash;
  }
}

/** `.` and `..`, which the URL parser resolves. @hot */
function isRelative(text: string, start: number, end: number): boolean {
  const length = end - start;
  return (
    (length === 1 || length === 2) &&
    text.charCodeAt(start) === DOT &&
    (length === 1 || text.charCodeAt(start + 1) === DOT)
  );
}

const IS_PLAIN = new Uint8Array(65_536).fill(1, 0x21, 0x7f);
for (const character of '"#%<>\\^`{|}') IS_PLAIN[character.charCodeAt(0)] = 0;

export function hashOf(segment: string): number {
  let hash = 0;
  for (let i = 0; i < segment.length; i++) hash = (Math.imul(hash, 31) + segment.charCodeAt(i)) | 0;
  return hash;
}

/** What is no percent-encoded UTF-8 stays as it was sent. */
export function decodedSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
