/**
 * A FileSource over a folder of this machine. The descriptor is opened first and judged afterwards:
 * where it really leads is asked of the kernel (`/proc/self/fd`), so no rename or symbolic link that
 * changes between a check and an open can lead out of the folder.
 */
import { close, constants, fstat, open, read } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import type { FileSource, ListedEntry, Listing, Opened, OpenFile, RawPath } from './source.ts';

export interface DiskOptions {
  /** Serve what symbolic links name outside of the folder. @default false */
  readonly followLinksOutside?: boolean;
}

/**
 * O_NONBLOCK: opening a FIFO must not wait for a writer. O_NOCTTY: nor may a terminal become ours. Both
 * mean nothing for regular files, and Windows has neither.
 */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

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
  return new DiskSource(root, options.followLinksOutside ?? false);
}

class DiskSource implements FileSource {
  readonly #root: Buffer;
  /** The root with its slash: what a path within it begins with. */
  readonly #prefix: Buffer;
  readonly #followLinksOutside: boolean;

  constructor(root: Buffer, followLinksOutside: boolean) {
    this.#root = root;
    this.#prefix = root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.from('/')]);
    this.#followLinksOutside = followLinksOutside;
  }

  async open(path: RawPath): Promise<Opened> {
    const full = this.#full(path);
    let fd: number;
    try {
      fd = await openDescriptor(full);
    } catch (error) {
      return { kind: isOutOfDescriptors(error) ? 'busy' : 'missing' };
    }
    let kept = false;
    try {
      const facts = await factsOf(fd);
      if (!(await this.#isInside(fd, full))) return { kind: 'missing' };
      if (facts.isDirectory()) return { kind: 'directory' };
      if (!facts.isFile()) return { kind: 'missing' };
      kept = true;
      return { kind: 'file', file: new DiskFile(fd, facts.size, facts.mtimeNs) };
    } finally {
      if (!kept) await closeDescriptor(fd);
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
      const [named, opened] = await Promise.all([stat(real, { bigint: true }), factsOf(fd)]);
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
  readonly #fd: number;
  readonly #sizeBig: bigint;
  readonly #modifiedNs: bigint;

  constructor(fd: number, size: bigint, modifiedNs: bigint) {
    this.#fd = fd;
    this.#sizeBig = size;
    this.#modifiedNs = modifiedNs;
    this.sizeBytes = Number(size);
    this.modifiedMs = Number(modifiedNs) / 1e6;
  }

  /** Size and nanoseconds, as nginx and Apache do, with more digits. No inode: machines behind one name differ in it. */
  get version(): string {
    return `${this.#sizeBig.toString(36)}-${this.#modifiedNs.toString(36)}`;
  }

  read(into: Uint8Array, offsetBytes: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, into, 0, into.length, offsetBytes, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  close(): Promise<void> {
    return closeDescriptor(this.#fd);
  }
}

type Facts = import('node:fs').BigIntStats;

function openDescriptor(path: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, OPEN_FLAGS, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}

function factsOf(fd: number): Promise<Facts> {
  return new Promise((resolve, reject) => {
    fstat(fd, { bigint: true }, (error, facts) => {
      if (error === null) resolve(facts);
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
