/**
 * What one attacker does on one connection, as data: it is made from a seed, played, written into a capsule, made smaller
 * and played again. Bytes are characters from 0 to 255, so that a script is JSON that people can read.
 */

export type Step =
  | { readonly kind: 'send'; readonly bytes: string }
  | { readonly kind: 'wait'; readonly ms: number }
  /** Until so many final answers have come whole, or the connection has ended. */
  | { readonly kind: 'answers'; readonly count: number }
  /** From here on one byte after the other, the last ones again and again, until the connection has ended. */
  | { readonly kind: 'drip'; readonly bytes: string; readonly again: string; readonly everyMs: number }
  /** Reads no more, until `read`. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'read' }
  /** FIN: nothing more is sent, answers are read. */
  | { readonly kind: 'end' }
  /** RST. */
  | { readonly kind: 'reset' }
  /** So many frames of one of the attacks on HTTP/2, whose bytes its name and their number decide; it stands alone. */
  | { readonly kind: 'frames'; readonly attack: string; readonly count: number };

export type Script = readonly Step[];

export function send(bytes: string): Step {
  return { kind: 'send', bytes };
}

/** All that is sent at moments of the script's own choice. */
export function sentBytes(script: Script): string {
  return script.map((step) => (step.kind === 'send' ? step.bytes : '')).join('');
}

/** What a script is measured in when it is made smaller: bytes that are sent, frames, and every other step. */
export function eventCount(script: Script): number {
  return script.reduce((sum, step) => sum + eventsOf(step), 0);
}

function eventsOf(step: Step): number {
  if (step.kind === 'frames') return step.count;
  if (step.kind === 'drip') return step.bytes.length + step.again.length;
  return step.kind === 'send' ? Math.max(1, step.bytes.length) : 1;
}
