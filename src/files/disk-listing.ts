/**
 * What the names of a folder lead to, looked up part by part as a reader takes them. It names only what
 * opening would give.
 */
import { access, constants, type Stats } from 'node:fs';
import { realPath, statLink, statPath } from './descriptor.ts';
import type { FolderListings, HeldNames } from './folder-listings.ts';
import type { FolderNames } from './folder-names.ts';
import { compareBy } from './listing-order.ts';
import type { Root } from './root.ts';
import { SortedRuns } from './sorted-runs.ts';
import type { ListedEntry, Listing } from './source.ts';

/** Look-ups under way for one listing: the thread pool has 4 threads for everybody. */
const LOOKUPS_MAX = 16;

const DESCRIBED_AT_ONCE = 200;

export class DiskListing implements Listing {
  readonly count: number;
  readonly folderCount: number;
  readonly isCut: boolean;
  readonly #root: Root;
  readonly #held: HeldNames;
  readonly #names: readonly string[];
  readonly #prefix: Buffer;
  readonly #listings: FolderListings;
  #isClosed = false;

  constructor(
    root: Root,
    held: HeldNames,
    { names, folderCount, isCut }: FolderNames,
    listings: FolderListings,
  ) {
    this.count = names.length;
    this.folderCount = folderCount;
    this.isCut = isCut;
    this.#listings = listings;
    this.#root = root;
    this.#held = held;
    this.#names = names;
    this.#prefix = Buffer.concat([held.folder, Buffer.from('/')]);
  }

  /** A request for a part that is being described for somebody else shares it. */
  async describe(from: number, to: number): Promise<readonly ListedEntry[]> {
    const { describing } = this.#held;
    const part = `${from}-${to}`;
    const shared = describing.get(part);
    if (shared !== undefined) return shared;
    const own = this.#describeEach(this.#names.slice(from, to));
    describing.set(part, own);
    try {
      return await own;
    } finally {
      describing.delete(part);
    }
  }

  /** A sort that is under way is shared by all who ask for it. */
  sorted(by: 'size' | 'time'): Promise<readonly ListedEntry[]> {
    const { sorting } = this.#held;
    const shared = sorting.get(by);
    if (shared !== undefined) return shared;
    const own = this.#listings.sorting.of(() => this.#sorted(by)).finally(() => sorting.delete(by));
    sorting.set(by, own);
    return own;
  }

  async #sorted(by: 'size' | 'time'): Promise<readonly ListedEntry[]> {
    const runs = new SortedRuns<ListedEntry>(compareBy(by));
    for (let at = 0; at < this.count; at += DESCRIBED_AT_ONCE)
      for (const entry of await this.describe(at, Math.min(at + DESCRIBED_AT_ONCE, this.count)))
        runs.add(entry);
    return runs.merged();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listings.release(this.#held);
  }

  async #describeEach(names: readonly string[]): Promise<readonly ListedEntry[]> {
    const found: (ListedEntry | undefined)[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < names.length) {
        const at = next++;
        found[at] = await this.#describeOne(names[at]!);
      }
    };
    await Promise.all(Array.from({ length: Math.min(LOOKUPS_MAX, names.length) }, work));
    return found.filter((entry) => entry !== undefined);
  }

  /** `undefined` for what opening would refuse. */
  async #describeOne(name: string): Promise<ListedEntry | undefined> {
    const full = Buffer.concat([this.#prefix, Buffer.from(name, 'latin1')]);
    try {
      let stats = await statLink(full);
      if (stats.isSymbolicLink()) {
        if (!this.#root.admitsLink(await realPath(full))) return undefined;
        stats = await statPath(full);
      }
      if (!stats.isFile() && !stats.isDirectory()) return undefined;
      if (!(await mayRead(full, stats))) return undefined;
      return {
        name,
        isDirectory: stats.isDirectory(),
        sizeBytes: stats.size,
        modifiedMs: stats.mtimeMs,
      };
    } catch {
      return undefined;
    }
  }
}

/** The system is asked only about what not everybody may read. A folder must also be entered. */
function mayRead(full: Buffer, stats: Stats): Promise<boolean> {
  const wanted = stats.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK;
  if ((stats.mode & wanted) === wanted) return Promise.resolve(true);
  return new Promise((resolve) => access(full, wanted, (error) => resolve(error === null)));
}
