/**
 * What was counted of each URL, as plain data that can be added over threads and machines. The figures of a
 * row are whole or not there at all: where one part had no row left for a URL, what the others know of it is
 * counted with the others, too.
 */
import { addRecords } from './counts-by-name.ts';
import { type LatencyData, mergeLatencies, NO_LATENCIES } from './latency-counts.ts';

/** URLs with figures of their own. More do not fit on a page, and each takes 190 KB in each thread. */
export const URL_ROWS_MAX = 50;

export interface UrlCounts {
  readonly method: string;
  readonly url: string;
  readonly answered: number;
  /** Answers of 400 and more or that a check refused, requests without a whole answer, and those never sent. */
  readonly failed: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly latency: LatencyData;
}

export interface UrlTotals {
  readonly rows: readonly UrlCounts[];
  /** All that is in no row, together. Their `url` is empty. */
  readonly others: UrlCounts | undefined;
  /** There were more URLs than rows. */
  readonly isBounded: boolean;
}

export const NO_URLS: UrlTotals = Object.freeze({ rows: [], others: undefined, isBounded: false });

export function mergeUrls(parts: readonly UrlTotals[]): UrlTotals {
  const bounded = parts
    .filter(({ isBounded }) => isBounded)
    .map(({ rows }) => new Set(rows.map((row) => keyOf(row))));
  const byKey = new Map<string, UrlCounts[]>();
  for (const { rows } of parts)
    for (const row of rows) byKey.set(keyOf(row), [...(byKey.get(keyOf(row)) ?? []), row]);
  const rows: UrlCounts[] = [];
  const others = parts.flatMap((part) => (part.others === undefined ? [] : [part.others]));
  for (const [key, same] of byKey) {
    const isWhole = bounded.every((keys) => keys.has(key)) && rows.length < URL_ROWS_MAX;
    if (isWhole) rows.push(addCounts(same[0]!, same));
    else others.push(...same);
  }
  return {
    rows,
    others: others.length === 0 ? undefined : addCounts({ method: '', url: '' }, others),
    isBounded: bounded.length > 0 || rows.length < byKey.size,
  };
}

function keyOf({ method, url }: Pick<UrlCounts, 'method' | 'url'>): string {
  return `${method} ${url}`;
}

function addCounts(
  { method, url }: Pick<UrlCounts, 'method' | 'url'>,
  parts: readonly UrlCounts[],
): UrlCounts {
  return {
    method,
    url,
    answered: parts.reduce((sum, { answered }) => sum + answered, 0),
    failed: parts.reduce((sum, { failed }) => sum + failed, 0),
    statuses: addRecords(parts.map(({ statuses }) => statuses)),
    latency: parts.length === 0 ? NO_LATENCIES : mergeLatencies(parts.map(({ latency }) => latency)),
  };
}
