/**
 * The names in a folder, folders first, each kind in the order of bytes. A folder may hold hundreds of
 * thousands: they are read in batches by the thread pool and sorted in slices, so that whoever else is
 * served by this thread waits for about a millisecond at a time.
 */
import { openFolder } from './descriptor.ts';
import { RUN_LENGTH, SortedRuns } from './sorted-runs.ts';
import type { RawPath } from './source.ts';

export interface FolderNames {
  /** Raw bytes, one a character. */
  readonly names: readonly string[];
  /** Folders, which come first; links to folders are among the others. */
  readonly folderCount: number;
  /** There are more, which were not read. */
  readonly isCut: boolean;
  /** Memory that the names take, about. */
  readonly bytes: number;
}

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
  const folders = new SortedRuns(byBytes);
  const others = new SortedRuns(byBytes);
  let count = 0;
  let bytes = 0;
  let isCut = false;
  // The types of Node say string for names in every encoding.
  const folder = await openFolder(path, { encoding: 'buffer' as BufferEncoding, bufferSize: RUN_LENGTH });
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
  const folderCount = names.length;
  for (const name of await others.merged()) names.push(name);
  return { names, folderCount, isCut, bytes };
}

/** One character a byte: the order of strings is the order of bytes. */
function byBytes(a: RawPath, b: RawPath): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
