/**
 * Whether a turn that has found nothing more to do waits in the kernel for what comes next, in place of a sleep in libuv's loop. News
 * that comes meanwhile costs one system call; a wake-up through libuv costs three more, and some microseconds of Node's own.
 * How it is waited is the engine's.
 *
 * Timers and other I/O of the thread wait as long, so it ends when a turn ends at the latest, and is not done while somebody may be
 * waiting for them: a handler that answers later. One timer bounds all waits until it fires. A timeout of each wait's own would have
 * the kernel set the CPU's clock twice for each request, which in a virtual machine takes 6 us each time.
 */
import type { EngineHandler } from '../engine.ts';
import { TURN_MS_MAX, type TurnTime } from './turn-time.ts';
import { WorthTrying } from './worth-trying.ts';

/** The kernel's clock and the engine's are some microseconds apart, so that a timer may seem to come before its moment. */
const EARLY_MS = 0.1;

export class TurnWait {
  /** When waiting ends, news or not. The engine's timer is to be armed for it before it waits. */
  endMs = 0;
  readonly #handler: Pick<EngineHandler, 'hasOpenWork'>;
  readonly #time: TurnTime;
  readonly #worth = new WorthTrying();
  /** In this turn nothing has come of it, or it is not to be tried. */
  #isOver = true;

  constructor(handler: Pick<EngineHandler, 'hasOpenWork'>, time: TurnTime) {
    this.#handler = handler;
    this.#time = time;
  }

  /** @param hasNews of the kernel: without, more is not likely to come soon */
  beginTurn(hasNews: boolean): void {
    this.#isOver = !hasNews;
  }

  /** @returns whether to wait now, until `endMs`. @hot */
  isDue(nowMs: number): boolean {
    if (this.#isOver || this.#handler.hasOpenWork !== false || this.#time.hasUnanswered) return false;
    if (!this.#worth.isDue()) {
      this.#isOver = true;
      return false;
    }
    if (this.endMs - EARLY_MS <= nowMs) this.endMs = nowMs + TURN_MS_MAX;
    return true;
  }

  /** @param nowMs after it @hot */
  ended(hasNews: boolean, nowMs: number): void {
    // What comes with the timer may be the timer alone.
    const isWorth = hasNews && nowMs < this.endMs - EARLY_MS;
    this.#worth.ended(isWorth);
    this.#isOver = !isWorth;
  }
}
