/** Close codes: RFC 6455 §7.4 and the registry that it made at IANA. */

/** A normal end. */
export const CLOSE_NORMAL = 1000;
/** The server goes down. */
export const CLOSE_GOING_AWAY = 1001;
/** What a close frame without a code means: never sent. */
export const CLOSE_NO_STATUS = 1005;
/** The connection ended without a close frame: never sent. */
export const CLOSE_ABNORMAL = 1006;
/** An error of the server's own. */
export const CLOSE_INTERNAL = 1011;

/**
 * Whether a close frame may carry it: 1000 to 1003 and 1007 to 1014 have a meaning, 3000 to 3999 are registered by
 * libraries, 4000 to 4999 are anybody's. 1004 to 1006 and 1015 stand for what was not sent.
 */
export function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
