/**
 * What may be sent to a terminal: colours only where they are wanted, and never a control character
 * that came from outside, for a log line must not be able to move the cursor of whoever reads it.
 */
import { isatty } from 'node:tty';

export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan';

/** SGR codes: what switches each on. All are ended by a reset of their own kind. */
const CODES: Record<Paint, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
};

/** Whether `fd` is a terminal that may show colours (no-color.org, and TERM=dumb as everywhere). */
export function usesColour(fd: number, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0') return true;
  return env['TERM'] !== 'dumb' && isatty(fd);
}

export function paint(text: string, style: Paint, isOn: boolean): string {
  if (!isOn) return text;
  const [on, off] = CODES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

/**
 * Control characters, C1 ones and the line separators of Unicode as `\xNN` or `\uNNNN`.
 * @param keepLines leave line feeds and tabs, for text of our own such as stack traces
 */
export function escapeControls(text: string, keepLines: boolean): string {
  if (!UNSAFE.test(text)) return text;
  return text.replace(UNSAFE_ALL, (character) => {
    if (keepLines && (character === '\n' || character === '\t')) return character;
    const code = character.charCodeAt(0);
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose.
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const UNSAFE_ALL = new RegExp(UNSAFE.source, 'g');
