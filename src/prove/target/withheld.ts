/**
 * How long the machine has kept processors from those who were ready to run: from threads of the server, as the scheduler says
 * (Linux, schedstat), and from this process, as its own timers say. What came late by no more than that is nobody's fault here.
 */
import { PROC_FILES } from '../../load/measure/proc-files.ts';

const LOOK_EVERY_MS = 50;
/** Timers are late by that much on any machine. */
const TIMER_MS = 20;

export class Withheld {
  readonly #pids: readonly number[];
  readonly #before: ReadonlyMap<string, number>;
  readonly #timer: NodeJS.Timeout;
  #ownMs = 0;
  #lastMs = performance.now();

  /** Counts from here. */
  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#before = waitedMs(pids);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** @returns what the thread of the server that waited most and this process lost, in milliseconds */
  stop(): number {
    this.#look();
    clearInterval(this.#timer);
    let most = 0;
    for (const [thread, ms] of waitedMs(this.#pids))
      most = Math.max(most, ms - (this.#before.get(thread) ?? 0));
    return Math.round(most + this.#ownMs);
  }

  #look(): void {
    const nowMs = performance.now();
    const lateMs = nowMs - this.#lastMs - LOOK_EVERY_MS;
    if (lateMs > TIMER_MS) this.#ownMs += lateMs;
    this.#lastMs = nowMs;
  }
}

/** By process and thread. */
function waitedMs(pids: readonly number[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of pids)
    for (const tid of PROC_FILES.list(`/proc/${pid}/task`)) {
      // Nanoseconds on a processor, nanoseconds waiting for one, times it ran.
      const [, waited] = (PROC_FILES.text(`/proc/${pid}/task/${tid}/schedstat`) ?? '').split(' ');
      if (waited !== undefined) found.set(`${pid}/${tid}`, Number(waited) / 1e6);
    }
  return found;
}
