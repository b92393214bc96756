/**
 * Which values of an axis are marked, and which of the labels can be shown without touching one another.
 * A chart is as wide as its reader's screen, and it is drawn before that is known: so a tick says whether its
 * label is shown in a narrow chart, in a wide one, or in both, and the style sheet chooses.
 */
import type { Scale } from './scale.ts';

export interface Tick {
  readonly value: number;
  readonly label: string;
  /**
   * The lower, the sooner it gets a label where there is not room for all. Undefined on an axis of even steps:
   * there every second or third label stays, so that the labels have even steps, too.
   */
  readonly rank?: number;
}

export interface PlacedTick extends Tick {
  /** Along the axis, 0 to 1. */
  readonly at: number;
  readonly anchor: 'middle' | 'end';
  readonly inNarrow: boolean;
  readonly inWide: boolean;
}

/** The narrowest plot, on a screen of 320 px, and the narrowest that counts as wide. The style sheet must agree. */
export const NARROW_PLOT_PX = 205;
export const WIDE_PLOT_PX = 420;

/** Digits of the widest usual fonts (DejaVu Sans, Verdana) at the size of the labels, 11.5 px. */
const LABEL_PX_A_CHARACTER = 7.4;
const LABEL_GAP_PX = 10;
/** So far a label may stand out of the plot at its end: the margin of the plot and the padding of its card. */
const OVERHANG_PX = 16;

/** 1, 2 or 5 times a power of ten, so that a span has at most `countMax` steps. */
export function niceStep(span: number, countMax: number): number {
  const raw = span / Math.max(1, countMax);
  const power = 10 ** Math.floor(Math.log10(raw));
  for (const factor of [1, 2, 5]) if (power * factor >= raw * (1 - 1e-9)) return power * factor;
  return power * 10;
}

/** Multiples of `step` from `low` to `high`, both included, without the noise of binary fractions. */
export function multiples(step: number, low: number, high: number): number[] {
  const values: number[] = [];
  const digits = Math.max(0, 1 - Math.floor(Math.log10(step)));
  const last = Math.floor(high / step + 1e-9);
  for (let i = Math.ceil(low / step - 1e-9); i <= last; i++)
    values.push(digits > 100 ? i * step : Number((i * step).toFixed(Math.min(20, digits))));
  return values;
}

/** The 1-2-5 series that lies within, or the powers of ten alone when that would be too many. */
export function logValues(low: number, high: number, countMax: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const fits = (value: number) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  for (const factors of [[1, 2, 5], [1]]) {
    const values: number[] = [];
    for (let power = first; power <= last; power++)
      for (const factor of factors) values.push(Number((factor * 10 ** power).toPrecision(3)));
    const within = values.filter(fits);
    if (within.length <= countMax) return within;
  }
  const every = Math.ceil((last - first) / countMax);
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every));
}

/** Places ticks along a horizontal axis and says which get their label, in a narrow chart and in a wide one. */
export function placeTicks(ticks: readonly Tick[], scale: Scale): PlacedTick[] {
  const placed = ticks.map((tick) => {
    const at = scale.at(tick.value);
    const overhangPx = (tick.label.length * LABEL_PX_A_CHARACTER) / 2 - (1 - at) * NARROW_PLOT_PX;
    return { ...tick, at, anchor: overhangPx > OVERHANG_PX ? ('end' as const) : ('middle' as const) };
  });
  const narrow = labelled(placed, NARROW_PLOT_PX);
  const wide = labelled(placed, WIDE_PLOT_PX);
  return placed.map((tick, index) => ({ ...tick, inNarrow: narrow.has(index), inWide: wide.has(index) }));
}

type Placed = Tick & Pick<PlacedTick, 'at' | 'anchor'>;

/** The indexes of those whose labels can stand side by side in a plot of that width. */
function labelled(ticks: readonly Placed[], widthPx: number): Set<number> {
  const indexes = ticks.map((_, index) => index);
  if (ticks.every((tick) => tick.rank === undefined)) {
    for (let stride = 1; stride < ticks.length; stride++) {
      const some = indexes.filter((index) => index % stride === 0);
      if (fitting(some, ticks, widthPx).size === some.length) return new Set(some);
    }
    return new Set(indexes.slice(0, 1));
  }
  indexes.sort((a, b) => (ticks[a]!.rank ?? 0) - (ticks[b]!.rank ?? 0) || a - b);
  return fitting(indexes, ticks, widthPx);
}

/** Keeps, in the order given, each that touches none of those kept before it. */
function fitting(order: readonly number[], ticks: readonly Placed[], widthPx: number): Set<number> {
  const taken: (readonly [from: number, to: number])[] = [];
  const chosen = new Set<number>();
  for (const index of order) {
    const { at, anchor, label } = ticks[index]!;
    const px = label.length * LABEL_PX_A_CHARACTER;
    const from = at * widthPx - (anchor === 'end' ? px : px / 2);
    const to = from + px;
    if (taken.some(([first, last]) => from < last + LABEL_GAP_PX && to > first - LABEL_GAP_PX)) continue;
    taken.push([from, to]);
    chosen.add(index);
  }
  return chosen;
}
