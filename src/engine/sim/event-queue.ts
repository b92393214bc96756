/**
 * What is to happen, by moment; what falls on one moment happens in the order it was asked for. A binary
 * heap, because a run of the simulator is little else than taking from it.
 */

export interface SimEvent {
  fire(): void;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly event: SimEvent;
}

export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;

  get length(): number {
    return this.#heap.length;
  }

  /** The moment of the next event, Infinity when there is none. */
  get nextMs(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.atMs;
  }

  push(atMs: number, event: SimEvent): void {
    const heap = this.#heap;
    const entry: Entry = { atMs, order: this.#order++, event };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Takes the next event out; `undefined` when there is none. */
  shift(): SimEvent | undefined {
    const heap = this.#heap;
    if (heap.length === 0) return undefined;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first.event;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, entry)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
