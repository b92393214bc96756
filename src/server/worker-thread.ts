/**
 * One worker thread from its start to its end, as the main thread sees it: what it says, when it must have ended, and
 * what is released when it has. A thread that does not keep its time, because it loops or blocks, is terminated; its
 * end always comes, and is told once.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UnavailableError } from '../base/errors.ts';
import { Handoff } from '../engine/descriptor/handoff.ts';
import { DescriptorLedger } from '../engine/descriptor/ledger.ts';
import type { ClosePlan } from './close-plan.ts';
import { StartTimeoutError } from './errors.ts';
import { loadedFiles } from './loaded-files.ts';
import type { EngineChoice, HandoffPlace } from './server.ts';
import type { CloseReport } from './thread-closing.ts';
import { linkThreads, type ThreadLink, type ThreadRelay } from './thread-relay.ts';
import type { ThreadTls, TlsMaterial } from './tls-material.ts';
import {
  errorFromData,
  type FromWorker,
  type ToWorker,
  type WorkerData,
  type WorkerOptions,
} from './worker-messages.ts';
import { type StartsUnderWay, WorkerStart } from './worker-start.ts';
import { WorkerTls } from './worker-tls.ts';

/** How long a worker may take beyond its drain time before its thread is stopped. */
const DRAIN_GRACE_MS = 1000;
/** And one that was told to end by force: to say a last word. */
const FORCE_GRACE_MS = 500;
/** A thread in a call of the system that does not return cannot be stopped; it is not waited for. */
const TERMINATE_MS = 3000;
/** How often it is looked whether a thread has loaded what it calls the kernel with: some 20 ms in all. */
const NATIVE_LOOK_MS = 5;
/** A timer holds no more, and is not needed for what is off. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A bundler that puts the program into one file leaves the file of the threads behind. @throws UnavailableError */
export function needWorkerFile(): void {
  const file = new URL('./worker.js', import.meta.url);
  if (file.protocol !== 'file:' || existsSync(file)) return;
  throw new UnavailableError(
    `workers: ${fileURLToPath(file)} is missing, which threads start from; was this program bundled? ` +
      'Keep the package holdfast out of the bundle (external), or use workers: 0',
  );
}

/** @returns the ends for a thread that is to hear the main thread and all that live; those of these are with them */
export function linksFor(index: number, main: ThreadRelay, living: Iterable<WorkerThread>): ThreadLink[] {
  const name = `worker ${index}`;
  const [ours, first] = linkThreads(['the main thread', name], true);
  main.join(ours);
  const links = [first];
  for (const thread of living) {
    const [theirs, link] = linkThreads([`worker ${thread.index}`, name], thread.engine !== undefined);
    thread.join(theirs);
    links.push(link);
  }
  return links;
}

interface WorkerThreadInit {
  readonly index: number;
  readonly name: string;
  /** The module's URL. */
  readonly module: string;
  readonly options: WorkerOptions;
  /** By which the hubs of threads hear each other. */
  readonly links: readonly ThreadLink[];
  readonly tls: ThreadTls | undefined;
  readonly handoff: HandoffPlace | undefined;
  /** Whether it measures what only the admin port shows. */
  readonly measures: boolean;
  /** When a thread that does not serve yet is given up. */
  readonly startMs: number;
  readonly startsUnderWay: StartsUnderWay;
  /** Closes the listening socket that was duplicated for the thread. */
  readonly closeUnadopted: () => void;
}

/** What threads say that is not about their own life. */
type Saying = Exclude<FromWorker, { type: 'ready' | 'failed' | 'stopped' | 'loaded' | 'name' | 'tls-taken' }>;

export interface WorkerThreadEvents {
  /** It accepts connections. */
  ready(thread: WorkerThread, message: Extract<FromWorker, { type: 'ready' }>): void;
  said(thread: WorkerThread, message: Saying): void;
  /** It is gone, and what it held is released. */
  ended(thread: WorkerThread, error: Error): void;
  /** It did not keep its time and was terminated, and with it `connections` of its clients. */
  overdue(thread: WorkerThread, connections: number): void;
}

export class WorkerThread {
  readonly index: number;
  readonly worker: Worker;
  readonly startedAtMs = performance.now();
  readonly ended: Promise<CloseReport>;
  engine: EngineChoice | undefined;
  /** Resolves when it accepts no connection any more, and has taken all that it was told of; or has ended. */
  readonly stopped: Promise<void>;
  hasStopped = false;
  #resolveStopped!: () => void;
  readonly #init: WorkerThreadInit;
  readonly #events: WorkerThreadEvents;
  readonly #tls: WorkerTls;
  readonly #ledger = DescriptorLedger.allocate();
  readonly #start = new WorkerStart();
  #resolveEnded!: (report: CloseReport) => void;
  #report: CloseReport = { drained: 0, forced: 0 };
  #error: Error | undefined;
  #isLeaving = false;
  #isTerminated = false;
  #isOverdue = false;
  #isEnded = false;
  /** No other thread will accept from its listening socket. */
  #stopsListening = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;

  /** @throws what `Worker` throws when the system has no room for a thread */
  constructor(init: WorkerThreadInit, events: WorkerThreadEvents) {
    this.index = init.index;
    this.#init = init;
    this.#events = events;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.stopped = new Promise((resolve) => (this.#resolveStopped = resolve));
    const { module, options, links, index, handoff, measures } = init;
    const shared = { ledger: this.#ledger, ...(handoff === undefined ? {} : { handoff }) };
    const reportsLoads = loadedFiles().hasSubscribers;
    const start = this.#start.buffer;
    this.worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: {
        module,
        options,
        tls: init.tls?.material,
        links,
        index,
        shared,
        measures,
        start,
        reportsLoads,
      } satisfies WorkerData,
      name: init.name,
      transferList: links.map(({ port }) => port),
    });
    init.startsUnderWay.add(this.#start);
    this.#tls = new WorkerTls(init.tls, (message) => this.#tell(message));
    this.worker.on('message', (message: FromWorker) => this.#heard(message));
    this.worker.on('error', (error) => (this.#error = error));
    this.worker.once('exit', (code) => this.#exited(code));
    this.hurry(init.startMs);
  }

  /** It has been told to end. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** It has taken its listening socket, and may have accepted connections. */
  get hasAdopted(): boolean {
    return this.#start.hasAdopted;
  }

  /** It must serve within `startMs` of its start, or is given up; a sooner moment that was set before stands. */
  hurry(startMs: number): void {
    if (this.engine !== undefined || this.#isLeaving) return;
    const atMs = this.startedAtMs + startMs;
    if (atMs >= this.#deadlineMs) return;
    this.#setDeadline(atMs - performance.now(), () => {
      this.#error = new StartTimeoutError(
        this.index,
        this.#init.module,
        performance.now() - this.startedAtMs,
      );
      this.#terminate();
    });
  }

  /** Finishes what it has begun, and ends. */
  dismiss(plan: ClosePlan, stopsListening: boolean): void {
    this.#stopsListening ||= stopsListening;
    if (this.#isEnded || this.#isTerminated) return;
    this.#tell(
      this.#isLeaving && !plan.force ? { type: 'extend', drainMs: plan.drainMs } : { type: 'close', plan },
    );
    this.#isLeaving = true;
    this.#setDeadline(plan.force ? FORCE_GRACE_MS : plan.delayMs + plan.drainMs + DRAIN_GRACE_MS, () => {
      this.#isOverdue = true;
      this.#terminate();
    });
  }

  /** Resolves when it uses that; one that is not ready yet will before it serves. @throws UnavailableError */
  async takeTls(material: TlsMaterial): Promise<void> {
    if (this.#isEnded || this.#isTerminated) return;
    const taken = this.#tls.take(material);
    if (this.engine !== undefined) return taken;
    taken.catch(() => {});
  }

  takeTicketKeys(keys: readonly Uint8Array[]): void {
    this.#tell({ type: 'ticket-keys', keys });
  }

  /** Has it hear a thread that came later, and be heard. */
  join(link: ThreadLink): void {
    this.worker.postMessage({ type: 'link', link } satisfies ToWorker, [link.port]);
  }

  /** Has it take what waits on its socket. */
  look(): void {
    this.#tell({ type: 'look' });
  }

  /** Ends, though it does not serve yet. */
  discard(plan: ClosePlan, stopsListening: boolean): void {
    if (this.hasAdopted) this.dismiss(plan, stopsListening);
    else if (!this.#start.tryStop() && !this.#isEnded) {
      // It may have accepted connections when it has loaded what it loads.
      setTimeout(() => this.discard(plan, stopsListening), NATIVE_LOOK_MS);
    } else {
      this.#isLeaving = true;
      this.#terminate();
    }
  }

  #setDeadline(inMs: number, call: () => void): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#deadlineMs = performance.now() + inMs;
    if (inMs > TIMER_MS_MAX) return;
    this.#deadline = setTimeout(call, Math.max(0, inMs));
  }

  #terminate(): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    this.#endThread();
    this.#setDeadline(TERMINATE_MS, () => this.#end(0));
  }

  #endThread(): void {
    if (this.#start.tryStop()) void this.worker.terminate();
    // Node's number of a thread that has ended by itself.
    else if (this.worker.threadId !== -1) setTimeout(() => this.#endThread(), NATIVE_LOOK_MS);
  }

  #tell(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  #heard(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.engine = message.engine;
        this.#init.startsUnderWay.delete(this.#start);
        if (!this.#isLeaving) this.#setDeadline(Number.POSITIVE_INFINITY, () => {});
        this.#events.ready(this, message);
        return;
      case 'failed':
        // What the module itself has begun may keep the thread; nobody wants it.
        this.#error = errorFromData(message.error);
        this.#terminate();
        return;
      case 'loaded':
        loadedFiles().publish(message.file);
        return;
      case 'name':
        void this.#tls.asked(message);
        return;
      case 'tls-taken':
        this.#tls.taken(message);
        return;
      case 'stopped':
        this.hasStopped = true;
        this.#resolveStopped();
        return;
      case 'closed':
        this.#report = message.report;
        this.#events.said(this, message);
        // Its connections have ended, and what the module keeps running must not keep the thread: no loss, so no word.
        this.#isTerminated = true;
        void this.worker.terminate();
        this.#setDeadline(TERMINATE_MS, () => this.#end(0));
        return;
      default:
        this.#events.said(this, message);
    }
  }

  #exited(code: number): void {
    clearTimeout(this.#deadline);
    const { handoff } = this.#init;
    if (handoff !== undefined) new Handoff(handoff.buffer, handoff.thread).abandon();
    if (!this.hasAdopted) this.#init.closeUnadopted();
    // Left by a thread that had no time to close them: out of memory, or stopped in a handler that never ends.
    const { sockets } = DescriptorLedger.releaseAll(this.#ledger, this.#stopsListening);
    this.#end(sockets, code);
  }

  #end(connections: number, code = 1): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#tls.ended();
    this.#init.startsUnderWay.delete(this.#start);
    clearTimeout(this.#deadline);
    this.#resolveStopped();
    const { drained, forced } = this.#report;
    this.#resolveEnded({ drained, forced: forced + connections });
    if (this.#isOverdue) this.#events.overdue(this, connections);
    this.#events.ended(
      this,
      this.#error ?? new Error(`worker ${this.index} ended with code ${code}${this.#hint()}`),
    );
  }

  /** A thread that waits for a promise and has nothing else to do ends with 0. */
  #hint(): string {
    if (this.engine !== undefined) return '';
    return ' before it was ready: its module ends the thread, or waits for what never comes';
  }
}
