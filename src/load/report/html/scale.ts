/**
 * From a value to its place along an axis, 0 at its beginning and 1 at its end. A scale holds nothing else:
 * which values get a tick is for ticks.ts.
 */
import { assert } from '../../../base/assert.ts';

export interface Scale {
  readonly kind: 'linear' | 'log';
  readonly low: number;
  readonly high: number;
  /** 0 to 1 for `low` to `high`; what lies outside is put on the border. */
  at(value: number): number;
}

export function linearScale(low: number, high: number): Scale {
  assert(Number.isFinite(low) && high > low && Number.isFinite(high), 'a scale runs upwards');
  return { kind: 'linear', low, high, at: (value) => within((value - low) / (high - low)) };
}

/** Where 0 can be a value, it is put at the beginning. */
export function logScale(low: number, high: number): Scale {
  assert(low > 0 && high > low && Number.isFinite(high), 'a log scale runs upwards and begins above 0');
  const first = Math.log10(low);
  const span = Math.log10(high) - first;
  return {
    kind: 'log',
    low,
    high,
    at: (value) => (value <= low ? 0 : within((Math.log10(value) - first) / span)),
  };
}

/**
 * For percentiles: 1/(1-percentile) on a log axis, as HdrHistogram plots it, so that each further nine takes
 * the same room.
 * @param nines how many fit: 4 ends at 99.99 %. What is above, 100 % too, is put at the end
 */
export function percentileScale(nines: number): Scale {
  assert(nines > 0 && Number.isFinite(nines), 'an axis of percentiles has a length');
  return {
    kind: 'log',
    low: 0,
    high: 100 * (1 - 10 ** -nines),
    at: (percentile) =>
      percentile >= 100 ? 1 : within(-Math.log10(1 - Math.max(0, percentile) / 100) / nines),
  };
}

function within(place: number): number {
  return Math.min(1, Math.max(0, place));
}
