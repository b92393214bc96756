/**
 * How far the start of a worker has come, in memory that both threads see, and whether it may still go on.
 *
 * A thread that is terminated while it loads the native module which calls the kernel ends the whole process: the module
 * throws, V8 takes no exception of a thread that ends, and Node's addon interface aborts. So whoever ends a thread
 * stops it before it comes there, or waits until it is through.
 */

/** Its module is being loaded, or has not begun to be served. */
const START_MODULE = 0;
/** What calls the kernel is being loaded. */
const START_NATIVE = 1;
/** It has taken its listening socket, and may have accepted connections. */
const START_ADOPTED = 2;
/** It is about to be terminated, and loads nothing native any more. */
const START_STOPPED = 3;

/** Loading takes some 20 ms, or hundreds on a busy machine; a disk that hangs is not waited for when the process ends. */
const NATIVE_WAIT_MS = 2000;

export class WorkerStart {
  readonly buffer: SharedArrayBuffer;
  readonly #state: Int32Array;

  constructor(buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#state = new Int32Array(buffer);
  }

  // The thread's side.

  /** Does not return when the thread is to end: it waits here to be terminated. */
  enterNative(): void {
    if (Atomics.compareExchange(this.#state, 0, START_MODULE, START_NATIVE) === START_STOPPED)
      Atomics.wait(this.#state, 0, START_STOPPED);
  }

  /** The native module is loaded, and the listening socket taken. */
  adopted(): void {
    this.#leaveNative(START_ADOPTED);
  }

  /** What was to be served cannot be. */
  failed(): void {
    this.#leaveNative(START_MODULE);
  }

  #leaveNative(state: number): void {
    Atomics.store(this.#state, 0, state);
    Atomics.notify(this.#state, 0);
  }

  // The main thread's side.

  get hasAdopted(): boolean {
    return Atomics.load(this.#state, 0) === START_ADOPTED;
  }

  /** @returns whether the thread may be terminated; false while it loads its native module */
  tryStop(): boolean {
    return Atomics.compareExchange(this.#state, 0, START_MODULE, START_STOPPED) !== START_NATIVE;
  }

  /** Returns when the thread may be terminated, or when waiting has become useless. */
  stop(): void {
    const giveUpAtMs = performance.now() + NATIVE_WAIT_MS;
    while (!this.tryStop()) {
      const leftMs = giveUpAtMs - performance.now();
      if (leftMs <= 0) return;
      Atomics.wait(this.#state, 0, START_NATIVE, leftMs);
    }
  }
}

/** The starts that are under way: a process that exits terminates its threads at once, so it has to wait for these. */
export class StartsUnderWay {
  readonly #starts = new Set<WorkerStart>();

  add(start: WorkerStart): void {
    if (this.#starts.size === 0) process.on('exit', this.#stopAll);
    this.#starts.add(start);
  }

  delete(start: WorkerStart): void {
    if (this.#starts.delete(start) && this.#starts.size === 0) process.off('exit', this.#stopAll);
  }

  readonly #stopAll = (): void => {
    for (const start of this.#starts) start.stop();
  };
}
