/**
 * What becomes of the pieces of bodies that handlers have done with. Each is memory outside of V8's heap, and V8 waits until
 * 32 MiB (Node 20) or 64 MiB of it are garbage; then it often collects the whole heap, which costs more than all that moves
 * the bytes. So what came is counted here, and the young generation alone is collected every few MiB: where the pieces are, and
 * a thirtieth of the price (docs/decisions/0007-pieces-are-collected-young.md).
 *
 * Invariant: collecting takes an eighth of a millisecond for each MiB, or comes every 16 MiB.
 */
const MIB = 1024 * 1024;
const EVERY_BYTES_MIN = 4 * MIB;
/** V8 would come at 32 MiB; and while it marks the whole heap, whatever is measured takes longer, which must not put this off for ever. */
const EVERY_BYTES_MAX = 16 * MIB;
/** What a millisecond of collecting has to wait for. Usual ones take half of one. */
const BYTES_A_MS = 8 * MIB;
/** Longer than before is believed step by step: the clock also runs while others have the core. */
const SLOWER_EACH = 1.25;

/** Collects the young generation of the thread's heap. */
export type Collector = () => void;

export class PieceMemory {
  readonly #open: () => Collector;
  readonly #now: () => number;
  #collect: Collector | undefined = undefined;
  #bytes = 0;
  #everyBytes = EVERY_BYTES_MIN;

  /** @param open is called when the first collection is due, @param now in milliseconds */
  constructor(open: () => Collector, now: () => number) {
    this.#open = open;
    this.#now = now;
  }

  /** So many bytes have come of a body that is read in pieces. @hot */
  came(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= this.#everyBytes) this.#collectNow();
  }

  #collectNow(): void {
    this.#bytes = 0;
    const collect = (this.#collect ??= this.#open());
    const beganMs = this.#now();
    collect();
    const bytes = (this.#now() - beganMs) * BYTES_A_MS;
    const bytesMax = Math.min(this.#everyBytes * SLOWER_EACH, EVERY_BYTES_MAX);
    this.#everyBytes = Math.max(Math.min(bytes, bytesMax), EVERY_BYTES_MIN);
  }
}
