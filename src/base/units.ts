/**
 * Durations and sizes as people write them: `'10s'`, `'64k'`. A number is milliseconds or bytes.
 * `Infinity` is off, or the word `off` where only text can be written, and nothing else means off: a 0
 * that meant "no limit" to one reader and "at once" to another is refused.
 */
import { OptionError } from './errors.ts';

/** A number of milliseconds, or `'500ms'`, `'10s'`, `'2m'`, `'1h'`; `Infinity` is off. */
export type Duration = number | string;
/** A number of bytes, or `'64k'`, `'10m'`; `Infinity` is off. */
export type Size = number | string;

const DURATION_UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNIT_BYTES: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const BARE_NUMBER = /^\d+(?:\.\d+)?$/;
/** `k`, `kb` and `kib` all mean 1024, as they do in nginx and in most tools; bytes may only be whole. */
const SIZE = /^(?:(\d+)b?|(\d+(?:\.\d+)?)([kmgt])(?:i?b)?)$/i;

/** Timers are 32-bit in places; 24 days is more than any timeout means. */
const DURATION_MS_MAX = 2 ** 31 - 1;
/** Decimal fractions are inexact: 8.2 s must not become 8201 ms. */
const ROUNDING_ERROR_MS = 1e-6;

const DURATION_ALLOWED =
  "a duration is a number of milliseconds or a string like '500ms', '10s', '2m', '1h'; Infinity or 'off' for off";
const SIZE_ALLOWED =
  "a size is a number of bytes or a string like '64k', '10m', '1g'; Infinity or 'off' for no limit";

/**
 * @returns whole milliseconds, rounded up, at least 1; or `Infinity` when the value says off
 * @throws OptionError naming `option` when the value is no duration
 */
export function parseDuration(option: string, value: unknown): number {
  if (saysOff(value)) return Number.POSITIVE_INFINITY;
  if (isZero(value))
    throw new OptionError(
      option,
      value,
      `${DURATION_ALLOWED}; 0 would mean off to some and at once to others`,
    );
  let ms = Number.NaN;
  if (typeof value === 'number') ms = value;
  else if (typeof value === 'string') {
    // A bare number in text is milliseconds to one reader and seconds to another.
    if (BARE_NUMBER.test(value))
      throw new OptionError(option, value, `say the unit, as '${value}ms' or '${value}s'`);
    const match = DURATION.exec(value);
    if (match !== null) ms = Number(match[1]) * DURATION_UNIT_MS[match[2]!]!;
  }
  if (Number.isNaN(ms)) throw new OptionError(option, value, DURATION_ALLOWED);
  if (!(ms > 0 && ms <= DURATION_MS_MAX))
    throw new OptionError(option, value, `${DURATION_ALLOWED}; more than 0, at most 24d`);
  return Math.max(1, Math.ceil(ms - ROUNDING_ERROR_MS));
}

/**
 * A time that something is put off by: 0, `'0s'` and `'off'` are none at all, and it has an end.
 * @returns whole milliseconds, rounded up
 * @throws OptionError naming `option`
 */
export function parsePause(option: string, value: unknown): number {
  if (value === undefined || value === 'off' || isZero(value)) return 0;
  const ms = parseDuration(option, value);
  if (ms === Number.POSITIVE_INFINITY)
    throw new OptionError(option, value, 'a time that ends, or 0 for none');
  return ms;
}

/**
 * @returns whole bytes; or `Infinity` when the value says off
 * @throws OptionError naming `option` when the value is no size
 */
export function parseSize(option: string, value: unknown): number {
  if (saysOff(value)) return Number.POSITIVE_INFINITY;
  let bytes = Number.NaN;
  if (typeof value === 'number') bytes = value;
  else if (typeof value === 'string') {
    const match = SIZE.exec(value);
    if (match?.[1] !== undefined) bytes = Number(match[1]);
    else if (match !== null) bytes = Math.round(Number(match[2]) * SIZE_UNIT_BYTES[match[3]!.toLowerCase()]!);
  }
  if (Number.isNaN(bytes)) throw new OptionError(option, value, SIZE_ALLOWED);
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new OptionError(option, value, `${SIZE_ALLOWED}; a whole number, 0 or more`);
  return bytes;
}

/** A duration of 0, in any unit or none. */
function isZero(value: unknown): boolean {
  return value === 0 || (typeof value === 'string' && /^0+(?:\.0+)?(?:ms|[smhd])?$/.test(value));
}

function saysOff(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || value === 'Infinity' || value === 'off';
}

/** A packet a second: less is a mistake for a client that waits. */
const PACE_BYTES_MIN = 1024;

/**
 * Bytes a second. @returns Infinity for no limit
 * @throws OptionError
 */
export function parsePace(option: string, value: unknown): number {
  const pace = parseSize(option, value);
  if (pace < PACE_BYTES_MIN)
    throw new OptionError(option, value, "1k a second or more, as '1m'; Infinity for no limit");
  return pace;
}
