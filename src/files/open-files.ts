/**
 * Large files that stay open for a moment, for all who ask for them: thousands of clients on one file share a descriptor. An entry is
 * used only while the name still leads to the same file with the same size and times; what is being sent of another one goes on, and
 * its descriptor is closed with the last of those. Bounded in number; what nobody has asked for in a second is closed.
 */
import { closeSync } from 'node:fs';
import { type FileFacts, factsOf, isSame } from './file-facts.ts';
import { Look, Looks } from './looks.ts';
import type { RawPath } from './source.ts';

/** Descriptors that nobody may be using: few beside the thousand that a process may have where nobody raised the limit. */
const COUNT_MAX = 64;

/** A folder that is to be unmounted, or a deleted file's space, is not held for longer. */
const IDLE_MS = 1000;

export class SharedFile {
  readonly fd: number;
  readonly facts: FileFacts;
  readonly full: Buffer;
  readonly version: string;
  /** When the name came to lead to it. */
  readonly swappedMs: number;
  readonly look = new Look();
  askedMs: number;
  users = 0;
  isKept = true;

  constructor(fd: number, facts: FileFacts, full: Buffer, version: string, swappedMs: number, nowMs: number) {
    this.fd = fd;
    this.facts = facts;
    this.full = full;
    this.version = version;
    this.swappedMs = swappedMs;
    this.look.heldMs = nowMs;
    this.askedMs = nowMs;
  }

  /** Called once by each that got it. */
  release(): void {
    this.users--;
    this.#closeIfLast();
  }

  drop(): void {
    this.isKept = false;
    this.#closeIfLast();
  }

  #closeIfLast(): void {
    // Nothing was written by it, so that closing waits for nothing.
    if (this.users === 0 && !this.isKept) closeSync(this.fd);
  }
}

export class OpenFiles {
  readonly #looks: Looks;
  readonly #keepsNone: boolean;
  /** In the order of their last use. */
  readonly #kept = new Map<RawPath, SharedFile>();
  #timer: NodeJS.Timeout | undefined;

  /** @param trustMs how long a look at the disk holds; 0 keeps nothing open */
  constructor(trustMs: number, looks: Looks = new Looks(trustMs)) {
    this.#looks = looks;
    this.#keepsNone = trustMs === 0;
  }

  /** Something has happened to what the name leads to. */
  changed(path: RawPath): void {
    this.#kept.get(path)?.look.forget();
  }

  /** @returns a file to be released, or undefined */
  get(path: RawPath, nowMs: number): SharedFile | undefined {
    const file = this.#kept.get(path);
    if (file === undefined) return undefined;
    // Before it is taken out of the list: what has happened to it may be told just now.
    const holds = this.#looks.holds(file.look, nowMs);
    this.#kept.delete(path);
    if (!holds && !this.#isAsOnDisk(path, file, nowMs)) {
      file.drop();
      return undefined;
    }
    this.#kept.set(path, file);
    file.askedMs = nowMs;
    file.users++;
    return file;
  }

  #isAsOnDisk(path: RawPath, { full, facts, look }: SharedFile, nowMs: number): boolean {
    try {
      const now = this.#looks.ask(path, full, look, nowMs);
      return now !== undefined && isSame(facts, factsOf(now));
    } catch {
      return false;
    }
  }

  /** Keeps `file`, which belongs to this from now on, for others. @returns the same, to be released */
  add(path: RawPath, file: SharedFile): SharedFile {
    file.users++;
    this.#kept.get(path)?.drop();
    this.#kept.delete(path);
    if (this.#keepsNone) {
      file.isKept = false;
      return file;
    }
    this.#kept.set(path, file);
    const [[oldestPath, oldest] = []] = this.#kept;
    if (this.#kept.size > COUNT_MAX && oldestPath !== undefined && oldest !== undefined) {
      this.#kept.delete(oldestPath);
      oldest.drop();
    }
    this.#timer ??= setInterval(() => this.#dropIdle(Date.now()), IDLE_MS).unref();
    return file;
  }

  #dropIdle(nowMs: number): void {
    for (const [path, file] of this.#kept) {
      if (Math.abs(nowMs - file.askedMs) < IDLE_MS) continue;
      this.#kept.delete(path);
      file.drop();
    }
    if (this.#kept.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
