/**
 * A hierarchical timing wheel over small integer slots: one deadline a slot, no allocation, cost
 * independent of how many slots wait. After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels".
 *
 * Moving a deadline later is one store: the entry stays where it is filed and, when its bucket comes
 * up, moves on to where it now belongs. Only a deadline that moves earlier is relinked. That fits
 * connections, whose idle deadline moves later with every request.
 *
 * Knows no clock: time comes in as an argument. A deadline fires at the first `advance` that reaches
 * the tick at or after it, never early. One that is set when its tick has already been passed fires
 * with the next tick. Invariant: no bucket that holds an entry begins before `#earliestTick`.
 */
import { assert } from './assert.ts';

const LEVEL_BITS = 6;
const LEVEL_SLOTS = 1 << LEVEL_BITS; // 64 buckets a level
const LEVELS = 5; // 64^5 ticks of 4 ms: 49 days, beyond any timeout (24 days)
const TOP_LEVEL_SPAN = LEVEL_SLOTS ** (LEVELS - 1);
/** No entry can be filed further ahead; one that is due later is filed here and moves on in time. */
const HORIZON_TICKS = (LEVEL_SLOTS - 1) * TOP_LEVEL_SPAN;
const NONE = -1;
/** The list of slots that are about to be fired: one place after the buckets. */
const FIRING = LEVELS * LEVEL_SLOTS;
const NEVER = Number.POSITIVE_INFINITY;

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
  /** The first tick that has not been passed yet. */
  #tick: number;
  #earliestTick = NEVER;
  #linked = 0;

  /**
   * @param tickMs length of a tick, whole milliseconds: only then do ticks convert to moments and back exactly
   * @param nowMs the clock's present reading; only differences matter
   * @param slotCount slots to make room for at once; more are added as they are used
   */
  constructor(tickMs: number, nowMs: number, slotCount = 64) {
    assert(Number.isInteger(tickMs) && tickMs > 0, 'a tick is a whole number of milliseconds');
    assert(nowMs >= 0, 'the clock of a timing wheel does not start below zero');
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
    this.#deadlineMs = new Float64Array(slotCount).fill(NEVER);
    this.#filedTick = new Float64Array(slotCount);
    this.#next = new Int32Array(slotCount).fill(NONE);
    this.#previous = new Int32Array(slotCount).fill(NONE);
    this.#bucketOf = new Int32Array(slotCount).fill(NONE);
  }

  /** Slots that are linked: an upper bound of the deadlines that are set. */
  get linkedCount(): number {
    return this.#linked;
  }

  /** The deadline of `slot`, Infinity when it has none. */
  deadlineOf(slot: number): number {
    return slot < this.#deadlineMs.length ? this.#deadlineMs[slot]! : NEVER;
  }

  /** Sets, moves or (with Infinity) clears the deadline of `slot`. @hot */
  set(slot: number, deadlineMs: number): void {
    assert(slot >= 0 && !Number.isNaN(deadlineMs), 'a deadline needs a slot and a moment');
    if (slot >= this.#deadlineMs.length) this.#grow(slot + 1);
    this.#deadlineMs[slot] = deadlineMs;
    const bucket = this.#bucketOf[slot]!;
    if (bucket === NONE) {
      if (deadlineMs !== NEVER) this.#link(slot, deadlineMs);
    } else if (deadlineMs <= (this.#filedTick[slot]! - 1) * this.#tickMs && bucket !== FIRING) {
      this.#unlink(slot);
      this.#link(slot, deadlineMs);
    }
  }

  /** Forgets `slot` at once, so that it can be given to another owner. */
  remove(slot: number): void {
    if (slot >= this.#deadlineMs.length) return;
    this.#deadlineMs[slot] = NEVER;
    if (this.#bucketOf[slot] !== NONE) this.#unlink(slot);
  }

  /**
   * When `advance` must be called next: never later than one tick after the earliest deadline, often
   * earlier, and each `advance` to it moves it on. Infinity when nothing is linked. @hot
   */
  nextMs(): number {
    if (this.#linked === 0) return NEVER;
    // A callback that threw or wanted no more left the rest of its list behind: it is due already.
    if (this.#heads[FIRING] !== NONE) return (this.#tick - 1) * this.#tickMs;
    return this.#earliest() * this.#tickMs;
  }

  /**
   * Moves time on and calls `expired` for every slot whose deadline has come, earlier ticks first. The
   * slot's deadline is cleared before the call. A callback may set, move, clear and remove any slot; what
   * it sets fires in a later tick. When it throws, or answers true, the slots that were to follow fire at the
   * next call. A `nowMs` before the last one does nothing.
   */
  advance(nowMs: number, expired: (slot: number) => unknown): void {
    const target = Math.floor(nowMs / this.#tickMs);
    const limitMs = target * this.#tickMs;
    if (this.#heads[FIRING] !== NONE) this.#fire(limitMs, expired);
    if (target < this.#tick || this.#heads[FIRING] !== NONE) return;
    let tail = NONE;
    for (let tick = this.#earliest(); tick <= target; tick = this.#earliest()) {
      this.#tick = tick;
      if (tick % LEVEL_SLOTS === 0) this.#cascade();
      this.#tick = tick + 1;
      tail = this.#collect(tick % LEVEL_SLOTS, limitMs, tail);
    }
    this.#tick = target + 1;
    this.#fire(limitMs, expired);
  }

  /** Appends what is due of a bucket of level 0 to the firing list and files the rest anew. */
  #collect(bucket: number, limitMs: number, tail: number): number {
    let last = tail;
    let slot = this.#heads[bucket]!;
    // Cut off first: an entry that is filed anew 64 ticks ahead comes into this very bucket.
    this.#heads[bucket] = NONE;
    while (slot !== NONE) {
      const following = this.#next[slot]!;
      this.#counts[0]!--;
      this.#linked--;
      const deadlineMs = this.#deadlineMs[slot]!;
      this.#bucketOf[slot] = NONE;
      if (deadlineMs <= limitMs) {
        this.#next[slot] = NONE;
        this.#previous[slot] = last;
        if (last === NONE) this.#heads[FIRING] = slot;
        else this.#next[last] = slot;
        this.#bucketOf[slot] = FIRING;
        this.#linked++;
        last = slot;
      } else if (deadlineMs !== NEVER) {
        this.#link(slot, deadlineMs);
      }
      slot = following;
    }
    return last;
  }

  #fire(limitMs: number, expired: (slot: number) => unknown): void {
    // The callback may remove or move any slot, so the head is always taken anew.
    for (let slot = this.#heads[FIRING]!; slot !== NONE; slot = this.#heads[FIRING]!) {
      this.#unlink(slot);
      const deadlineMs = this.#deadlineMs[slot]!;
      if (deadlineMs <= limitMs) {
        this.#deadlineMs[slot] = NEVER;
        if (expired(slot) === true) return;
      } else if (deadlineMs !== NEVER) {
        this.#link(slot, deadlineMs);
      }
    }
  }

  /** Spreads the buckets of higher levels that begin at the current tick. */
  #cascade(): void {
    for (let level = 1, span = LEVEL_SLOTS; level < LEVELS; level++, span *= LEVEL_SLOTS) {
      const bucket = level * LEVEL_SLOTS + (Math.floor(this.#tick / span) % LEVEL_SLOTS);
      let slot = this.#heads[bucket]!;
      while (slot !== NONE) {
        const following = this.#next[slot]!;
        this.#unlink(slot);
        const deadlineMs = this.#deadlineMs[slot]!;
        if (deadlineMs !== NEVER) this.#link(slot, deadlineMs);
        slot = following;
      }
      if (this.#tick % (span * LEVEL_SLOTS) !== 0) return;
    }
  }

  /**
   * The next tick at which a bucket is to be fired or spread. Kept from call to call: only an entry that is
   * linked lowers it, one that is unlinked may leave it too low, which costs an idle `advance` at most.
   */
  #earliest(): number {
    if (this.#earliestTick >= this.#tick) return this.#earliestTick;
    let best = NEVER;
    for (let level = 0, span = 1; level < LEVELS; level++, span *= LEVEL_SLOTS) {
      if (this.#counts[level] === 0) continue;
      const here = Math.floor(this.#tick / span);
      for (let ahead = 0; ahead < LEVEL_SLOTS; ahead++) {
        if (this.#heads[level * LEVEL_SLOTS + ((here + ahead) % LEVEL_SLOTS)] === NONE) continue;
        best = Math.min(best, (here + ahead) * span);
        break;
      }
    }
    this.#earliestTick = best;
    return best;
  }

  #link(slot: number, deadlineMs: number): void {
    // The first tick that begins at or after the deadline, and never one that has been passed.
    const now = this.#tick;
    const tick = Math.min(Math.max(Math.ceil(deadlineMs / this.#tickMs), now), now + HORIZON_TICKS);
    let level = 0;
    let span = 1;
    // Filed by the distance in buckets of each level: at most 63 buckets ahead at the chosen one. The
    // bucket that time is in is only used on level 0: on the others it has been spread already.
    while (Math.floor(tick / span) - Math.floor(now / span) >= LEVEL_SLOTS) {
      level++;
      span *= LEVEL_SLOTS;
    }
    const place = Math.floor(tick / span);
    const bucket = level * LEVEL_SLOTS + (place % LEVEL_SLOTS);
    const head = this.#heads[bucket]!;
    this.#filedTick[slot] = tick;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    if (head !== NONE) this.#previous[head] = slot;
    this.#heads[bucket] = slot;
    this.#bucketOf[slot] = bucket;
    this.#counts[level]!++;
    this.#linked++;
    if (place * span < this.#earliestTick) this.#earliestTick = place * span;
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
    this.#deadlineMs = grown(this.#deadlineMs, new Float64Array(size).fill(NEVER));
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
