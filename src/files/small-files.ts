/**
 * Small files kept in memory, each as good as its last look at the disk: an entry is used only while the
 * name still leads to the same file with the same size and times; thousands of requests a second share a look. Bounded in bytes; what was asked for
 * longest ago goes first.
 */
import { type Stats, statSync } from 'node:fs';
import { type FileFacts, factsOf, isSame, isSettled } from './file-facts.ts';
import type { OpenFile, RawPath } from './source.ts';

interface Entry {
  readonly file: OpenFile;
  readonly facts: FileFacts;
  readonly full: Buffer;
  /** When it was last found to be as it is on the disk. */
  lookedMs: number;
}

interface Missing {
  readonly full: Buffer;
  lookedMs: number;
}

/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;

/** Names that are remembered to lead nowhere; those of strangers' guesses push each other out. */
const MISSING_MAX = 1024;
const MISSING_LENGTH_MAX = 1024;

export class SmallFiles {
  readonly #bytesMax: number;
  readonly #trustMs: number;
  readonly #missing = new Map<RawPath, Missing>();
  readonly #entries = new Map<RawPath, Entry>();
  #bytes = 0;

  /** @param trustMs how long a look at the disk holds */
  constructor(bytesMax: number, trustMs: number) {
    this.#bytesMax = bytesMax;
    this.#trustMs = trustMs;
  }

  /**
   * The look at the disk is a stat that waits: about 2 microseconds for a name that the kernel has at
   * hand, and these were all asked for before. Through the thread pool it would cost ten times that. News from the kernel (inotify)
   * would come no sooner, since they are read when the turn is over, cost a descriptor a folder, and say nothing of what happens on
   * another machine's side of a network.
   */
  get(path: RawPath, nowMs: number): OpenFile | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    if (this.#isTrusted(entry.lookedMs, nowMs)) return entry.file;
    // A Map keeps the order of insertion: what is used goes to its end, with the look and not each time.
    this.#entries.delete(path);
    const now = statOf(entry.full);
    if (now === undefined || !isSame(entry.facts, factsOf(now))) {
      this.#bytes -= costOf(entry);
      return undefined;
    }
    entry.lookedMs = nowMs;
    this.#entries.set(path, entry);
    return entry.file;
  }

  /** Not so where the clock was set back. */
  #isTrusted(lookedMs: number, nowMs: number): boolean {
    return nowMs >= lookedMs && nowMs < lookedMs + this.#trustMs;
  }

  /**
   * Whether a name that led nowhere still does. The look at the disk is as cheap as that for a file, and holds as long.
   * @param nowMs NaN for a look in any case
   */
  isMissing(path: RawPath, nowMs: number): boolean {
    const missing = this.#missing.get(path);
    if (missing === undefined) return false;
    if (this.#isTrusted(missing.lookedMs, nowMs)) return true;
    try {
      if (statSync(missing.full, { throwIfNoEntry: false }) === undefined) {
        missing.lookedMs = nowMs;
        return true;
      }
    } catch {
      // Something is there: whoever opens it is told what.
    }
    this.#missing.delete(path);
    return false;
  }

  setMissing(path: RawPath, full: Buffer): void {
    if (full.length > MISSING_LENGTH_MAX) return;
    const [oldest] = this.#missing.keys();
    if (this.#missing.size >= MISSING_MAX && oldest !== undefined) this.#missing.delete(oldest);
    this.#missing.set(path, { full, lookedMs: Number.NaN });
  }

  /**
   * Keeps `file`, which has its content in memory, if any change of it from now on would show.
   * @param nowMs from before its facts were asked for
   */
  set(path: RawPath, full: Buffer, file: OpenFile, facts: FileFacts, nowMs: number): void {
    if (!isSettled(facts, nowMs)) return;
    const entry = { file, facts, full, lookedMs: Number.NaN };
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

/** `undefined` for every refusal: whoever opens the file next is told which one it is. */
export function statOf(full: Buffer): Stats | undefined {
  try {
    return statSync(full, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function costOf(entry: Entry): number {
  return ENTRY_BYTES + entry.facts.sizeBytes + entry.full.length;
}
