/**
 * The field names that nearly all messages are made of. Where one of them is met it is always the same
 * string, so that comparing two is comparing pointers, and it needs neither checking nor lower-casing.
 */
import { ownText } from './own-text.ts';

/** Ordered by how often they are seen in requests: the first that hashes to a place has it. */
const NAMES = (
  'host user-agent accept accept-language accept-encoding cookie connection referer content-type ' +
  'content-length cache-control origin authorization if-none-match if-modified-since range ' +
  'upgrade-insecure-requests sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-ch-ua ' +
  'sec-ch-ua-mobile sec-ch-ua-platform sec-gpc dnt te priority pragma transfer-encoding expect ' +
  'x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip x-request-id forwarded via ' +
  'x-requested-with access-control-request-method access-control-request-headers if-match if-range ' +
  'if-unmodified-since upgrade sec-websocket-key sec-websocket-version sec-websocket-protocol ' +
  'sec-websocket-extensions traceparent tracestate baggage content-encoding keep-alive ' +
  'proxy-authorization max-forwards date from accept-charset x-csrf-token ' +
  'set-cookie location etag last-modified vary expires age allow server link retry-after accept-ranges ' +
  'content-disposition content-language content-location content-range content-security-policy ' +
  'access-control-allow-origin access-control-allow-methods access-control-allow-headers ' +
  'access-control-allow-credentials access-control-expose-headers access-control-max-age ' +
  'strict-transport-security x-content-type-options x-frame-options x-powered-by referrer-policy ' +
  'permissions-policy cross-origin-opener-policy cross-origin-resource-policy server-timing www-authenticate'
).split(' ');

/** Turns names as programs write them, `content-type` or `Content-Type`, into lower case. */
export const LOWER_NAMES: ReadonlyMap<string, string> = new Map(
  NAMES.flatMap((name) => [
    [name, name],
    [name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()), name],
  ]),
);

const TABLE_SIZE = 1024; // 100 names: a collision costs only the later name its place
const TABLE: (string | undefined)[] = new Array(TABLE_SIZE).fill(undefined);
for (const name of NAMES) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = nextNameHash(hash, name.charCodeAt(i));
  TABLE[hash & (TABLE_SIZE - 1)] ??= name;
}

/** One step of the hash that `lowerNameAt` wants; blind to case. @hot */
export function nextNameHash(hash: number, code: number): number {
  return (Math.imul(hash, 31) + (code | 0x20)) | 0;
}

/** The name at text[start, end) in lower case; `hash` is over all its characters. @hot */
export function lowerNameAt(text: string, start: number, end: number, hash: number): string {
  const known = TABLE[hash & (TABLE_SIZE - 1)];
  if (known !== undefined && known.length === end - start && isNameAt(text, start, known)) return known;
  return ownText(text, start, end).toLowerCase();
}

/**
 * Whether the token at `start` begins with `name`, which is in lower case. Among token characters only
 * a capital becomes a letter with the bit set; what is no letter has to be the same.
 * @hot
 */
export function isNameAt(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const expected = name.charCodeAt(i);
    const found = text.charCodeAt(start + i);
    if (found !== expected && ((found | 0x20) !== expected || expected < 0x61 || expected > 0x7a))
      return false;
  }
  return true;
}
