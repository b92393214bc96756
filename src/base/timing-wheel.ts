/**
 * A hierarchical timing wheel over small integer slots: one deadline a slot, no allocation, cost
 * independent of how many slots wait. After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels".
 *
 * Moving a deadline later is one store: the entry stays where it is and, when its bucket comes up,
 * moves on to where it now belongs. Only a deadline that moves earlier is relinked. That fits
 * connections, whose idle deadline moves later with every request.
 *
 * Knows no clock: time comes in as an argument. Deadlines never fire early; they fire at the first
 * `advance` whose tick is past them.
 */
import { assert } from './assert.ts';

const LEVEL_BITS = 6;
const LEVEL_SLOTS = 1 << LEVEL_BITS; // 64 buckets a level
const LEVELS = 5; // 64^5 ticks of 4 ms: 49 days, beyond any timeout (24 days)
const NONE = -1;
/** The list of slots whose bucket is being fired: one place after the buckets. */
const FIRING = LEVELS * LEVEL_SLOTS;

export class TimingWheel {
  /** Deadline in ms of each slot; Infinity when none. */
  #deadlineMs: Float64Array;
  /** The tick at which the slot is filed; the deadline itself may be later. */
  #filedTick: Float64Array;
  #next: Int32Array;
  #previous: Int32Array;
  /** Bucket that the slot is linked in, or NONE. */
  #bucketOf: Int32Array;
  readonly #heads = new Int32Array(LEVELS * LEVEL_SLOTS + 1).fill(NONE);
  readonly #counts = new Int32Array(LEVELS);
  readonly #tickMs: number;
  #tick: number;
  #linked = 0;

  /**
   * @param tickMs length of a tick
   * @param nowMs the clock's present reading; only differences matter
   */
  constructor(tickMs: number, nowMs: number, slotCount = 64) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
    this.#deadlineMs = new Float64Array(slotCount).fill(Number.POSITIVE_INFINITY);
    this.#filedTick = new Float64Array(slotCount);
    this.#next = new Int32Array(slotCount).fill(NONE);
    this.#previous = new Int32Array(slotCount).fill(NONE);
    this.#bucketOf = new Int32Array(slotCount).fill(NONE);
  }

  /** Slots that are linked: an upper bound of the deadlines that are set. */
  get linkedCount(): number {
    return this.#linked;
  }

  deadlineOf(slot: number): number {
    return slot < this.#deadlineMs.length ? this.#deadlineMs[slot]! : Number.POSITIVE_INFINITY;
  }

  /** Sets, moves or (with Infinity) clears the deadline of `slot`. @hot */
  set(slot: number, deadlineMs: number): void {
    if (slot >= this.#deadlineMs.length) this.#grow(slot + 1);
    this.#deadlineMs[slot] = deadlineMs;
    if (this.#bucketOf[slot] === NONE) {
      if (deadlineMs !== Number.POSITIVE_INFINITY) this.#link(slot, this.#tickAfter(deadlineMs));
    } else if (deadlineMs <= (this.#filedTick[slot]! - 1) * this.#tickMs) {
      this.#unlink(slot);
      this.#link(slot, this.#tickAfter(deadlineMs));
    }
  }

  /** Forgets `slot` at once, so that it can be given to another owner. */
  remove(slot: number): void {
    if (slot >= this.#deadlineMs.length) return;
    this.#deadlineMs[slot] = Number.POSITIVE_INFINITY;
    if (this.#bucketOf[slot] !== NONE) this.#unlink(slot);
  }

  /**
   * A moment at or before which `advance` must be called next: never later than one tick after the
   * earliest deadline. Infinity when nothing is linked.
   */
  nextMs(): number {
    if (this.#linked === 0) return Number.POSITIVE_INFINITY;
    let best = Number.POSITIVE_INFINITY;
    for (let level = 0; level < LEVELS; level++) {
      if (this.#counts[level] === 0) continue;
      const span = LEVEL_SLOTS ** level;
      const here = Math.floor(this.#tick / span);
      for (let k = 0; k < LEVEL_SLOTS; k++) {
        const bucket = level * LEVEL_SLOTS + ((here + k) % LEVEL_SLOTS);
        if (this.#heads[bucket] === NONE) continue;
        best = Math.min(best, Math.max((here + k) * span, this.#tick) * this.#tickMs);
        break;
      }
    }
    return best;
  }

  /**
   * Moves time on and calls `expired` for every slot whose deadline has come. The slot is unlinked
   * before the call, which may set it again.
   */
  advance(nowMs: number, expired: (slot: number) => void): void {
    const target = Math.floor(nowMs / this.#tickMs);
    while (this.#tick <= target) {
      if (this.#linked === 0) {
        this.#tick = target + 1;
        return;
      }
      if (this.#counts[0] === 0 && this.#tick % LEVEL_SLOTS !== 0) {
        // Nothing can fire before the next bucket of level 1 is spread out.
        this.#tick = Math.min(target + 1, (Math.floor(this.#tick / LEVEL_SLOTS) + 1) * LEVEL_SLOTS);
        continue;
      }
      if (this.#tick % LEVEL_SLOTS === 0) this.#cascade();
      const bucket = this.#tick % LEVEL_SLOTS;
      this.#tick++;
      this.#fire(bucket, nowMs, expired);
    }
  }

  #fire(bucket: number, nowMs: number, expired: (slot: number) => void): void {
    // Moved to a list of its own first: a deadline 64 ticks ahead is filed in this very bucket.
    let slot = this.#heads[bucket]!;
    if (slot === NONE) return;
    this.#heads[FIRING] = slot;
    this.#heads[bucket] = NONE;
    for (let each = slot; each !== NONE; each = this.#next[each]!) {
      this.#bucketOf[each] = FIRING;
      this.#counts[0]!--;
    }
    while (slot !== NONE) {
      this.#unlink(slot);
      const deadlineMs = this.#deadlineMs[slot]!;
      if (deadlineMs <= nowMs) {
        this.#deadlineMs[slot] = Number.POSITIVE_INFINITY;
        expired(slot);
      } else if (deadlineMs !== Number.POSITIVE_INFINITY) {
        this.#link(slot, this.#tickAfter(deadlineMs));
      }
      // The callback may have removed any slot, so always take the head anew.
      slot = this.#heads[FIRING]!;
    }
  }

  /** Spreads the buckets of higher levels that begin at the current tick. */
  #cascade(): void {
    for (let level = 1; level < LEVELS; level++) {
      const span = LEVEL_SLOTS ** level;
      const bucket = level * LEVEL_SLOTS + (Math.floor(this.#tick / span) % LEVEL_SLOTS);
      let slot = this.#heads[bucket]!;
      while (slot !== NONE) {
        const following = this.#next[slot]!;
        this.#unlink(slot);
        const deadlineMs = this.#deadlineMs[slot]!;
        if (deadlineMs !== Number.POSITIVE_INFINITY) this.#link(slot, this.#tickAfter(deadlineMs));
        slot = following;
      }
      if (this.#tick % (span * LEVEL_SLOTS) !== 0) return;
    }
  }

  #tickAfter(deadlineMs: number): number {
    // The first tick that begins at or after the deadline, and never one that has already been fired.
    return Math.max(Math.ceil(deadlineMs / this.#tickMs), this.#tick);
  }

  #link(slot: number, tick: number): void {
    let level = 0;
    let span = 1;
    // Filed by the distance in buckets of each level: at most 63 buckets ahead at the chosen one.
    while (level < LEVELS - 1 && Math.floor(tick / span) - Math.floor(this.#tick / span) >= LEVEL_SLOTS) {
      level++;
      span *= LEVEL_SLOTS;
    }
    const bucket = level * LEVEL_SLOTS + (Math.floor(tick / span) % LEVEL_SLOTS);
    const head = this.#heads[bucket]!;
    this.#filedTick[slot] = tick;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    if (head !== NONE) this.#previous[head] = slot;
    this.#heads[bucket] = slot;
    this.#bucketOf[slot] = bucket;
    this.#counts[level]!++;
    this.#linked++;
  }

  #unlink(slot: number): void {
    const bucket = this.#bucketOf[slot]!;
    assert(bucket !== NONE, 'unlinking a slot that is not linked');
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === NONE) this.#heads[bucket] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#bucketOf[slot] = NONE;
    if (bucket !== FIRING) this.#counts[bucket >> LEVEL_BITS]!--;
    this.#linked--;
  }

  #grow(needed: number): void {
    const size = Math.max(needed, this.#deadlineMs.length * 2);
    this.#deadlineMs = grown(this.#deadlineMs, new Float64Array(size).fill(Number.POSITIVE_INFINITY));
    this.#filedTick = grown(this.#filedTick, new Float64Array(size));
    this.#next = grown(this.#next, new Int32Array(size).fill(NONE));
    this.#previous = grown(this.#previous, new Int32Array(size).fill(NONE));
    this.#bucketOf = grown(this.#bucketOf, new Int32Array(size).fill(NONE));
  }
}

function grown<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
