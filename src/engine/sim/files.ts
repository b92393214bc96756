/**
 * The files of a simulated world, by descriptor. A disk takes its time where the faults say so, and a file may fail, or become
 * shorter, while it is sent.
 */
interface SimFile {
  /** What is there now. */
  bytes: Uint8Array;
  /** What was there when it was opened. */
  readonly promised: Uint8Array;
  /** Reading fails at and behind this place. */
  brokenAt: number;
  /** Each window is on the disk until it has been asked for once. */
  isCold: boolean;
}

export class SimFiles {
  readonly #files = new Map<number, SimFile>();
  #nextFd = 1000;

  /** @returns the descriptor */
  open(bytes: Uint8Array, isCold = false): number {
    const fd = this.#nextFd++;
    this.#files.set(fd, { bytes, promised: bytes, brokenAt: Number.POSITIVE_INFINITY, isCold });
    return fd;
  }

  /** Undefined for a descriptor that is not open. */
  at(fd: number): SimFile | undefined {
    return this.#files.get(fd);
  }

  /** @returns whether it was open */
  close(fd: number): boolean {
    return this.#files.delete(fd);
  }

  get openCount(): number {
    return this.#files.size;
  }
}
