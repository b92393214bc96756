/** The run second by second: what was answered, how fast, over which sockets, and at what cost to the client. */
import { countAxis, latencyAxis } from './axis.ts';
import type { Run } from './drawn-run.ts';
import { markName } from './mark-lanes.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { type Moment, secondsAMoment } from './moments.ts';
import {
  formatCount,
  formatDuration,
  formatMsIn,
  formatMsWith,
  formatRate,
  formatShare,
  type MsUnit,
  UNIT_SPACE,
} from './numbers.ts';
import { drawTable } from './table.ts';
import { drawTimeChart, type Measure, momentName, type TimedRun } from './time-chart.ts';

const rate = (value: number | undefined) => `${formatRate(value)}${UNIT_SPACE}/s`;

/** One measure for each run, drawn in the run's style. */
export function ofEachRun(runs: readonly TimedRun[], name: string, pick: Measure['pick']): Measure[] {
  return runs.map((run) => ({
    name: runs.length === 1 ? name : run.run.name,
    style: run.run.style,
    run,
    pick,
  }));
}

export function drawTime(runs: readonly TimedRun[], unit: MsUnit): Markup {
  const own = runs[0]!;
  if (runs.every(({ moments }) => moments.length === 0))
    return html`<section class="card" aria-labelledby="time"><h2 id="time">Over time</h2><p class="empty">The run took ${formatDuration(own.run.result.durationMs)}: too short to be shown second by second.</p></section>`;
  return html`<section class="card" aria-labelledby="time"><h2 id="time">Over time</h2>
${grouping(own.run)}
${drawRates(runs)}
${runs.length === 1 ? drawLatencies(own, unit) : drawComparedLatencies(runs, unit)}
<div class="pair">${drawOpened(runs)}${drawClientCpu(runs)}</div>
${drawSeconds(own, unit)}</section>`;
}

function grouping(run: Run): Piece {
  const step = secondsAMoment(run.result);
  if (step === 1) return undefined;
  return html`<p class="note">Every ${formatDuration(step * 1000)} are one point: rates are their mean, all else is the worst second.</p>`;
}

function drawRates(runs: readonly TimedRun[]): Markup {
  const own = runs[0]!;
  const measures = ofEachRun(runs, 'answered', (moment) => moment.answeredPerSecond);
  if (own.moments.some((moment) => moment.failedPerSecond > 0))
    measures.push({
      name: runs.length === 1 ? 'failed' : 'failed, this run',
      style: 's-bad',
      run: own,
      pick: (moment) => moment.failedPerSecond,
    });
  return drawTimeChart(
    {
      title: 'Requests answered a second',
      height: 'low',
      explainsMarks: true,
      measures,
      axis: (values) => countAxis('requests a second', values, false),
      format: rate,
    },
    runs,
  );
}

function drawLatencies(own: TimedRun, unit: MsUnit): Markup {
  return drawTimeChart(
    {
      title: 'Latency',
      height: 'tall',
      measures: [
        { name: 'p99.9', style: 's3', run: own, pick: (moment) => moment.p999Ms },
        { name: 'p99', style: 's2', run: own, pick: (moment) => moment.p99Ms },
        { name: 'p50', style: 's1', run: own, pick: (moment) => moment.p50Ms },
      ],
      axis: (values) => latencyAxis(values, unit),
      format: (value) => formatMsWith(unit, value),
    },
    [own],
  );
}

/** Three percentiles of several runs in one chart could not be told apart: one chart for each percentile. */
function drawComparedLatencies(runs: readonly TimedRun[], unit: MsUnit): Markup {
  const draw = (name: string, pick: Measure['pick']) =>
    drawTimeChart(
      {
        title: `Latency: ${name}`,
        height: 'low',
        measures: ofEachRun(runs, name, pick),
        axis: (values) => latencyAxis(values, unit),
        format: (value) => formatMsWith(unit, value),
      },
      runs,
    );
  return html`${draw('p50', (moment) => moment.p50Ms)}${draw('p99', (moment) => moment.p99Ms)}${draw('p99.9', (moment) => moment.p999Ms)}`;
}

function drawOpened(runs: readonly TimedRun[]): Markup {
  return drawTimeChart(
    {
      title: 'Connections opened a second',
      height: 'low',
      measures: ofEachRun(runs, 'opened', (moment) => moment.openedPerSecond),
      axis: (values) => countAxis('connections a second', values, false),
      format: rate,
    },
    runs,
  );
}

function drawClientCpu(runs: readonly TimedRun[]): Markup {
  return drawTimeChart(
    {
      title: 'CPU of this client',
      height: 'low',
      measures: ofEachRun(runs, 'client', (moment) => moment.clientCpu),
      axis: (values) => countAxis('cores in use', values, false),
      format: (value) => `${formatRate(value)} cores`,
    },
    runs,
  );
}

function drawSeconds({ moments, run }: TimedRun, unit: MsUnit): Piece {
  if (moments.length === 0) return undefined;
  const hasPorts = moments.some((moment) => moment.sourcePorts !== undefined);
  const times = ['p50', 'p99', 'p99.9', 'slowest'].map((name) => `${name}, ${unit}`);
  const columns = ['answered/s', 'failed/s', ...times, 'open', 'opened/s', 'client CPU'];
  if (hasPorts) columns.splice(8, 0, 'ports');
  const row = (moment: Moment): Piece[] => [
    momentName(moment),
    formatRate(moment.answeredPerSecond),
    formatRate(moment.failedPerSecond),
    ...[moment.p50Ms, moment.p99Ms, moment.p999Ms, moment.maxMs].map((ms) => formatMsIn(unit, ms)),
    formatCount(moment.open),
    formatRate(moment.openedPerSecond),
    ...(hasPorts ? [formatCount(moment.sourcePorts)] : []),
    formatShare(moment.clientCpu),
    moment.marks.map(markName).join('; '),
  ];
  const step = secondsAMoment(run.result);
  const title =
    step === 1 ? 'All seconds as a table' : `All moments of ${formatDuration(step * 1000)} as a table`;
  return html`<details><summary>${title}</summary>${drawTable({
    caption: title,
    columns: [{ head: 'from' }, ...columns.map((head) => ({ head, isNumber: true })), { head: 'marks' }],
    rows: moments.map(row),
    folds: true,
  })}</details>`;
}
