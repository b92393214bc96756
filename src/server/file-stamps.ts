/**
 * Tells when files have changed that were read before, by asking for them now and then: that works for files that are written
 * in place, renamed over (certbot), reached by symbolic links that are swapped (Kubernetes), and on file systems of other machines,
 * of which nobody is told otherwise. A handful of questions every few seconds costs nothing that could be measured.
 */
import { stat } from 'node:fs/promises';
import { stampOf } from './tls-files.ts';

/** How often it is looked. */
const LOOK_MS = 5000;
/** Certificate and key come one after the other: nothing may have changed for so long. */
const SETTLE_MS = 1000;

export class FileStamps {
  readonly #onChange: () => Promise<void>;
  readonly #lookMs: number;
  readonly #settleMs: number;
  #seen: ReadonlyMap<string, string> = new Map();
  /** What was found at the last look, where that was something else. */
  #found: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  /** @param onChange reads anew, and calls `watch` with what it has read; never rejects */
  constructor(onChange: () => Promise<void>, lookMs = LOOK_MS, settleMs = SETTLE_MS) {
    this.#onChange = onChange;
    this.#lookMs = lookMs;
    this.#settleMs = settleMs;
  }

  /** @param seen by path, what each looked like when it was read */
  watch(seen: ReadonlyMap<string, string>): void {
    this.#seen = seen;
    this.#found = undefined;
    if (this.#timer === undefined) this.#lookIn(this.#lookMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#look(), ms);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const seen = this.#seen;
    const stamps = new Map<string, string>();
    for (const path of seen.keys()) stamps.set(path, await stat(path).then(stampOf, () => 'gone'));
    // Read anew meanwhile.
    if (seen !== this.#seen) {
      this.#lookIn(this.#lookMs);
      return;
    }
    const now = [...stamps.values()].join();
    const isSettled = now === this.#found;
    this.#found = now === [...seen.values()].join() ? undefined : now;
    if (this.#found !== undefined && isSettled) {
      // If it cannot be used it is not tried again until it changes again.
      this.#seen = stamps;
      this.#found = undefined;
      await this.#onChange();
    }
    this.#lookIn(this.#found === undefined ? this.#lookMs : this.#settleMs);
  }
}
