/**
 * A FileSource over a folder of this machine. The descriptor is opened first and judged afterwards:
 * where it really leads is asked of the kernel (`/proc/self/fd`), so no rename or symbolic link that
 * changes between a check and an open can lead out of the folder.
 *
 * The folder is known by the name that it was given. Where that name is a symbolic link, what it leads to
 * now is served, not what it led to at the start: deployments swap such a link and remove the old release.
 */
import { fstatSync, type Stats } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import type { OpenFilePart } from '../web/open-file-part.ts';
import { Beneath } from './beneath.ts';
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
import { type FileFacts, factsOf, isBeingWritten, isSame, isSettled, versionOfFacts } from './file-facts.ts';
import { FolderListings } from './folder-listings.ts';
import { FolderWatch } from './folder-watch.ts';
import { Looks } from './looks.ts';
import { MemoryFile } from './memory-file.ts';
import { OpenFiles, SharedFile } from './open-files.ts';
import { Root } from './root.ts';
import { SmallFiles } from './small-files.ts';
import type { FileSource, Listed, Opened, OpenFile, RawPath } from './source.ts';

interface DiskOptions {
  /** Symbolic links that are followed: those that lead into the folder, all, or none. @default 'inside' */
  readonly symlinks?: 'inside' | 'all' | 'none';
  /**
   * Whether the kernel is asked to open below the folder by itself, which takes a tenth of the time.
   * @default where the engine of this thread asks it for other things too
   */
  readonly beneath?: boolean;
  /**
   * How long a look at a small file on the disk holds, in milliseconds.
   * @default 1: what thousands of requests a second ask about is looked up a thousand times, and nobody learns of a change sooner
   */
  readonly trustMs?: number;
  /** List names that begin with a dot. @default false */
  readonly dotfiles?: boolean;
  /** Memory for files that fit in one piece (64 KiB). 0 keeps none. @default 32 MiB: the small files of most sites, a thread */
  readonly memoryBytesMax?: number;
}

const MEMORY_BYTES_MAX = 32 * 1024 * 1024;

const TRUST_MS = 1;

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
export function openDisk(folder: string, options: DiskOptions = {}): FileSource {
  return diskAt(Root.open(Buffer.from(resolvePath(folder)), options.symlinks ?? 'inside'), options);
}

export function diskAt(root: Root, options: Omit<DiskOptions, 'symlinks'>): FileSource {
  const { memoryBytesMax = MEMORY_BYTES_MAX, trustMs = TRUST_MS, dotfiles = false, beneath } = options;
  const watch = new FolderWatch(root, trustMs, (path) => {
    smallFiles.changed(path);
    openFiles.changed(path);
  });
  const looks = new Looks(trustMs, watch);
  const smallFiles = new SmallFiles(memoryBytesMax, looks);
  const openFiles = new OpenFiles(trustMs, looks);
  return new DiskSource(
    root,
    smallFiles,
    openFiles,
    dotfiles,
    beneath === false ? undefined : new Beneath(beneath ?? false),
  );
}

class DiskSource implements FileSource {
  readonly #root: Root;
  readonly #smallFiles: SmallFiles;
  readonly #openFiles: OpenFiles;
  readonly #beneath: Beneath | undefined;
  readonly #isKnownRoot = (stats: Stats): boolean => this.#root.isKnown(stats);
  readonly #listings: FolderListings;

  constructor(
    root: Root,
    smallFiles: SmallFiles,
    openFiles: OpenFiles,
    dotfiles: boolean,
    beneath: Beneath | undefined,
  ) {
    this.#openFiles = openFiles;
    this.#beneath = beneath;
    this.#listings = new FolderListings(dotfiles);
    this.#root = root;
    this.#smallFiles = smallFiles;
  }

  openKept(path: RawPath): OpenFile | 'missing' | undefined {
    const nowMs = Date.now();
    return (
      this.#smallFiles.get(path, nowMs) ?? (this.#smallFiles.isMissing(path, nowMs) ? 'missing' : undefined)
    );
  }

  openShared(path: RawPath): OpenFile | undefined {
    const shared = this.#openFiles.get(path, Date.now());
    return shared === undefined ? undefined : sharedFile(shared);
  }

  async open(path: RawPath): Promise<Opened> {
    const nowMs = Date.now();
    const kept = this.#smallFiles.get(path, nowMs);
    if (kept !== undefined) return { kind: 'file', file: kept };
    // Whoever hears that nothing is there hears what is so now.
    if (this.#smallFiles.isMissing(path, Number.NaN)) return { kind: 'missing' };
    const shared = this.#openFiles.get(path, nowMs);
    if (shared !== undefined) return { kind: 'file', file: sharedFile(shared) };
    return this.#following(() => this.#open(path, this.#root.join(path)));
  }

  list(path: RawPath): Promise<Listed> {
    return this.#following(() => this.#list(path, this.#root.join(path)));
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
    const nowMs = Date.now();
    const found = this.#beneath?.open(this.#root.given, path, this.#isKnownRoot);
    if (found?.kind === 'file')
      return this.#judge(path, full, found.fd, found.stats, this.#root.swappedMs, nowMs);
    if (found !== undefined) {
      if (found.kind === 'missing' && !found.isNamed) this.#smallFiles.setMissing(path, full);
      return { kind: found.kind };
    }
    const stats = await this.#stat(path, full);
    await this.#root.look();
    if (stats.isDirectory()) {
      return { kind: this.#root.admits(await realPath(full), path) ? 'directory' : 'missing' };
    }
    // Nothing else is opened, not even to look: a FIFO's writer would take us for its reader.
    return stats.isFile() ? await this.#openFile(path, full) : { kind: 'missing' };
  }

  async #stat(path: RawPath, full: Buffer): Promise<Stats> {
    try {
      return await statPath(full);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#smallFiles.setMissing(path, full);
      throw error;
    }
  }

  async #openFile(path: RawPath, full: Buffer): Promise<Opened> {
    const fd = await openDescriptor(full);
    let swappedMs: number;
    let stats: Stats;
    const nowMs = Date.now();
    try {
      stats = await statDescriptor(fd);
      const place = stats.isFile() ? await this.#root.placeOf(fd, path) : 'outside';
      if (place === 'outside') {
        await closeDescriptor(fd);
        return { kind: 'missing' };
      }
      // A link may lead elsewhere without leaving a trace in the file: it may be new under this name at any time.
      swappedMs = place === 'linked' ? Number.POSITIVE_INFINITY : this.#root.swappedMs;
    } catch (error) {
      await closeDescriptor(fd);
      throw error;
    }
    return this.#judge(path, full, fd, stats, swappedMs, nowMs);
  }

  /**
   * Takes over `fd`, a file inside of the root.
   * @param swappedMs when the name came to lead to it
   * @param nowMs from before `stats` were asked for
   */
  async #judge(
    path: RawPath,
    full: Buffer,
    fd: number,
    stats: Stats,
    swappedMs: number,
    nowMs: number,
  ): Promise<Opened> {
    let isHandedOver = false;
    try {
      const small = await this.#readSmall(path, full, fd, factsOf(stats), swappedMs);
      if (small !== undefined) return { kind: 'file', file: small };
      // What was taken for small may have grown meanwhile.
      const facts = stats.size > PIECE_BYTES ? factsOf(stats) : factsOf(await statDescriptor(fd));
      isHandedOver = true;
      const isTold = isSettled(facts, nowMs) && !isBeingWritten(facts, nowMs);
      if (!isTold) {
        const file = new DiskFile(fd, facts, undefined, swappedMs, () => closeDescriptor(fd));
        return { kind: 'file', file };
      }
      const shared = new SharedFile(fd, facts, full, versionOfFacts(facts), swappedMs, nowMs);
      return { kind: 'file', file: sharedFile(this.#openFiles.add(path, shared)) };
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

  async #list(path: RawPath, full: Buffer): Promise<Listed> {
    const [folder] = await Promise.all([realPath(full), this.#root.look()]);
    if (!this.#root.admits(folder, path)) return { kind: 'missing' };
    const held = await this.#listings.acquire(folder);
    return { kind: 'folder', listing: new DiskListing(this.#root, held, await held.names, this.#listings) };
  }
}

/** One use of it. */
function sharedFile(shared: SharedFile): OpenFile {
  const { fd, facts, version, swappedMs } = shared;
  return new DiskFile(fd, facts, version, swappedMs, async () => shared.release());
}

class DiskFile implements OpenFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly version: string | undefined;
  readonly content = undefined;
  readonly #fd: number;
  readonly #facts: FileFacts;
  readonly #close: () => Promise<void>;

  /** @param swappedMs when the name came to lead to it */
  constructor(
    fd: number,
    facts: FileFacts,
    version: string | undefined,
    swappedMs: number,
    close: () => Promise<void>,
  ) {
    this.#fd = fd;
    this.#facts = facts;
    this.#close = close;
    this.sizeBytes = facts.sizeBytes;
    this.modifiedMs = facts.modifiedMs;
    this.changedMs = Math.max(facts.changedMs, swappedMs);
    this.version = version;
  }

  read(into: Uint8Array, offsetBytes: number): Promise<number> {
    return readDescriptor(this.#fd, into, offsetBytes);
  }

  async isUnchanged(): Promise<boolean> {
    return this.#isAs(await statDescriptor(this.#fd));
  }

  /** Not by the time of change: whoever replaces a file by another changes that of the one that is being sent. */
  #isAs({ mtimeMs, size }: Stats): boolean {
    const { sizeBytes, modifiedMs } = this.#facts;
    if (mtimeMs === modifiedMs && size === sizeBytes) return true;
    // A log that is written to has no tag, and is sent as long as it was.
    return this.version === undefined && size > sizeBytes;
  }

  part(start: number, end: number, paceBytesPerSecond: number | undefined): OpenFilePart {
    return {
      fd: this.#fd,
      offset: start,
      length: end - start,
      paceBytesPerSecond,
      // What is known of an open file is in memory.
      verify: () => this.#isAs(fstatSync(this.#fd)),
      read: (into, offset) => this.read(into, offset),
      close: () => void this.close(),
    };
  }

  close(): Promise<void> {
    return this.#close();
  }
}
