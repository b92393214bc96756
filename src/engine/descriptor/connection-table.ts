/**
 * The connections of one engine by slot. A slot's generation changes with its owner, so that news from
 * the kernel for a connection that is gone is told from news for the one that has its slot now.
 */
import { NO_SLOT, Slab } from '../../base/slab.ts';

/** 16 million connections a thread: far beyond what descriptors allow. */
export const SLOT_BITS = 24;
/** One bit less than a word, so that a generation is the same number read as signed or unsigned. */
const GENERATION_BITS = 31;

export interface TableEntry {
  readonly slot: number;
  readonly generation: number;
}

export class ConnectionTable<C extends TableEntry> {
  readonly #slab = new Slab(1 << SLOT_BITS, GENERATION_BITS);
  readonly #entries: (C | undefined)[] = [];

  get count(): number {
    return this.#slab.usedCount;
  }

  /**
   * Makes an entry for a free slot.
   * @returns undefined when there is no slot left
   */
  add(make: (slot: number, generation: number) => C): C | undefined {
    const slot = this.#slab.allocate();
    if (slot === NO_SLOT) return undefined;
    const entry = make(slot, this.#slab.generationOf(slot));
    this.#entries[slot] = entry;
    return entry;
  }

  /** The entry in `slot`, if it is still the one of `generation`. @hot */
  find(slot: number, generation: number): C | undefined {
    const entry = this.#entries[slot];
    return entry !== undefined && entry.generation === generation ? entry : undefined;
  }

  /** The present entry in `slot`. */
  at(slot: number): C | undefined {
    return this.#entries[slot];
  }

  remove(entry: C): void {
    this.#entries[entry.slot] = undefined;
    this.#slab.release(entry.slot);
  }

  *[Symbol.iterator](): IterableIterator<C> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }
}
