/**
 * The last messages of a hub, for readers who come back and say which they had last. Bounded by number and by bytes for all
 * topics together; the oldest go first.
 */
import { assert } from '../base/assert.ts';
import type { Message } from './message.ts';

/** What one message costs beside its data: the object, its topic and what is around a form of it. */
const MESSAGE_OVERHEAD_BYTES = 256;

/** Beside the data, the form in which it was sent is kept with it. */
function costOf(message: Message): number {
  return 2 * message.byteLength + MESSAGE_OVERHEAD_BYTES;
}

export class ReplayBuffer {
  readonly #countMax: number;
  readonly #bytesMax: number;
  /** The oldest first, from `#start` on. */
  #messages: Message[] = [];
  #start = 0;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    assert(countMax >= 1 && bytesMax >= 1, 'a replay buffer needs room');
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#messages.length - this.#start;
  }

  /** One that is larger than all of the buffer is not kept, and neither is what came before it: there would be a gap. */
  add(message: Message): void {
    this.#messages.push(message);
    this.#bytes += costOf(message);
    while (this.count > this.#countMax || (this.#bytes > this.#bytesMax && this.count > 0)) {
      this.#bytes -= costOf(this.#messages[this.#start]!);
      this.#start++;
    }
    // Moving half of them now and then costs less than shifting each.
    if (this.#start < 64 || this.#start * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#start);
    this.#start = 0;
  }

  /**
   * What was published to `topics` after the message `id`. Of one that is not here it is everything: it has been dropped
   * as too old, or was sent by a process that is no more, and what is here is newer.
   */
  after(id: string, topics: ReadonlySet<string>): Message[] {
    const messages = this.#messages;
    let from = messages.length - 1;
    while (from >= this.#start && messages[from]!.id !== id) from--;
    const later: Message[] = [];
    for (let i = Math.max(from + 1, this.#start); i < messages.length; i++)
      if (topics.has(messages[i]!.topic)) later.push(messages[i]!);
    return later;
  }
}
