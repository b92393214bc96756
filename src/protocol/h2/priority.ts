/**
 * The priority of an answer, as its client asks for it: RFC 9218 §4. A structured field (RFC 8941) of which two keys
 * are known; what cannot be read means the default, for a wish is no reason to refuse a request.
 */

/** The most urgent is 0. */
export const URGENCY_DEFAULT = 3;
export const URGENCY_LAST = 7;

interface Priority {
  readonly urgency: number;
  /** Its pieces are of use one by one: answers of the same urgency take turns. */
  readonly isIncremental: boolean;
}

const DEFAULT_PRIORITY: Priority = Object.freeze({ urgency: URGENCY_DEFAULT, isIncremental: false });

const KEY = /^[a-z*][a-z0-9_\-.*]*$/;

/** @param text of a Priority field or a PRIORITY_UPDATE frame, as `u=1, i` */
export function parsePriority(text: string): Priority {
  let { urgency, isIncremental } = DEFAULT_PRIORITY;
  for (const member of text.split(',')) {
    // Parameters behind a member are not of interest. RFC 8941 §3.2
    const [item = ''] = member.trim().split(';');
    const [key = '', ...rest] = item.split('=');
    if (!KEY.test(key)) return DEFAULT_PRIORITY;
    const value = rest.join('=');
    if (key === 'u' && /^[0-7]$/.test(value)) urgency = Number(value);
    else if (key === 'i') isIncremental = rest.length === 0 || value === '?1';
  }
  return { urgency, isIncremental };
}
