/** Numbers as people read them: thousands apart, three digits that matter, the unit that fits. */

/** Thousands apart, whatever the locale. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Three digits that matter, trailing zeros kept: `1.20`, `12.3`, `1,234`. */
export function significant(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return grouped(value);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** A latency as measured, three digits: `85 µs`, `1.24 ms`, `12.3 ms`, `1.50 s`. */
export function latency(ms: number): string {
  if (ms >= 999.5) return `${threeDigits(ms / 1000)} s`;
  // Rounded first: 0.9996 ms is not 1000 µs.
  return Math.round(ms * 1000) >= 1000 ? `${threeDigits(ms)} ms` : `${Math.round(ms * 1000)} µs`;
}

/** A latency that may not be there. */
export function shownLatency(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '-' : latency(ms);
}

function threeDigits(value: number): string {
  if (value >= 99.95) return grouped(value);
  return value.toFixed(value >= 9.995 ? 1 : 2);
}

/** A latency as asked for, without zeros that nobody wrote: `10 ms`, `1.5 s`. */
export function latencyLimit(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(6))} s`;
  return ms >= 1 ? `${Number(ms.toPrecision(6))} ms` : `${Number((ms * 1000).toPrecision(6))} µs`;
}

/** A length of time: `0.8 s`, `10 s`, `2 min`. */
export function seconds(ms: number): string {
  const value = ms / 1000;
  if (value >= 120) return `${significant(value / 60)} min`;
  return value >= 10 || Number.isInteger(value) ? `${Math.round(value)} s` : `${value.toFixed(1)} s`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value === 0 || value >= 99.995) return `${Math.round(value)} %`;
  if (value < 0.01) return '< 0.01 %';
  return `${value >= 10 ? value.toFixed(1) : value.toFixed(2)} %`;
}

/** Traffic is counted in powers of 1000, in reports too. */
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? grouped(value) : significant(value)} ${BYTE_UNITS[unit]}`;
}
