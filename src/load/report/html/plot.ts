/**
 * The frame of a chart: title, legend, grid, labels, the place where values are read out. It is drawn before
 * the width of the screen is known. So lines are drawn in a square of 1000 by 1000 that is stretched to the
 * plot (their strokes are not), while all text is placed by percentages and keeps its size.
 * What is drawn inside is the business of the charts.
 */
import type { Axis } from './axis.ts';
import { html, jsonForScript, type Markup, type Piece } from './markup.ts';
import { type PlacedTick, placeTicks } from './ticks.ts';

/** Width and height of the square that lines are drawn in. */
export const PLOT_UNITS = 1000;

/** The style sheet has room for so many: one for each kind of mark. */
const LANES_MAX = 6;

export interface LegendItem {
  readonly name: string;
  /** A class of the style sheet: `s0` to `s6` for lines, `m-...` for marks, `met` and `missed` for points. */
  readonly style: string;
  readonly kind: 'line' | 'mark' | 'point';
}

/** What is shown for the place that is pointed at, or chosen by the arrow keys. */
export interface ReadOut {
  /** Along the axis, 0 to 1, rising. */
  readonly at: readonly number[];
  readonly labels: readonly string[];
  readonly rows: readonly { readonly name: string; readonly values: readonly string[] }[];
}

interface Plot {
  readonly title: string;
  /** Said under the title. */
  readonly note?: Piece;
  readonly x: Axis;
  readonly y: Axis;
  readonly height: 'tall' | 'low';
  /** Room above the plot, in lanes of 9 pixels. @default 0 */
  readonly lanes?: number;
  /** What the chart shows, for those who do not see it. */
  readonly description: string;
  readonly legend: readonly LegendItem[];
  /** SVG in units of the square. */
  readonly lines: Piece;
  /** SVG in percentages, drawn above the lines. */
  readonly points?: Piece;
  /** SVG in percentages, drawn below the lines. */
  readonly ground?: Piece;
  readonly readOut?: ReadOut;
}

export function drawPlot(plot: Plot): Markup {
  const xTicks = placeTicks(plot.x.ticks, plot.x.scale);
  return html`<figure class="chart">
<figcaption><h3>${plot.title}</h3>${plot.note !== undefined && html`<p class="note">${plot.note}</p>`}</figcaption>
${drawLegend(plot.legend)}
<p class="axis-title" aria-hidden="true">↑ ${plot.y.title}</p>
<div class="plot ${plot.height}${(plot.lanes ?? 0) > 0 && ` lanes-${Math.min(LANES_MAX, plot.lanes!)}`}"><svg role="img" aria-label="${plot.description}" width="100%" height="100%">
<g class="grid">${drawGrid(plot.y, xTicks)}</g>
${plot.ground}
<svg class="lines" viewBox="0 0 ${PLOT_UNITS} ${PLOT_UNITS}" preserveAspectRatio="none" width="100%" height="100%">${plot.lines}</svg>
${plot.points}
<g class="labels" aria-hidden="true">${yLabels(plot.y)}${xTicks.map(xLabel)}</g>
<line class="cursor" x1="0" x2="0" y1="0" y2="100%"/>
</svg></div>
<div class="below">${plot.readOut !== undefined && html`<p class="read-out"></p>`}<p class="axis-title" aria-hidden="true">${plot.x.title} →</p></div>
${plot.readOut !== undefined && drawReadOut(plot.readOut)}
</figure>`;
}

export function percent(place: number): string {
  return `${Number((place * 100).toFixed(2))}%`;
}

function drawGrid(y: Axis, xTicks: readonly PlacedTick[]): Piece {
  const across = y.ticks.map((tick) => {
    const at = percent(1 - y.scale.at(tick.value));
    return html`<line x1="0" x2="100%" y1="${at}" y2="${at}"${tick.value === y.scale.low && html` class="foot"`}/>`;
  });
  const up = xTicks.map((tick) => {
    if (!tick.inNarrow && !tick.inWide) return undefined;
    const at = percent(tick.at);
    return html`<line x1="${at}" x2="${at}" y1="0" y2="100%"${visibility(tick)}/>`;
  });
  return [across, up];
}

function yLabels(y: Axis): Piece {
  return y.ticks.map(
    (tick) =>
      html`<text x="0" dx="-8" y="${percent(1 - y.scale.at(tick.value))}" dy=".35em" text-anchor="end">${tick.label}</text>`,
  );
}

function xLabel(tick: PlacedTick): Piece {
  if (!tick.inNarrow && !tick.inWide) return undefined;
  return html`<text x="${percent(tick.at)}" y="100%" dy="18" text-anchor="${tick.anchor}"${visibility(tick)}>${tick.label}</text>`;
}

function visibility(tick: PlacedTick): Piece {
  if (tick.inNarrow === tick.inWide) return undefined;
  return tick.inWide ? html` class="wide"` : html` class="narrow"`;
}

export function drawLegend(items: readonly LegendItem[]): Piece {
  if (items.length === 0) return undefined;
  return html`<ul class="legend">${items.map((item) => html`<li>${swatch(item)}${item.name}</li>`)}</ul>`;
}

function swatch(item: LegendItem): Piece {
  if (item.kind === 'line')
    return html`<svg class="swatch" width="30" height="10" aria-hidden="true"><path class="line ${item.style}" d="M1 5H29"/></svg>`;
  if (item.kind === 'mark')
    return html`<svg class="swatch" width="16" height="10" aria-hidden="true"><rect class="${item.style}" width="16" height="10"/></svg>`;
  return html`<svg class="swatch" width="14" height="14" aria-hidden="true">${pointAt('7', '7', item.style === 'met')}</svg>`;
}

/** A value that met its threshold is a disc, one that missed it a cross: told apart without colour. */
export function pointAt(x: string, y: string, isMet: boolean): Markup {
  if (isMet) return html`<circle class="met" cx="${x}" cy="${y}" r="4.5"/>`;
  return html`<svg x="${x}" y="${y}" class="missed"><path d="M-4.5 -4.5L4.5 4.5M-4.5 4.5L4.5 -4.5"/></svg>`;
}

function drawReadOut(readOut: ReadOut): Piece {
  const data = {
    at: readOut.at.map((place) => Number(place.toFixed(4))),
    labels: readOut.labels,
    rows: readOut.rows,
  };
  return html`<script type="application/json" class="read-out-data">${jsonForScript(data)}</script>`;
}
