/** The figures of each URL, where there are several: which of them is slow, or fails. URLs come from outside. */
import type { LoadResult, UrlFigures } from '../../measure/load-result.ts';
import { html, type Piece } from './markup.ts';
import { formatCount, formatMsIn, formatShare, type MsUnit } from './numbers.ts';
import { drawTable } from './table.ts';

const PERCENTILES = ['50', '90', '99'] as const;

export function drawUrls({ byUrl, otherUrls, plan }: LoadResult, unit: MsUnit): Piece {
  // Earlier results have no such figures.
  if (byUrl === undefined || byUrl.length === 0) return undefined;
  const all = otherUrls === undefined ? byUrl : [...byUrl, otherUrls];
  const others = plan.script === undefined ? 'all other URLs' : 'all others, and what was not made';
  return html`<section class="card" aria-labelledby="urls"><h2 id="urls">By URL</h2>
${drawTable({
  caption: 'Answers, failures and latency of each URL',
  columns: [
    { head: 'URL' },
    { head: 'answered', isNumber: true },
    { head: 'failed', isNumber: true },
    ...[...PERCENTILES.map((name) => `p${name}`), 'max'].map((name) => ({
      head: `${name}, ${unit}`,
      isNumber: true,
    })),
  ],
  rows: all.map((figures) => [
    figures.url === '' ? others : html`<span class="name">${figures.method} ${figures.url}</span>`,
    formatCount(figures.answered),
    drawFailed(figures),
    ...PERCENTILES.map((name) => formatMsIn(unit, figures.latency.percentilesMs[name])),
    formatMsIn(unit, figures.latency.maxMs),
  ]),
  folds: true,
})}</section>`;
}

function drawFailed({ answered, failed, statuses }: UrlFigures): Piece {
  if (failed === 0) return '0';
  const refused = Object.keys(statuses).filter((status) => status >= '400');
  const why = refused.length === 0 ? '' : `, ${refused.join(' ')}`;
  // A request that counts as failed may have been answered: the share is of the larger of the two numbers.
  const share = formatShare(failed / Math.max(answered, failed));
  return html`<span><span class="bad">${formatCount(failed)}</span> <span class="note">${share}${why}</span></span>`;
}
