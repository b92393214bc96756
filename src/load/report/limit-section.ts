/** The search for the highest rate that keeps a threshold: its answer in words, its steps as chart and table. */
import type { LoadResult } from '../result.ts';
import { drawLimitChart } from './limit-chart.ts';
import { html, type Piece } from './markup.ts';
import { formatMs, formatNumberOf, formatRate, UNIT_SPACE } from './numbers.ts';
import { drawTable } from './table.ts';

export function drawLimitSearch({ limitSearch: steps }: LoadResult): Piece {
  if (steps.length === 0) return undefined;
  const rate = (value: number) => `${formatRate(value)}${UNIT_SPACE}req/s`;
  const kept = steps.filter((step) => step.isMet).map((step) => step.ratePerSecond);
  const answer =
    kept.length === 0
      ? 'No rate that was tried keeps the threshold'
      : `${rate(Math.max(...kept))} is the highest rate found that keeps the threshold`;
  return html`<section class="card" aria-labelledby="limit"><h2 id="limit">${answer}</h2>
<p class="note">${formatNumberOf(steps.length, 'step')}, in the order in which they were tried.</p>
<div class="beside">${drawLimitChart(steps)}
<div>${drawTable({
    caption: 'Steps of the search',
    columns: [
      { head: 'asked' },
      { head: 'answered', isNumber: true },
      { head: 'measured', isNumber: true },
      { head: '' },
    ],
    rows: steps.map((step) => [
      rate(step.ratePerSecond),
      rate(step.achievedPerSecond),
      formatMs(step.measuredMs),
      step.isMet ? html`<span class="good">✓ met</span>` : html`<span class="bad">✕ missed</span>`,
    ]),
  })}</div></div></section>`;
}
