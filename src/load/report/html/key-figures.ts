/**
 * The figures that are looked for first, as tiles; and, when runs are compared, the same and some more as a
 * table with a column for each run and the ratio of this run to it.
 */
import type { LoadResult } from '../../measure/load-result.ts';
import { differencesOf, figureOf, formatMoment, percentileOf, type Run } from './drawn-run.ts';
import { html, type Markup, type Piece } from './markup.ts';
import {
  bytesUnitOf,
  formatAskedRate,
  formatBytesWith,
  formatCount,
  formatDuration,
  formatMsWith,
  formatNumberOf,
  formatRate,
  formatRatio,
  formatShare,
  formatShortCount,
  type MsUnit,
  msUnitOf,
  NO_FIGURE,
  UNIT_SPACE,
} from './numbers.ts';
import { drawLegend } from './plot.ts';
import { drawTable } from './table.ts';

/** Two runs of the same thing differ by so much without a reason, the rarer the more: neither is called better. */
const SAME_WITHIN = 0.02;
const TAIL_SAME_WITHIN = 0.1;

interface Figure {
  readonly name: string;
  readonly pick: (result: LoadResult) => number | undefined;
  /** The unit that all values have that stand beside each other. */
  readonly format: (value: number | undefined, all: readonly (number | undefined)[], unit: MsUnit) => string;
  readonly better?: 'more' | 'less';
  /** Between these two it is what was asked for, and no outcome: neither is better. */
  readonly isGiven?: (now: LoadResult, then: LoadResult) => boolean;
  readonly sameWithin: number;
}

/** A run at a higher asked rate has answered more because it was asked more. */
function isAskedRate(now: LoadResult, then: LoadResult): boolean {
  const rates = [now.plan.ratePerSecond, then.plan.ratePerSecond];
  return rates[0] !== rates[1];
}

const perSecond = (value: number | undefined) =>
  value === undefined ? NO_FIGURE : `${formatRate(value)}${UNIT_SPACE}req/s`;

function failedShare({ requests }: LoadResult): number | undefined {
  const ended = requests.answered + requests.failed - failedAnswers(requests);
  return ended > 0 ? requests.failed / ended : undefined;
}

/** Answers of 400 and more count as answered and as failed. */
function failedAnswers({ answered, succeeded }: LoadResult['requests']): number {
  return Math.max(0, answered - succeeded);
}

/** Microseconds of CPU for each answer. */
export function cpuMsAnAnswer(result: LoadResult, userMs?: number, systemMs?: number): number | undefined {
  if (userMs === undefined || systemMs === undefined || !(result.requests.answered > 0)) return undefined;
  return (userMs + systemMs) / result.requests.answered;
}

const inLatencyUnit: Figure['format'] = (value, _, unit) => formatMsWith(unit, value);
const inOwnUnit: Figure['format'] = (value, all) => formatMsWith(msUnitOf(all), value);

const latency = (name: string): Figure => ({
  name: `p${name}`,
  pick: (result) => percentileOf(result.latency, name),
  format: inLatencyUnit,
  better: 'less',
  sameWithin: Number(name) >= 99 ? TAIL_SAME_WITHIN : SAME_WITHIN,
});

const FIGURES: readonly Figure[] = [
  {
    name: 'requests a second',
    pick: (result) => result.requests.answeredPerSecond,
    format: perSecond,
    better: 'more',
    isGiven: isAskedRate,
    sameWithin: SAME_WITHIN,
  },
  latency('50'),
  latency('90'),
  latency('99'),
  latency('99.9'),
  latency('99.99'),
  // This is a single request of a whole run, which is no reason to call a run better.
  {
    name: 'slowest',
    pick: (result) => figureOf(result.latency, 'maxMs'),
    format: inLatencyUnit,
    sameWithin: 0,
  },
  // No run is called better for this: more requests have more failures. The share below can be compared.
  { name: 'failed requests', pick: (result) => result.requests.failed, format: formatCount, sameWithin: 0 },
  { name: 'share failed', pick: failedShare, format: formatShare, better: 'less', sameWithin: SAME_WITHIN },
  {
    name: 'connections opened',
    pick: (result) => result.connections.opened,
    format: formatCount,
    sameWithin: 0,
  },
  {
    name: 'bytes received',
    pick: (result) => result.bytesReceived,
    format: (value, all) => formatBytesWith(bytesUnitOf(all), value),
    sameWithin: 0,
  },
  {
    name: 'server CPU a request',
    pick: (result) => cpuMsAnAnswer(result, result.cpu.serverUserMs, result.cpu.serverSystemMs),
    format: inOwnUnit,
    better: 'less',
    sameWithin: SAME_WITHIN,
  },
  {
    name: 'client CPU a request',
    pick: (result) => cpuMsAnAnswer(result, result.cpu.clientUserMs, result.cpu.clientSystemMs),
    format: inOwnUnit,
    better: 'less',
    sameWithin: SAME_WITHIN,
  },
];

export function drawKeyFigures(runs: readonly Run[], unit: MsUnit): Markup {
  const { result } = runs[0]!;
  const base = runs.length === 2 ? runs[1] : undefined;
  const compared = (name: string): Piece => {
    const figure = FIGURES.find((each) => each.name === name)!;
    return base === undefined ? undefined : ratio(figure, result, base.result, ' before');
  };
  const ms = (name: string) => formatMsWith(unit, percentileOf(result.latency, name));
  const note = (name: string, value: number | undefined) =>
    value === undefined ? 'no answer came' : `${name} ${formatMsWith(unit, value)}`;
  return html`<section class="tiles" aria-label="Key figures">
${tile('Requests a second', formatShortCount(round(result.requests.answeredPerSecond)), rateNote(result), compared('requests a second'))}
${tile('p50 latency', ms('50'), note('mean', figureOf(result.latency, 'meanMs')), compared('p50'))}
${tile('p99 latency', ms('99'), note('90 % within', percentileOf(result.latency, '90')), compared('p99'))}
${tile('p99.9 latency', ms('99.9'), note('slowest', figureOf(result.latency, 'maxMs')), compared('p99.9'))}
${tile('Failed requests', formatShortCount(result.requests.failed), failedNote(result), compared('share failed'), result.requests.failed > 0)}
${tile('Connections', formatShortCount(result.connections.openMax), `open at most; ${formatCount(result.connections.opened)} opened`, undefined)}
</section>`;
}

function tile(name: string, value: string, note: string, compared: Piece, isBad = false): Markup {
  return html`<div class="card tile"><h2>${name}</h2><p class="figure${isBad && ' bad'}">${value}</p>${compared !== undefined && html`<p>${compared}</p>`}<p class="note">${note}</p></div>`;
}

function rateNote({ requests, plan, durationMs }: LoadResult): string {
  const answered = `${formatCount(requests.answered)} answered in ${formatDuration(durationMs)}`;
  if (plan.ratePerSecond === undefined || !(plan.ratePerSecond > 0)) return answered;
  const kept = formatShare(requests.answeredPerSecond / plan.ratePerSecond);
  return `${kept} of the ${formatAskedRate(plan.ratePerSecond)} asked for; ${answered}`;
}

function failedNote(result: LoadResult): string {
  const share = failedShare(result);
  if (share === undefined) return 'no request ended';
  if (result.requests.failed === 0) return `of ${formatCount(result.requests.answered)}`;
  const [worst] = Object.entries(result.errors).sort((a, b) => b[1] - a[1]);
  return `${formatShare(share)} of all${worst === undefined ? '' : `; most: ${worst[0]}`}`;
}

/** Below 10 a rate keeps its digits. */
function round(rate: number): number {
  return rate >= 100 ? Math.round(rate) : rate;
}

/** How this run compares with another, in a number and in a word. */
function ratio(figure: Figure, now: LoadResult, then: LoadResult, what = ''): Piece {
  const [value, base] = [figure.pick(now), figure.pick(then)];
  if (value === undefined || base === undefined) return undefined;
  const judged = figure.isGiven?.(now, then) === true ? undefined : judge(figure, value, base);
  const times = formatRatio(value, base);
  const words = [
    ...(times === undefined ? [] : [`${times}${what}`]),
    ...(judged === undefined ? [] : [judged]),
  ];
  return words.length > 0 && html`<span class="ratio ${judged}">${words.join(', ')}</span>`;
}

function judge(
  { better, sameWithin }: Figure,
  value: number,
  base: number,
): 'same' | 'better' | 'worse' | undefined {
  if (value === base || Math.abs(value - base) < base * sameWithin) return 'same';
  if (better === undefined) return undefined;
  return value > base === (better === 'more') ? 'better' : 'worse';
}

export function drawComparison(runs: readonly Run[], unit: MsUnit): Piece {
  const [first, ...others] = runs;
  if (others.length === 0) return undefined;
  const shown = FIGURES.filter((figure) => runs.some((run) => figure.pick(run.result) !== undefined));
  const rows = shown.map((figure) => {
    const all = runs.map((run) => figure.pick(run.result));
    const show = (value: number | undefined) => figure.format(value, all, unit);
    return [
      figure.name,
      html`<strong>${show(all[0])}</strong>`,
      ...others.map((run, index) => {
        // An empty one keeps the column of values in its place.
        const compared = ratio(figure, first!.result, run.result) || html`<span class="ratio"></span>`;
        return html`<span class="compared"><span>${show(all[index + 1])}</span> ${compared}</span>`;
      }),
    ];
  });
  return html`<section class="card" aria-labelledby="compared"><h2 id="compared">Compared with ${others.length === 1 ? 'an earlier run' : formatNumberOf(others.length, 'earlier run')}</h2>
${drawLegend(runs.map((run) => ({ name: `${run.name}: ${formatMoment(run.result.startedAt)}`, style: run.style, kind: 'line' })))}
<p class="note">The ratio is this run divided by the earlier one. Within ${formatShare(SAME_WITHIN)}, or ${formatShare(TAIL_SAME_WITHIN)} from p99 upwards, two runs are called the same.</p>
${drawTable({ caption: 'Key figures of all runs', columns: [{ head: 'figure' }, ...runs.map((run) => ({ head: run.name, isNumber: true }))], rows, folds: true })}
${drawDifferences(runs)}</section>`;
}

function drawDifferences(runs: readonly Run[]): Piece {
  const differences = differencesOf(runs);
  if (differences.length === 0) return undefined;
  return html`<div class="warning"><strong>More than the server may differ:</strong> the runs did not have the same plan or client.<ul>${differences.map(
    ({ run, name, now, earlier }) =>
      html`<li>${name}: ${now || NO_FIGURE} in this run, ${earlier || NO_FIGURE} in ${run.name}</li>`,
  )}</ul></div>`;
}
