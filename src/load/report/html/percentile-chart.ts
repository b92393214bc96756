/**
 * Latency by percentile, the plot that HdrHistogram made known: each further nine takes the same room, so that
 * the rare slow requests can be read as well as the usual ones.
 */
import type { LatencySummary } from '../../measure/load-result.ts';
import { latencyAxis, percentileAxis } from './axis.ts';
import { figureOf, percentileOf } from './drawn-run.ts';
import { drawLine, type Point } from './line.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { formatMsWith, type MsUnit, NO_FIGURE, UNIT_SPACE } from './numbers.ts';
import { drawPlot, type ReadOut } from './plot.ts';
import type { Scale } from './scale.ts';

export interface Distribution {
  readonly name: string;
  /** A class of the style sheet. */
  readonly style: string;
  readonly latency: LatencySummary;
}

/** @param distributions the one that the report is about first */
export function drawPercentileChart(
  distributions: readonly Distribution[],
  unit: MsUnit,
  note?: Piece,
): Markup {
  const title = 'Latency by percentile';
  const curves = distributions
    .map((each) => ({ ...each, points: curveOf(each.latency) }))
    .filter(({ points }) => points.length > 0);
  if (curves.length === 0)
    return html`<figure class="chart"><figcaption><h3>${title}</h3></figcaption><p class="empty">No request was answered, so there is no latency to show.</p></figure>`;
  const x = percentileAxis(curves.map(({ latency }) => latency.count));
  const y = latencyAxis(
    curves.flatMap(({ points }) => points.map(([, ms]) => ms)),
    unit,
  );
  return drawPlot({
    title,
    note,
    x,
    y,
    height: 'tall',
    description: describe(curves, unit),
    legend: curves.map(({ name, style }) => ({ name, style, kind: 'line' })),
    lines: [...curves].reverse().map((curve) => drawLine(curve, x.scale, y.scale)),
    readOut: readOutOf(curves, x.scale, unit),
  });
}

interface Curve extends Distribution {
  readonly points: readonly Point[];
}

/** Rising, and whole: a curve that came without points is drawn from the named percentiles. */
function curveOf(latency: LatencySummary): Point[] {
  if (!(latency.count > 0)) return [];
  const named = Object.entries(latency.percentilesMs).map(([name, ms]) => [Number(name), ms] as const);
  const ends = [[0, latency.minMs] as const, [100, latency.maxMs] as const];
  const points = (latency.curve.length > 0 ? latency.curve : [...named, ...ends]).filter(
    (point): point is Point => point[1] !== null,
  );
  return points
    .filter(([percentile, ms]) => Number.isFinite(percentile) && Number.isFinite(ms))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

function describe(curves: readonly Curve[], unit: MsUnit): string {
  const parts = curves.map(({ name, latency }) => {
    const figures = ['50', '90', '99', '99.9', '99.99']
      .filter((percentile) => percentileOf(latency, percentile) !== undefined)
      .map(
        (percentile) =>
          `${percentile} percent within ${formatMsWith(unit, percentileOf(latency, percentile))}`,
      );
    return ` ${name}: ${[...figures, `all within ${formatMsWith(unit, figureOf(latency, 'maxMs'))}`].join(', ')}.`;
  });
  return `Latency by percentile of requests.${parts.join('')}`;
}

function readOutOf(curves: readonly Curve[], x: Scale, unit: MsUnit): ReadOut {
  const percentiles = curves[0]!.points.map(([percentile]) => percentile);
  return {
    at: percentiles.map((percentile) => x.at(percentile)),
    labels: percentiles.map(percentileName),
    rows: curves.map(({ name, points }) => ({
      name,
      values: percentiles.map((percentile) => {
        const ms = points.find((point) => point[0] >= percentile - 1e-9)?.[1];
        return ms === undefined ? NO_FIGURE : formatMsWith(unit, ms);
      }),
    })),
  };
}

/** With as many nines as it takes to tell it from its neighbours. */
function percentileName(percentile: number): string {
  if (percentile >= 100) return 'the slowest';
  const digits = percentile < 90 ? 1 : Math.min(8, Math.ceil(-Math.log10(1 - percentile / 100)));
  // Cut, not rounded: 99.996 % must not become 100 %.
  const cut = Math.floor(percentile * 10 ** digits + 1e-6) / 10 ** digits;
  return `${cut}${UNIT_SPACE}%`;
}
