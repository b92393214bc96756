/**
 * Numbers as users of load generators write them: counts with k and m, durations where a bare number is
 * seconds (as in wrk, autocannon and siege), ranges.
 */
import { OptionError } from '../base/errors.ts';
import { parseDuration } from '../base/units.ts';

const COUNT_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1000, m: 1_000_000 };

/** `500`, `10k`, `1.5m`: whole, at least 1. @throws OptionError */
export function parseCount(option: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = scaled(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= max))
    throw new OptionError(
      option,
      text,
      `a whole number from 1${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}, with k or m`,
    );
  return value;
}

/** A rate may be a fraction: 0.5 is a request every two seconds. @throws OptionError */
export function parseRate(option: string, text: string): number {
  const value = scaled(text.replace(/\/s$/, ''));
  if (!(value > 0 && value <= RATE_MAX))
    throw new OptionError(
      option,
      text,
      `a number of requests a second, more than 0, at most ${RATE_MAX}, with k or m`,
    );
  return value;
}

/** Beyond what any machine of today sends; a typing error. */
const RATE_MAX = 100_000_000;

function scaled(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([km]?)$/i.exec(text);
  if (match === null) return Number.NaN;
  // 1.1 * 1000 is not 1100 in binary.
  return Number((Number(match[1]) * COUNT_UNITS[match[2]!.toLowerCase()]!).toPrecision(12));
}

const TIME_ALLOWED =
  "a time such as 500ms, 10s or 2m; a number without a unit is seconds ('10' is 10 seconds)";

/** Milliseconds; a number without a unit is seconds. @throws OptionError */
export function parseTime(option: string, text: string): number {
  if (/^0+(\.0*)?(ms|s|m|h)?$/.test(text)) return 0;
  const spelled = /^\d+(\.\d+)?$/.test(text) ? `${text}s` : text.toLowerCase();
  if (!/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(spelled)) throw new OptionError(option, text, TIME_ALLOWED);
  return parseDuration(option, spelled);
}

/** Like parseTime, and more than 0. @throws OptionError */
export function parsePositiveTime(option: string, text: string): number {
  const ms = parseTime(option, text);
  if (!(ms > 0 && Number.isFinite(ms))) throw new OptionError(option, text, `${TIME_ALLOWED}; more than 0`);
  return ms;
}

/** `1s`, or `0-2s` where the first may go without its unit. @throws OptionError */
export function parseTimeRange(option: string, text: string): { minMs: number; maxMs: number } {
  const [first, last, ...more] = text.split('-');
  if (first === undefined || more.length > 0)
    throw new OptionError(option, text, "a time or a range: '1s', '0-2s'");
  if (last === undefined) {
    const ms = parseTime(option, first);
    return { minMs: ms, maxMs: ms };
  }
  const unit = /[a-z]+$/i.exec(last)?.[0] ?? '';
  const minMs = parseTime(option, /[a-z]$/i.test(first) ? first : first + unit);
  const maxMs = parseTime(option, last);
  if (!(minMs <= maxMs && Number.isFinite(maxMs)))
    throw new OptionError(option, text, "a range goes upwards: '0-2s', '500ms-1s'");
  return { minMs, maxMs };
}
