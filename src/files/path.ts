/**
 * From the path of a URL to a path below a root, on raw bytes. Pure, and the first of two walls: what
 * gets past it names only plain entries below the root; the source's own check is the second.
 */
import type { RawPath } from './source.ts';

export type ParsedPath =
  | { readonly kind: 'path'; readonly path: RawPath; readonly endsWithSlash: boolean }
  /** A percent sign without two hex digits: the request itself is malformed. */
  | { readonly kind: 'malformed' }
  /** Well-formed, but nothing that may be named: traversal, separators in disguise, hidden files. */
  | { readonly kind: 'refused' };

const REFUSED: ParsedPath = { kind: 'refused' };
const MALFORMED: ParsedPath = { kind: 'malformed' };

/** RFC 8615 §3: the one hidden name that clients must be able to reach, at the root only. */
const WELL_KNOWN = '.well-known';

/** Longer than any path that Linux opens (PATH_MAX is 4096, three characters a byte when encoded). */
const PATH_CHARACTERS_MAX = 3 * 4096;

/**
 * @param pathname the path part of a URL, still percent-encoded, beginning with `/`
 * @param allowHidden whether names that begin with a dot may be served
 */
export function parsePath(pathname: string, allowHidden: boolean): ParsedPath {
  if (pathname.length > PATH_CHARACTERS_MAX) return REFUSED;
  const segments: string[] = [];
  for (const encoded of pathname.split('/')) {
    const name = decodeBytes(encoded);
    if (name === undefined) return MALFORMED;
    // Repeated slashes name the same folder, as every file system reads them.
    if (name === '') continue;
    if (!isPlainName(name)) return REFUSED;
    if (name.startsWith('.') && !allowHidden && !(name === WELL_KNOWN && segments.length === 0))
      return REFUSED;
    segments.push(name);
  }
  return { kind: 'path', path: segments.join('/'), endsWithSlash: pathname.endsWith('/') };
}

/** The path part of an absolute URL or of an origin-form target: no query, no fragment. */
export function pathnameOf(url: string): string {
  const scheme = url.startsWith('/') ? -1 : url.indexOf('://');
  let start = scheme === -1 ? 0 : -1;
  for (let at = scheme === -1 ? 0 : scheme + 3; at < url.length; at++) {
    const code = url.charCodeAt(at);
    if (code === 0x3f || code === 0x23) return start === -1 ? '/' : url.slice(start, at);
    if (code === 0x2f && start === -1) start = at;
  }
  return start === -1 ? '/' : url.slice(start);
}

/** The query with its question mark, or nothing. */
export function queryOf(url: string): string {
  const hash = url.indexOf('#');
  const end = hash === -1 ? url.length : hash;
  const mark = url.indexOf('?');
  return mark === -1 || mark > end ? '' : url.slice(mark, end);
}

/** Percent-encodes raw bytes so that they are one path segment, whatever they hold. */
export function encodeSegment(name: RawPath): string {
  let out = '';
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const isUnreserved =
      (code >= 0x61 && code <= 0x7a) ||
      (code >= 0x41 && code <= 0x5a) ||
      (code >= 0x30 && code <= 0x39) ||
      code === 0x2d ||
      code === 0x2e ||
      code === 0x5f ||
      code === 0x7e;
    out += isUnreserved ? name[i] : `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Whether a segment of a URL may name it at all. */
export function isPlainName(name: string): boolean {
  if (name === '.' || name === '..') return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    // A slash here was encoded (%2F); a backslash separates on other systems; NUL ends C strings.
    if (code === 0x2f || code === 0x5c || code === 0) return false;
  }
  return true;
}

/** Percent-decodes to raw bytes, one a character; `undefined` when malformed. */
function decodeBytes(encoded: string): string | undefined {
  if (!encoded.includes('%') && isAscii(encoded)) return encoded;
  let out = '';
  for (let i = 0; i < encoded.length; i++) {
    const code = encoded.charCodeAt(i);
    if (code === 0x25) {
      const high = hexValue(encoded.charCodeAt(i + 1));
      const low = hexValue(encoded.charCodeAt(i + 2));
      if (high < 0 || low < 0) return undefined;
      out += String.fromCharCode(high * 16 + low);
      i += 2;
    } else {
      // A target holds visible ASCII only (RFC 9112 §3.2); anything else was made up on the way.
      if (code > 0x7e) return undefined;
      out += encoded[i];
    }
  }
  return out;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7e) return false;
  return true;
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
