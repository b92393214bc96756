/**
 * What requests and connections that fail are called in counts and reports: the system's own name where
 * it has one (`ECONNREFUSED`), else one of these.
 */

export const FAILURE_NAMES = {
  /** No whole answer within the time limit. */
  timeout: 'timeout',
  connectTimeout: 'connect timeout',
  /** The server closed before the whole answer was there. */
  closedEarly: 'closed early',
  /** What came is no HTTP. */
  garbage: 'garbage',
  /** Due at a constant rate, and every connection was busy until the run was over. */
  notSent: 'never sent',
} as const;

/**
 * @param errorCode what the system said; empty when it said nothing
 * @param reason the engine's, or ours
 */
export function failureName(errorCode: string, reason: string): string {
  return errorCode === '' ? reason : errorCode;
}
