/**
 * Randomness that a seed replays: for tests, fuzzers and the simulator. Never for secrets: who sees a few
 * outputs can tell the rest. sfc32 (Chris Doty-Humphrey, PractRand) keeps 128 bits of state in four
 * words and needs only 32-bit additions and shifts, which JavaScript does at full speed; splitmix32
 * spreads the seed over the state, so that seeds 1 and 2 share nothing.
 */
import { assert } from './assert.ts';

const UINT32_RANGE = 2 ** 32;
const WEYL_STEP = 0x9e3779b9; // 2^32 divided by the golden ratio: splitmix's increment
const WARM_UP_ROUNDS = 12; // as PractRand seeds sfc32: enough for each seed bit to reach each state bit

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any whole number up to 2^53: print it when a run fails, and the run can be repeated */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed), 'a seed is a whole number');
    const low = seed >>> 0;
    const high = Math.floor(seed / UINT32_RANGE) >>> 0;
    this.#a = splitmix32(low);
    this.#b = splitmix32(low + WEYL_STEP);
    this.#c = splitmix32(high ^ this.#b);
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.nextU32();
  }

  /** A whole number from 0 to 2^32 - 1, each as likely. */
  nextU32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 up to but without 1, in steps of 2^-32. */
  nextUnit(): number {
    return this.nextU32() / UINT32_RANGE;
  }

  /**
   * A whole number from 0 up to but without `max`, each as likely.
   * @param max 1 to 2^32
   */
  int(max: number): number {
    assert(Number.isInteger(max) && max >= 1 && max <= UINT32_RANGE, 'int needs a bound from 1 to 2^32');
    // Values past the last whole multiple of max are drawn again: taking them would favour small results.
    const unbiased = UINT32_RANGE - (UINT32_RANGE % max);
    let value = this.nextU32();
    while (value >= unbiased) value = this.nextU32();
    return value % max;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  /** True with the probability given: 0 never, 1 always. */
  chance(probability: number): boolean {
    return this.nextUnit() < probability;
  }

  /** One of the items, each as likely. */
  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'nothing to pick from');
    return items[this.int(items.length)] as T;
  }

  /** Fills `out` from `start` up to but without `end`. */
  bytesInto(out: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) out[at] = this.nextU32() >>> 24;
  }

  /** A generator of its own: what one part draws then never shifts what another part draws. */
  fork(): SeededRandom {
    return new SeededRandom(this.nextU32() * 2 ** 21 + this.int(2 ** 21));
  }
}

/** One output of splitmix32 for the state given. */
function splitmix32(state: number): number {
  let z = (state + WEYL_STEP) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
