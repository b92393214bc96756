/**
 * A line through points with gaps: where there was nothing to measure, nothing is drawn, and a point that
 * stands alone between two gaps is a dot. Knows neither axes' ticks nor what is measured.
 */
import { html, type Markup } from './markup.ts';
import { PLOT_UNITS } from './plot.ts';
import type { Scale } from './scale.ts';

export type Point = readonly [x: number, y: number];

export interface Line {
  readonly name: string;
  /** A class of the style sheet: `s0` to `s6`. */
  readonly style: string;
  /** From left to right; `undefined` is a gap. */
  readonly points: readonly (Point | undefined)[];
}

/** So many points in a chart need a finer stroke. */
const DENSE_FROM = 240;

export function drawLine(line: Line, x: Scale, y: Scale): Markup {
  let path = '';
  let dots = '';
  for (const stretch of stretchesOf(line.points)) {
    const places = stretch.map((point) => `${units(x.at(point[0]))} ${units(1 - y.at(point[1]))}`);
    // A stroke without length, with round ends, is a dot in any stretching of the square.
    if (places.length === 1) dots += `M${places[0]}h0`;
    else path += `M${places.join('L')}`;
  }
  const dense = line.points.length > DENSE_FROM && ' dense';
  return html`${path !== '' && html`<path class="line ${line.style}${dense}" d="${path}"/>`}${dots !== '' && html`<path class="dot ${line.style}" d="${dots}"/>`}`;
}

/** Neighbours that are there, one list for each stretch without a gap. */
export function stretchesOf(points: readonly (Point | undefined)[]): Point[][] {
  const stretches: Point[][] = [];
  let open: Point[] | undefined;
  for (const point of points) {
    if (point === undefined || !Number.isFinite(point[0]) || !Number.isFinite(point[1])) open = undefined;
    else if (open === undefined) stretches.push((open = [point]));
    else open.push(point);
  }
  return stretches;
}

function units(place: number): string {
  return String(Number((place * PLOT_UNITS).toFixed(1)));
}
