/** What Cache-Control says for a file: by rules of the operator's, or by what its name tells of how it was made. */
import { matches, type NamePattern } from './name-pattern.ts';
import type { RawPath } from './source.ts';

interface CacheRule {
  readonly pattern: NamePattern;
  readonly value: string;
}

export interface CacheRules {
  /** The first that matches holds. */
  readonly rules: readonly CacheRule[];
  /** Names that hold a hash of the content never lead to another one. */
  readonly immutable: boolean;
  readonly otherwise: string;
}

/** RFC 8246, and a year, which RFC 9111 §1.2.2 lets anybody take for the longest. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';

export function cacheControlOf(rules: CacheRules, path: RawPath): string {
  for (const { pattern, value } of rules.rules) if (matches(pattern, path)) return value;
  return rules.immutable && isHashedName(path) ? IMMUTABLE : rules.otherwise;
}

/** What stands between a dash or a dot and the ending, or another dot before it, as `.chunk.js`. */
const MARK = /[.-]([\w-]{8,64})(?=\.[\w.]+$)/;

/**
 * Whether a name was made by a bundler that puts a hash in it: hexadecimal (webpack, Parcel), eight capitals and digits
 * (esbuild) or eight characters of base64url (Rollup, Vite). What could as well be a word or a date is none: then the file is asked
 * about each time, which costs little, where a wrong guess would last a year.
 */
export function isHashedName(path: RawPath): boolean {
  const mark = MARK.exec(path.slice(path.lastIndexOf('/') + 1))?.[1];
  if (mark === undefined) return false;
  // A dash may be part of what base64url makes, and may separate.
  const last8 = mark.slice(-8);
  const tail = mark.slice(mark.lastIndexOf('-') + 1);
  if (/^[0-9a-f]{8,64}$/.test(tail)) return /\d/.test(tail) && /[a-f]/.test(tail);
  if (mark.length > 8 && mark.at(-9) !== '-') return false;
  // Words end in numbers, as `IMG23456` and `MyDoc123` do; a hash has letters behind its digits as well.
  return (
    /\d[A-Za-z]/.test(last8) && /[A-Z]/.test(last8) && (/[a-z]/.test(last8) || /^[A-Z2-7]{8}$/.test(last8))
  );
}
