/**
 * How requests ended: errors by name, answers by status, thresholds met or missed, checks of a script. Names
 * of errors and checks come from outside.
 */
import { STATUS_CODES } from 'node:http';
import type { LoadResult, ThresholdResult } from '../../measure/load-result.ts';
import { html, type Markup, type Piece } from './markup.ts';
import { formatCount, formatDuration, formatMs, formatMsWith, formatShare, type MsUnit } from './numbers.ts';
import { drawBar, drawTable } from './table.ts';

/** What a name means to somebody who does not know it by heart. Names as in errno(3). */
const MEANINGS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens at that address and port',
  ECONNRESET: 'the server reset the connection',
  ECONNABORTED: 'the connection was given up',
  EPIPE: 'the server had closed the connection',
  ETIMEDOUT: 'the kernel gave up on an unanswered connection',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  EADDRNOTAVAIL: 'no source port was left to that destination',
  EADDRINUSE: 'the source port was taken',
  EMFILE: 'this process has no descriptor left',
  ENFILE: 'this machine has no descriptor left',
  ENOBUFS: 'the kernel has no buffer left',
  ENOMEM: 'the kernel has no memory left',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name could not be looked up for now',
  garbage: 'the answer was not HTTP',
  'unsolicited answer': 'an answer came that nobody had asked for',
  'closed early': 'the server closed before the whole answer was there',
  'never sent': 'due at the asked rate while every connection was busy, until the end of the run',
};

export function drawOutcomes(result: LoadResult): Markup {
  return html`<section class="pair split">
<div class="card"><h2>Errors</h2>${drawErrors(result)}</div>
<div class="card"><h2>Answers by status</h2>${drawStatuses(result)}</div>
</section>`;
}

function drawErrors(result: LoadResult): Piece {
  const errors = Object.entries(result.errors).filter(([, count]) => count > 0);
  if (errors.length === 0)
    return html`<p class="empty">${result.requests.answered > 0 ? 'None: every request got an answer.' : 'None.'}</p>`;
  const all = errors.reduce((sum, [, count]) => sum + count, 0);
  const rows = errors
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => [
      html`<span class="name">${name}</span>${meaningOf(name, result)}${drawBar(count / all, 'bad')}`,
      formatCount(count),
      formatShare(count / all),
    ]);
  return drawTable({
    caption: 'Requests and connections that failed, by the name of the failure',
    columns: [{ head: 'error' }, { head: 'count', isNumber: true }, { head: 'share', isNumber: true }],
    rows,
  });
}

function meaningOf(name: string, { plan }: LoadResult): Piece {
  const meaning =
    name === 'timeout'
      ? `no whole answer within ${formatDuration(plan.timeoutMs)}`
      : name === 'connect timeout'
        ? `no connection within ${formatDuration(plan.timeoutMs)}`
        : Object.hasOwn(MEANINGS, name)
          ? MEANINGS[name]
          : undefined;
  return meaning !== undefined && html`<span class="note meaning">${meaning}</span>`;
}

function drawStatuses(result: LoadResult): Piece {
  const statuses = Object.entries(result.statuses).filter(([, count]) => count > 0);
  if (statuses.length === 0) return html`<p class="empty">No answer came.</p>`;
  const all = statuses.reduce((sum, [, count]) => sum + count, 0);
  const rows = statuses
    .sort((a, b) => Number(a[0]) - Number(b[0]))
    .map(([status, count]) => [
      html`<span class="name">${status}</span> ${STATUS_CODES[status]}${drawBar(count / all, Number(status) >= 400 ? 'bad' : '')}`,
      formatCount(count),
      formatShare(count / all),
    ]);
  return drawTable({
    caption: 'Answers by status code',
    columns: [{ head: 'status' }, { head: 'count', isNumber: true }, { head: 'share', isNumber: true }],
    rows,
  });
}

export function drawThresholds({ thresholds }: LoadResult): Piece {
  if (thresholds.length === 0) return undefined;
  const missed = thresholds.filter((threshold) => !threshold.isMet).length;
  const title =
    thresholds.length === 1
      ? 'Threshold'
      : `Thresholds: ${missed === 0 ? 'all met' : `${missed} of ${thresholds.length} missed`}`;
  return html`<section class="card" aria-labelledby="thresholds"><h2 id="thresholds">${title}</h2><div class="brief">${drawTable(
    {
      caption: 'Thresholds',
      columns: [{ head: 'threshold' }, { head: 'measured', isNumber: true }, { head: '' }],
      rows: thresholds.map((threshold) => [
        html`<span class="given">${threshold.name}</span>`,
        measuredOf(threshold),
        threshold.isMet ? html`<span class="good">✓ met</span>` : html`<span class="bad">✕ missed</span>`,
      ]),
    },
  )}</div></section>`;
}

/** A share where the name asks for one, `error rate <= 0.1 %`, else a latency; in the unit of its limit. */
export function measuredOf({ name, measured }: ThresholdResult): string {
  if (/%\s*$/.test(name)) return formatShare(measured);
  const unit = /(µs|ms|s)\s*$/.exec(name)?.[1];
  return unit === undefined ? formatMs(measured) : formatMsWith(unit as MsUnit, measured); // one of the three
}

export function drawChecks({ checks }: LoadResult): Piece {
  const entries = Object.entries(checks);
  if (entries.length === 0) return undefined;
  const rows = entries.map(([name, { passed, failed }]) => [
    html`<span class="given">${name}</span>${drawBar(passed / Math.max(1, passed + failed), failed > 0 ? 'mixed' : '')}`,
    formatCount(passed),
    failed > 0 ? html`<span class="bad">${formatCount(failed)}</span>` : formatCount(failed),
    formatShare(passed + failed > 0 ? passed / (passed + failed) : undefined),
  ]);
  return html`<section class="card" aria-labelledby="checks"><h2 id="checks">Checks of the script</h2><div class="brief">${drawTable(
    {
      caption: 'Checks of the script',
      columns: [
        { head: 'check' },
        { head: 'passed', isNumber: true },
        { head: 'failed', isNumber: true },
        { head: 'share passed', isNumber: true },
      ],
      rows,
      folds: true,
    },
  )}</div></section>`;
}
