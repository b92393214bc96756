/**
 * The last minutes as the page draws them: what each second adds up to, out of statuses that follow each other. Pure: it
 * knows neither the network nor the document. A server that was started anew, or not heard for a while, leaves a gap and no
 * line across it.
 */
import type { Status } from '../observe/status.ts';
import { countedSince, percentile } from './percentile.ts';

export const WINDOW_SECONDS = 300;
/** Percentiles of one second jump; of five they can be read. */
const PERCENTILE_SECONDS = 5;
const HISTOGRAM_SECONDS = 60;
const GAP_SECONDS = 3;

interface Second {
  /** Seconds since the epoch, by the server's clock. */
  readonly at: number;
  readonly requests: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly sent: number | null;
  readonly received: number | null;
  readonly open: number | null;
  /** The worst worker's, in ms. */
  readonly lag: number | null;
  /** A share of one core. */
  readonly cpu: number | null;
  readonly failed: number | null;
}

export type Measure = Exclude<keyof Second, 'at'>;

const MEASURES: readonly Measure[] = [
  'requests', 'p50', 'p90', 'p99', 'sent', 'received', 'open', 'lag', 'cpu', 'failed',
]; // biome-ignore format: one list

export class History {
  readonly seconds: Second[] = [];
  /** The statuses of the last minute, the oldest first. */
  #statuses: Status[] = [];

  add(status: Status): void {
    const before = this.#statuses.at(-1);
    const isNew = before !== undefined && isAnotherRun(before, status);
    if (isNew) this.#statuses = [];
    const last = this.seconds.at(-1);
    const at = status.atMs / 1000;
    if (last !== undefined && (isNew || at - last.at > GAP_SECONDS || at < last.at))
      this.#gap(Math.max(at - 0.5, last.at));
    this.seconds.push(this.#second(status, isNew ? undefined : before));
    this.#statuses.push(status);
    const oldest = at - WINDOW_SECONDS - 2;
    while (this.seconds.length > 0 && this.seconds[0]!.at < oldest) this.seconds.shift();
    while (this.#statuses.length > HISTOGRAM_SECONDS + 1) this.#statuses.shift();
  }

  /** One column of what is drawn. */
  column(measure: Measure | 'at'): (number | null)[] {
    return this.seconds.map((second) => second[measure]);
  }

  /** The status some seconds ago, or as near to it as there is one; undefined while there is only one. */
  ago(seconds: number): Status | undefined {
    const now = this.#statuses.at(-1);
    if (now === undefined || this.#statuses.length < 2) return undefined;
    return this.#statuses.find(({ uptimeMs }) => uptimeMs >= now.uptimeMs - seconds * 1000 - 500);
  }

  /** Requests of the last minute by how long they took. */
  durations(): { readonly counts: number[]; readonly seconds: number } | undefined {
    const now = this.#statuses.at(-1);
    const before = this.ago(HISTOGRAM_SECONDS);
    if (now === undefined || before === undefined || before === now) return undefined;
    return {
      counts: countedSince(now.durations.counts, before.durations.counts),
      seconds: Math.round((now.uptimeMs - before.uptimeMs) / 1000),
    };
  }

  #gap(at: number): void {
    const none = Object.fromEntries(MEASURES.map((measure) => [measure, null]));
    this.seconds.push({ at, ...none } as unknown as Second);
  }

  #second(now: Status, before: Status | undefined): Second {
    const at = now.atMs / 1000;
    const seconds = before === undefined ? 0 : (now.uptimeMs - before.uptimeMs) / 1000;
    const rate = (pick: (status: Status) => number): number | null =>
      before === undefined || seconds <= 0 ? null : Math.max(0, pick(now) - pick(before)) / seconds;
    const long = this.#statuses.find(
      ({ uptimeMs }) => uptimeMs >= now.uptimeMs - PERCENTILE_SECONDS * 1000 - 500,
    );
    const counts = long === undefined ? [] : countedSince(now.durations.counts, long.durations.counts);
    return {
      at,
      requests: rate(({ requests }) => requests),
      p50: percentile(counts, 0.5),
      p90: percentile(counts, 0.9),
      p99: percentile(counts, 0.99),
      sent: rate(({ bytesSent }) => bytesSent),
      received: rate(({ bytesReceived }) => bytesReceived),
      open: now.open,
      lag: long === undefined ? null : worstLag(now, long),
      cpu: rate(({ process }) => process.cpuSeconds),
      failed: rate(({ statusClasses }) => statusClasses['5xx'] ?? 0),
    };
  }
}

/** Another process, or the same one with another server. */
function isAnotherRun(before: Status, now: Status): boolean {
  return before.process.pid !== now.process.pid || now.uptimeMs < before.uptimeMs;
}

function worstLag(now: Status, before: Status): number | null {
  const lags = now.workers.map(({ index, loopLag }) =>
    lagOf(loopLag.counts, before.workers.find((worker) => worker.index === index)?.loopLag.counts ?? []),
  );
  const known = lags.filter((lag) => lag !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** @returns the 99th percentile in ms of what was counted since */
export function lagOf(now: readonly number[], before: readonly number[]): number | null {
  return percentile(countedSince(now, before), 0.99);
}
