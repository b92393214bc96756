/**
 * Committed bytes of one connection that the socket has not been given yet, in order, and where they wait.
 *
 * What may have to wait, for an hour if the reader stops for one, moves into memory of its own: behind a write that
 * waits already, and where one turn wrote more than one segment. In the arena each piece of a stream would keep another
 * block alive (measured: 590 KiB for a reader that had stopped, where 64 KiB were unsent). So a connection never holds
 * more than one block between turns.
 */
import { SEND_RESERVE_BYTES_MAX } from '../engine.ts';
import { MAPPED_BYTES_MIN, memoryOf, type SendArena, type SendBlock } from './send-arena.ts';

/** In a block of the arena, or in memory of its own, from its beginning, which nobody has to give back. */
export interface Segment {
  readonly block: SendBlock | undefined;
  buffer: Buffer;
  readonly start: number;
  end: number;
}

/** What a stream may have unsent, and its last piece; pages are the system's until they are written to. */
const SET_ASIDE_BYTES = SEND_RESERVE_BYTES_MAX;

/** Moves those that lie in the arena, the last ones of `queue`, into memory of their own. */
export function setAside(queue: Segment[], arena: SendArena): void {
  let own = 0;
  while (own < queue.length && queue[own]!.block === undefined) own++;
  let bytes = 0;
  for (let i = own; i < queue.length; i++) bytes += queue[i]!.end - queue[i]!.start;
  const last = own === 0 ? undefined : queue[own - 1];
  const into = last === undefined ? newSegment(bytes) : withRoom(last, bytes);
  for (let i = own; i < queue.length; i++) {
    const { block, buffer, start, end } = queue[i]!;
    buffer.copy(into.buffer, into.end, start, end);
    into.end += end - start;
    arena.unpin(block!);
  }
  queue.length = own;
  if (into !== last) queue.push(into);
}

/** For `size` bytes. Where there are many, there is room for what follows: small pieces are packed side by side. */
function newSegment(size: number): Segment {
  const capacity = size < MAPPED_BYTES_MIN ? size : Math.max(size, SET_ASIDE_BYTES);
  return { block: undefined, buffer: memoryOf(capacity), start: 0, end: 0 };
}

/** `last`, with room for `size` bytes more, or a new segment to follow it. */
function withRoom(last: Segment, size: number): Segment {
  if (last.buffer.length - last.end >= size) return last;
  if (last.buffer.length >= MAPPED_BYTES_MIN) return newSegment(size);
  const { buffer } = newSegment(2 * (last.end + size));
  last.buffer.copy(buffer, 0, 0, last.end);
  last.buffer = buffer;
  return last;
}
