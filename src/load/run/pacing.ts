/**
 * When a free slot makes its next request. Three ways, chosen by the plan: at once (closed), after a
 * pause (think time), or when the schedule of a constant rate has one due. A pacing knows slots and
 * moments, no connections.
 */
import type { LatencyCounts } from '../measure/latency-counts.ts';
import type { Schedule } from '../plan/rate-schedule.ts';
import type { Slot } from './slot.ts';
import type { Waker } from './waker.ts';

export interface Pacing {
  /** `slot` could make one more request than it has under way. Called once for each that it could make. */
  onFree(slot: Slot): void;
  /** A pause that was asked of `pause` is over. */
  onPauseOver(slot: Slot): void;
  /** Nothing is begun that is due after `endMs`. */
  stop(endMs: number): void;
  /** After `stop`: how many requests were due by then and still wait for a free slot. */
  readonly waiting: number;
  /**
   * Calls `record` for the requests that were due between two moments and still wait for a free slot; of many that
   * are due at about the same time, together.
   */
  eachWaiting(fromMs: number, toMs: number, record: (dueMs: number, times: number) => void): void;
  /**
   * After `stop`: begins nothing any more. Calls `onUnsent` for the requests that still wait and were due at `fromMs` or
   * later, in groups as above.
   */
  giveUp(fromMs: number, onUnsent: (dueMs: number, times: number) => void): void;
}

/** What a pacing asks of the thread. */
export interface PacedDriver {
  readonly nowMs: number;
  /**
   * @param intendedMs the moment that latency counts from; undefined for that of the actual sending
   * @returns false when it has failed at once
   */
  begin(slot: Slot, intendedMs: number | undefined): boolean;
  pause(slot: Slot, untilMs: number): void;
}

/** Without a schedule nothing is due before a slot is free for it, so nothing ever waits. */
abstract class UnscheduledPacing implements Pacing {
  protected readonly thread: PacedDriver;
  protected isStopped = false;

  constructor(thread: PacedDriver) {
    this.thread = thread;
  }

  abstract onFree(slot: Slot): void;

  onPauseOver(slot: Slot): void {
    if (!this.isStopped) this.thread.begin(slot, undefined);
  }

  stop(): void {
    this.isStopped = true;
  }

  get waiting(): number {
    return 0;
  }

  eachWaiting(): void {}

  giveUp(): void {}
}

/** Each slot sends again as soon as it is answered: what wrk, ab and most others do. */
export class ClosedPacing extends UnscheduledPacing {
  /** @hot */
  onFree(slot: Slot): void {
    if (!this.isStopped) this.thread.begin(slot, undefined);
  }
}

/** Each slot is a user who looks at an answer for a while. */
export class ThinkPacing extends UnscheduledPacing {
  readonly #thinkMs: () => number;

  /** @param thinkMs how long the next pause is */
  constructor(thread: PacedDriver, thinkMs: () => number) {
    super(thread);
    this.#thinkMs = thinkMs;
  }

  onFree(slot: Slot): void {
    if (!this.isStopped) this.thread.pause(slot, this.thread.nowMs + this.#thinkMs());
  }
}

/** A send that is later than this is late: at 1 ms the timers of the event loop themselves would show. */
const LATE_SEND_MS = 1;
/** Where a million requests wait it is enough to know the wait of each thousand. */
const WAITING_GROUPS_MAX = 1000;
/** So many are begun at most before the event loop has its turn: connecting may be slow when it fails. */
const BEGUN_AT_ONCE_MAX = 512;

/**
 * Constant rate: requests are due at moments that do not depend on answers, and each goes to the slot that
 * has been free longest. When all are busy they queue, and their latency counts from when they were due.
 * wrk2 gives every connection a schedule of its own, so that requests wait behind one slow answer while
 * other connections idle; users who come independently of each other do not.
 */
export class RatePacing implements Pacing {
  readonly #thread: PacedDriver;
  readonly #schedule: Schedule;
  readonly #waker: Waker;
  readonly #sendDelay: LatencyCounts;
  readonly #onLate: () => void;
  /** Free slots, oldest first: a ring that holds each slot at most as often as the depth. */
  readonly #free: Slot[];
  /** Since when each of them has been free. */
  readonly #freeSinceMs: Float64Array;
  #freeHead = 0;
  #freeCount = 0;
  #begun = 0;
  #nextMs: number;
  #isBeginning = false;
  /** How many requests are due before the end. */
  #dueCount: number;
  #isStopped = false;

  /**
   * @param end nothing that is due from `atMs` on is begun, also when the word to stop comes late; nor more than
   *   `countMax` in all
   * @param capacity slots times depth
   */
  constructor(
    thread: PacedDriver,
    schedule: Schedule,
    waker: Waker,
    end: { readonly atMs: number; readonly countMax: number },
    capacity: number,
    late: { readonly delays: LatencyCounts; readonly onLate: () => void },
  ) {
    this.#thread = thread;
    this.#schedule = schedule;
    this.#waker = waker;
    this.#sendDelay = late.delays;
    this.#onLate = late.onLate;
    this.#free = new Array<Slot>(capacity);
    this.#freeSinceMs = new Float64Array(capacity);
    this.#nextMs = schedule.momentMs(0);
    const { atMs, countMax } = end;
    this.#dueCount =
      atMs === Number.POSITIVE_INFINITY ? countMax : Math.min(countMax, schedule.countBefore(atMs));
  }

  onFree(slot: Slot): void {
    const { nowMs } = this.#thread;
    let at = this.#freeHead + this.#freeCount;
    if (at >= this.#free.length) at -= this.#free.length;
    this.#free[at] = slot;
    this.#freeSinceMs[at] = nowMs;
    this.#freeCount++;
    this.beginDue(nowMs);
  }

  onPauseOver(slot: Slot): void {
    this.onFree(slot);
  }

  /** Begins what is due at `nowMs`, and sees to being woken for what is due next. @hot */
  beginDue(nowMs: number): void {
    // A begin that fails at once frees its slot in the middle of this.
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    let left = BEGUN_AT_ONCE_MAX;
    while (this.#nextMs <= nowMs && this.#freeCount > 0 && left > 0 && this.#begun < this.#dueCount) {
      const intendedMs = this.#nextMs;
      const head = this.#freeHead;
      const slot = this.#free[head]!;
      this.#freeHead = head + 1 === this.#free.length ? 0 : head + 1;
      this.#freeCount--;
      // Late by our own doing: the slot was free when it was due.
      const delayMs = nowMs - Math.max(intendedMs, this.#freeSinceMs[head]!);
      this.#sendDelay.recordMs(delayMs);
      if (delayMs > LATE_SEND_MS) this.#onLate();
      this.#begun++;
      this.#nextMs = this.#schedule.momentMs(this.#begun);
      left--;
      // What the system refuses at once it may refuse slowly: let the event loop run in between.
      if (!this.#thread.begin(slot, intendedMs)) break;
    }
    this.#isBeginning = false;
    if (this.#freeCount > 0 && this.#begun < this.#dueCount) this.#waker.wakeAt(this.#nextMs);
  }

  stop(endMs: number): void {
    this.#isStopped = true;
    this.#dueCount = Math.min(this.#dueCount, this.#schedule.countBefore(endMs));
    // What fell due before the end, while the news of it was on its way, is still begun where a slot is free.
    this.beginDue(endMs);
    if (this.waiting === 0) this.#waker.stop();
  }

  get waiting(): number {
    return this.#isStopped ? Math.max(0, this.#dueCount - this.#begun) : 0;
  }

  eachWaiting(fromMs: number, toMs: number, record: (dueMs: number, times: number) => void): void {
    const end = Math.min(this.#dueCount, this.#schedule.countBefore(toMs));
    this.#eachGroup(fromMs, end, record);
  }

  /** All of a group count as having waited as long as its first. */
  #eachGroup(fromMs: number, end: number, record: (dueMs: number, times: number) => void): void {
    const first = Math.max(this.#begun, this.#schedule.countBefore(fromMs));
    const step = Math.max(1, Math.ceil((end - first) / WAITING_GROUPS_MAX));
    for (let at = first; at < end; at += step) record(this.#schedule.momentMs(at), Math.min(step, end - at));
  }

  giveUp(fromMs: number, onUnsent: (dueMs: number, times: number) => void): void {
    this.#waker.stop();
    if (this.waiting === 0) return;
    this.#eachGroup(fromMs, this.#dueCount, onUnsent);
    this.#begun = this.#dueCount;
  }
}
