/**
 * How long answers took: the chart by percentile, and the same as a table. At a constant rate both kinds of
 * measuring are shown, and in what they differ is said.
 */
import type { LatencySummary } from '../result.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { formatCount, formatMs } from './numbers.ts';
import { type Distribution, drawPercentileChart } from './percentile-chart.ts';
import { figureOf, percentileOf, type Run } from './run.ts';
import { drawTable } from './table.ts';

const COORDINATED_OMISSION =
  'Latency counts from the moment at which a request should have been sent, service time from when it was: a client that sends nothing while the server stalls measures only service time, and so leaves out just the requests that had to wait (coordinated omission).';

const CLOSED_LOOP =
  'Each connection sent its next request after the answer to the one before, so a stall of the server delays requests that are never counted; a constant rate (-r) counts them.';

export function drawLatency(runs: readonly Run[]): Markup {
  const { result } = runs[0]!;
  const distributions: Distribution[] = runs.map((run) => ({
    name: runs.length === 1 ? 'latency' : run.name,
    style: run.style,
    latency: run.result.latency,
  }));
  if (result.serviceTime !== undefined)
    distributions.splice(1, 0, {
      name: runs.length === 1 ? 'service time' : 'service time, this run',
      style: 's5',
      latency: result.serviceTime,
    });
  const note = result.serviceTime === undefined ? CLOSED_LOOP : COORDINATED_OMISSION;
  const columns = [...distributions];
  if (result.connectTime !== undefined)
    columns.push({ name: 'connecting', style: '', latency: result.connectTime });
  const measured = columns.reduce((sum, { latency }) => sum + latency.count, 0);
  return html`<section class="card" aria-labelledby="latency"><h2 id="latency">Latency</h2>
${measured === 0 ? drawPercentileChart(distributions) : drawBoth(distributions, columns, note)}</section>`;
}

function drawBoth(
  distributions: readonly Distribution[],
  columns: readonly Distribution[],
  note: string,
): Markup {
  return html`<div class="beside">${drawPercentileChart(distributions, note)}
<div>${drawTable({
    caption: 'Latency by percentile',
    columns: [{ head: '' }, ...columns.map(({ name }) => ({ head: name, isNumber: true }))],
    rows: latencyRows(columns.map((each) => each.latency)),
    folds: columns.length > 2,
  })}</div></div>`;
}

function latencyRows(summaries: readonly LatencySummary[]): Piece[][] {
  const names = new Set(['50', '75', '90', '95', '99', '99.9', '99.99']);
  for (const summary of summaries) for (const name of Object.keys(summary.percentilesMs)) names.add(name);
  const percentiles = [...names]
    .filter((name) => Number.isFinite(Number(name)))
    .filter((name) => summaries.some((summary) => percentileOf(summary, name) !== undefined))
    .sort((a, b) => Number(a) - Number(b));
  const of = (name: 'minMs' | 'meanMs' | 'stdevMs' | 'maxMs') =>
    summaries.map((summary) => formatMs(figureOf(summary, name)));
  return [
    ['fastest', ...of('minMs')],
    ...percentiles.map((name) => [
      `${name} %`,
      ...summaries.map((summary) => formatMs(percentileOf(summary, name))),
    ]),
    ['slowest', ...of('maxMs')],
    ['mean', ...of('meanMs')],
    ['standard deviation', ...of('stdevMs')],
    ['measured', ...summaries.map((summary) => formatCount(summary.count))],
  ];
}
