/**
 * How long what is known of a name holds. A look at the disk is a stat that waits, some 2 microseconds for a name that the kernel has at
 * hand; through the thread pool it would cost ten times that. It holds for a millisecond, so that thousands of requests a second
 * share it; and where the kernel tells of changes, until it tells of one, or for a second: what is written through a mapping, or mounted over a
 * folder, it tells nobody.
 */
import { lstatSync, type Stats, statSync } from 'node:fs';
import type { FolderWatch } from './folder-watch.ts';
import type { RawPath } from './source.ts';

const WATCHED_MS = 1000;
/** No epoch of a watch. */
const UNWATCHED = 0;

/** When a name was looked at. */
export class Look {
  /** When it was last known to be as it is on the disk. */
  heldMs = Number.NaN;
  askedMs = Number.NaN;
  epoch = UNWATCHED;

  /** Something has happened to it. */
  forget(): void {
    this.heldMs = Number.NaN;
    this.epoch = UNWATCHED;
  }
}

export class Looks {
  readonly #trustMs: number;
  readonly #watch: FolderWatch | undefined;

  constructor(trustMs: number, watch?: FolderWatch) {
    this.#trustMs = trustMs;
    this.#watch = watch;
  }

  /** Whether the disk need not be asked. Not so where the clock was set back. @hot */
  holds(look: Look, nowMs: number): boolean {
    if (nowMs >= look.heldMs && nowMs < look.heldMs + this.#trustMs) return true;
    if (look.epoch === UNWATCHED) return false;
    const watch = this.#watch!;
    watch.refresh(nowMs);
    // What was told may have been of this one.
    const isQuiet = look.epoch === watch.epoch && nowMs >= look.askedMs && nowMs < look.askedMs + WATCHED_MS;
    if (isQuiet) look.heldMs = watch.takenMs;
    return isQuiet;
  }

  /**
   * Asks the disk.
   * @param full the name as the system knows it
   * @returns undefined where the name leads nowhere @throws what else the system says
   */
  ask(path: RawPath, full: Buffer, look: Look, nowMs: number): Stats | undefined {
    // Before the look: what happens between the two is told of.
    const isWatched = this.#watch?.covers(path, nowMs) === true;
    const named = isWatched ? lstatSync(full, { throwIfNoEntry: false }) : undefined;
    const isLink = named?.isSymbolicLink() === true;
    const stats = isWatched && !isLink ? named : statSync(full, { throwIfNoEntry: false });
    look.heldMs = nowMs;
    look.askedMs = nowMs;
    // Whoever changes a file by another of its names is told of under that one.
    const isToldOf = isWatched && !isLink && (stats === undefined || stats.nlink === 1);
    look.epoch = isToldOf ? this.#watch!.epoch : UNWATCHED;
    return stats;
  }
}
