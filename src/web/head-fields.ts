/**
 * Reads the fields of a request head that the protocol layer has already accepted: lines of
 * `name: value CRLF`, no folding, optional whitespace around the value (RFC 9112 §5). It checks
 * nothing; on text that was not accepted it would only misread, never overrun.
 *
 * Well-known names come out as the same string each time, found by a hash that is made while the colon
 * is being looked for: no slice, no lower-casing, and comparing two of them is comparing pointers.
 */

/** Ordered by how often they are seen: where two hash alike, the first one has the place. */
const KNOWN_NAMES = (
  'host user-agent accept accept-language accept-encoding cookie connection referer content-type ' +
  'content-length cache-control origin authorization if-none-match if-modified-since range ' +
  'upgrade-insecure-requests sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-ch-ua ' +
  'sec-ch-ua-mobile sec-ch-ua-platform sec-gpc dnt te priority pragma transfer-encoding expect ' +
  'x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip x-request-id forwarded via ' +
  'x-requested-with access-control-request-method access-control-request-headers if-match if-range ' +
  'if-unmodified-since upgrade sec-websocket-key sec-websocket-version sec-websocket-protocol ' +
  'sec-websocket-extensions traceparent tracestate baggage content-encoding keep-alive ' +
  'proxy-authorization max-forwards date from accept-charset x-csrf-token'
).split(' ');

const TABLE_SIZE = 512; // 60 names in 512 places: collisions cost only the later name its place
const TABLE: (string | undefined)[] = new Array(TABLE_SIZE).fill(undefined);
for (const name of KNOWN_NAMES) TABLE[hashOf(name)] ??= name;

function hashOf(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + (name.charCodeAt(i) | 0x20)) | 0;
  return hash & (TABLE_SIZE - 1);
}

/**
 * Appends the fields in text[start, end) to two lists: names in lower case, values without the
 * whitespace around them. Names may repeat.
 * @hot
 */
export function readHeadFields(
  text: string,
  start: number,
  end: number,
  names: string[],
  values: string[],
): void {
  let at = start;
  while (at < end) {
    const nameStart = at;
    let hash = 0;
    let code = text.charCodeAt(at);
    while (code !== 0x3a && at < end) {
      hash = (Math.imul(hash, 31) + (code | 0x20)) | 0;
      code = text.charCodeAt(++at);
    }
    const nameEnd = at;
    let lineEnd = text.indexOf('\r', at);
    if (lineEnd === -1 || lineEnd > end) lineEnd = end;
    if (nameEnd < lineEnd) {
      let valueStart = nameEnd + 1;
      let valueEnd = lineEnd;
      while (valueStart < valueEnd && isWhitespace(text.charCodeAt(valueStart))) valueStart++;
      while (valueStart < valueEnd && isWhitespace(text.charCodeAt(valueEnd - 1))) valueEnd--;
      names.push(lowerName(text, nameStart, nameEnd, hash & (TABLE_SIZE - 1)));
      values.push(text.slice(valueStart, valueEnd));
    }
    at = lineEnd + 2;
  }
}

/** @hot */
function lowerName(text: string, start: number, end: number, place: number): string {
  const known = TABLE[place];
  if (known !== undefined && known.length === end - start && isInLowerCase(text, start, known)) return known;
  return text.slice(start, end).toLowerCase();
}

/** Of all token characters only a capital becomes a letter with the bit set, and none becomes '-'. @hot */
function isInLowerCase(text: string, start: number, known: string): boolean {
  for (let i = 0; i < known.length; i++) {
    const expected = known.charCodeAt(i);
    const found = text.charCodeAt(start + i);
    if (found !== expected && (found | 0x20) !== expected) return false;
  }
  return true;
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
