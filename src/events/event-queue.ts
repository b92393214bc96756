/**
 * Events that wait for a reader who is slower than their source: bounded in bytes, by one of three policies. A Map keeps
 * them, in their order, by a key under which a later one takes the place of an earlier.
 */

/** What becomes of events beyond the bound. */
export type SlowClient = 'drop' | 'coalesce' | 'close';

/** What an event costs beside its bytes: its place in the map. */
const EVENT_OVERHEAD_BYTES = 64;

export class EventQueue {
  readonly #bytesMax: number;
  readonly #policy: SlowClient;
  readonly #events = new Map<unknown, Uint8Array>();
  #bytes = 0;
  #serial = 0;
  /** Events that were dropped, or replaced by later ones. */
  dropped = 0;

  constructor(bytesMax: number, policy: SlowClient) {
    this.#bytesMax = bytesMax;
    this.#policy = policy;
  }

  get isEmpty(): boolean {
    return this.#events.size === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param key under which it replaces what waits; undefined where nothing does
   * @param isPulled it was asked for, so nothing else waits: it is taken however long it is
   * @returns false when the stream has to end: its reader is too slow, and the policy is 'close'
   */
  push(event: Uint8Array, key: string | undefined, isPulled: boolean): boolean {
    const place = this.#policy === 'coalesce' && key !== undefined ? key : ++this.#serial;
    const before = this.#events.get(place);
    if (before !== undefined) {
      // Taken out and not overwritten: ids must leave in the order in which they were given.
      this.#remove(place, before);
      this.dropped++;
    }
    this.#events.set(place, event);
    this.#bytes += event.length + EVENT_OVERHEAD_BYTES;
    if (isPulled || this.#bytes <= this.#bytesMax) return true;
    if (this.#policy === 'close') return false;
    // One that is larger than all that may wait goes too.
    for (const [oldest, bytes] of this.#events) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#remove(oldest, bytes);
      this.dropped++;
    }
    return true;
  }

  #remove(place: unknown, bytes: Uint8Array): void {
    this.#events.delete(place);
    this.#bytes -= bytes.length + EVENT_OVERHEAD_BYTES;
  }

  /** Takes events out, the oldest first: the first, and more as long as all are no longer than `bytesMax`. */
  take(bytesMax: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (const [place, bytes] of this.#events) {
      if (pieces.length > 0 && length + bytes.length > bytesMax) break;
      this.#remove(place, bytes);
      pieces.push(bytes);
      length += bytes.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length);
  }

  clear(): void {
    this.#events.clear();
    this.#bytes = 0;
  }
}
