/**
 * Which content codings a client takes (RFC 9110 §12.5.3), best first. Ours and not a library's: negotiator, which most
 * servers use, sorts by weight and by order in the field, where among equals the server knows best which is smaller.
 */

export type Coding = 'br' | 'zstd' | 'gzip';

/** Smallest first, as a rule. */
const CODINGS: readonly Coding[] = ['br', 'zstd', 'gzip'];

/** One element of the list: a coding and its weight, three digits at the most (RFC 9110 §12.4.2). */
const ELEMENT = /^[ \t]*([!#$%&'*+.^_`|~\w-]+)[ \t]*(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$/i;

/** Longer fields are nobody's browser; none of them is read. */
const FIELD_LENGTH_MAX = 1024;

const NONE: readonly Coding[] = [];

/** @returns codings that the client takes, and likes no less than content without one */
export function codingsFor(field: string | null): readonly Coding[] {
  if (field === null || field.length > FIELD_LENGTH_MAX) return NONE;
  const weights = new Map<string, number>();
  for (const element of field.split(',')) {
    const match = ELEMENT.exec(element);
    // What cannot be read is no wish.
    if (match === null) continue;
    const name = match[1]!.toLowerCase();
    // RFC 9110 §8.4.1.3
    weights.set(name === 'x-gzip' ? 'gzip' : name, match[2] === undefined ? 1 : Number(match[2]));
  }
  const others = weights.get('*') ?? 0;
  // Content without a coding is always acceptable, and asked for only where it is named.
  const identity = weights.get('identity') ?? 0;
  const weightOf = (coding: Coding): number => weights.get(coding) ?? others;
  const taken = CODINGS.filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= identity);
  // The sort is stable: among equals ours is the order.
  return taken.length === 0 ? NONE : taken.sort((a, b) => weightOf(b) - weightOf(a));
}

/** Clients of one kind send the same field: it is read once. */
export class CodingsRead {
  readonly #byField = new Map<string, readonly Coding[]>();

  of(field: string | null): readonly Coding[] {
    if (field === null) return NONE;
    let codings = this.#byField.get(field);
    if (codings === undefined) {
      codings = codingsFor(field);
      if (this.#byField.size >= FIELDS_MAX) this.#byField.clear();
      this.#byField.set(field, codings);
    }
    return codings;
  }
}

/** Browsers and tools send some ten different ones. */
const FIELDS_MAX = 64;
