/**
 * The report for the browser: one document that needs nothing else and runs no script. First the matrix, then each finding
 * for a reader who did not write the tool, then what was thrown when, and how several servers read the same bytes.
 */
import { createHash } from 'node:crypto';
import { html, type Markup, trusted } from '../../load/report/html/markup.ts';
import type { Finding, Severity } from '../finding.ts';
import { SEVERITIES } from '../finding.ts';
import { findingsOf, type ProveResult, type TargetResult, type TimedSlice } from '../results.ts';
import { seconds } from '../slow/deadlines.ts';
import type { WireEvent } from '../wire/wire.ts';
import { PAGE_STYLE } from './page-style.ts';
import { drawTimeline } from './timeline.ts';

const SHOWN_EVENTS_MAX = 60;
const SHOWN_BYTES_MAX = 800;
const TIMELINE_ROWS_MAX = 300;

export function provePage(result: ProveResult): string {
  const style = createHash('sha256').update(PAGE_STYLE).digest('base64');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${style}'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>holdfast prove: ${headline(result)}</title>
<link rel="icon" href="data:,">
<style>${trusted(PAGE_STYLE)}</style>
</head>
<body><main>
${head(result)}
${matrix(result)}
${findings(result)}
${result.targets.map(timeline)}
${result.targets.map((target) => grid(target, result.against))}
<footer>holdfast ${result.version}, ${result.startedAt}, ${result.machine}. Figures are of this machine at that time, with whatever else it did.</footer>
</main></body>
</html>
`.text;
}

function worstOf(findings: readonly Finding[]): Severity | undefined {
  return SEVERITIES.find((each) => findings.some(({ severity }) => severity === each));
}

function headline(result: ProveResult): string {
  const all = findingsOf(result);
  const high = all.filter(({ severity }) => severity === 'high').length;
  if (high > 0) return high === 1 ? 'one high finding' : `${high} high findings`;
  return all.length > 0 ? `no high finding, ${all.length} others` : 'nothing was found';
}

function head(result: ProveResult): Markup {
  const all = findingsOf(result);
  const counts = SEVERITIES.map(
    (each) => `${all.filter(({ severity }) => severity === each).length} ${each}`,
  ).join(', ');
  return html`<header class="card verdict ${worstOf(all) ?? 'kept'}">
<p class="eyebrow">holdfast prove</p>
<h1>${result.targets.map(({ name }) => name).join(', ')}: ${headline(result)}</h1>
<p>${counts}. ${seconds(result.durationMs)}, seed ${result.seed}${result.interrupted && ', broken off before its end'}.</p>
<p class="note"><code>${result.command}</code></p>
</header>`;
}

function matrix({ targets }: ProveResult): Markup {
  const names = [...new Set(targets.flatMap(({ slices }) => slices.map(({ name }) => name)))];
  return html`<section class="card"><h2>What was attacked, and how it held</h2>
<div class="scroll"><table class="matrix"><thead><tr><th>target</th><th>quiet</th>${names.map((name) => html`<th>${name}</th>`)}</tr></thead><tbody>
${targets.map(
  (target) => html`<tr><th>${target.name}<span class="small">${target.failed ?? target.url}</span></th>
<td>${target.quiet !== undefined && html`${target.quiet.p50Ms} ms<span class="small">p99 ${target.quiet.p99Ms} ms</span>`}</td>
${names.map((name) => html`<td>${cell(target.slices.find((slice) => slice.name === name))}</td>`)}</tr>`,
)}
</tbody></table></div>
<p class="note">Under each verdict stands how long a good client waited beside that attack: half of its requests at most that long, and 99 of 100.</p>
</section>`;
}

function cell(slice: TimedSlice | undefined): Markup | string {
  if (slice === undefined) return html`<span class="cell skipped">not run</span>`;
  if (slice.skipped !== undefined)
    return html`<span class="cell skipped">skipped</span><span class="small">${slice.skipped}</span>`;
  const worst = worstOf(slice.findings);
  const { p50Ms, p99Ms, failed } = slice.beside;
  const first = slice.findings.find(({ severity }) => severity === worst);
  const verdict =
    first === undefined
      ? html`<span class="cell kept">kept</span>`
      : html`<a class="cell ${first.severity}" href="#${anchorOf(first)}">${slice.findings.length} found, ${first.severity}</a>`;
  return html`${verdict}<span class="small">${p50Ms} / ${p99Ms} ms${failed > 0 && `, ${failed} failed`}</span>`;
}

const anchorOf = ({ id, target }: Finding): string => `${id}-${target}`.replace(/[^\w-]+/g, '-');

function findings(result: ProveResult): Markup {
  const all = SEVERITIES.flatMap((each) => findingsOf(result).filter(({ severity }) => severity === each));
  if (all.length === 0)
    return html`<section class="card"><h2>Findings</h2><p>None. What each attack did stands below.</p></section>`;
  return html`<section class="card"><h2>Findings</h2>${all.map(article)}</section>`;
}

function article(finding: Finding): Markup {
  const { severity, title, meaning, rule, figures, times, capsule, target, id, seed } = finding;
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  return html`<article id="${anchorOf(finding)}">
<h3><span class="cell ${severity}">${severity}</span> ${title}</h3>
<p>${meaning}</p>
<dl class="facts">
<dt>rule</dt><dd>${rule}</dd>
<dt>seen</dt><dd>${target}${times > 1 && `, ${times} times`}; <code>${id}</code>, seed ${seed}</dd>
${shown.length > 0 && html`<dt>figures</dt><dd>${shown.join(', ')}</dd>`}
${capsule.shrunk !== undefined && html`<dt>made smaller</dt><dd>${capsule.shrunk.eventsBefore} events to ${capsule.shrunk.eventsAfter}, in ${capsule.shrunk.plays} plays</dd>`}
<dt>again</dt><dd><code>${capsule.replay}</code></dd>
</dl>
${capsule.exchange.length > 0 && html`<details open><summary>The bytes both ways</summary>${wire(capsule.exchange)}</details>`}
${capsule.serverState !== undefined && html`<details><summary>What the server said of itself</summary><pre>${JSON.stringify(capsule.serverState, null, 1)}</pre></details>`}
</article>`;
}

function wire(events: readonly WireEvent[]): Markup {
  const rows = events.slice(0, SHOWN_EVENTS_MAX).map(({ atMs, what, bytes, size }) => {
    const isOut = what === 'sent';
    const text = bytes === undefined || bytes === '' ? undefined : visible(bytes);
    const more = size !== undefined && size > (bytes?.length ?? 0) ? ` ... ${size} bytes in all` : '';
    return html`<span class="moment">${atMs} ms</span><span>${what}</span>${
      text === undefined
        ? html`<span>${size !== undefined && `${size} bytes`}</span>`
        : html`<pre class="${isOut ? 'out' : 'in'}">${text}${more}</pre>`
    }`;
  });
  const left = events.length - SHOWN_EVENTS_MAX;
  return html`<div class="wire">${rows}</div>${left > 0 && html`<p class="note">${left} events more are in the capsule.</p>`}`;
}

/** Line ends and whatever cannot be seen are written out; lines stay lines. */
function visible(bytes: string): string {
  const cut = bytes.length > SHOWN_BYTES_MAX ? `${bytes.slice(0, SHOWN_BYTES_MAX)}...` : bytes;
  const lines = cut
    .replaceAll('\\', '\\\\')
    .replaceAll('\r', '\\r')
    .replaceAll('\n', '\\n\n')
    .replaceAll('\t', '\\t');
  return lines.replace(UNSEEN, hexOf).replace(/\n$/, '');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding these is what it is for
const UNSEEN = /[\x00-\x09\x0b-\x1f\x7f-\xff]/g;

const hexOf = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;

function timeline(target: TargetResult): Markup {
  const { name, timeline: entries, slices } = target;
  if (entries.length === 0) return html``;
  return html`<section class="card"><h2>${name}: what was thrown, and what happened</h2>
${drawTimeline(target)}
${slices.map(
  ({ name: slice, mustBeZero, counters }) => html`<p><strong>${slice}</strong>: must be zero: ${mustBeZero}.
<span class="small">${Object.entries(counters)
    .map(([what, count]) => `${what}: ${count}`)
    .join('; ')}</span></p>`,
)}
<details><summary>Every moment (${entries.length})</summary><div class="line">
${entries.slice(0, TIMELINE_ROWS_MAX).map(({ atMs, slice, text, severity }) => html`<span>${seconds(atMs)}</span><span>${slice}</span><span class="${severity ?? 'plain'}">${text}</span>`)}
</div></details></section>`;
}

function grid({ name, slices }: TargetResult, against: readonly string[]): Markup {
  const rows = slices.flatMap((slice) => slice.grid);
  if (rows.length === 0 || against.length === 0) return html``;
  const differing = rows.filter(({ readings }) => new Set(readings).size > 1);
  const table = (shown: typeof rows): Markup => html`<div class="scroll"><table class="grid">
<thead><tr><th>what was sent</th>${[name, ...against].map((each) => html`<th>${each}</th>`)}<th>the RFC</th></tr></thead>
<tbody>${shown.map((row) => html`<tr><th>${row.name}</th>${row.readings.map((each) => html`<td>${each}</td>`)}<td>${row.expected} (${row.rule})</td></tr>`)}</tbody>
</table></div>`;
  return html`<section class="card"><h2>How servers read the same bytes (${differing.length} of ${rows.length} in different ways)</h2>
<p class="note">Statuses in order, and whether the connection ended. Behind each stream stands one more request, which only whoever found the end of the stream can answer.</p>
${table(differing)}
<details><summary>What all read alike (${rows.length - differing.length})</summary>${table(rows.filter((row) => !differing.includes(row)))}</details>
</section>`;
}
