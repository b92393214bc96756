/**
 * Spreading connections over the threads of one process. SO_REUSEPORT picks a listener by hashing the
 * four-tuple: fair over thousands of connections, unfair over few. Here each thread says how many
 * connections it has, and one that accepts while another has fewer gives it the descriptor: threads
 * share one descriptor table, so a number is all that has to cross.
 *
 * All of it is shared memory and one eventfd a thread; nobody waits for anybody. Invariant: a descriptor
 * is in one inbox slot, or owned by one engine; and nobody writes to the eventfd of a thread that has closed it.
 */
import { assert } from '../../base/assert.ts';
import { eventfdWrite } from '../../sys/event.ts';
import { closeFd } from '../../sys/socket.ts';

/** Descriptors that can wait for one thread; when it is full the giver keeps the connection. */
const INBOX_SLOTS = 256;
/** A thread that takes part in nothing: not started, draining, or gone. */
const AWAY = 0x7fffffff;
/** How long a thread that gives up its place waits for threads that are just about to give it something. */
const GIVERS_WAIT_MS = 10;

// What each thread has in the shared memory, in 32-bit words.
const LOAD = 0;
/** The eventfd that wakes it. */
const WAKE_FD = 1;
/** Descriptors in the inbox: looked at once a turn, so that an empty inbox costs one load. */
const WAITING = 2;
/** Threads that are about to put something into the inbox and to wake its owner. */
const GIVERS = 3;
const INBOX = 4;
const THREAD_WORDS = INBOX + INBOX_SLOTS;

export class Handoff {
  readonly #words: Int32Array;
  readonly #threads: number;
  readonly #own: number;

  /** Memory for `threads` threads, none of which takes part yet. */
  static allocate(threads: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(threads * THREAD_WORDS * 4);
    const words = new Int32Array(buffer);
    for (let thread = 0; thread < threads; thread++) words[thread * THREAD_WORDS + LOAD] = AWAY;
    return buffer;
  }

  constructor(buffer: SharedArrayBuffer, thread: number) {
    this.#words = new Int32Array(buffer);
    this.#threads = this.#words.length / THREAD_WORDS;
    this.#own = thread * THREAD_WORDS;
    assert(thread >= 0 && thread < this.#threads, 'a thread that the handoff has no place for');
  }

  /** From now on this thread is given connections; `wakeFd` is an eventfd that wakes it. */
  join(wakeFd: number): void {
    Atomics.store(this.#words, this.#own + WAKE_FD, wakeFd);
    Atomics.store(this.#words, this.#own + LOAD, 0);
  }

  /** This thread is given no more; what has been given already is still taken. */
  leave(): void {
    Atomics.store(this.#words, this.#own + LOAD, AWAY);
  }

  /**
   * The thread ends, or has ended: it leaves, and what it was given and has not taken goes to others. Afterwards
   * nobody writes to its inbox or its eventfd, whose number may soon be another's. For the thread itself, before it
   * closes its descriptors, and for whoever sees that it has ended without a word.
   * @returns how many descriptors were closed, because nobody was there to take them
   */
  abandon(): number {
    this.leave();
    const giveUpAtMs = performance.now() + GIVERS_WAIT_MS;
    // A giver needs microseconds; one that was itself ended in the middle of them will never leave.
    while (Atomics.load(this.#words, this.#own + GIVERS) > 0 && performance.now() < giveUpAtMs);
    let closed = 0;
    for (let fd = this.take(); fd !== -1; fd = this.take()) {
      if (this.giveOn(fd)) continue;
      closeFd(fd);
      closed++;
    }
    return closed;
  }

  /** Gives `fd` to whoever takes part, for a thread that ends. @returns false when nobody does */
  giveOn(fd: number): boolean {
    return this.tryGive(fd, AWAY);
  }

  /** Open connections of this thread have become `count`. */
  report(count: number): void {
    if (Atomics.load(this.#words, this.#own + LOAD) !== AWAY)
      Atomics.store(this.#words, this.#own + LOAD, count);
  }

  /**
   * Gives `fd` to the thread that has the fewest connections, where that is not this one.
   * @param ownCount connections of this thread, without this one
   * @returns false when this thread is to keep it
   */
  tryGive(fd: number, ownCount: number): boolean {
    const words = this.#words;
    let target = this.#own;
    let least = ownCount;
    for (let thread = 0; thread < this.#threads; thread++) {
      const at = thread * THREAD_WORDS;
      if (at === this.#own) continue;
      const load = Atomics.load(words, at + LOAD) + Atomics.load(words, at + WAITING);
      if (load < least) {
        least = load;
        target = at;
      }
    }
    if (target === this.#own) return false;
    // Whoever leaves says so first and then waits for its givers: it sees this one, or is seen here to have left.
    Atomics.add(words, target + GIVERS, 1);
    const isGiven = Atomics.load(words, target + LOAD) !== AWAY && this.#put(target, fd);
    Atomics.sub(words, target + GIVERS, 1);
    return isGiven;
  }

  #put(target: number, fd: number): boolean {
    const words = this.#words;
    for (let slot = 0; slot < INBOX_SLOTS; slot++) {
      // Empty is 0, so descriptor 0 can wait too.
      if (Atomics.compareExchange(words, target + INBOX + slot, 0, fd + 1) !== 0) continue;
      Atomics.add(words, target + WAITING, 1);
      eventfdWrite(Atomics.load(words, target + WAKE_FD), 1);
      return true;
    }
    return false;
  }

  /** @hot one load a turn */
  get hasWaiting(): boolean {
    return Atomics.load(this.#words, this.#own + WAITING) > 0;
  }

  /** A descriptor that was given to this thread and is its own now; -1 when there is none. */
  take(): number {
    const words = this.#words;
    if (!this.hasWaiting) return -1;
    for (let slot = 0; slot < INBOX_SLOTS; slot++) {
      const given = Atomics.exchange(words, this.#own + INBOX + slot, 0);
      if (given === 0) continue;
      Atomics.sub(words, this.#own + WAITING, 1);
      return given - 1;
    }
    return -1;
  }
}
