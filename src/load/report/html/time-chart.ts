/**
 * A chart over the seconds of a run: one line for each thing that is measured, or, when runs are compared, one
 * for each run. Marked seconds of this run are shaded. All charts of this kind in a report share their time axis.
 */
import { type Axis, timeAxis } from './axis.ts';
import type { Run } from './drawn-run.ts';
import { drawLine, type Line, type Point } from './line.ts';
import { describeMarks, drawMarks, laneCount, markLegend, markName } from './mark-lanes.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { type Moment, momentsOf } from './moments.ts';
import { formatDuration, NO_FIGURE } from './numbers.ts';
import { drawPlot, type ReadOut } from './plot.ts';

/** A run with its moments, worked out once for all charts. */
export interface TimedRun {
  readonly run: Run;
  readonly moments: readonly Moment[];
}

export interface Measure {
  readonly name: string;
  /** A class of the style sheet. */
  readonly style: string;
  readonly run: TimedRun;
  readonly pick: (moment: Moment) => number | undefined;
}

interface TimeChart {
  readonly title: string;
  readonly note?: Piece;
  readonly height: 'tall' | 'low';
  readonly measures: readonly Measure[];
  /** Makes the axis for all values that are drawn. */
  readonly axis: (values: readonly number[]) => Axis;
  readonly format: (value: number | undefined) => string;
  /** A level to compare with, as the number of source ports that there are. */
  readonly level?: { readonly name: string; readonly value: number };
  /** Explains the marks: in the first chart of a card, for all in it. */
  readonly explainsMarks?: boolean;
}

export function timeRuns(runs: readonly Run[]): TimedRun[] {
  return runs.map((run) => ({ run, moments: momentsOf(run.result) }));
}

/** @param runs all of the report, this one first: the time axis is as long as the longest */
export function drawTimeChart(chart: TimeChart, runs: readonly TimedRun[]): Markup {
  const measures = chart.measures.filter((each) => valuesOf(each).length > 0);
  if (measures.length === 0)
    return html`<figure class="chart"><figcaption><h3>${chart.title}</h3></figcaption><p class="empty">${runs[0]!.moments.length === 0 ? 'The run ended before there was a second to show.' : 'There was nothing to measure in any second.'}</p></figure>`;
  const x = timeAxis(Math.max(...runs.map(({ run, moments }) => lengthOf(run, moments))));
  const level = chart.level;
  const y = chart.axis([...measures.flatMap(valuesOf), ...(level === undefined ? [] : [level.value])]);
  const lines: Line[] = measures.map((each) => ({
    name: each.name,
    style: each.style,
    points: pointsOf(each),
  }));
  if (level !== undefined)
    lines.push({
      name: level.name,
      style: 'level',
      points: [
        [x.scale.low, level.value],
        [x.scale.high, level.value],
      ],
    });
  const own = runs[0]!.moments;
  return drawPlot({
    title: chart.title,
    note: chart.note,
    x,
    y,
    height: chart.height,
    description: describe(chart, measures, own),
    legend: [
      ...lines.map(({ name, style }) => ({ name, style, kind: 'line' as const })),
      ...(chart.explainsMarks === true ? markLegend(own) : []),
    ],
    lanes: laneCount(own),
    ground: drawMarks(own, x.scale),
    // This run is drawn last, above those that it is compared with.
    lines: [...lines].reverse().map((line) => drawLine(line, x.scale, y.scale)),
    readOut: readOutOf(chart, measures, runs, x),
  });
}

function lengthOf(run: Run, moments: readonly Moment[]): number {
  const measured = run.result.durationMs / 1000;
  return Math.max(Number.isFinite(measured) ? measured : 0, moments.at(-1)?.to ?? 0);
}

function valuesOf({ run, pick }: Measure): number[] {
  return run.moments.map(pick).filter((value) => value !== undefined && Number.isFinite(value)) as number[];
}

/** A hole in time is a gap in the line, as is a moment without a value. */
function pointsOf({ run, pick }: Measure): (Point | undefined)[] {
  const points: (Point | undefined)[] = [];
  let end: number | undefined;
  for (const moment of run.moments) {
    if (end !== undefined && moment.from > end + 1e-9) points.push(undefined);
    const value = pick(moment);
    points.push(value === undefined ? undefined : [(moment.from + moment.to) / 2, value]);
    end = moment.to;
  }
  return points;
}

function describe(chart: TimeChart, measures: readonly Measure[], own: readonly Moment[]): string {
  const parts = measures.map((each) => {
    const values = valuesOf(each);
    const least = values.reduce((a, b) => Math.min(a, b));
    const most = values.reduce((a, b) => Math.max(a, b));
    return ` ${each.name}: between ${chart.format(least)} and ${chart.format(most)}.`;
  });
  const level = chart.level === undefined ? '' : ` ${chart.level.name}: ${chart.format(chart.level.value)}.`;
  return `${chart.title}, over time.${parts.join('')}${level}${describeMarks(own)}`;
}

function readOutOf(
  chart: TimeChart,
  measures: readonly Measure[],
  runs: readonly TimedRun[],
  x: Axis,
): ReadOut {
  const longest = runs.reduce((a, b) => (b.moments.length > a.moments.length ? b : a));
  const own = new Map(runs[0]!.moments.map((moment) => [moment.from, moment]));
  return {
    at: longest.moments.map((moment) => x.scale.at((moment.from + moment.to) / 2)),
    labels: longest.moments.map((moment) => {
      const marks = own.get(moment.from)?.marks ?? [];
      return [momentName(moment), ...marks.map(markName)].join(', ');
    }),
    rows: measures.map((measure) => {
      const byStart = new Map(measure.run.moments.map((moment) => [moment.from, moment]));
      const values = longest.moments.map(({ from }) => {
        const moment = byStart.get(from);
        return moment === undefined ? NO_FIGURE : chart.format(measure.pick(moment));
      });
      return { name: measure.name, values };
    }),
  };
}

/** `12 s` for the second that begins there; `1 min 5 s to 1 min 10 s` for several. */
export function momentName(moment: Moment): string {
  const name = (seconds: number) => (seconds === 0 ? '0\u00a0s' : formatDuration(seconds * 1000));
  return moment.to - moment.from > 1 ? `${name(moment.from)} to ${name(moment.to)}` : name(moment.from);
}
