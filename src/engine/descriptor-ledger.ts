/**
 * Which descriptors and mappings a thread owns, in memory that it shares with the thread that started it. Threads of one
 * process share one descriptor table, and a thread can end without running another line of its own: out of
 * memory, or terminated in an endless loop. What it has open would stay open then: its clients would wait
 * for nothing. A ring is worse: it lives as long as it is mapped, and its armed accept goes on being woken for
 * connections that nobody will take. Whoever sees the thread's end releases what the ledger names.
 *
 * Invariant: a descriptor is taken off the ledger before it is closed, so the ledger never names a number
 * that may be somebody else's by now. One byte a descriptor, written by one thread, read when that is gone.
 */
import { assert } from '../base/assert.ts';
import { SHUT_RDWR } from '../sys/abi/socket.ts';
import { type Memory, unmap } from '../sys/memory.ts';
import { closeFd, shutdown } from '../sys/socket.ts';

/** The kernel's own limit unless it was raised (fs.nr_open, 1024 * 1024). Pages that are not written cost nothing. */
const DESCRIPTOR_COUNT = 1024 * 1024;

/** A ring has two mappings. */
const MAPPING_COUNT = 2;
/** Address and length, as doubles: addresses are below 2^47. */
const MAPPING_BYTES = 2 * Float64Array.BYTES_PER_ELEMENT;

const NOT_HELD = 0;
const HELD = 1;
/** A socket of this thread alone. A ring that outlives its thread may hold it open, so it is shut down before. */
const HELD_SOCKET = 2;

export class DescriptorLedger {
  readonly #held: Uint8Array;
  readonly #mappings: Float64Array;

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(DESCRIPTOR_COUNT + MAPPING_COUNT * MAPPING_BYTES);
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
    const mappings = new Float64Array(buffer, DESCRIPTOR_COUNT);
    for (let i = 0; i < mappings.length; i += 2) if (mappings[i] !== 0) unmap(mappings[i]!, mappings[i + 1]!);
    mappings.fill(0);
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
    this.#mappings = new Float64Array(buffer, DESCRIPTOR_COUNT);
  }

  /** This thread owns `fd` from now on. */
  hold(fd: number): void {
    this.#held[fd] = HELD;
  }

  /** As `hold`, for a socket that no other thread or process uses. @hot */
  holdSocket(fd: number): void {
    this.#held[fd] = HELD_SOCKET;
  }

  /** This thread has mapped these, in place of any that it named before. */
  holdMappings(mappings: readonly Memory[]): void {
    assert(mappings.length <= MAPPING_COUNT, 'more mappings than the ledger has room for');
    this.#mappings.fill(0);
    for (const [i, { address, byteLength }] of mappings.entries())
      this.#mappings.set([address, byteLength], 2 * i);
  }

  /** `fd` is about to be closed. @hot */
  drop(fd: number): void {
    this.#held[fd] = NOT_HELD;
  }
}
