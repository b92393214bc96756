/**
 * Small files kept in memory, each as good as its last look at the disk: an entry is used only while the
 * name still leads to the same file with the same size and times; thousands of requests a second share a look. Bounded in bytes; what was asked for
 * longest ago goes first.
 */
import { type FileFacts, factsOf, isSame, isSettled } from './file-facts.ts';
import { Look, type Looks } from './looks.ts';
import type { OpenFile, RawPath } from './source.ts';

interface Entry {
  readonly file: OpenFile;
  readonly facts: FileFacts;
  readonly full: Buffer;
  readonly look: Look;
}

interface Missing {
  readonly full: Buffer;
  readonly look: Look;
}

/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;

/** Names that are remembered to lead nowhere; those of strangers' guesses push each other out. */
const MISSING_MAX = 1024;
const MISSING_LENGTH_MAX = 1024;

export class SmallFiles {
  readonly #bytesMax: number;
  readonly #looks: Looks;
  readonly #missing = new Map<RawPath, Missing>();
  readonly #entries = new Map<RawPath, Entry>();
  #bytes = 0;

  constructor(bytesMax: number, looks: Looks) {
    this.#bytesMax = bytesMax;
    this.#looks = looks;
  }

  /** @hot */
  get(path: RawPath, nowMs: number): OpenFile | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    if (this.#looks.holds(entry.look, nowMs)) return entry.file;
    // A Map keeps the order of insertion: what is used goes to its end, when the disk is asked and not each time.
    this.#entries.delete(path);
    if (!this.#isAsOnDisk(path, entry, nowMs)) {
      this.#bytes -= costOf(entry);
      return undefined;
    }
    this.#entries.set(path, entry);
    return entry.file;
  }

  #isAsOnDisk(path: RawPath, { full, facts, look }: Entry, nowMs: number): boolean {
    try {
      const now = this.#looks.ask(path, full, look, nowMs);
      return now !== undefined && isSame(facts, factsOf(now));
    } catch {
      // Whoever opens the file next is told which refusal it is.
      return false;
    }
  }

  /** Something has happened to what the name leads to. */
  changed(path: RawPath): void {
    this.#entries.get(path)?.look.forget();
    this.#missing.get(path)?.look.forget();
  }

  /**
   * Whether a name that led nowhere still does. The look at the disk is as cheap as that for a file, and holds as long.
   * @param nowMs NaN for a look in any case
   */
  isMissing(path: RawPath, nowMs: number): boolean {
    const missing = this.#missing.get(path);
    if (missing === undefined) return false;
    if (this.#looks.holds(missing.look, nowMs)) return true;
    try {
      if (this.#looks.ask(path, missing.full, missing.look, nowMs) === undefined) return true;
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
    this.#missing.set(path, { full, look: new Look() });
  }

  /**
   * Keeps `file`, which has its content in memory, if any change of it from now on would show.
   * @param nowMs from before its facts were asked for
   */
  set(path: RawPath, full: Buffer, file: OpenFile, facts: FileFacts, nowMs: number): void {
    if (!isSettled(facts, nowMs)) return;
    const entry = { file, facts, full, look: new Look() };
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

function costOf(entry: Entry): number {
  return ENTRY_BYTES + entry.facts.sizeBytes + entry.full.length;
}
