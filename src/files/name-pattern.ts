/**
 * Patterns of names, as options have them: `/assets/*` is compared with the whole path of a file, `*.html`, which has
 * no slash, with its name alone. A `*` stands for any characters, slashes too. No regular expression, so that no
 * pattern takes more than its length times that of the path.
 */
import type { RawPath } from './source.ts';

export interface NamePattern {
  /** Bytes, each written as one character, as in paths. */
  readonly bytes: string;
  readonly isWholePath: boolean;
}

/** @returns what is wrong with it, for the message of an error; undefined for a pattern */
export function problemOfPattern(text: unknown): string | undefined {
  if (typeof text !== 'string' || text === '') return 'a pattern is text';
  if (text.includes('/') && !text.startsWith('/'))
    return "a pattern with a slash begins with one, as '/assets/*'; one without, as '*.html', is for names in any folder";
  return undefined;
}

/** @param text for which there is no problem */
export function patternOf(text: string): NamePattern {
  return { bytes: Buffer.from(text, 'utf8').toString('latin1'), isWholePath: text.startsWith('/') };
}

/** @param path of a file below the root */
export function matches(pattern: NamePattern, path: RawPath): boolean {
  const { bytes, isWholePath } = pattern;
  return isWholePath
    ? matchesText(bytes, `/${path}`)
    : matchesText(bytes, path.slice(path.lastIndexOf('/') + 1));
}

/** Greedy, going back to the last star alone: what it took is given one character more. */
function matchesText(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < text.length; ) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++;
      resume = i;
    } else if (at < pattern.length && pattern[at] === text[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
