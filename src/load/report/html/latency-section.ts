/**
 * How long answers took: the chart by percentile, and the same as a table. At a constant rate both kinds of
 * measuring are shown, and in what they differ is said.
 */
import type { LatencySummary } from '../../measure/load-result.ts';
import { figureOf, percentileOf, type Run } from './drawn-run.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { formatCount, formatMsIn, type MsUnit } from './numbers.ts';
import { type Distribution, drawPercentileChart } from './percentile-chart.ts';
import { drawTable } from './table.ts';

const COORDINATED_OMISSION =
  'Latency counts from the moment at which a request should have been sent, service time from when it was: a client that sends nothing while the server stalls measures only service time, and so leaves out just the requests that had to wait (coordinated omission).';

const CLOSED_LOOP =
  'Each connection sent its next request after the answer to the one before, so a stall of the server delays requests that are never counted; a constant rate (-r) counts them.';

export function drawLatency(runs: readonly Run[], unit: MsUnit): Markup {
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
  if (result.handshakeTime !== undefined)
    columns.push({ name: 'handshakes', style: '', latency: result.handshakeTime });
  const measured = columns.reduce((sum, { latency }) => sum + latency.count, 0);
  return html`<section class="card" aria-labelledby="latency"><h2 id="latency">Latency</h2>
${measured === 0 ? drawPercentileChart(distributions, unit) : drawBoth(distributions, columns, unit, note)}</section>`;
}

function drawBoth(
  distributions: readonly Distribution[],
  columns: readonly Distribution[],
  unit: MsUnit,
  note: string,
): Markup {
  // With more columns the table has no room beside a chart.
  const counted = columns.map(({ name, latency }) => `${name} ${formatCount(latency.count)} times`);
  const style = columns.length > 2 ? 'stacked' : 'beside';
  return html`<div class="${style}">${drawPercentileChart(distributions, unit, note)}
<div>${drawTable({
    caption: 'Latency by percentile',
    columns: [{ head: '' }, ...columns.map(({ name }) => ({ head: `${name}, ${unit}`, isNumber: true }))],
    rows: latencyRows(
      columns.map((each) => each.latency),
      unit,
    ),
    folds: columns.length > 3,
  })}${html`<p class="note">Measured: ${counted.join(', ')}.</p>`}</div></div>`;
}

function latencyRows(summaries: readonly LatencySummary[], unit: MsUnit): Piece[][] {
  const names = new Set(['50', '75', '90', '95', '99', '99.9', '99.99']);
  for (const summary of summaries) for (const name of Object.keys(summary.percentilesMs)) names.add(name);
  const percentiles = [...names]
    .filter((name) => Number.isFinite(Number(name)))
    .filter((name) => summaries.some((summary) => percentileOf(summary, name) !== undefined))
    .sort((a, b) => Number(a) - Number(b));
  const of = (name: 'minMs' | 'meanMs' | 'stdevMs' | 'maxMs') =>
    summaries.map((summary) => formatMsIn(unit, figureOf(summary, name)));
  return [
    ['fastest', ...of('minMs')],
    ...percentiles.map((name) => [
      `${name} %`,
      ...summaries.map((summary) => formatMsIn(unit, percentileOf(summary, name))),
    ]),
    ['slowest', ...of('maxMs')],
    ['mean', ...of('meanMs')],
    ['standard deviation', ...of('stdevMs')],
  ];
}
