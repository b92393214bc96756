/**
 * The folder that is served, by the name that it was given, and the judgement whether something lies in it.
 * The name is followed anew with every look, since it may be a symbolic link that a deployment swaps, or a
 * folder that a build removes and makes again.
 */
import { opendirSync, realpathSync, statSync } from 'node:fs';
import { readLink, realPath, statDescriptor, statPath } from './descriptor.ts';
import type { RawPath } from './source.ts';

/** Which symbolic links below the root are followed. */
type SymlinkPolicy = 'inside' | 'all' | 'none';

export class Root {
  /** The path that was given, absolute, links and all, with a slash at its end. */
  readonly #given: Buffer;
  readonly #symlinks: SymlinkPolicy;
  /** Where the name led when it was last looked at, with and without a slash at the end. */
  #real: Buffer;
  #prefix: Buffer;
  #device = -1;
  #inode = -1;
  #swappedMs = Number.NEGATIVE_INFINITY;

  private constructor(given: Buffer, symlinks: SymlinkPolicy) {
    this.#given = withSlash(given);
    this.#symlinks = symlinks;
    this.#real = given;
    this.#prefix = this.#given;
  }

  /**
   * @param given an absolute path
   * @throws when it is not there, is no folder or may not be read
   */
  static open(given: Buffer, symlinks: SymlinkPolicy): Root {
    if (!statSync(given).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a folder, ${given.toString()}`), { code: 'ENOTDIR' });
    }
    opendirSync(given).closeSync();
    const root = new Root(given, symlinks);
    root.#see(realpathSync.native(given, 'buffer'), statSync(given));
    return root;
  }

  /** When the name was first seen to lead elsewhere than before: what it leads to may be older, and is new here. */
  get swappedMs(): number {
    return this.#swappedMs;
  }

  /** The name itself. */
  get given(): Buffer {
    return this.#given;
  }

  /** Whether a folder is the one that the name led to when it was last looked at. */
  isKnown({ dev, ino }: { readonly dev: number; readonly ino: number }): boolean {
    return dev === this.#device && ino === this.#inode;
  }

  /** The full path of what is named below the root, whose own links the kernel follows when it is used. */
  join(path: RawPath): Buffer {
    return path === '' ? this.#given : Buffer.concat([this.#given, Buffer.from(path, 'latin1')]);
  }

  /**
   * Learns where the name leads now.
   * @returns whether that is somewhere else than before
   * @throws what the system says when it leads nowhere
   */
  async look(): Promise<boolean> {
    if (this.#symlinks === 'all') return false;
    const [real, stats] = await Promise.all([realPath(this.#given), statPath(this.#given)]);
    return this.#see(real, stats);
  }

  #see(real: Buffer, { dev, ino }: { readonly dev: number; readonly ino: number }): boolean {
    // The same folder may lie under another name by now, and another folder under the same name.
    if (dev === this.#device && ino === this.#inode && real.equals(this.#real)) return false;
    if (this.#inode !== -1) this.#swappedMs = Date.now();
    this.#real = real;
    this.#prefix = withSlash(real);
    this.#device = dev;
    this.#inode = ino;
    return true;
  }

  /** @param real a path without links */
  holds(real: Buffer): boolean {
    if (this.#symlinks === 'all' || real.equals(this.#real)) return true;
    return real.length > this.#prefix.length && real.subarray(0, this.#prefix.length).equals(this.#prefix);
  }

  /** Whether what `path` names may be had, which is at `real`, a path without links. */
  admits(real: Buffer, path: RawPath): boolean {
    return this.holds(real) && (this.#symlinks !== 'none' || this.#pathOf(real) === path);
  }

  /** Whether what a symbolic link below the root names, at `real`, may be had. */
  admitsLink(real: Buffer): boolean {
    return this.#symlinks !== 'none' && this.holds(real);
  }

  #pathOf(real: Buffer): RawPath {
    return real.subarray(this.#prefix.length).toString('latin1');
  }

  /**
   * Where the file that was opened by the name `path` really lies: under that name, elsewhere in the folder
   * by way of a link, or outside.
   */
  async placeOf(fd: number, path: RawPath): Promise<'named' | 'linked' | 'outside'> {
    if (this.#symlinks === 'all') return 'named';
    let real: Buffer;
    try {
      real = await readLink(`/proc/self/fd/${fd}`);
    } catch {
      return (await this.#admitsByName(fd, path)) ? 'named' : 'outside';
    }
    if (!this.admits(real, path)) return 'outside';
    return this.#pathOf(real) === path ? 'named' : 'linked';
  }

  /** Without /proc: the name, resolved, must be inside and must still be the file that was opened. */
  async #admitsByName(fd: number, path: RawPath): Promise<boolean> {
    try {
      const real = await realPath(this.join(path));
      const [named, opened] = await Promise.all([statPath(real), statDescriptor(fd)]);
      return this.admits(real, path) && named.ino === opened.ino && named.dev === opened.dev;
    } catch {
      return false;
    }
  }
}

function withSlash(path: Buffer): Buffer {
  return path.at(-1) === 0x2f ? path : Buffer.concat([path, Buffer.from('/')]);
}
