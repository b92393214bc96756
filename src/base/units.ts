/**
 * Durations and sizes as people write them: `'10s'`, `'64k'`. A number is milliseconds or bytes,
 * `Infinity` is off, and nothing else means off.
 */
import { OptionError } from './errors.ts';

const DURATION_UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNIT_BYTES: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Timers are 32-bit in places; 24 days is more than any timeout means. */
const DURATION_MS_MAX = 2 ** 31 - 1;

const DURATION_ALLOWED =
  "a duration is a number of milliseconds, a string like '500ms', '10s', '2m', '1h', or Infinity for off";
const SIZE_ALLOWED = "a size is a number of bytes, a string like '64k', '10m', '1g', or Infinity for off";

/**
 * @returns milliseconds, or `Infinity` when the value says off
 * @throws OptionError naming `option` when the value is no duration
 */
export function parseDuration(option: string, value: unknown): number {
  if (value === Number.POSITIVE_INFINITY || value === 'Infinity' || value === 'off') return Number.POSITIVE_INFINITY;
  let ms: number;
  if (typeof value === 'number') ms = value;
  else {
    const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null;
    if (match === null) throw new OptionError(option, value, DURATION_ALLOWED);
    ms = Number(match[1]) * (DURATION_UNIT_MS[match[2]!] ?? Number.NaN);
  }
  if (!(ms > 0 && ms <= DURATION_MS_MAX)) throw new OptionError(option, value, `${DURATION_ALLOWED}; more than 0, at most 24d`);
  return Math.ceil(ms);
}

/**
 * @returns bytes, or `Infinity` when the value says off
 * @throws OptionError naming `option` when the value is no size
 */
export function parseSize(option: string, value: unknown): number {
  if (value === Number.POSITIVE_INFINITY || value === 'Infinity' || value === 'off') return Number.POSITIVE_INFINITY;
  let bytes: number;
  if (typeof value === 'number') bytes = value;
  else {
    const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(value) : null;
    if (match === null) throw new OptionError(option, value, SIZE_ALLOWED);
    bytes = Math.round(Number(match[1]) * (SIZE_UNIT_BYTES[match[2]!.toLowerCase()] ?? Number.NaN));
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new OptionError(option, value, `${SIZE_ALLOWED}; a whole number, 0 or more`);
  return bytes;
}
