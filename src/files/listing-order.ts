/** In which order a folder is shown, as its query says: `?sort=size&order=desc`. Folders come first, whatever the order. */
import type { ListedEntry, Listing } from './source.ts';

export type SortKey = 'name' | 'size' | 'time';

export interface ListingOrder {
  readonly by: SortKey;
  readonly descending: boolean;
}

const KEYS: readonly SortKey[] = ['name', 'size', 'time'];

/** The largest and the newest are what people look for by size and time. */
const DESCENDS: Readonly<Record<SortKey, boolean>> = { name: false, size: true, time: true };

/** @param query with its question mark, or empty; what is not known means nothing */
export function orderOf(query: string): ListingOrder {
  const given = new URLSearchParams(query);
  const by = KEYS.find((key) => key === given.get('sort')) ?? 'name';
  const order = given.get('order');
  return { by, descending: order === 'desc' || (order !== 'asc' && DESCENDS[by]) };
}

/** The query of a link that sorts by `by`: the other way round where that is how it is sorted. */
export function queryFor(by: SortKey, now: ListingOrder): string {
  const descending = now.by === by ? !now.descending : DESCENDS[by];
  return `?sort=${by}&order=${descending ? 'desc' : 'asc'}`;
}

/** Smaller and older first. A folder has no size. */
export function compareBy(by: 'size' | 'time'): (a: ListedEntry, b: ListedEntry) => number {
  return by === 'size' ? (a, b) => sizeOf(a) - sizeOf(b) : (a, b) => a.modifiedMs - b.modifiedMs;
}

function sizeOf({ isDirectory, sizeBytes }: ListedEntry): number {
  return isDirectory ? 0 : sizeBytes;
}

/** The entries of a folder in that order, part by part, each looked up when it is asked for where the order allows. */
export async function* entriesIn(
  listing: Listing,
  { by, descending }: ListingOrder,
): AsyncGenerator<readonly ListedEntry[], void> {
  if (by !== 'name') {
    const sorted = await listing.sorted(by);
    const folders = sorted.filter(({ isDirectory }) => isDirectory);
    const others = sorted.filter(({ isDirectory }) => !isDirectory);
    if (descending) others.reverse();
    if (descending && by === 'time') folders.reverse();
    for (const each of [folders, others])
      for (let at = 0; at < each.length; at += NAMES_A_PART) yield each.slice(at, at + NAMES_A_PART);
    return;
  }
  for (const [first, end] of [
    [0, listing.folderCount],
    [listing.folderCount, listing.count],
  ] as const)
    for (let at = first; at < end; at += NAMES_A_PART) {
      const length = Math.min(NAMES_A_PART, end - at);
      const from = descending ? end - (at - first) - length : at;
      const part = await listing.describe(from, from + length);
      yield descending ? part.toReversed() : part;
    }
}

/** Names a part: some 30 KiB of a page, a quarter of a millisecond. */
export const NAMES_A_PART = 200;
