/**
 * The status of the server for those who watch it: once a second to all of them, computed once however many they are,
 * and not at all while there is nobody. A watcher that reads slowly misses seconds; none ever waits in memory for it but
 * the one that it is being sent.
 *
 * The form is that of server-sent events (HTML, "Server-sent events", 9.2.6): what EventSource reads.
 */

const EVERY_MS = 1000;
/** People with the page open; beyond, somebody has written a program that should ask for `/metrics`. */
const WATCHERS_MAX = 64;

type Controller = ReadableStreamDefaultController<Uint8Array>;

export class StatusFeed {
  readonly #read: () => Promise<string>;
  readonly #watchers = new Set<Controller>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isReading = false;
  #last: Uint8Array | undefined;

  /** @param read the status as JSON in one line; what it rejects with is not told, the second is left out */
  constructor(read: () => Promise<string>) {
    this.#read = read;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  get isFull(): boolean {
    return this.#watchers.size >= WATCHERS_MAX;
  }

  /** @returns the events from now on; cancel it to watch no more */
  watch(): ReadableStream<Uint8Array> {
    let own: Controller;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.#joined(controller);
      },
      cancel: () => this.#left(own),
    });
  }

  /** All events end. */
  close(): void {
    for (const controller of this.#watchers) {
      this.#left(controller);
      controller.close();
    }
  }

  #joined(controller: Controller): void {
    this.#watchers.add(controller);
    if (this.#last !== undefined) {
      controller.enqueue(this.#last);
      return;
    }
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.#tell(), EVERY_MS);
    // Whether the process lives on is the server's to say.
    this.#timer.unref();
    void this.#tell();
  }

  #left(controller: Controller): void {
    this.#watchers.delete(controller);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#last = undefined;
  }

  async #tell(): Promise<void> {
    // A worker that blocks makes a look take a second.
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const event = Buffer.from(`event: status\ndata: ${await this.#read()}\n\n`);
      if (this.#watchers.size === 0) return;
      this.#last = event;
      for (const controller of this.#watchers)
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(event);
    } catch {
      // The server is closing, and its threads do not answer any more: the events end in a moment.
    } finally {
      this.#isReading = false;
    }
  }
}
