/**
 * A load run as one HTML file that people keep, send and print: the verdict first, then figures, charts and
 * tables, and the data itself. A function from results to text: it reads no clock and no file, so the same
 * results always make the same report.
 */
import type { LoadResult } from '../../measure/load-result.ts';
import { drawConnections } from './connection-section.ts';
import { formatMoment, latencyUnitOf, nameRuns } from './drawn-run.ts';
import { drawComparison, drawKeyFigures } from './key-figures.ts';
import { drawLatency } from './latency-section.ts';
import { drawLimitSearch } from './limit-section.ts';
import { MARK_PATTERNS } from './mark-lanes.ts';
import { html, jsonForScript, type Markup, type Piece } from './markup.ts';
import { formatAskedRate, formatDuration, formatNumberOf } from './numbers.ts';
import { drawChecks, drawOutcomes, drawThresholds } from './outcome-section.ts';
import { drawPage } from './page.ts';
import { drawSetting } from './setting-section.ts';
import { timeRuns } from './time-chart.ts';
import { drawTime } from './time-section.ts';
import { drawUrls } from './url-section.ts';
import { drawVerdict } from './verdict-section.ts';

/**
 * @param before earlier runs to compare with, drawn into every chart; the oldest first or last, as they come
 * @returns a whole HTML document that loads nothing
 */
export function renderHtmlReport(result: LoadResult, before: readonly LoadResult[] = []): string {
  const runs = nameRuns(result, before);
  const timed = timeRuns(runs);
  const unit = latencyUnitOf(runs);
  const content = html`<main>
${MARK_PATTERNS}
${drawHeader(result)}
${drawVerdict(result)}
${drawKeyFigures(runs, unit)}
${drawThresholds(result)}
${drawComparison(runs, unit)}
${drawLimitSearch(result, unit)}
${drawLatency(runs, unit)}
${drawUrls(result, unit)}
${drawTime(timed, unit)}
${drawConnections(timed)}
${drawOutcomes(result)}
${drawChecks(result)}
${drawSetting(result)}
${drawData(result)}
</main>`;
  return drawPage({ title: `Load report: ${targetOf(result)}`, content, data: jsonForScript(result) });
}

function targetOf({ plan }: LoadResult): string {
  const more = plan.urls.length - 1;
  return `${plan.urls[0] ?? 'no URL'}${more > 0 ? ` and ${more} more` : ''}`;
}

function drawHeader(result: LoadResult): Markup {
  const { plan } = result;
  const about = [
    formatMoment(result.startedAt),
    `${formatDuration(result.durationMs)} measured`,
    formatNumberOf(plan.connections, 'connection'),
    plan.ratePerSecond === undefined
      ? 'as fast as answered'
      : `${formatAskedRate(plan.ratePerSecond)} req/s asked for`,
    ...(result.machines.length > 1 ? [formatNumberOf(result.machines.length, 'machine')] : []),
  ];
  return html`<header><p class="eyebrow">Holdfast load report</p>
<h1><span class="method">${plan.method}</span> ${targetOf(result)}</h1>
<p class="about">${about.join(' · ')}</p>${drawPills(result)}</header>`;
}

function drawPills({ thresholds, interrupted }: LoadResult): Piece {
  const missed = thresholds.filter((threshold) => !threshold.isMet).length;
  const pills: Piece[] = [];
  if (thresholds.length > 0)
    pills.push(
      missed === 0
        ? html`<span class="pill good">✓ ${thresholds.length === 1 ? 'threshold met' : 'all thresholds met'}</span>`
        : html`<span class="pill bad">✕ ${thresholds.length === 1 ? 'threshold missed' : `${missed} of ${thresholds.length} thresholds missed`}</span>`,
    );
  if (interrupted) pills.push(html`<span class="pill">stopped early</span>`);
  return pills.length > 0 && html`<p class="pills">${pills}</p>`;
}

function drawData(result: LoadResult): Markup {
  const stamp = result.startedAt.replace(/[^0-9T]+/g, '-').replace(/^-+|-+$/g, '');
  return html`<footer><div class="screen"><p><button type="button" id="download" data-name="holdfast-load-${stamp}.json" hidden>Download the data (JSON)</button></p>
<p id="no-script">The data of this run is in this file, as JSON, in the element <code>result</code> near its end.</p></div>
<p>Made by Holdfast ${result.holdfastVersion}. This file needs no network and holds all that was measured.</p></footer>`;
}
