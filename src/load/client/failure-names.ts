/**
 * What requests and connections that fail are called in counts and reports: the system's own name where
 * it has one (`ECONNREFUSED`), else one of these.
 */

import type { Fault } from '../../protocol/error.ts';

export const FAILURE_NAMES = {
  /** No whole answer within the time limit. */
  timeout: 'timeout',
  connectTimeout: 'connect timeout',
  /** The server closed before the whole answer was there. */
  closedEarly: 'closed early',
  /** What came is no HTTP; what is wrong with it follows. */
  garbage: 'garbage',
  /** The same, where HTTP/2 was spoken to a server of HTTP/1. */
  http1Answer: 'garbage: the server answers in HTTP/1, not in HTTP/2 (RFC 9113 §3.4)',
  /** An answer, or the content of one that has none, came to no request. */
  unsolicited: 'unsolicited answer',
  /** Due at a constant rate, and every connection was busy until the run was over. */
  notSent: 'never sent',
} as const;

/** `garbage: the status line is ... (RFC 9112 §4)`: a server's author needs the rule, not our word for it. */
export function garbageName({ sentence, section }: Pick<Fault, 'sentence' | 'section'>): string {
  return `${FAILURE_NAMES.garbage}: ${sentence}${section === '' ? '' : ` (${section})`}`;
}

/**
 * @param errorCode what the system said; empty when it said nothing
 * @param reason the engine's, or ours
 */
export function failureName(errorCode: string, reason: string): string {
  return errorCode === '' ? reason : errorCode;
}

/** How a server that closes a connection in its own time looks from here. */
export function isClosing(error: string): boolean {
  return error === FAILURE_NAMES.closedEarly || error === 'ECONNRESET' || error === 'EPIPE';
}

/** The system's name of what a call has thrown. */
export function errorCode(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? 'error';
}
