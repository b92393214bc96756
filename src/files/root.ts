/**
 * The folder that is served, by the name that it was given, and the judgement whether something lies in it.
 * The name is followed anew with every look, since it may be a symbolic link that a deployment swaps, or a
 * folder that a build removes and makes again.
 */
import { readdir, readlink, stat } from 'node:fs/promises';
import { realPath, statDescriptor, statPath } from './descriptor.ts';
import type { RawPath } from './source.ts';

export class Root {
  /** The path that was given, absolute, links and all, with a slash at its end. */
  readonly #given: Buffer;
  readonly #followLinksOutside: boolean;
  /** Where the name led when it was last looked at, with and without a slash at the end. */
  #real: Buffer;
  #prefix: Buffer;
  #device = -1;
  #inode = -1;
  #swappedMs = Number.NEGATIVE_INFINITY;

  private constructor(given: Buffer, followLinksOutside: boolean) {
    this.#given = withSlash(given);
    this.#followLinksOutside = followLinksOutside;
    this.#real = given;
    this.#prefix = this.#given;
  }

  /**
   * @param given an absolute path
   * @throws when it is not there, is no folder or may not be read
   */
  static async open(given: Buffer, followLinksOutside: boolean): Promise<Root> {
    if (!(await stat(given)).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a folder, ${given.toString()}`), { code: 'ENOTDIR' });
    }
    await readdir(given);
    const root = new Root(given, followLinksOutside);
    await root.look();
    return root;
  }

  /** When the name was first seen to lead elsewhere than before: what it leads to may be older, and is new here. */
  get swappedMs(): number {
    return this.#swappedMs;
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
    if (this.#followLinksOutside) return false;
    // The same folder may lie under another name by now, and another folder under the same name.
    const [real, { dev, ino }] = await Promise.all([realPath(this.#given), statPath(this.#given)]);
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
    if (this.#followLinksOutside || real.equals(this.#real)) return true;
    return real.length > this.#prefix.length && real.subarray(0, this.#prefix.length).equals(this.#prefix);
  }

  /**
   * Where the file that was opened by the name `path` really lies: under that name, elsewhere in the folder
   * by way of a link, or outside.
   */
  async placeOf(fd: number, path: RawPath): Promise<'named' | 'linked' | 'outside'> {
    if (this.#followLinksOutside) return 'named';
    let real: Buffer;
    try {
      real = await readlink(`/proc/self/fd/${fd}`, 'buffer');
    } catch {
      return (await this.#holdsByName(fd, this.join(path))) ? 'named' : 'outside';
    }
    if (!this.holds(real)) return 'outside';
    return real.subarray(this.#prefix.length).toString('latin1') === path ? 'named' : 'linked';
  }

  /** Without /proc: the name, resolved, must be inside and must still be the file that was opened. */
  async #holdsByName(fd: number, full: Buffer): Promise<boolean> {
    try {
      const real = await realPath(full);
      const [named, opened] = await Promise.all([statPath(real), statDescriptor(fd)]);
      return this.holds(real) && named.ino === opened.ino && named.dev === opened.dev;
    } catch {
      return false;
    }
  }
}

function withSlash(path: Buffer): Buffer {
  return path.at(-1) === 0x2f ? path : Buffer.concat([path, Buffer.from('/')]);
}
