/**
 * Whether what was found below a root still is what its names lead to, as far as the kernel tells of changes (inotify). All folders on
 * the way to a name are watched, below a root that is looked at itself; news are taken when somebody asks, so that a folder in which much
 * happens wakes nobody.
 *
 * It claims to know nothing where that could be wrong: behind links, on file systems that others change too, in more folders than are
 * watched, and for a while after a folder was moved. Then the disk is asked, as it would be without this.
 */
import { statfsSync, statSync } from 'node:fs';
import { isFfiLoaded } from '../sys/ffi.ts';
import { FolderEvents, isToldOf } from '../sys/folder-events.ts';
import type { RawPath } from './source.ts';

/** A thread watches so many. The kernel allows a user 8,192 where it has little memory, for all programs together. */
const FOLDERS_MAX = 512;
/** Where folders come and go all the time, watching them again and again would cost more than asking about each file. */
const REST_MS = 100;

/** The root by its name. */
interface WatchedRoot {
  /** Absolute, with a slash at its end. */
  readonly given: Buffer;
  join(path: RawPath): Buffer;
}

export class FolderWatch {
  readonly #root: WatchedRoot;
  readonly #trustMs: number;
  readonly #changed: (path: RawPath) => void;
  #events: FolderEvents | undefined = undefined;
  readonly #folders = new Map<RawPath, number>();
  readonly #paths = new Map<number, RawPath>();
  /** Another one means that nothing holds that was found before. */
  epoch = 1;
  #device = -1;
  #inode = -1;
  /** When the news were taken last. */
  takenMs = Number.NaN;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #isForbidden = process.platform !== 'linux';
  #hasMovedFolder = false;

  /**
   * @param trustMs how long the news that were taken last hold
   * @param changed told of each name to which something has happened, among others
   */
  constructor(root: WatchedRoot, trustMs: number, changed: (path: RawPath) => void) {
    this.#root = root;
    this.#trustMs = trustMs;
    this.#changed = changed;
  }

  /** Takes the news, if the last are too old. */
  refresh(nowMs: number): void {
    if (this.#events === undefined || (nowMs >= this.takenMs && nowMs < this.takenMs + this.#trustMs)) return;
    this.takenMs = nowMs;
    this.#hasMovedFolder = false;
    const isAll = this.#isSameRoot() && this.#events.take(this.#happened);
    if (!isAll || this.#hasMovedFolder) this.#forget(nowMs);
  }

  /**
   * Has the kernel tell of whatever happens to `path` from now on.
   * @returns false where it cannot
   */
  covers(path: RawPath, nowMs: number): boolean {
    if (this.#isForbidden || nowMs < this.#restUntilMs || !isFfiLoaded()) return false;
    if (this.#events === undefined && !this.#begin()) return false;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
      if (!this.#watches(path.slice(0, slash))) return false;
    return true;
  }

  #begin(): boolean {
    this.#events = FolderEvents.open();
    if (this.#events === undefined) this.#isForbidden = true;
    else if (this.#watches('') && this.#seeRoot()) return true;
    this.close();
    return false;
  }

  #watches(folder: RawPath): boolean {
    if (this.#folders.has(folder)) return true;
    if (this.#folders.size >= FOLDERS_MAX) return false;
    const full = this.#root.join(folder);
    if (!isToldOf(typeOf(full))) return false;
    const watch = this.#events!.watch(full, folder === '');
    // A folder that can be reached by two names has one watch, which tells of it by one of them only.
    if (watch < 0 || this.#paths.has(watch)) return false;
    this.#folders.set(folder, watch);
    this.#paths.set(watch, folder);
    return true;
  }

  #seeRoot(): boolean {
    const stats = statSync(this.#root.given, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    this.#device = stats.dev;
    this.#inode = stats.ino;
    return true;
  }

  /** Above the root nothing is watched: its name may be a link that is swapped, and any folder there may be moved. */
  #isSameRoot(): boolean {
    try {
      const stats = statSync(this.#root.given, { throwIfNoEntry: false });
      return stats?.ino === this.#inode && stats.dev === this.#device;
    } catch {
      return false;
    }
  }

  readonly #happened = (watch: number, name: string, isFolder: boolean): void => {
    const folder = this.#paths.get(watch);
    if (folder === undefined) return;
    const path = folder === '' ? name : `${folder}/${name}`;
    if (isFolder && this.#folders.has(path)) this.#hasMovedFolder = true;
    else this.#changed(path);
  };

  #forget(nowMs: number): void {
    this.epoch++;
    this.#restUntilMs = nowMs + REST_MS;
    this.close();
  }

  /** Gives everything back; it may be used again. */
  close(): void {
    this.#events?.close();
    this.#events = undefined;
    this.#folders.clear();
    this.#paths.clear();
  }
}

/** @returns 0 where that is not known */
function typeOf(folder: Buffer): number {
  try {
    return statfsSync(folder).type;
  } catch {
    return 0;
  }
}
