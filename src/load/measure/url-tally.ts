/**
 * What one thread counts of each URL, when there are several: a method with a URL is a row. So many have a row
 * of their own as a table can show and memory can hold; all others are counted together.
 */
import { LatencyCounts, NO_LATENCIES } from './latency-counts.ts';
import { URL_ROWS_MAX, type UrlCounts, type UrlTotals } from './url-totals.ts';

const FIRST_FAILURE_STATUS = 400;

class Row {
  readonly method: string;
  readonly url: string;
  answered = 0;
  failed = 0;
  readonly statuses = new Map<number, number>();
  /** Made with the first latency: it takes 190 KB. */
  latency: LatencyCounts | undefined = undefined;

  constructor(method: string, url: string) {
    this.method = method;
    this.url = url;
  }

  record(us: number, times = 1): void {
    this.latency ??= new LatencyCounts();
    this.latency.recordUsTimes(us, times);
  }

  clear(): void {
    this.answered = 0;
    this.failed = 0;
    this.statuses.clear();
    this.latency?.clear();
  }

  counts(): UrlCounts {
    return {
      method: this.method,
      url: this.url,
      answered: this.answered,
      failed: this.failed,
      statuses: Object.fromEntries([...this.statuses].map(([status, count]) => [String(status), count])),
      latency: this.latency?.data() ?? NO_LATENCIES,
    };
  }
}

export class UrlTally {
  /** A single URL's figures are the run's own: nothing is recorded twice then. */
  isOn = false;
  readonly #places = new Map<string, number>();
  readonly #rows: Row[] = [];
  /** Counts URLs that have no row, and requests that were due and whose URL is not known. */
  readonly #others = new Row('', '');
  #hasOthers = false;

  /** The row of a URL, which gets one while there are any left. @returns a number for the calls below */
  rowOf(method: string, url: string): number {
    const key = `${method} ${url}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    if (this.#rows.length === URL_ROWS_MAX) {
      this.#hasOthers = true;
      return OTHERS;
    }
    const row = this.#rows.push(new Row(method, url)) - 1;
    this.#places.set(key, row);
    return row;
  }

  get rowCount(): number {
    return this.#rows.length + (this.#hasOthers ? 1 : 0);
  }

  answered(place: number, status: number, latencyUs: number): void {
    const row = this.#row(place);
    row.answered++;
    if (status >= FIRST_FAILURE_STATUS) row.failed++;
    row.statuses.set(status, (row.statuses.get(status) ?? 0) + 1);
    row.record(latencyUs);
  }

  failed(place: number): void {
    if (this.isOn) this.#row(place).failed++;
  }

  /** It failed, and has been waited for so long. */
  waitedFor(place: number, waitedMs: number, times = 1): void {
    if (!this.isOn) return;
    const row = this.#row(place);
    row.failed += times;
    row.record(Math.round(waitedMs * 1000), times);
  }

  clear(): void {
    for (const row of [...this.#rows, this.#others]) row.clear();
  }

  totals(): UrlTotals {
    const others = this.#others.counts();
    const isCounted = this.#hasOthers || others.answered + others.failed > 0;
    return {
      rows: this.isOn ? this.#rows.map((row) => row.counts()) : [],
      others: this.isOn && isCounted ? others : undefined,
      isBounded: this.#hasOthers,
    };
  }

  #row(place: number): Row {
    return this.#rows[place] ?? this.#others;
  }
}

/** Every place that is no row's is that of the others. */
export const OTHERS = URL_ROWS_MAX;
