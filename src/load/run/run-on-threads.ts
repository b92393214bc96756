/**
 * Runs a plan on threads of this machine: starts them, lets them begin together, puts their seconds
 * together, and resolves with what each of them counted. It prints nothing and judges nothing, so that an
 * agent on another machine runs the very same.
 */
import { Worker } from 'node:worker_threads';
import { KeptSeconds } from '../measure/kept-seconds.ts';
import type { RunTotals, SecondReport } from '../measure/run-totals.ts';
import { SecondGatherer } from '../measure/second-gatherer.ts';
import { dividePlan, type LoadPlan } from '../plan/load-plan.ts';
import { monotonicMs } from './monotonic-clock.ts';
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts';

export interface RunObserver {
  /** All threads have their engines and wait for the beginning. */
  onReady?(engine: string, reason: string): void;
  onStart?(): void;
  /** A second is complete: every thread has told of it, or has ended. */
  onSecond?(report: SecondReport): void;
}

interface RunOptions {
  /**
   * Asked when all threads are ready: the moment to begin, by `monotonicMs`, so that machines can agree on
   * it once everybody is ready. Rejecting it calls the run off. @default as soon as all are ready; also
   * when the moment has passed by then
   */
  readonly startAtMs?: () => Promise<number>;
}

/** A thread could not begin: no engine, a script that does not load. */
class LoadThreadError extends Error {
  override readonly name = 'LoadThreadError';
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** From the word to begin until the moment of it: threads take a while to hear. */
const START_DELAY_MS = 20;
/** A thread that is told to stop and does not answer is ended. */
const STOP_TIMEOUT_MS = 2000;

/**
 * @param signal breaks the run off; it resolves all the same, with what there is
 * @returns what each thread counted
 * @throws LoadThreadError
 */
export async function runOnThreads(
  plan: LoadPlan,
  observer: RunObserver,
  signal?: AbortSignal,
  options: RunOptions = {},
): Promise<RunTotals[]> {
  const parts = dividePlan(plan, plan.threads);
  const seconds = new SecondGatherer(parts.length, (report) => observer.onSecond?.(report));
  const threads = parts.map((part, index) => new LoadThread(part, index, seconds));
  const stop = () => {
    for (const thread of threads) thread.stop();
  };
  try {
    const ready = await Promise.all(threads.map((thread) => thread.ready));
    observer.onReady?.(ready[0]?.engine ?? '', ready[0]?.reason ?? '');
    const wantedMs = (await options.startAtMs?.()) ?? 0;
    const atMs = Math.max(wantedMs, monotonicMs() + START_DELAY_MS);
    for (const thread of threads) thread.tell({ type: 'start', atMs });
    observer.onStart?.();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
    return await Promise.all(threads.map((thread) => thread.done));
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** One thread, as the main thread sees it. */
class LoadThread {
  readonly ready: Promise<{ engine: string; reason: string }>;
  readonly done: Promise<RunTotals>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #kept = new KeptSeconds();
  #stopTimer: NodeJS.Timeout | undefined;
  #isCut = false;
  #engine = '';

  constructor(plan: LoadPlan, index: number, seconds: SecondGatherer) {
    const data: ThreadData = { plan };
    const worker = new Worker(new URL('./load-thread-main.js', import.meta.url), {
      workerData: data,
      name: `holdfast-load-${index}`,
    });
    this.#worker = worker;
    let isReady: (value: { engine: string; reason: string }) => void;
    let isDone: (totals: RunTotals) => void;
    let fail: (error: Error) => void;
    let failReady: (error: Error) => void;
    this.ready = new Promise((resolve, reject) => ([isReady, failReady] = [resolve, reject]));
    this.done = new Promise((resolve, reject) => ([isDone, fail] = [resolve, reject]));
    // Whoever waits for one of them hears of it; the other must not count as unhandled.
    this.ready.catch(() => {});
    this.done.catch(() => {});
    const failBoth = (error: Error) => {
      failReady(error);
      fail(error);
    };
    worker.on('message', (message: FromThread) => {
      if (message.type === 'ready') {
        this.#engine = message.engine;
        isReady(message);
      } else if (message.type === 'second') {
        this.#kept.add(message.report);
        seconds.add(index, message.report);
      } else if (message.type === 'done') {
        seconds.end(index);
        isDone(message.totals);
      } else failBoth(new LoadThreadError(message.message, message.code));
    });
    worker.on('error', (error: Error) => failBoth(error));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        // Its script may never return; what it had told until then counts.
        if (this.#isCut) isDone(this.#kept.totals(this.#engine));
        failBoth(new LoadThreadError(`a load thread ended early, with code ${code}`, ''));
        resolve();
      });
    });
  }

  tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  stop(): void {
    this.tell({ type: 'stop' });
    this.#stopTimer ??= setTimeout(() => {
      this.#isCut = true;
      void this.#worker.terminate();
    }, STOP_TIMEOUT_MS);
    this.#stopTimer.unref();
  }

  async end(): Promise<void> {
    this.stop();
    await this.#exited;
    clearTimeout(this.#stopTimer);
  }
}
