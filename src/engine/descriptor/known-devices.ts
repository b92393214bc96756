/**
 * What is known of devices whose file systems do not tell whether a page is in memory (RWF_NOWAIT is EOPNOTSUPP: FUSE, some network
 * file systems, tmpfs of older kernels): on some all of it is, on the others nobody can know.
 */
import { fstatSync } from 'node:fs';
import { isFileInMemory } from '../../sys/page-cache.ts';

/** More devices than hosts have. What is forgotten is asked anew. */
const DEVICES_MAX = 64;

export class KnownDevices {
  readonly #inMemory = new Map<number, boolean>();

  /** @returns whether all that `fd` can give is in memory, whatever is read */
  isInMemory(fd: number): boolean {
    const { dev } = fstatSync(fd);
    let known = this.#inMemory.get(dev);
    if (known === undefined) {
      if (this.#inMemory.size === DEVICES_MAX) this.#inMemory.clear();
      known = isFileInMemory(fd) === 1;
      this.#inMemory.set(dev, known);
    }
    return known;
  }
}
