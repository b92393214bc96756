/**
 * The figures of each URL as a table for the terminal, when there are several. URLs stand last, where their
 * length does no harm, without the server that all of them share; what does not fit is cut in its middle, since
 * URLs differ at both ends.
 */
import { escapeControls, paint } from '../../observe/terminal.ts';
import type { LoadResult, UrlFigures } from '../measure/load-result.ts';
import { grouped, shownLatency } from '../measure/number-text.ts';
import type { TextOptions } from './text-options.ts';

const INDENT = '  ';
const COUNT_WIDTH = 11;
const LATENCY_WIDTH = 9;
/** A shorter part of a URL would tell nothing. */
const URL_WIDTH_MIN = 16;

const HEADS: readonly (readonly [head: string, width: number])[] = [
  ['answered', COUNT_WIDTH],
  ['failed', COUNT_WIDTH - 1],
  ['p50', LATENCY_WIDTH],
  ['p99', LATENCY_WIDTH],
  ['max', LATENCY_WIDTH],
];
const FIGURES_WIDTH = HEADS.reduce((sum, [, width]) => sum + width, 0);

export function urlLines({ byUrl, otherUrls, plan }: LoadResult, options: TextOptions): string[] {
  if (byUrl.length === 0) return [];
  const origin = sharedOrigin(byUrl);
  const showsMethod = new Set(byUrl.map(({ method }) => method)).size > 1;
  const width = Math.max(URL_WIDTH_MIN, options.width - FIGURES_WIDTH - INDENT.length);
  const line = (figures: UrlFigures, name: string): string =>
    `${cells(figures, options)}${INDENT}${cut(escapeControls(name, false), width)}`;
  const heads = HEADS.map(([head, size]) => head.padStart(size)).join('');
  return [
    `By URL${origin === '' ? '' : `, all of ${escapeControls(origin, false)}`}`,
    paint(heads, 'dim', options.colour),
    ...byUrl.map((figures) =>
      line(
        figures,
        `${showsMethod ? `${figures.method} ` : ''}${figures.url.slice(origin.length)}${refusals(figures)}`,
      ),
    ),
    ...(otherUrls === undefined
      ? []
      : [
          line(otherUrls, plan.script === undefined ? 'all other URLs' : 'all others, and what was not made'),
        ]),
  ];
}

function cells({ answered, failed, latency }: UrlFigures, { colour }: TextOptions): string {
  const { percentilesMs, maxMs } = latency;
  const texts = [
    grouped(answered),
    grouped(failed),
    ...[percentilesMs['50'], percentilesMs['99'], maxMs].map((ms) => shownLatency(ms)),
  ];
  return texts
    .map((text, index) => {
      const shown = text.padStart(HEADS[index]![1]);
      return index === 1 && failed > 0 ? paint(shown, 'red', colour) : shown;
    })
    .join('');
}

/** ` 404`: which of several URLs it is that is not there. */
function refusals({ statuses }: UrlFigures): string {
  const refused = Object.keys(statuses).filter((status) => status >= '400');
  return refused.length === 0 ? '' : ` (${refused.join(', ')})`;
}

function sharedOrigin(byUrl: readonly UrlFigures[]): string {
  const origins = new Set(byUrl.map(({ url }) => /^https?:\/\/[^/]*/.exec(url)?.[0] ?? ''));
  return origins.size === 1 ? [...origins][0]! : '';
}

function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}
