/**
 * Numbers as the page writes them, each kind in one way everywhere: requests with thousands set apart, latencies in
 * milliseconds, ages in seconds and longer, traffic in powers of 1000, memory in powers of 1024. What is not known is a
 * dash, so that it does not look like a 0.
 */

export const NOTHING = '–';
/** Between a number and its unit: a line is not broken there. */
const SPACE = '\u00a0';

type Figure = number | null | undefined;

function isKnown(value: Figure): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whole, with thousands set apart. */
export function count(value: Figure): string {
  if (!isKnown(value)) return NOTHING;
  return Math.round(value)
    .toFixed(0)
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Things a second: with digits where there are few. */
export function perSecond(value: Figure): string {
  if (!isKnown(value)) return NOTHING;
  return value > 0 && value < 9.95 ? value.toFixed(1) : count(value);
}

/** A latency: always milliseconds, so that two are compared by a look. */
export function milliseconds(value: Figure): string {
  if (!isKnown(value)) return NOTHING;
  return `${digits(value)}${SPACE}ms`;
}

/** For the axis of a chart, which says its unit. */
export function digits(value: number): string {
  if (value === 0) return '0';
  if (value < 1) return value.toFixed(2).replace(/0$/, '');
  return value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : count(value);
}

/** How long something has lasted. */
export function duration(ms: Figure): string {
  if (!isKnown(ms)) return NOTHING;
  const s = ms / 1000;
  if (s < 60) return `${s < 9.95 ? s.toFixed(1) : s.toFixed(0)}${SPACE}s`;
  if (s < 3600) return two(s, 60, 'min', 1, 's');
  if (s < 86_400) return two(s, 3600, 'h', 60, 'min');
  return two(s, 86_400, 'd', 3600, 'h');
}

function two(s: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((s % large) / small);
  return `${Math.floor(s / large)}${SPACE}${largeUnit}${rest === 0 ? '' : ` ${rest}${SPACE}${smallUnit}`}`;
}

const TRAFFIC = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const MEMORY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: Figure): string {
  return inUnits(value, 1000, TRAFFIC);
}

export function bytesPerSecond(value: Figure): string {
  return isKnown(value) ? `${bytes(value)}/s` : NOTHING;
}

export function memory(value: Figure): string {
  return inUnits(value, 1024, MEMORY);
}

/** A part that moves towards a whole, both in the unit of the whole. */
export function bytesOf(part: number, whole: number): string {
  const unit = Math.min(TRAFFIC.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, whole)) / 3)));
  const inUnit = (value: number): string =>
    unit === 0 ? count(value) : (value / 1000 ** unit).toFixed(whole / 1000 ** unit < 99.95 ? 1 : 0);
  return `${inUnit(part)} of ${inUnit(whole)}${SPACE}${TRAFFIC[unit]}`;
}

export function percent(share: Figure): string {
  if (!isKnown(share)) return NOTHING;
  const value = share * 100;
  return `${value === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1)}${SPACE}%`;
}

/** `1 worker`, `2 workers`. */
export function numberOf(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function clock(epochMs: number): string {
  const time = new Date(epochMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

function inUnits(value: Figure, base: number, units: readonly string[]): string {
  if (!isKnown(value)) return NOTHING;
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  return `${unit === 0 ? count(rest) : rest < 99.95 ? rest.toFixed(1) : count(rest)}${SPACE}${units[unit]}`;
}
