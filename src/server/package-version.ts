/** The version of Holdfast, as its package says. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  try {
    return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
  } catch {
    // In a program that was bundled into one file there is no package beside it.
    return 'unknown';
  }
}
