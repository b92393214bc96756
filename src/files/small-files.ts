/**
 * Small files kept in memory, each as good as its last look at the disk: an entry is used only while the
 * name still leads to the same file with the same size and times. Bounded in bytes; what was asked for
 * longest ago goes first.
 */
import { type Stats, statSync } from 'node:fs';
import type { OpenFile, RawPath } from './source.ts';

/** What a file was when it was read. Any change of its content changes at least one of them. */
export interface FileFacts {
  readonly device: number;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Cannot be set back by whoever changes the file, as the time of modification can. */
  readonly changedMs: number;
}

/**
 * A file that changed this shortly before it was read could change again without a trace: file systems
 * keep time in ticks, of 2 s at the coarsest (FAT).
 */
const SETTLED_AFTER_MS = 2500;

interface Entry {
  readonly file: OpenFile;
  readonly facts: FileFacts;
  readonly full: Buffer;
}

/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;

export class SmallFiles {
  readonly #bytesMax: number;
  readonly #entries = new Map<RawPath, Entry>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The look at the disk is a stat that waits: about 2 microseconds for a name that the kernel has at
   * hand, and these were all asked for before. Through the thread pool it would cost ten times that.
   */
  get(path: RawPath): OpenFile | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    this.#entries.delete(path);
    const now = statSync(entry.full, { throwIfNoEntry: false });
    if (now === undefined || !isSame(entry.facts, factsOf(now))) {
      this.#bytes -= costOf(entry);
      return undefined;
    }
    // A Map keeps the order of insertion: what was just used goes to its end.
    this.#entries.set(path, entry);
    return entry.file;
  }

  /** Keeps `file`, which has its content in memory, if it has been at rest for long enough. */
  set(path: RawPath, full: Buffer, file: OpenFile, facts: FileFacts, nowMs: number): void {
    if (Math.max(facts.modifiedMs, facts.changedMs) + SETTLED_AFTER_MS > nowMs) return;
    const entry = { file, facts, full };
    const replaced = this.#entries.get(path);
    if (replaced !== undefined) this.#bytes -= costOf(replaced);
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    this.#bytes += costOf(entry);
    for (const [oldestPath, oldest] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldestPath);
      this.#bytes -= costOf(oldest);
    }
  }
}

export function factsOf(stats: Stats): FileFacts {
  return {
    device: stats.dev,
    inode: stats.ino,
    sizeBytes: stats.size,
    modifiedMs: stats.mtimeMs,
    changedMs: stats.ctimeMs,
  };
}

export function isSame(a: FileFacts, b: FileFacts): boolean {
  return (
    a.modifiedMs === b.modifiedMs &&
    a.changedMs === b.changedMs &&
    a.sizeBytes === b.sizeBytes &&
    a.inode === b.inode &&
    a.device === b.device
  );
}

function costOf(entry: Entry): number {
  return ENTRY_BYTES + entry.facts.sizeBytes + entry.full.length;
}
