/** The search for the highest rate that keeps a threshold: its answer in words, its steps as chart and table. */
import type { LoadResult } from '../../measure/load-result.ts';
import { drawLimitChart } from './limit-chart.ts';
import { html, type Piece } from './markup.ts';
import {
  formatAskedRate,
  formatMsIn,
  formatNumberOf,
  formatRate,
  type MsUnit,
  UNIT_SPACE,
} from './numbers.ts';
import { drawTable } from './table.ts';

const rate = (text: string) => `${text}${UNIT_SPACE}req/s`;

/** What the search found, in words; undefined when there was none. */
export function limitAnswer({ limitSearch: steps }: LoadResult): string | undefined {
  if (steps.length === 0) return undefined;
  const kept = steps.filter((step) => step.isMet).map((step) => step.ratePerSecond);
  return kept.length === 0
    ? 'No rate that was tried keeps the threshold'
    : `${rate(formatAskedRate(Math.max(...kept)))} is the highest rate found that keeps the threshold`;
}

export function drawLimitSearch({ limitSearch: steps }: LoadResult, unit: MsUnit): Piece {
  if (steps.length === 0) return undefined;
  return html`<section class="card" aria-labelledby="limit"><h2 id="limit">Search for the limit</h2>
<p class="note">${formatNumberOf(steps.length, 'step')}, in the order in which they were tried.</p>
<div class="beside">${drawLimitChart(steps, unit)}
<div>${drawTable({
    caption: 'Steps of the search',
    columns: [
      { head: 'asked, req/s' },
      { head: 'answered, req/s', isNumber: true },
      { head: `measured, ${unit}`, isNumber: true },
      { head: '' },
    ],
    rows: steps.map((step) => [
      formatAskedRate(step.ratePerSecond),
      formatRate(step.achievedPerSecond),
      formatMsIn(unit, step.measuredMs),
      step.isMet
        ? html`<span class="good">✓ met</span>`
        : html`<span class="bad">✕ ${step.missedBy === 'failures' ? 'failed' : 'missed'}</span>`,
    ]),
  })}</div></div></section>`;
}
