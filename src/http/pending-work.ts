/**
 * Promises that a shutdown waits for: what handlers gave to `waitUntil`. A rejection is told to whoever
 * added the promise and never goes unhandled.
 */
export class PendingWork {
  readonly #promises = new Set<Promise<void>>();

  /** How many have not settled. */
  get size(): number {
    return this.#promises.size;
  }

  /**
   * @param work anything that may be awaited; what is no promise is over at once
   * @returns what resolves when it has settled, whichever way
   */
  add(work: unknown, onRejected: (error: unknown) => void): Promise<void> {
    const settled = Promise.resolve(work).then(() => {}, onRejected);
    this.#promises.add(settled);
    const forget = (): void => void this.#promises.delete(settled);
    return settled.then(forget, forget);
  }

  /** @returns when all have settled, or after `timeoutMs` */
  async settled(timeoutMs: number): Promise<void> {
    if (this.size === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      if (timeoutMs !== Number.POSITIVE_INFINITY) timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([patience, Promise.allSettled(this.#promises)]);
    clearTimeout(timer);
  }
}
