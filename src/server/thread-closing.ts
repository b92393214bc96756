/**
 * The end of a server in one thread: the delay in which all goes on as before, the drain, and the end of what is
 * left. Each of them is cut short by `force`, and the report comes whatever fails on the way.
 */
import type { Engine, Listener } from '../engine/engine.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { ClosePlan } from './close-plan.ts';
import type { ServerThread } from './server-thread.ts';

/** What became of the connections that were open when `close` was called. */
export interface CloseReport {
  /** Ended by themselves within the drain deadline. */
  readonly drained: number;
  /** Reset at the deadline, or at once when forced. */
  readonly forced: number;
}

export function sumOfReports(reports: readonly CloseReport[]): CloseReport {
  return {
    drained: reports.reduce((sum, each) => sum + each.drained, 0),
    forced: reports.reduce((sum, each) => sum + each.forced, 0),
  };
}

export interface ClosingThread {
  readonly thread: ServerThread;
  readonly engine: Engine;
  readonly listener: Listener;
  readonly accessLog: AccessLog | undefined;
  /** Called when no connection can come any more. */
  readonly onStopped?: (() => void) | undefined;
}

/** How long the end of a server waits for the last lines of its access log. */
const LOG_FLUSH_MS = 500;
/** Ends are seen by polling: closing is rare, and this needs no hook in the life of every connection. */
const LOOK_MS = 5;

export class ThreadClosing {
  readonly #parts: ClosingThread;
  readonly #plan: ClosePlan;
  readonly #forced: Promise<void>;
  #force!: () => void;
  #isForced = false;
  #drainUntilMs = Number.POSITIVE_INFINITY;
  readonly report: Promise<CloseReport>;

  constructor(parts: ClosingThread, plan: ClosePlan) {
    this.#parts = parts;
    this.#plan = plan;
    this.#forced = new Promise((resolve) => (this.#force = resolve));
    if (plan.force) this.force();
    this.report = this.#run();
  }

  /** Waits for nothing any more. Idempotent. */
  force(): void {
    this.#isForced = true;
    this.#force();
  }

  /** What is under way has at least `drainMs` from now: another end than the one that began this drain asks for it. */
  extend(drainMs: number): void {
    if (this.#drainUntilMs !== Number.POSITIVE_INFINITY)
      this.#drainUntilMs = Math.max(this.#drainUntilMs, performance.now() + drainMs);
  }

  async #run(): Promise<CloseReport> {
    const { thread, engine, listener, accessLog, onStopped } = this.#parts;
    const { delayMs, drainMs, idleGraceMs } = this.#plan;
    if (delayMs > 0) await this.#wait(delayMs);
    this.#drainUntilMs = performance.now() + drainMs;
    thread.drain(this.#isForced ? 0 : idleGraceMs);
    // Connections that the kernel has accepted for us are still let in, and counted.
    let open = thread.openConnections;
    let isStopped = false;
    void listener.close().then(() => {
      isStopped = true;
      open = Math.max(open, thread.openConnections);
      onStopped?.();
    });
    while (!this.#isForced && performance.now() < this.#drainUntilMs && (!isStopped || this.#isBusy()))
      await this.#wait(LOOK_MS);
    const left = thread.openConnections;
    const isLate = !this.#isForced && this.#isBusy();
    if (isLate) thread.deadlines.drain += left;
    thread.resetAll(isLate ? 'drain-timeout' : 'forced');
    await engine.close();
    await accessLog?.flush(LOG_FLUSH_MS);
    return { drained: Math.max(0, open - left), forced: left };
  }

  #isBusy(): boolean {
    const { thread } = this.#parts;
    return thread.openConnections > 0 || thread.work.size > 0;
  }

  /** For `timeoutMs`, or until forced. */
  async #wait(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const time = new Promise<void>((resolve) => {
      // A timer holds at most 2^31 - 1 ms; who delays for ever means until forced.
      if (timeoutMs < 2 ** 31) timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([time, this.#forced]);
    clearTimeout(timer);
  }
}
