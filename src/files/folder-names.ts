/**
 * The names in a folder, folders first, each kind in the order of bytes. A folder may hold hundreds of
 * thousands: they are read in batches by the thread pool and sorted in slices, so that whoever else is
 * served by this thread waits for about a millisecond at a time.
 */
import { openFolder } from './descriptor.ts';
import type { RawPath } from './source.ts';

export interface FolderNames {
  /** Raw bytes, one a character. */
  readonly names: readonly string[];
  /** There are more, which were not read. */
  readonly isCut: boolean;
  /** Memory that the names take, about. */
  readonly bytes: number;
}

/** Entries that are read at a time, and the length of what is sorted in one go. */
const BATCH = 512;

/** Names that are merged in one go: half a millisecond. */
const MERGE_SLICE = 4096;

/** What an entry costs besides its characters: the header of a string and a place in an array. */
const NAME_BYTES = 32;

/**
 * @param path raw bytes
 * @param isShown which names are of interest, before they are counted
 */
export async function readFolderNames(
  path: Buffer,
  namesMax: number,
  isShown: (name: RawPath) => boolean,
): Promise<FolderNames> {
  const folders = new SortedRuns();
  const others = new SortedRuns();
  let count = 0;
  let bytes = 0;
  let isCut = false;
  // The types of Node say string for names in every encoding.
  const folder = await openFolder(path, { encoding: 'buffer' as BufferEncoding, bufferSize: BATCH });
  try {
    for (let entry = await folder.read(); entry !== null; entry = await folder.read()) {
      const name = (entry.name as unknown as Buffer).toString('latin1');
      if (!isShown(name)) continue;
      if (count === namesMax) {
        isCut = true;
        break;
      }
      count++;
      bytes += NAME_BYTES + name.length;
      (entry.isDirectory() ? folders : others).add(name);
    }
  } finally {
    await folder.close();
  }
  const names = await folders.merged();
  for (const name of await others.merged()) names.push(name);
  return { names, isCut, bytes };
}

/** A merge sort whose work is done in slices. */
class SortedRuns {
  readonly #runs: string[][] = [];
  #run: string[] = [];
  #mergedCount = 0;

  add(name: string): void {
    this.#run.push(name);
    if (this.#run.length === BATCH) this.#endRun();
  }

  async merged(): Promise<string[]> {
    this.#endRun();
    let runs = this.#runs;
    while (runs.length > 1) {
      const longer: string[][] = [];
      for (let i = 0; i < runs.length; i += 2) longer.push(await this.#mergeTwo(runs[i]!, runs[i + 1] ?? []));
      runs = longer;
    }
    return runs[0] ?? [];
  }

  #endRun(): void {
    // One character a byte: the order of strings is the order of bytes.
    if (this.#run.length > 0) this.#runs.push(this.#run.sort());
    this.#run = [];
  }

  async #mergeTwo(a: readonly string[], b: readonly string[]): Promise<string[]> {
    const out: string[] = [];
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      const takesFirst = j >= b.length || (i < a.length && a[i]! < b[j]!);
      out.push(takesFirst ? a[i++]! : b[j++]!);
      if (++this.#mergedCount % MERGE_SLICE === 0) await new Promise(setImmediate);
    }
    return out;
  }
}
