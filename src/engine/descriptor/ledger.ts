/**
 * Which descriptors and mappings a thread owns, in memory that it shares with the thread that started it. Threads of one
 * process share one descriptor table, and a thread can end without running another line of its own: out of
 * memory, or terminated in an endless loop. What it has open would stay open then: its clients would wait
 * for nothing. A ring is worse: it lives as long as it is mapped, and its armed accept goes on being woken for
 * connections that nobody will take. Whoever sees the thread's end releases what the ledger names, and what the
 * ring's completions name: connections that were accepted for a thread that did not live to hear of them.
 *
 * Invariant: a descriptor is taken off the ledger before it is closed, so the ledger never names a number
 * that may be somebody else's by now. One byte a descriptor, written by one thread, read when that is gone.
 */
import { assert } from '../../base/assert.ts';
import { SHUT_RDWR } from '../../sys/abi/socket.ts';
import { adoptMapping, type Memory } from '../../sys/memory.ts';
import { closeFd, shutdown } from '../../sys/socket.ts';
import { type CompletionQueue, takeUnreadAccepts } from '../iouring/unread-accepts.ts';

/** The kernel's own limit unless it was raised (fs.nr_open, 1024 * 1024). Pages that are not written cost nothing. */
const DESCRIPTOR_COUNT = 1024 * 1024;

/** A ring has two mappings, each with address and length, as doubles: addresses are below 2^47. */
const MAPPING_COUNT = 2;
/** Behind the mappings stands where in the first of them the completion queue lies. */
const QUEUE = 2 * MAPPING_COUNT;
const QUEUE_FIELDS = 4;
const RING_BYTES = (QUEUE + QUEUE_FIELDS) * Float64Array.BYTES_PER_ELEMENT;

const NOT_HELD = 0;
const HELD = 1;
/** A socket of this thread alone. A ring that outlives its thread may hold it open, so it is shut down before. */
const HELD_SOCKET = 2;

export class DescriptorLedger {
  readonly #held: Uint8Array;
  readonly #ring: Float64Array;

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(DESCRIPTOR_COUNT + RING_BYTES);
  }

  /**
   * Unmaps and closes what `buffer` still names, once the thread that wrote it has ended.
   * @param stopsListening its listening socket is nobody else's any more, and is shut down too
   * @returns how many descriptors, and how many of them were connections
   */
  static releaseAll(
    buffer: SharedArrayBuffer,
    stopsListening = false,
  ): { readonly descriptors: number; readonly sockets: number } {
    const held = new Uint8Array(buffer, 0, DESCRIPTOR_COUNT);
    for (const fd of releaseRing(new Float64Array(buffer, DESCRIPTOR_COUNT))) held[fd] = HELD_SOCKET;
    let descriptors = 0;
    let sockets = 0;
    for (let fd = 0; fd < held.length; fd++) {
      if (held[fd] === NOT_HELD) continue;
      if (held[fd] === HELD_SOCKET) sockets++;
      // No harm to what is no socket: ENOTSOCK (shutdown(2)).
      if (held[fd] === HELD_SOCKET || stopsListening) shutdown(fd, SHUT_RDWR);
      held[fd] = NOT_HELD;
      closeFd(fd);
      descriptors++;
    }
    return { descriptors, sockets };
  }

  constructor(buffer: SharedArrayBuffer) {
    this.#held = new Uint8Array(buffer, 0, DESCRIPTOR_COUNT);
    this.#ring = new Float64Array(buffer, DESCRIPTOR_COUNT);
  }

  /** This thread owns `fd` from now on. */
  hold(fd: number): void {
    this.#held[fd] = HELD;
  }

  /** Does what `hold` does, for a socket that no other thread or process uses. @hot */
  holdSocket(fd: number): void {
    this.#held[fd] = HELD_SOCKET;
  }

  /** This thread has mapped a ring: `queue` is in the first of `mappings`. */
  holdRing(mappings: readonly Memory[], { head, tail, mask, entries }: CompletionQueue): void {
    assert(mappings.length === MAPPING_COUNT, 'the ledger has room for the two mappings of a ring');
    for (const [i, { address, byteLength }] of mappings.entries())
      this.#ring.set([address, byteLength], 2 * i);
    this.#ring.set([head, tail, mask, entries], QUEUE);
  }

  /** It is about to be unmapped. */
  dropRing(): void {
    this.#ring.fill(0);
  }

  /** `fd` is about to be closed. @hot */
  drop(fd: number): void {
    this.#held[fd] = NOT_HELD;
  }
}

/** Unmaps the ring that `words` names. @returns descriptors that only its completions named */
function releaseRing(words: Float64Array): number[] {
  if (words[0] === 0) return [];
  const mappings = [0, 1].map((i) => adoptMapping(words[2 * i]!, words[2 * i + 1]!));
  const [head, tail, mask, entries] = words.subarray(QUEUE) as unknown as [number, number, number, number];
  const unread = takeUnreadAccepts(new Int32Array(mappings[0]!.buffer), { head, tail, mask, entries });
  words.fill(0);
  for (const mapping of mappings) mapping.release();
  return unread;
}
