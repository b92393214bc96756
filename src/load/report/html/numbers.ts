/**
 * Numbers as people read them: `1,234`, `1.23 ms`, `812 µs`, `0.04 %`. Always the same text for the same
 * number, whatever the locale of the machine, since reports are compared. What is missing or no finite
 * number is a dash, so that nothing that could not be measured looks like a 0.
 */

export const NO_FIGURE = '–';

/** Between a number and its unit: a line is not broken there. */
export const UNIT_SPACE = '\u00a0';

const MS_A_MINUTE = 60_000;
const MS_AN_HOUR = 3_600_000;

type Figure = number | null | undefined;

function isFigure(value: Figure): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whole numbers, with thousands set apart. */
export function formatCount(value: Figure): string {
  if (!isFigure(value)) return NO_FIGURE;
  const text = Math.abs(Math.round(value)).toFixed(0);
  return `${value <= -0.5 ? '−' : ''}${grouped(text)}`;
}

/** At most 6 characters, for an axis or a large figure: `999,999`, then `1.25M`, `12.5G`. */
export function formatShortCount(value: Figure): string {
  if (!isFigure(value)) return NO_FIGURE;
  if (Math.abs(value) < 999_999.5) return Number.isInteger(value) ? formatCount(value) : formatRate(value);
  // Rounded before the letter is chosen, so that 999,999,999 is 1G and not 1000M.
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  const [unit, letter] = size >= 1e12 ? [1e12, 'T'] : size >= 1e9 ? [1e9, 'G'] : [1e6, 'M'];
  return `${size >= 1e15 ? formatCount(rounded / unit) : trimmed((rounded / unit).toPrecision(3))}${letter}`;
}

/** A number of things a second, without the unit: three digits where it is small, whole where it is not. */
export function formatRate(value: Figure): string {
  if (!isFigure(value)) return NO_FIGURE;
  if (value === 0) return '0';
  if (Math.abs(value) >= 99.95) return formatCount(value);
  return Math.abs(value) < 0.01 ? '<0.01' : value.toFixed(Math.abs(value) >= 9.995 ? 1 : 2);
}

/** A rate that somebody asked for: as many digits as were asked. */
export function formatAskedRate(value: Figure): string {
  return isFigure(value) && Number.isInteger(value) ? formatCount(value) : formatRate(value);
}

/** A measured time in three significant digits, in the unit that suits it. */
export function formatMs(ms: Figure): string {
  if (!isFigure(ms)) return NO_FIGURE;
  if (ms === 0) return `0${UNIT_SPACE}ms`;
  // Rounded before the unit is chosen, so that 0.9996 ms is 1.00 ms and not 1,000 µs.
  const rounded = Number(ms.toPrecision(3));
  if (Math.abs(rounded) < 1) return `${threeDigits(rounded * 1000)}${UNIT_SPACE}µs`;
  if (Math.abs(rounded) < 1000) return `${threeDigits(rounded)}${UNIT_SPACE}ms`;
  if (Math.abs(rounded) < MS_A_MINUTE) return `${threeDigits(rounded / 1000)}${UNIT_SPACE}s`;
  return formatDuration(ms);
}

export type MsUnit = 'µs' | 'ms' | 's';

/** The one unit for times that stand below or beside each other: nobody should have to convert to compare. */
export function msUnitOf(times: readonly Figure[]): MsUnit {
  const known = times.filter(isFigure).filter((ms) => ms > 0);
  if (known.length === 0) return 'ms';
  if (Math.max(...known) < 1) return 'µs';
  return Math.min(...known) >= 100 && Math.max(...known) >= 1000 ? 's' : 'ms';
}

/** A measured time in three significant digits, without its unit, which stands in the head of the column. */
export function formatMsIn(unit: MsUnit, ms: Figure): string {
  if (!isFigure(ms)) return NO_FIGURE;
  if (ms === 0) return '0';
  const value = Number(((ms * (unit === 'µs' ? 1000 : 1)) / (unit === 's' ? 1000 : 1)).toPrecision(3));
  // Clocks tell microseconds.
  return value < 1 ? trimmedTo(value, 3) : threeDigits(value);
}

export function formatMsWith(unit: MsUnit, ms: Figure): string {
  return isFigure(ms) ? `${formatMsIn(unit, ms)}${UNIT_SPACE}${unit}` : NO_FIGURE;
}

/** At least a microsecond's digits where there is something at all. */
function trimmedTo(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? `<${(10 ** -digits).toFixed(digits)}` : text;
}

/** A time that somebody asked for, without digits that say nothing: `30 s`, `1.5 s`, `1 h 5 min`. */
export function formatDuration(ms: Figure): string {
  if (ms === Number.POSITIVE_INFINITY) return 'no limit';
  if (!isFigure(ms)) return NO_FIGURE;
  if (ms < 0) return `−${formatDuration(-ms)}`;
  if (ms < 1 && ms > 0) return formatMs(ms);
  if (ms < 1000) return `${trimmed(ms.toPrecision(3))}${UNIT_SPACE}ms`;
  if (ms < MS_A_MINUTE - 5) return `${trimmed((ms / 1000).toFixed(2))}${UNIT_SPACE}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < MS_AN_HOUR / 1000)
    return joined([Math.floor(seconds / 60), 'min'], [Math.floor(seconds % 60), 's']);
  const minutes = Math.round(seconds / 60);
  return joined([Math.floor(minutes / 60), 'h'], [minutes % 60, 'min']);
}

/** A share of 1 as percent; neither is a little shown as nothing nor nearly all as all. */
export function formatShare(share: Figure): string {
  if (!isFigure(share)) return NO_FIGURE;
  const percent = share * 100;
  const sign = `${UNIT_SPACE}%`;
  if (percent === 0 || percent === 100) return `${percent}${sign}`;
  if (percent > 100) return `${formatCount(percent)}${sign}`;
  if (percent > 0 && percent < 0.01) return `<0.01${sign}`;
  if (percent > 99.99) return `>99.99${sign}`;
  const digits = percent >= 10 && percent <= 99 ? 1 : 2;
  return `${trimmed(percent.toFixed(digits))}${sign}`;
}

const TRAFFIC_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Traffic, in powers of 1000. */
export function formatBytes(bytes: Figure): string {
  return inUnits(bytes, 1000, TRAFFIC_UNITS);
}

/** The one unit for amounts of traffic that are compared. */
export function bytesUnitOf(amounts: readonly Figure[]): string {
  const most = Math.max(0, ...amounts.filter(isFigure));
  return TRAFFIC_UNITS.findLast((_, power) => most >= 999.5 * 1000 ** (power - 1)) ?? 'B';
}

export function formatBytesWith(unit: string, bytes: Figure): string {
  if (!isFigure(bytes)) return NO_FIGURE;
  const value = Number((bytes / 1000 ** Math.max(0, TRAFFIC_UNITS.indexOf(unit))).toPrecision(3));
  const text =
    unit === 'B' ? formatCount(value) : value < 1 && value > 0 ? trimmedTo(value, 3) : threeDigits(value);
  return `${text}${UNIT_SPACE}${unit}`;
}

/** Memory, in powers of 1024. */
export function formatMemory(bytes: Figure): string {
  return inUnits(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
}

/** How many times `base` a value is, `1.08×`; undefined where there is no telling. */
export function formatRatio(value: Figure, base: Figure): string | undefined {
  if (!isFigure(value) || !isFigure(base) || base <= 0 || value < 0) return undefined;
  const ratio = value / base;
  if (ratio >= 99.5) return `${formatCount(ratio)}×`;
  return ratio > 0 && ratio < 0.005 ? '<0.01×' : `${ratio.toFixed(ratio >= 9.995 ? 1 : 2)}×`;
}

/** `1 connection`, `2 connections`. */
export function formatNumberOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function inUnits(value: Figure, base: number, units: readonly string[]): string {
  if (!isFigure(value)) return NO_FIGURE;
  let rest = value;
  let unit = 0;
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  const text = unit === 0 ? formatCount(rest) : threeDigits(Number(rest.toPrecision(3)));
  return `${text}${UNIT_SPACE}${units[unit]}`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return formatCount(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function joined(...parts: readonly (readonly [value: number, unit: string])[]): string {
  return parts
    .filter(([value], index) => index === 0 || value !== 0)
    .map(([value, unit]) => `${value}${UNIT_SPACE}${unit}`)
    .join(' ');
}

function trimmed(digits: string): string {
  return digits.includes('.') && !digits.includes('e') ? digits.replace(/\.?0+$/, '') : digits;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}
