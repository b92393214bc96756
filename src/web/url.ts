/**
 * The absolute URL of a request: what `new URL(...).href` would give, by putting the parts together where
 * nothing in them needs to be normalised, which one look at every character tells. Whatever is unusual
 * takes the parser's way. It never throws: where the client's authority is no authority, ours stands in.
 */
import { ownText } from './own-text.ts';

/** The character needs no look: the URL standard neither encodes nor interprets it in this place. */
const PLAIN = 1;
const SLASH = 2;
const QUERY = 3;

/** Path characters of a special URL; 0 takes the parser's way: ", #, <, >, `, {, }, \, ^, |, blanks, bytes above 0x7e. */
const PATH = tableOf("!$&'()*+,-.0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~%");
PATH[0x2f] = SLASH;
PATH[0x3f] = QUERY;
/** Query characters; the single quote is encoded in queries of special URLs. */
const SEARCH = tableOf(
  '!$&()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~%\\',
);
/** Host characters that the domain parser leaves alone. */
const HOST = tableOf('abcdefghijklmnopqrstuvwxyz0123456789-.');

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = PLAIN;
  return table;
}

/**
 * @param text holds the target at [targetStart, targetEnd) and the authority at [hostStart, hostEnd);
 * hostStart is -1 when the request has none
 * @param defaultAuthority what stands in for an authority that is missing or no authority
 */
export function requestUrl(
  scheme: 'http' | 'https',
  defaultAuthority: string,
  text: string,
  targetStart: number,
  targetEnd: number,
  hostStart: number,
  hostEnd: number,
): string {
  const hasHost = hostStart !== -1 && hostEnd > hostStart;
  // Looked at in place: characters of a slice are reached through one more indirection each.
  const isPlain =
    isPlainTarget(text, targetStart, targetEnd) &&
    (hasHost
      ? isPlainAuthority(text, hostStart, hostEnd, scheme)
      : isPlainAuthority(defaultAuthority, 0, defaultAuthority.length, scheme));
  const target = ownText(text, targetStart, targetEnd);
  const authority = hasHost ? ownText(text, hostStart, hostEnd) : defaultAuthority;
  return isPlain
    ? `${scheme}://${authority}${target}`
    : parsedUrl(scheme, authority, defaultAuthority, target);
}

/** RFC 9112 §3.3 says what each form of the request target stands for. */
function parsedUrl(scheme: string, authority: string, defaultAuthority: string, sent: string): string {
  // The URL parser takes a backslash in a path for a slash, and whatever stands in front of us does not.
  const target = sent.includes('\\') ? sent.replace(/^[^?]*/, (path) => path.replaceAll('\\', '%5C')) : sent;
  if (target.charCodeAt(0) === 0x2f) {
    return (
      joinedUrl(scheme, authority, target) ??
      joinedUrl(scheme, defaultAuthority, target) ??
      'http://localhost/'
    );
  }
  if (/^https?:\/\//i.test(target)) {
    // Absolute form: the Host field is to be ignored (RFC 9112 §3.2.2).
    const url = tryUrl(target);
    if (url !== null) {
      // The scheme says how the request came (RFC 9110 §7.1), and whether that was secure is not the client's to say.
      url.protocol = scheme;
      // A Request's URL never holds credentials: the Fetch standard refuses to make one that does.
      url.username = '';
      url.password = '';
      return url.href;
    }
  }
  // Asterisk form and authority form have an empty path.
  const named = target === '*' || /^https?:/i.test(target) ? authority : target;
  return (
    joinedUrl(scheme, named, '/') ??
    joinedUrl(scheme, authority, '/') ??
    joinedUrl(scheme, defaultAuthority, '/') ??
    'http://localhost/'
  );
}

function joinedUrl(scheme: string, authority: string, path: string): string | undefined {
  // None of these may end the authority early, so that a Host field cannot reach into path or userinfo.
  if (/[/?#@\\\s]/.test(authority)) return undefined;
  return tryUrl(`${scheme}://${authority}${path}`)?.href;
}

function tryUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** What a relative reference is parsed against, to see whether it can be: nothing of it is sent. */
const SOME_PAGE = new URL('http://localhost/');

/**
 * The Location that stands for `reference`: normalised as a URL where it is one, and a relative reference with
 * what has to be percent-encoded encoded.
 * @throws TypeError when it is neither
 */
export function redirectLocation(reference: string): string {
  // The URL standard strips and drops these wherever they are: https://url.spec.whatwg.org/#concept-basic-url-parser
  const text = wellFormed(reference).replace(/^[\0-\x20]+|[\0-\x20]+$|[\t\r\n]/g, '');
  const base = pageUrl();
  let url: URL;
  try {
    url = new URL(text, base ?? SOME_PAGE);
  } catch (cause) {
    throw new TypeError(`Failed to parse URL from ${reference}`, { cause });
  }
  if (base !== undefined || tryUrl(text) !== null) return url.href;
  if (/^[/\\]{2}/.test(text)) return url.href.slice(url.protocol.length);
  if (/^[/\\]/.test(text)) return url.pathname + url.search + url.hash;
  // Its dot segments are the client's to resolve; only what may not stand in a URL is encoded.
  return text.replace(/[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]/gu, encodeURIComponent);
}

/**
 * Replaces what is not well-formed, as WebIDL does with every string that it takes for a URL. It is in the language since
 * ES2024; the library file in use here is older.
 */
function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed();
}

/** Where a program runs as a page would, Node's fetch is told so: undici's `setGlobalOrigin`. */
function pageUrl(): URL | undefined {
  const origin: unknown = Reflect.get(globalThis, Symbol.for('undici.globalOrigin.1'));
  return origin instanceof URL ? origin : undefined;
}

/** @hot */
function isPlainTarget(text: string, start: number, end: number): boolean {
  if (start === end || text.charCodeAt(start) !== 0x2f) return false;
  let afterSlash = false;
  let i = start;
  for (; i < end; i++) {
    const code = text.charCodeAt(i);
    const kind = code < 256 ? PATH[code]! : 0;
    if (kind === PLAIN) {
      // A segment that begins with '.' or '%2e' may be a dot segment, which the parser takes out.
      if (afterSlash && (code === 0x2e || code === 0x25) && mayBeDots(text, i, end)) return false;
      afterSlash = false;
    } else if (kind === SLASH) {
      afterSlash = true;
    } else if (kind === QUERY) {
      break;
    } else {
      return false;
    }
  }
  for (; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code >= 256 || SEARCH[code] !== PLAIN) return false;
  }
  return true;
}

/** Names like `.well-known` and encoded letters are no dot segments. */
function mayBeDots(text: string, i: number, end: number): boolean {
  const next = i + 1 < end ? text.charCodeAt(i + 1) : 0;
  if (text.charCodeAt(i) === 0x25) return next === 0x32;
  return !(next >= 0x61 && next <= 0x7a);
}

/** A registered name in lower case or a dotted IPv4 address, with a port that has to be told. @hot */
function isPlainAuthority(text: string, start: number, end: number, scheme: string): boolean {
  let labelStart = start;
  let i = start;
  let code = 0;
  for (; i < end; i++) {
    code = text.charCodeAt(i);
    if (code === 0x3a) break;
    if (code >= 256 || HOST[code] !== PLAIN) return false;
    if (code === 0x2e) {
      if (i === labelStart) return false;
      labelStart = i + 1;
    } else if (code === 0x2d && (i === labelStart || text.charCodeAt(i - 1) === 0x2d)) {
      // `xn--` and its like are the domain parser's to judge.
      return false;
    }
  }
  // RFC 1035 §2.3.4 bounds names at 253 characters; a trailing dot and a hyphen are rare enough to parse.
  if (i === labelStart || i - start > 253 || text.charCodeAt(i - 1) === 0x2d) return false;
  const last = text.charCodeAt(labelStart);
  if (last >= 0x30 && last <= 0x39 && !isDottedQuad(text, start, i)) return false;
  return i === end || isPlainPort(text, i + 1, end, scheme);
}

/** A name whose last label begins with a digit may be an IPv4 address in one of many spellings. */
function isDottedQuad(text: string, start: number, end: number): boolean {
  let dots = 0;
  let value = 0;
  let digits = 0;
  for (let i = start; i <= end; i++) {
    const code = i === end ? 0x2e : text.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0 || value > 255) return false;
      dots++;
      value = 0;
      digits = 0;
    } else if (code >= 0x30 && code <= 0x39) {
      // A leading zero means octal.
      if (digits === 1 && value === 0) return false;
      value = value * 10 + code - 0x30;
      if (++digits > 3) return false;
    } else {
      return false;
    }
  }
  return dots === 4;
}

function isPlainPort(text: string, start: number, end: number, scheme: string): boolean {
  if (start === end || end - start > 5 || text.charCodeAt(start) === 0x30) return false;
  let port = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535 && port !== (scheme === 'http' ? 80 : 443);
}
