/**
 * Counts by address who goes beyond a deadline or a bound: that is what an attack looks like from here. An address is
 * forgotten when it has kept the peace for a minute, and there are never more than so many.
 *
 * Counting happens when a deadline fires or a bound is hit, never for a request that is in order.
 */

/** One address and what it has done since it was last at peace. Plain data: it crosses threads and becomes JSON. */
export interface OffenderRow {
  /** Written as text; for IPv6 it is the network of 64 bits, since whoever has one of its addresses has them all. */
  readonly address: string;
  readonly count: number;
  /** By the option that was gone beyond, as `timeouts.header`. */
  readonly byOption: Readonly<Record<string, number>>;
  /** Since the first and since the last of them. */
  readonly sinceMs: number;
  readonly lastMs: number;
}

export interface OffenderReport {
  /** Those with the most first. */
  readonly rows: readonly OffenderRow[];
  /** How often those that did not fit went beyond something, in all. */
  readonly others: number;
}

export const NO_OFFENDERS: OffenderReport = { rows: [], others: 0 };

/** nginx keeps 16,000 states in a megabyte for limit_req; a person reads fifty rows. */
const ADDRESSES_MAX = 256;
const FORGOTTEN_AFTER_MS = 60_000;
/** One that has done nothing for so long gives its place to another. */
const REPLACED_AFTER_MS = 1000;
/** For a full table is not searched for each of a flood. */
const SEARCH_EVERY_MS = 100;
const ROWS_MAX = 50;

interface Entry {
  readonly sinceMs: number;
  lastMs: number;
  count: number;
  readonly byOption: Record<string, number>;
}

export class Offenders {
  readonly #entries = new Map<string, Entry>();
  #others = 0;
  #othersLastMs = Number.NEGATIVE_INFINITY;
  #searchedMs = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#entries.size;
  }

  /** @param address as text, without brackets; empty for one that is not known */
  count(address: string, option: string, nowMs: number): void {
    const key = networkOf(address);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (!this.#makeRoom(nowMs)) {
        this.#others++;
        this.#othersLastMs = nowMs;
        return;
      }
      entry = { sinceMs: nowMs, lastMs: nowMs, count: 0, byOption: {} };
      this.#entries.set(key, entry);
    }
    entry.lastMs = nowMs;
    entry.count++;
    entry.byOption[option] = (entry.byOption[option] ?? 0) + 1;
  }

  report(nowMs: number): OffenderReport {
    this.#forget(nowMs);
    const rows = [...this.#entries].map(([address, { sinceMs, lastMs, count, byOption }]) => ({
      address,
      count,
      byOption: { ...byOption },
      sinceMs: Math.round(nowMs - sinceMs),
      lastMs: Math.round(nowMs - lastMs),
    }));
    return shownOf(rows, this.#others);
  }

  #forget(nowMs: number): void {
    for (const [address, { lastMs }] of this.#entries)
      if (nowMs - lastMs > FORGOTTEN_AFTER_MS) this.#entries.delete(address);
    if (nowMs - this.#othersLastMs > FORGOTTEN_AFTER_MS) this.#others = 0;
  }

  /** @returns whether there is room for one more */
  #makeRoom(nowMs: number): boolean {
    if (this.#entries.size < ADDRESSES_MAX) return true;
    if (nowMs - this.#searchedMs < SEARCH_EVERY_MS) return false;
    this.#searchedMs = nowMs;
    this.#forget(nowMs);
    if (this.#entries.size < ADDRESSES_MAX) return true;
    let least: string | undefined;
    let leastCount = Number.POSITIVE_INFINITY;
    for (const [address, { count, lastMs }] of this.#entries)
      if (nowMs - lastMs > REPLACED_AFTER_MS && count < leastCount) {
        least = address;
        leastCount = count;
      }
    if (least === undefined) return false;
    this.#others += leastCount;
    this.#othersLastMs = nowMs;
    this.#entries.delete(least);
    return true;
  }
}

/** What several threads report, as one. */
export function mergeOffenders(reports: readonly OffenderReport[]): OffenderReport {
  const merged = new Map<string, OffenderRow>();
  for (const { rows } of reports)
    for (const row of rows) {
      const before = merged.get(row.address);
      merged.set(row.address, before === undefined ? row : added(before, row));
    }
  return shownOf(
    [...merged.values()],
    reports.reduce((sum, { others }) => sum + others, 0),
  );
}

function added(a: OffenderRow, b: OffenderRow): OffenderRow {
  const byOption: Record<string, number> = { ...a.byOption };
  for (const [option, count] of Object.entries(b.byOption))
    byOption[option] = (byOption[option] ?? 0) + count;
  return {
    address: a.address,
    count: a.count + b.count,
    byOption,
    sinceMs: Math.max(a.sinceMs, b.sinceMs),
    lastMs: Math.min(a.lastMs, b.lastMs),
  };
}

function shownOf(rows: OffenderRow[], others: number): OffenderReport {
  rows.sort((a, b) => b.count - a.count || a.lastMs - b.lastMs);
  const hidden = rows.splice(ROWS_MAX);
  return { rows, others: hidden.reduce((sum, { count }) => sum + count, others) };
}

/** The first four groups of an IPv6 address, which is whom providers give one customer (RFC 6177 §2). */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [bare] = address.split('%', 1);
  const [front = '', back] = bare!.split('::');
  const before = front === '' ? [] : front.split(':');
  const after = back === undefined || back === '' ? [] : back.split(':');
  const gap = back === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...new Array<string>(gap).fill('0'), ...after].slice(0, 4);
  // The loopback address and the like have nothing in front, and are one machine's.
  if (groups.every((group) => /^0*$/.test(group))) return bare!;
  return `${groups.join(':')}::/64`;
}
