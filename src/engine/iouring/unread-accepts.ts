/**
 * Connections that the kernel has accepted for a ring whose thread has ended before it read so. An accept has put the
 * descriptor into the process's table when its completion is published, and nothing but the completion names it:
 * left in the queue, the connection would stay open and its client wait for ever.
 *
 * Invariant: a completion whose descriptor has been taken is marked in place, in the queue. A thread may end in
 * the midst of the queue, where the head does not tell yet how far it has come.
 */
import { SLOT_BITS } from '../descriptor/connection-table.ts';
import { OP_ACCEPT, OP_TAKEN } from './user-data.ts';

/** Where the completion queue lies in the ring's memory; all but the mask are indexes of 32-bit words. */
export interface CompletionQueue {
  readonly head: number;
  readonly tail: number;
  readonly mask: number;
  readonly entries: number;
}

const CQE_WORDS = 4;
const RESULT_WORD = 2;

/** From now on the descriptor of the completion that begins at `word` is the reader's. */
export function markTaken(ring: Int32Array, word: number): void {
  ring[word] = OP_TAKEN << SLOT_BITS;
}

/** Takes the descriptors of all that has been accepted and not read. */
export function takeUnreadAccepts(ring: Int32Array, queue: CompletionQueue): number[] {
  const fds: number[] = [];
  const tail = Atomics.load(ring, queue.tail);
  for (let position = ring[queue.head]!; position !== tail; position = (position + 1) | 0) {
    const word = queue.entries + (position & queue.mask) * CQE_WORDS;
    if (ring[word]! >>> SLOT_BITS !== OP_ACCEPT) continue;
    markTaken(ring, word);
    const result = ring[word + RESULT_WORD]!;
    if (result >= 0) fds.push(result);
  }
  return fds;
}
