/**
 * The names of folders that are being listed, shared by all who list the same folder in the same version.
 * A reader that pauses for an hour holds the names and nothing else; what these take in all is bounded,
 * and beyond it a listing is refused for now.
 */
import { statPath } from './descriptor.ts';
import { type FileFacts, factsOf, isSame, isSettled } from './file-facts.ts';
import { type FolderNames, readFolderNames } from './folder-names.ts';
import { isPlainName } from './path.ts';
import type { ListedEntry } from './source.ts';
import { Turns } from './turns.ts';

/** More than anybody reads, and what a browser still shows. */
const NAMES_MAX = 100_000;

/** Names of all folders in memory: 20,000 take about a megabyte. */
const BYTES_MAX = 64 * 1024 * 1024;

/** Names that nobody reads any more are kept up to this, for the next who asks. */
const IDLE_BYTES_MAX = 8 * 1024 * 1024;

/** Folders that are read at once: the thread pool has 4 threads for everybody. */
const READING_MAX = 2;

/** Sorts at once: each holds some 15 MiB for a hundred thousand files. */
const SORTING_MAX = 1;

/** Tells of itself as the system would. */
class TooManyNamesError extends Error {
  override readonly name = 'TooManyNamesError';
  readonly code = 'ENOMEM';
}

/** The names of one folder as it was at one moment. */
export interface HeldNames {
  readonly folder: Buffer;
  readonly facts: FileFacts;
  readonly names: Promise<FolderNames>;
  /** Parts that are being described now, for all who ask meanwhile. */
  readonly describing: Map<string, Promise<readonly ListedEntry[]>>;
  /** Sorts that are under way, for all who ask meanwhile. */
  readonly sorting: Map<'size' | 'time', Promise<readonly ListedEntry[]>>;
  /** Listings that read it. */
  users: number;
  bytes: number;
}

export class FolderListings {
  readonly #isListed: (name: string) => boolean;
  /** In the order of their last use. */
  readonly #kept = new Map<string, HeldNames>();
  readonly #reading = new Turns(READING_MAX);
  /** Turns at sorting by what the names lead to, which holds all of that in memory. */
  readonly sorting = new Turns(SORTING_MAX);
  #bytes = 0;

  /** @param dotfiles list names that begin with a dot, too */
  constructor(dotfiles: boolean) {
    // What no path of a URL may name is not shown.
    this.#isListed = (name) => (dotfiles || !name.startsWith('.')) && isPlainName(name);
  }

  /**
   * @param folder a real path
   * @returns names to be given back by `release`
   * @throws what the system says when the folder cannot be read, ENOMEM when too many names are in memory
   */
  async acquire(folder: Buffer): Promise<HeldNames> {
    const key = folder.toString('latin1');
    const nowMs = Date.now();
    const facts = factsOf(await statPath(folder));
    let held = this.#kept.get(key);
    if (held === undefined || !isSame(held.facts, facts)) {
      if (held !== undefined) this.#forget(key, held);
      held = {
        folder,
        facts,
        names: this.#read(folder),
        describing: new Map(),
        sorting: new Map(),
        users: 0,
        bytes: 0,
      };
      // Whatever changes from now on shows in the facts, so these names are good for as long as those.
      if (isSettled(facts, nowMs)) this.#kept.set(key, held);
      this.#count(key, held);
    } else {
      this.#kept.delete(key);
      this.#kept.set(key, held);
    }
    held.users++;
    try {
      await held.names;
    } catch (error) {
      this.release(held);
      throw error;
    }
    return held;
  }

  release(held: HeldNames): void {
    held.users--;
    if (held.users > 0) return;
    const key = held.folder.toString('latin1');
    if (this.#kept.get(key) !== held) this.#bytes -= held.bytes;
    else this.#dropIdle(IDLE_BYTES_MAX);
  }

  /** Adds the names' memory to the sum once it is known; a folder that could not be read is not kept. */
  #count(key: string, held: HeldNames): void {
    held.names.then(
      ({ bytes }) => {
        held.bytes = bytes;
        this.#bytes += bytes;
      },
      () => {
        if (this.#kept.get(key) === held) this.#kept.delete(key);
      },
    );
  }

  #forget(key: string, held: HeldNames): void {
    this.#kept.delete(key);
    if (held.users === 0) this.#bytes -= held.bytes;
  }

  /** Lets go of names that nobody reads until all take at most `bytesMax`, those used longest ago first. */
  #dropIdle(bytesMax: number): void {
    for (const [key, held] of this.#kept) {
      if (this.#bytes <= bytesMax) return;
      if (held.users === 0) this.#forget(key, held);
    }
  }

  #read(folder: Buffer): Promise<FolderNames> {
    return this.#reading.of(() => {
      this.#dropIdle(BYTES_MAX);
      if (this.#bytes >= BYTES_MAX)
        throw new TooManyNamesError('listings under way fill their share of memory');
      return readFolderNames(folder, NAMES_MAX, this.#isListed);
    });
  }
}
