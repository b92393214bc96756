/**
 * Which fields may not come after the body: those that a recipient must know before it, for framing,
 * routing, authentication, or the meaning of the content. RFC 9110 §6.5.1, and the fields that
 * §6.5.1's list of purposes covers. A trailer section that names one is refused, in both directions.
 */

const FORBIDDEN: ReadonlySet<string> = new Set([
  // Framing.
  'transfer-encoding',
  'content-length',
  'trailer',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  // Routing and request modifiers.
  'host',
  'expect',
  'max-forwards',
  'cache-control',
  'pragma',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
  // Authentication, and cookies, which authenticate in practice.
  'authorization',
  'www-authenticate',
  'proxy-authorization',
  'proxy-authenticate',
  'cookie',
  'set-cookie',
  // How the content is to be read.
  'content-encoding',
  'content-type',
  'content-range',
]);

/** The longest forbidden name: a longer one need not be looked up. */
export const FORBIDDEN_TRAILER_BYTES_MAX = 19;

/** @param lowerName the field name in lower case */
export function isForbiddenTrailer(lowerName: string): boolean {
  return FORBIDDEN.has(lowerName);
}
