/**
 * Slots with generations: small integers that are given out, taken back and given out again, each time
 * under a new generation. Whoever keeps slot and generation can tell later whether the slot still has
 * the owner it had: a completion that the kernel delivers late for a closed connection is recognised so.
 *
 * Holds no values: keep them in arrays by slot. Slots are dense, so such arrays stay small. A released
 * slot is the first to be given out again: its memory is the likeliest to be in the cache.
 */
import { assert } from './assert.ts';

/** What `allocate` answers when every slot is in use. */
export const NO_SLOT = -1;

const END_OF_FREE = -1;
/** Marks, in the free list, a slot that is in use. */
const IN_USE = -2;
const FIRST_SIZE = 64;

export class Slab {
  readonly slotCountMax: number;
  readonly #generationMask: number;
  #generations: Uint32Array;
  /** For a free slot the next free one, or END_OF_FREE; otherwise IN_USE. */
  #nextFree: Int32Array;
  #firstFree = END_OF_FREE;
  /** Slots below this have been given out at least once. */
  #touched = 0;
  #used = 0;

  /**
   * @param slotCountMax 1 to 2^30; memory grows towards it by doubling, 8 bytes a slot
   * @param generationBits 1 to 32: generations wrap after 2^bits releases of one slot, so something stale
   *   can only be taken for current when it is exactly that many owners old
   */
  constructor(slotCountMax: number, generationBits = 32) {
    assert(
      Number.isInteger(slotCountMax) && slotCountMax >= 1 && slotCountMax <= 2 ** 30,
      'a slab needs a bound',
    );
    assert(
      Number.isInteger(generationBits) && generationBits >= 1 && generationBits <= 32,
      'generations have 1 to 32 bits',
    );
    this.slotCountMax = slotCountMax;
    this.#generationMask = 2 ** generationBits - 1;
    const size = Math.min(FIRST_SIZE, slotCountMax);
    this.#generations = new Uint32Array(size);
    this.#nextFree = new Int32Array(size);
  }

  get usedCount(): number {
    return this.#used;
  }

  /** All slots that were ever given out are below this: the end for a walk over them. */
  get slotEnd(): number {
    return this.#touched;
  }

  /** @returns a slot, or NO_SLOT when `slotCountMax` are in use. @hot */
  allocate(): number {
    let slot = this.#firstFree;
    if (slot !== END_OF_FREE) {
      this.#firstFree = this.#nextFree[slot]!;
    } else {
      if (this.#touched === this.slotCountMax) return NO_SLOT;
      slot = this.#touched++;
      if (slot === this.#nextFree.length) this.#grow();
    }
    this.#nextFree[slot] = IN_USE;
    this.#used++;
    return slot;
  }

  /** Takes `slot` back; what was kept under its generation is stale from now on. @hot */
  release(slot: number): void {
    assert(this.isUsed(slot), 'releasing a slot that is not in use');
    this.#generations[slot] = (this.#generations[slot]! + 1) & this.#generationMask;
    this.#nextFree[slot] = this.#firstFree;
    this.#firstFree = slot;
    this.#used--;
  }

  /** The generation of the slot's present owner, or of its next one when it is free; from 0 to 2^bits - 1. */
  generationOf(slot: number): number {
    assert(slot >= 0 && slot < this.#touched, 'a slot that was never given out has no generation');
    return this.#generations[slot]!;
  }

  isUsed(slot: number): boolean {
    return slot >= 0 && slot < this.#touched && this.#nextFree[slot] === IN_USE;
  }

  /** Whether the slot still belongs to the owner that had `generation`. @hot */
  isCurrent(slot: number, generation: number): boolean {
    return this.isUsed(slot) && this.#generations[slot] === generation;
  }

  #grow(): void {
    const size = Math.min(this.#nextFree.length * 2, this.slotCountMax);
    const generations = new Uint32Array(size);
    generations.set(this.#generations);
    this.#generations = generations;
    const nextFree = new Int32Array(size);
    nextFree.set(this.#nextFree);
    this.#nextFree = nextFree;
  }
}
