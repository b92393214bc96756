/**
 * HPACK's static table: RFC 7541 Appendix A. Index 1 is the first entry; 0 is no index.
 */

const ENTRIES: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

export const STATIC_COUNT = 61;

/** By index; the entry 0 is none. */
export const STATIC_NAMES: readonly string[] = Object.freeze(['', ...ENTRIES.map(([name]) => name)]);
export const STATIC_VALUES: readonly string[] = Object.freeze(['', ...ENTRIES.map(([, value]) => value)]);

/** @returns the first index of each name */
function firstIndexes(): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  for (let i = STATIC_COUNT; i > 0; i--) indexes.set(STATIC_NAMES[i]!, i);
  return indexes;
}

/** The first index that has a name. */
export const STATIC_NAME_INDEX: ReadonlyMap<string, number> = firstIndexes();

/** @returns the index of the entry with this name and this value, 0 for none */
export function staticIndexOf(name: string, value: string): number {
  const first = STATIC_NAME_INDEX.get(name);
  if (first === undefined) return 0;
  for (let i = first; i <= STATIC_COUNT && STATIC_NAMES[i] === name; i++)
    if (STATIC_VALUES[i] === value) return i;
  return 0;
}
