/** What a client reads that is refused: the same sentence in every protocol. */
import type { Fault } from '../error.ts';
import { reasonPhrase } from './statuses.ts';

/** `400 Bad Request: the Host field is missing (RFC 9112 section 3.2)` and the end of the line; ASCII. */
export function faultText(fault: Fault): string {
  const rule = fault.section === '' ? '' : ` (${fault.section.replace('§', 'section ')})`;
  return `${fault.status} ${reasonPhrase(fault.status)}: ${fault.sentence}${rule}\n`;
}
