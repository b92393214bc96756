/**
 * The axes of the report: latency, counts, time since the start, percentiles. Each takes what is to be drawn
 * and answers with a scale that holds all of it and ticks at round values. None fails: for no values at all
 * there is an axis, too.
 */
import { formatCount, formatShortCount, type MsUnit, msUnitOf, UNIT_SPACE } from './numbers.ts';
import { linearScale, logScale, percentileScale, type Scale } from './scale.ts';
import { logValues, multiples, niceStep, type Tick } from './ticks.ts';

export interface Axis {
  /** What is measured, with its unit where the labels do not carry it. */
  readonly title: string;
  readonly scale: Scale;
  readonly ticks: readonly Tick[];
}

/** From here on a linear axis would press all but the largest values onto its foot. */
const LOG_FROM_SPREAD = 40;
const TICKS_MAX = 6;
/** A log axis has to begin above 0: no clock in use tells shorter times apart. */
const MS_MIN = 1e-4;
/** Nothing that is counted or timed is as large. A larger value is no measurement, and no axis is made for it. */
const VALUE_MAX = 1e15;
const VALUE_MIN = 1e-6;
const SECONDS_MIN = 1e-3;
const SECONDS_MAX = 1e9; // 30 years

export function latencyAxis(valuesMs: readonly number[], unit: MsUnit = msUnitOf(valuesMs)): Axis {
  const values = valuesMs.filter((value) => value >= VALUE_MIN && value <= VALUE_MAX);
  const max = values.reduce((most, value) => Math.max(most, value), 0);
  const min = values.reduce((least, value) => Math.min(least, value), max);
  if (max > 0 && max / Math.max(min, MS_MIN) > LOG_FROM_SPREAD) return logLatencyAxis(min, max, unit);
  const { scale, values: marked } = fromZero(max, 0);
  const ticks = marked.map((value) => ({ value, label: msLabel(value, unit) }));
  return { title: `latency, ${unit}`, scale, ticks };
}

function logLatencyAxis(min: number, max: number, unit: MsUnit): Axis {
  const low = roundedLog(Math.max(min, MS_MIN), Math.floor);
  const high = roundedLog(max, Math.ceil);
  const ticks = logValues(low, high, TICKS_MAX + 2).map((value) => ({ value, label: msLabel(value, unit) }));
  return { title: `latency, ${unit}, log axis`, scale: logScale(low, high), ticks };
}

/** @param whole only whole numbers get a tick: half a connection is none */
export function countAxis(title: string, values: readonly number[], whole: boolean): Axis {
  const max = values.reduce((most, value) => (value <= VALUE_MAX ? Math.max(most, value) : most), 0);
  const { scale, values: marked } = fromZero(max, whole ? 1 : 0);
  // All labels have the digits that tell them apart: 0.005, 0.010, 0.015.
  const digits = Math.max(0, -Math.floor(Math.log10(marked[1]!) + 1e-9));
  const label = (value: number) =>
    digits > 0 && value > 0 ? value.toFixed(digits) : formatShortCount(value);
  return { title, scale, ticks: marked.map((value) => ({ value, label: label(value) })) };
}

/** Rates that were tried, which may lie powers of ten apart. */
export function rateAxis(title: string, rates: readonly number[]): Axis {
  const values = rates.filter((rate) => rate >= VALUE_MIN && rate <= VALUE_MAX);
  const max = Math.max(...values, VALUE_MIN);
  const min = Math.min(...values, max);
  // Beyond the last tick there is some room, for a mark that stands there to be seen whole.
  if (max / min <= LOG_FROM_SPREAD) {
    const axis = countAxis(title, values, false);
    return { ...axis, scale: linearScale(0, axis.scale.high * 1.03) };
  }
  const [low, high] = [roundedLog(min, Math.floor), roundedLog(max, Math.ceil)];
  const ticks = logValues(low, high, TICKS_MAX).map((value) => ({
    value,
    label: formatShortCount(value),
    // Powers of ten first, where there is not room for all.
    rank: Number.isInteger(Math.log10(value)) ? 0 : 1,
  }));
  return { title: `${title}, log axis`, scale: logScale(low / 1.15, high * 1.15), ticks };
}

/** An axis of seconds ends where the run ended, and not at a round number. */
export function timeAxis(seconds: number): Axis {
  const end = seconds >= SECONDS_MIN && seconds <= SECONDS_MAX ? seconds : 1;
  const steps = [
    0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200,
  ];
  // A point is a second: parts of one are marked only where there would be hardly a mark otherwise.
  const [stepMin, stepsMax] = end < 2 ? [0, 4] : [1, 12];
  const step =
    steps.find((each) => each >= stepMin && end / each <= stepsMax) ?? niceStep(end / 86_400, 12) * 86_400;
  const isLong = end > 180;
  const values = multiples(step, 0, end);
  const ticks = values.map((value) => ({
    value,
    label: isLong ? clockLabel(value) : `${value}${UNIT_SPACE}s`,
  }));
  const title = isLong ? 'time since the start (h:min:s)' : 'time since the start';
  return {
    title: isLong && end < 3600 ? 'time since the start (min:s)' : title,
    scale: linearScale(0, end),
    ticks,
  };
}

/** @param counts how many requests each curve stands for: an axis ends where single requests are told apart */
export function percentileAxis(counts: readonly number[]): Axis {
  const most = counts.reduce((max, count) => (Number.isFinite(count) ? Math.max(max, count) : max), 0);
  const nines = Math.min(9, Math.max(1, Math.log10(Math.max(1, most))));
  const ticks: Tick[] = [{ value: 0, label: `0${UNIT_SPACE}%`, rank: 12 }];
  ticks.push({ value: 50, label: `50${UNIT_SPACE}%`, rank: 3.5 });
  for (let nine = 1; nine <= nines + 1e-9; nine++) {
    // 99 % first, then what lies beyond, since that is what people look for.
    const label = `${nine < 2 ? '90' : nine === 2 ? '99' : `99.${'9'.repeat(nine - 2)}`}${UNIT_SPACE}%`;
    ticks.push({ value: 100 * (1 - 10 ** -nine), label, rank: nine === 2 ? 0 : nine });
  }
  return { title: 'percentile of requests, log axis', scale: percentileScale(nines), ticks };
}

/** A linear scale that begins at 0 and ends at the first tick at or above `max`. */
function fromZero(max: number, stepMin: number): { scale: Scale; values: number[] } {
  const top = max >= VALUE_MIN ? max : 1;
  const step = Math.max(stepMin, niceStep(top, TICKS_MAX - 1));
  const high = step * Math.ceil(top / step - 1e-9);
  return { scale: linearScale(0, high), values: multiples(step, 0, high) };
}

/** The next of 1, 2, 5 times a power of ten, downwards or upwards. */
function roundedLog(value: number, round: (value: number) => number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-12);
  const factors = [1, 2, 5, 10];
  const mantissa = value / power;
  if (round === Math.floor) return power * factors.findLast((factor) => factor <= mantissa * (1 + 1e-9))!;
  return power * factors.find((factor) => factor >= mantissa * (1 - 1e-9))!;
}

/** Without the unit, which the title of the axis says. */
function msLabel(ms: number, unit: MsUnit): string {
  const value = Number(((ms * (unit === 'µs' ? 1000 : 1)) / (unit === 's' ? 1000 : 1)).toPrecision(3));
  return value >= 1000 ? formatCount(value) : String(value);
}

function clockLabel(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = two(Math.round(seconds % 60));
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
