/**
 * A FileSource over a folder of this machine. The descriptor is opened first and judged afterwards:
 * where it really leads is asked of the kernel (`/proc/self/fd`), so no rename or symbolic link that
 * changes between a check and an open can lead out of the folder.
 *
 * The folder is known by the name that it was given. Where that name is a symbolic link, what it leads to
 * now is served, not what it led to at the start: deployments swap such a link and remove the old release.
 */
import { resolve as resolvePath } from 'node:path';
import { PIECE_BYTES } from './body.ts';
import {
  closeDescriptor,
  openDescriptor,
  readDescriptor,
  readFully,
  realPath,
  refusalOf,
  statDescriptor,
  statPath,
} from './descriptor.ts';
import { DiskListing } from './disk-listing.ts';
import {
  type FileFacts,
  factsOf,
  isSame,
  isSettled,
  versionOfContent,
  versionOfFacts,
} from './file-facts.ts';
import { FolderListings } from './folder-listings.ts';
import { Root } from './root.ts';
import { SmallFiles } from './small-files.ts';
import type { FileSource, Listed, Opened, OpenFile, RawPath } from './source.ts';

interface DiskOptions {
  /** Serve what symbolic links name outside of the folder. @default false */
  readonly followLinksOutside?: boolean;
  /** Memory for files that fit in one piece (64 KiB). 0 keeps none. @default 16 MiB: the small files of most sites, a thread */
  readonly smallFilesBytesMax?: number;
}

const SMALL_FILES_BYTES_MAX = 16 * 1024 * 1024;

/** Attempts at reading a small file that changes while it is read. */
const READ_ATTEMPTS_MAX = 4;

/** Attempts at finding a name while the root is being swapped. */
const FIND_ATTEMPTS_MAX = 4;

interface Refusal {
  readonly kind: 'busy' | 'missing';
}

/**
 * @param folder the root, relative to the working directory of now
 * @throws when the folder is not there, is no folder or may not be read
 */
export async function openDisk(folder: string, options: DiskOptions = {}): Promise<FileSource> {
  const root = await Root.open(Buffer.from(resolvePath(folder)), options.followLinksOutside ?? false);
  return new DiskSource(root, options.smallFilesBytesMax ?? SMALL_FILES_BYTES_MAX);
}

class DiskSource implements FileSource {
  readonly #root: Root;
  readonly #smallFiles: SmallFiles;
  readonly #listings = new FolderListings();

  constructor(root: Root, smallFilesBytesMax: number) {
    this.#root = root;
    this.#smallFiles = new SmallFiles(smallFilesBytesMax);
  }

  async open(path: RawPath): Promise<Opened> {
    const kept = this.#smallFiles.get(path);
    if (kept !== undefined) return { kind: 'file', file: kept };
    return this.#following(() => this.#open(path, this.#root.join(path)));
  }

  list(path: RawPath): Promise<Listed> {
    return this.#following(() => this.#list(this.#root.join(path)));
  }

  /**
   * What seems to lie outside may lie in what the root leads to by now: it is looked for again. What the system
   * itself does not find was not there, wherever the root led.
   */
  async #following<Found extends Opened | Listed>(find: () => Promise<Found>): Promise<Found | Refusal> {
    try {
      for (let attempt = 1; ; attempt++) {
        const found = await find();
        if (found.kind !== 'missing' || attempt === FIND_ATTEMPTS_MAX || !(await this.#root.look()))
          return found;
      }
    } catch (error) {
      return { kind: refusalOf(error) };
    }
  }

  async #open(path: RawPath, full: Buffer): Promise<Opened> {
    const stats = await statPath(full);
    await this.#root.look();
    if (stats.isDirectory()) {
      return { kind: this.#root.holds(await realPath(full)) ? 'directory' : 'missing' };
    }
    // Nothing else is opened, not even to look: a FIFO's writer would take us for its reader.
    return stats.isFile() ? await this.#openFile(path, full) : { kind: 'missing' };
  }

  async #openFile(path: RawPath, full: Buffer): Promise<Opened> {
    const fd = await openDescriptor(full);
    let isHandedOver = false;
    try {
      const nowMs = Date.now();
      const stats = await statDescriptor(fd);
      const place = stats.isFile() ? await this.#root.placeOf(fd, path) : 'outside';
      if (place === 'outside') return { kind: 'missing' };
      // A link may lead elsewhere without leaving a trace in the file: it may be new under this name at any time.
      const swappedMs = place === 'linked' ? Number.POSITIVE_INFINITY : this.#root.swappedMs;
      const small = await this.#readSmall(path, full, fd, factsOf(stats), swappedMs);
      if (small !== undefined) return { kind: 'file', file: small };
      // What was taken for small may have grown meanwhile.
      const facts = stats.size > PIECE_BYTES ? factsOf(stats) : factsOf(await statDescriptor(fd));
      isHandedOver = true;
      return { kind: 'file', file: new DiskFile(fd, facts, swappedMs, nowMs) };
    } finally {
      if (!isHandedOver) await closeDescriptor(fd);
    }
  }

  /**
   * The file as it was at one moment: read anew when it changed meanwhile. One that changes all the time
   * is sent as one reading found it, under the length and the version of just these bytes.
   * @param swappedMs when the name came to lead to it
   * @returns undefined for a file that is not small
   */
  async #readSmall(
    path: RawPath,
    full: Buffer,
    fd: number,
    before: FileFacts,
    swappedMs: number,
  ): Promise<OpenFile | undefined> {
    let facts = before;
    for (let attempt = 1; facts.sizeBytes <= PIECE_BYTES; attempt++) {
      if (attempt === READ_ATTEMPTS_MAX) return this.#readAtOnce(fd, facts);
      const content = new Uint8Array(facts.sizeBytes);
      const count = await readFully(fd, content, 0);
      const nowMs = Date.now();
      const after = factsOf(await statDescriptor(fd));
      if (count === content.length && isSame(facts, after)) {
        const file = new MemoryFile(content, after.modifiedMs, Math.max(after.changedMs, swappedMs));
        this.#smallFiles.set(path, full, file, after, nowMs);
        return file;
      }
      facts = after;
    }
    return undefined;
  }

  /** Whatever one call of the system finds: which is as much of a moment as there is. */
  async #readAtOnce(fd: number, facts: FileFacts): Promise<OpenFile | undefined> {
    const content = new Uint8Array(PIECE_BYTES + 1);
    const count = await readDescriptor(fd, content, 0);
    if (count > PIECE_BYTES) return undefined;
    // It has no date: it counts as changed after any.
    return new MemoryFile(content.slice(0, count), facts.modifiedMs, Number.POSITIVE_INFINITY);
  }

  async #list(full: Buffer): Promise<Listed> {
    const [folder] = await Promise.all([realPath(full), this.#root.look()]);
    if (!this.#root.holds(folder)) return { kind: 'missing' };
    const held = await this.#listings.acquire(folder);
    const { names, isCut } = await held.names;
    const release = (): void => this.#listings.release(held);
    return { kind: 'folder', listing: new DiskListing(this.#root, held, names, isCut, release) };
  }
}

class DiskFile implements OpenFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly version: string | undefined;
  readonly content = undefined;
  readonly #fd: number;

  /**
   * @param swappedMs when the name came to lead to it
   * @param nowMs from before the facts were asked for
   */
  constructor(fd: number, facts: FileFacts, swappedMs: number, nowMs: number) {
    this.#fd = fd;
    this.sizeBytes = facts.sizeBytes;
    this.modifiedMs = facts.modifiedMs;
    this.changedMs = Math.max(facts.changedMs, swappedMs);
    this.version = isSettled(facts, nowMs) ? versionOfFacts(facts) : undefined;
  }

  read(into: Uint8Array, offsetBytes: number): Promise<number> {
    return readDescriptor(this.#fd, into, offsetBytes);
  }

  close(): Promise<void> {
    return closeDescriptor(this.#fd);
  }
}

/** A small file, read whole; its descriptor is gone already. */
class MemoryFile implements OpenFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly version: string;
  readonly content: Uint8Array<ArrayBuffer>;

  constructor(content: Uint8Array<ArrayBuffer>, modifiedMs: number, changedMs: number) {
    this.content = content;
    this.sizeBytes = content.length;
    this.modifiedMs = modifiedMs;
    this.changedMs = changedMs;
    this.version = versionOfContent(content);
  }

  async read(into: Uint8Array, offsetBytes: number): Promise<number> {
    const piece = this.content.subarray(offsetBytes, offsetBytes + into.length);
    into.set(piece);
    return piece.length;
  }

  async close(): Promise<void> {}
}
