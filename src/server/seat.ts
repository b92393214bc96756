/**
 * One place among the workers: its threads come and go, by the table in seat-states.ts. It knows who serves and who
 * starts, and when the next start is due. Threads themselves, sockets and messages are its host's.
 */
import { assert } from '../base/assert.ts';
import { ServerClosedError } from './errors.ts';
import { SEAT_TABLE, type SeatAction, type SeatEvent, type SeatState } from './seat-states.ts';

/** A worker that crashes at once is not restarted faster than this, doubling up to the longest. */
const RESTART_DELAY_MS = 50;
const RESTART_DELAY_MS_MAX = 5000;
/**
 * A worker that has served this long has proved itself: its next crash is restarted at once. Longer, and a worker that
 * now and then meets a fatal request would leave its clients waiting in the accept queue for seconds.
 */
const PROVEN_AFTER_MS = 1000;

export interface SeatHost<T> {
  /**
   * Begins a thread. The seat is told by `ready` when it serves, and by `ended` once, when it has ended or cannot
   * come to serve; neither before this call has returned.
   */
  start(seat: Seat<T>): T;
  /** Ends a thread that does not serve yet. */
  discard(thread: T): void;
  /** Ends a thread that serves, when it has finished what it has begun. */
  dismiss(thread: T, isClosing: boolean): void;
  /** @returns a function that takes it back */
  after(delayMs: number, call: () => void): () => void;
  nowMs(): number;
  /** A thread that served has ended by itself; the next start is in `delayMs`, unless one is under way already. */
  crashed(seat: Seat<T>, error: Error, delayMs: number | undefined): void;
  /** A start that nobody waits for has failed; the next is in `delayMs`. */
  notStarted(seat: Seat<T>, error: Error, delayMs: number): void;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export class Seat<T> {
  readonly index: number;
  readonly #host: SeatHost<T>;
  #state: SeatState = 'vacant';
  #serving: T | undefined;
  #starting: T | undefined;
  #refused: T | undefined;
  #servesSinceMs = 0;
  #restartDelayMs = RESTART_DELAY_MS;
  #clearPause: (() => void) | undefined;
  /** Is waiting for the thread that starts, because it asked for it. */
  #waiter: Waiter | undefined;

  constructor(index: number, host: SeatHost<T>) {
    this.index = index;
    this.#host = host;
  }

  get state(): SeatState {
    return this.#state;
  }

  get serving(): T | undefined {
    return this.#serving;
  }

  get starting(): T | undefined {
    return this.#starting;
  }

  /**
   * Resolves when a thread that was started now serves. Rejects when it does not come to serve, when another
   * start takes its place, or when the seat closes.
   */
  start(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(new ServerClosedError('the start of a worker'));
    return new Promise((resolve, reject) => {
      this.#settle(new Error('another start has taken the place of this one'));
      this.#waiter = { resolve, reject };
      this.#on('start');
    });
  }

  close(): void {
    this.#on('close');
    this.#settle(new ServerClosedError('the start of a worker'));
  }

  /** The thread serves. */
  ready(thread: T): void {
    if (thread !== this.#starting) return;
    this.#servesSinceMs = this.#host.nowMs();
    this.#on('ready');
    this.#settle(undefined);
  }

  /** The thread has ended, or cannot come to serve. */
  ended(thread: T, error: Error): void {
    if (thread === this.#starting) this.#startFailed(error);
    else if (thread === this.#serving) {
      if (this.#host.nowMs() - this.#servesSinceMs > PROVEN_AFTER_MS) this.#restartDelayMs = RESTART_DELAY_MS;
      const delayMs = this.#state === 'serving' ? this.#restartDelayMs : undefined;
      this.#on('crashed');
      this.#host.crashed(this, error, delayMs);
    }
  }

  #startFailed(error: Error): void {
    const isAsked = this.#waiter !== undefined;
    const delayMs = this.#restartDelayMs;
    this.#on('failed');
    this.#settle(error);
    if (!isAsked && this.#state === 'waiting') this.#host.notStarted(this, error, delayMs);
  }

  #settle(error: Error | undefined): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (error === undefined) waiter?.resolve();
    else waiter?.reject(error);
  }

  #on(event: SeatEvent): void {
    const transition = SEAT_TABLE[this.#state][event];
    assert(transition !== undefined, `a seat that is ${this.#state} is told of ${event}`);
    this.#state = transition.to;
    for (const action of transition.does) this.#do(action);
  }

  #do(action: SeatAction): void {
    const host = this.#host;
    switch (action) {
      case 'start a thread':
        this.#start();
        return;
      case 'discard the starting': {
        const thread = this.#starting!;
        this.#starting = undefined;
        if (thread !== this.#refused) host.discard(thread);
        return;
      }
      case 'dismiss the serving': {
        const thread = this.#serving!;
        this.#serving = undefined;
        host.dismiss(thread, this.#state === 'closed');
        return;
      }
      case 'seat the starting':
        this.#serving = this.#starting;
        this.#starting = undefined;
        return;
      case 'forget the starting':
        this.#starting = undefined;
        return;
      case 'forget the serving':
        this.#serving = undefined;
        return;
      case 'set the pause': {
        const delayMs = this.#restartDelayMs;
        this.#restartDelayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
        this.#clearPause = host.after(delayMs, () => {
          this.#clearPause = undefined;
          this.#on('due');
        });
        return;
      }
      case 'clear the pause':
        this.#clearPause?.();
        this.#clearPause = undefined;
        return;
    }
  }

  /** A thread may be refused at once: no memory, no descriptors. That is a start that failed, told later as any other. */
  #start(): void {
    try {
      this.#starting = this.#host.start(this);
    } catch (error) {
      // Stands for the thread that is not there.
      const refused = {} as T;
      this.#refused = refused;
      this.#starting = refused;
      queueMicrotask(() => this.ended(refused, error instanceof Error ? error : new Error(String(error))));
    }
  }
}

/** Whether a thread serves there. */
export function isServing<T>({ serving }: Seat<T>): boolean {
  return serving !== undefined;
}
