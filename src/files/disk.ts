/**
 * A FileSource over a folder of this machine. The descriptor is opened first and judged afterwards:
 * where it really leads is asked of the kernel (`/proc/self/fd`), so no rename or symbolic link that
 * changes between a check and an open can lead out of the folder.
 */
import { close, constants, fstat, open, read, type Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { PIECE_BYTES } from './body.ts';
import { type FileFacts, factsOf, isSame, SmallFiles } from './small-files.ts';
import type { FileSource, ListedEntry, Listing, Opened, OpenFile, RawPath } from './source.ts';

export interface DiskOptions {
  /** Serve what symbolic links name outside of the folder. @default false */
  readonly followLinksOutside?: boolean;
  /** Memory for files that fit in one piece (64 KiB). 0 keeps none. @default 16 MiB: the small files of most sites, a thread */
  readonly smallFilesBytesMax?: number;
}

/**
 * O_NONBLOCK: opening a FIFO must not wait for a writer. O_NOCTTY: nor may a terminal become ours. Both
 * mean nothing for regular files, and Windows has neither.
 */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

const SMALL_FILES_BYTES_MAX = 16 * 1024 * 1024;

/** Attempts at reading a small file that changes while it is read. */
const READ_ATTEMPTS_MAX = 3;

/** As many as a page can show; more would cost a system call each for nobody to read. */
const LISTED_ENTRIES_MAX = 5000;

/** Facts of this many entries are asked for at a time: the thread pool has 4 threads for everybody. */
const LISTING_BATCH = 32;

/**
 * @param folder the root, relative to the working directory of now
 * @throws when the folder is not there, is no folder or may not be read
 */
export async function openDisk(folder: string, options: DiskOptions = {}): Promise<FileSource> {
  const root = Buffer.from(await realpath(folder));
  if (!(await stat(root)).isDirectory()) {
    throw Object.assign(new Error(`ENOTDIR: not a folder, ${folder}`), { code: 'ENOTDIR' });
  }
  await readdir(root);
  return new DiskSource(
    root,
    options.followLinksOutside ?? false,
    options.smallFilesBytesMax ?? SMALL_FILES_BYTES_MAX,
  );
}

class DiskSource implements FileSource {
  readonly #root: Buffer;
  /** The root with its slash: what a path within it begins with. */
  readonly #prefix: Buffer;
  readonly #followLinksOutside: boolean;
  readonly #smallFiles: SmallFiles;

  constructor(root: Buffer, followLinksOutside: boolean, smallFilesBytesMax: number) {
    this.#root = root;
    this.#prefix = root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.from('/')]);
    this.#followLinksOutside = followLinksOutside;
    this.#smallFiles = new SmallFiles(smallFilesBytesMax);
  }

  async open(path: RawPath): Promise<Opened> {
    const kept = this.#smallFiles.get(path);
    if (kept !== undefined) return { kind: 'file', file: kept };
    const full = this.#full(path);
    let fd: number;
    try {
      fd = await openDescriptor(full);
    } catch (error) {
      return { kind: isOutOfDescriptors(error) ? 'busy' : 'missing' };
    }
    let isHandedOver = false;
    try {
      const stats = await statDescriptor(fd);
      if (!(await this.#isInside(fd, full))) return { kind: 'missing' };
      if (stats.isDirectory()) return { kind: 'directory' };
      if (!stats.isFile()) return { kind: 'missing' };
      if (stats.size <= PIECE_BYTES)
        return { kind: 'file', file: await this.#readSmall(path, full, fd, factsOf(stats)) };
      isHandedOver = true;
      return { kind: 'file', file: new DiskFile(fd, factsOf(stats)) };
    } finally {
      if (!isHandedOver) await closeDescriptor(fd);
    }
  }

  /** The file as it was at one moment: read anew when it changed meanwhile. */
  async #readSmall(path: RawPath, full: Buffer, fd: number, before: FileFacts): Promise<OpenFile> {
    let facts = before;
    for (let attempt = 1; ; attempt++) {
      const content = new Uint8Array(facts.sizeBytes);
      const count = content.length === 0 ? 0 : await readDescriptor(fd, content, 0);
      const after = factsOf(await statDescriptor(fd));
      if (count === content.length && isSame(facts, after)) {
        const file = new MemoryFile(content, facts);
        this.#smallFiles.set(path, full, file, facts, Date.now());
        return file;
      }
      if (attempt === READ_ATTEMPTS_MAX || after.sizeBytes > PIECE_BYTES) {
        throw new Error(`${full.toString()} changes while it is read`);
      }
      facts = after;
    }
  }

  async list(path: RawPath): Promise<Listing | undefined> {
    const folder = this.#full(path);
    let names: Buffer[];
    try {
      if (!this.#followLinksOutside && !this.#holds(await realpath(folder, 'buffer'))) return undefined;
      names = await readdir(folder, { encoding: 'buffer' });
    } catch {
      return undefined;
    }
    const shown = names.filter((name) => name[0] !== 0x2e);
    shown.sort(Buffer.compare);
    const kept = shown.slice(0, LISTED_ENTRIES_MAX);
    const entries: ListedEntry[] = [];
    for (let at = 0; at < kept.length; at += LISTING_BATCH) {
      const batch = kept.slice(at, at + LISTING_BATCH).map((name) => this.#describe(folder, name));
      for (const entry of await Promise.all(batch)) if (entry !== undefined) entries.push(entry);
    }
    return { entries, omittedCount: shown.length - kept.length };
  }

  /** `undefined` for what `open` would refuse: a list must not name what cannot be had. */
  async #describe(folder: Buffer, name: Buffer): Promise<ListedEntry | undefined> {
    const full = Buffer.concat([folder, Buffer.from('/'), name]);
    try {
      let facts = await lstat(full);
      if (facts.isSymbolicLink()) {
        if (!this.#followLinksOutside && !this.#holds(await realpath(full, 'buffer'))) return undefined;
        facts = await stat(full);
      }
      if (!facts.isFile() && !facts.isDirectory()) return undefined;
      return {
        name: name.toString('latin1'),
        isDirectory: facts.isDirectory(),
        sizeBytes: facts.size,
        modifiedMs: facts.mtimeMs,
      };
    } catch {
      return undefined;
    }
  }

  #full(path: RawPath): Buffer {
    return path === '' ? this.#root : Buffer.concat([this.#prefix, Buffer.from(path, 'latin1')]);
  }

  async #isInside(fd: number, full: Buffer): Promise<boolean> {
    if (this.#followLinksOutside) return true;
    try {
      return this.#holds(await readlink(`/proc/self/fd/${fd}`, 'buffer'));
    } catch {
      return this.#isInsideByName(fd, full);
    }
  }

  /** Without /proc: the name, resolved, must be inside and must still be the file that was opened. */
  async #isInsideByName(fd: number, full: Buffer): Promise<boolean> {
    try {
      const real = await realpath(full, 'buffer');
      const [named, opened] = await Promise.all([stat(real), statDescriptor(fd)]);
      return this.#holds(real) && named.ino === opened.ino && named.dev === opened.dev;
    } catch {
      return false;
    }
  }

  #holds(real: Buffer): boolean {
    if (real.equals(this.#root)) return true;
    return real.length > this.#prefix.length && real.subarray(0, this.#prefix.length).equals(this.#prefix);
  }
}

class DiskFile implements OpenFile {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly version: string;
  readonly content = undefined;
  readonly #fd: number;

  constructor(fd: number, facts: FileFacts) {
    this.#fd = fd;
    this.sizeBytes = facts.sizeBytes;
    this.modifiedMs = facts.modifiedMs;
    this.version = versionOf(facts);
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
  readonly version: string;
  readonly content: Uint8Array<ArrayBuffer>;

  constructor(content: Uint8Array<ArrayBuffer>, facts: FileFacts) {
    this.content = content;
    this.sizeBytes = content.length;
    this.modifiedMs = facts.modifiedMs;
    this.version = versionOf(facts);
  }

  async read(into: Uint8Array, offsetBytes: number): Promise<number> {
    const piece = this.content.subarray(offsetBytes, offsetBytes + into.length);
    into.set(piece);
    return piece.length;
  }

  async close(): Promise<void> {}
}

/**
 * Size and time of modification, as nginx and Apache do, to the microsecond. No inode: machines behind
 * one name differ in it.
 */
function versionOf(facts: FileFacts): string {
  return `${facts.sizeBytes.toString(36)}-${Math.round(facts.modifiedMs * 1000).toString(36)}`;
}

function openDescriptor(path: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, OPEN_FLAGS, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}

function statDescriptor(fd: number): Promise<Stats> {
  return new Promise((resolve, reject) => {
    fstat(fd, (error, stats) => {
      if (error === null) resolve(stats);
      else reject(error);
    });
  });
}

function readDescriptor(fd: number, into: Uint8Array, offsetBytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, 0, into.length, offsetBytes, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** Linux releases the descriptor even when close reports an error, so there is nothing to do about one. */
function closeDescriptor(fd: number): Promise<void> {
  return new Promise((resolve) => {
    close(fd, () => resolve());
  });
}

function isOutOfDescriptors(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'EMFILE' || code === 'ENFILE';
}
