/**
 * One io_uring: its mapped queues as typed arrays, submission entries written in place, completions
 * read in place. Knows no sockets: the engine above decides what to submit and what a completion means.
 *
 * Invariant: entries between the kernel's head and our tail are whole; the tail is published only in
 * `enter`. The kernel reads the tail with acquire semantics and publishes the completion tail with
 * release semantics (io_uring.h, "Magic offsets"); Atomics.store and Atomics.load give the same here.
 */
import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_ENTER_GETEVENTS,
  IORING_OFF_SQES,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_TASKRUN,
  io_cqring_offsets,
  io_sqring_offsets,
  io_uring_cqe,
  io_uring_params,
  io_uring_sqe,
} from '../../sys/abi/io-uring.ts';
import { IORING_REGISTER_EVENTFD } from '../../sys/abi/io-uring-ops.ts';
import { ERRNO, sysError } from '../../sys/errno.ts';
import { allocate, type Memory, mapFile } from '../../sys/memory.ts';
import { closeFd } from '../../sys/socket.ts';
import { ioUringEnter, ioUringRegister, ioUringSetup } from '../../sys/uring.ts';
import type { CompletionQueue } from './unread-accepts.ts';

/**
 * Ways to set up the ring, best first. DEFER_TASKRUN (6.1) runs completions when we ask, not in the
 * middle of our JavaScript; COOP_TASKRUN (5.19) at least spares the interrupt.
 */
const SETUP_FLAGS_BY_PREFERENCE = [
  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
].map((flags) => flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL);

/** Size of one submission entry in 32-bit words. */
const SQE_WORDS = io_uring_sqe.size >> 2;
const CQE_WORDS = io_uring_cqe.size >> 2;

export class Ring {
  readonly fd: number;
  /** The flags that the kernel accepted. */
  readonly setupFlags: number;
  readonly entries: number;

  /** Submission entries; entry i begins at word i * 16, byte i * 64. */
  readonly sqe32: Int32Array;
  readonly sqe16: Uint16Array;
  readonly sqe8: Uint8Array;
  /** Completion entries, in the ring's own mapping: see `completionWord`. */
  readonly ring32: Int32Array;

  /** The ring lives as long as one of them. */
  readonly mappings: readonly Memory[];
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #sqFlags: number;
  readonly #sqMask: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqFlags: number;
  readonly #cqMask: number;
  readonly #cqes: number;
  #tail: number;
  #pending = 0;
  #closed = false;
  /** Times that the submission queue was found full. */
  fullCount = 0;
  overflowCount = 0;

  /** @throws SysError when the kernel refuses (ENOSYS, EPERM: forbidden; EINVAL: older than 5.19) */
  constructor(entries: number) {
    const params = allocate(io_uring_params.size);
    const words = new Uint32Array(params.buffer);
    const at = io_uring_params.offset;
    let fd: number = -ERRNO.EINVAL;
    let setupFlags = 0;
    for (const flags of SETUP_FLAGS_BY_PREFERENCE) {
      words.fill(0);
      words[at.flags >> 2] = flags;
      words[at.cq_entries >> 2] = entries * 4;
      setupFlags = flags;
      fd = ioUringSetup(entries, params);
      if (fd !== -ERRNO.EINVAL) break;
    }
    if (fd < 0) {
      params.release();
      throw sysError('io_uring_setup', -fd, `with ${entries} entries`);
    }
    this.fd = fd;
    this.setupFlags = setupFlags;
    this.entries = words[at.sq_entries >> 2]!;
    const sq = at.sq_off;
    const cq = at.cq_off;
    const sqField = (name: keyof typeof io_sqring_offsets.offset) =>
      words[(sq + io_sqring_offsets.offset[name]) >> 2]!;
    const cqField = (name: keyof typeof io_cqring_offsets.offset) =>
      words[(cq + io_cqring_offsets.offset[name]) >> 2]!;
    const cqEntries = words[at.cq_entries >> 2]!;
    // IORING_FEAT_SINGLE_MMAP (5.4) is older than our floor: both rings live in one mapping.
    const ringBytes = Math.max(
      sqField('array') + this.entries * 4,
      cqField('cqes') + cqEntries * io_uring_cqe.size,
    );
    const rings = mapFile(fd, ringBytes, 0);
    const entriesMemory = mapFile(fd, this.entries * io_uring_sqe.size, IORING_OFF_SQES);
    this.mappings = [rings, entriesMemory];
    this.ring32 = new Int32Array(rings.buffer);
    this.sqe32 = new Int32Array(entriesMemory.buffer);
    this.sqe16 = new Uint16Array(entriesMemory.buffer);
    this.sqe8 = entriesMemory.bytes;
    this.#sqHead = sqField('head') >> 2;
    this.#sqTail = sqField('tail') >> 2;
    this.#sqFlags = sqField('flags') >> 2;
    this.#sqMask = this.ring32[sqField('ring_mask') >> 2]!;
    this.#cqHead = cqField('head') >> 2;
    this.#cqTail = cqField('tail') >> 2;
    this.#cqFlags = cqField('flags') >> 2;
    this.#cqMask = this.ring32[cqField('ring_mask') >> 2]!;
    this.#cqes = cqField('cqes') >> 2;
    // The indirection array is set once, entry i at index i, and never touched again.
    const array = sqField('array') >> 2;
    for (let i = 0; i < this.entries; i++) this.ring32[array + i] = i;
    this.#tail = this.ring32[this.#sqTail]!;
    params.release();
  }

  /** Completions are announced on `eventFd` from now on. */
  registerEventFd(eventFd: number): void {
    const argument = allocate(4);
    new Int32Array(argument.buffer)[0] = eventFd;
    const result = ioUringRegister(this.fd, IORING_REGISTER_EVENTFD, argument.address, 1);
    argument.release();
    if (result < 0) throw sysError('io_uring_register', -result, 'IORING_REGISTER_EVENTFD');
  }

  /** Entries that can be taken now without entering the kernel. */
  get room(): number {
    return this.entries - this.#pending;
  }

  /** Entries written and not yet handed to the kernel. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Takes the next submission entry, cleared. The caller has made sure of `room`.
   * @returns the entry's index in 32-bit words of `sqe32`
   * @hot
   */
  take(): number {
    const index = this.#tail & this.#sqMask;
    this.#tail = (this.#tail + 1) | 0;
    this.#pending++;
    const word = index * SQE_WORDS;
    const sqe = this.sqe32;
    for (let i = 0; i < SQE_WORDS; i++) sqe[word + i] = 0;
    return word;
  }

  /**
   * Hands over what was taken and runs deferred completions, without waiting.
   * @returns entries the kernel took, or a negative errno (EBUSY and EAGAIN: try again after a drain)
   * @hot
   */
  enter(): number {
    return this.#enter(0);
  }

  #enter(minComplete: number): number {
    Atomics.store(this.ring32, this.#sqTail, this.#tail);
    const result = ioUringEnter(this.fd, this.#pending, minComplete, IORING_ENTER_GETEVENTS);
    if (result >= 0) this.#pending -= result;
    else {
      // What the kernel has consumed is in its head, whatever it answered.
      this.#pending = (this.#tail - Atomics.load(this.ring32, this.#sqHead)) | 0;
    }
    return result;
  }

  /**
   * The same, and waits for the next completion, or a signal. A timer of this ring has to be armed.
   * @returns whether one has come
   * @hot
   */
  wait(): boolean {
    // EINTR for a signal, and whatever else: the ring itself tells whether something has come.
    this.#enter(1);
    return this.hasNews;
  }

  /** True when the kernel holds work that only `enter` completes: task work or overflown completions. @hot */
  get hasKernelWork(): boolean {
    const flags = Atomics.load(this.ring32, this.#sqFlags);
    if ((flags & IORING_SQ_CQ_OVERFLOW) !== 0) this.overflowCount++;
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) !== 0;
  }

  /** True when there are completions to consume, or the kernel holds work that only `enter` completes. @hot */
  get hasNews(): boolean {
    return this.hasKernelWork || this.tail !== this.head;
  }

  /** While silent, completions do not signal the eventfd: for the time in which we look anyway. */
  setSilent(silent: boolean): void {
    Atomics.store(this.ring32, this.#cqFlags, silent ? IORING_CQ_EVENTFD_DISABLED : 0);
  }

  /** First completion not yet consumed. @hot */
  get head(): number {
    return this.ring32[this.#cqHead]!;
  }

  /** One past the last completion that the kernel has published. @hot */
  get tail(): number {
    return Atomics.load(this.ring32, this.#cqTail);
  }

  /** The index in `ring32` of the first word of completion number `position`. @hot */
  completionWord(position: number): number {
    return this.#cqes + (position & this.#cqMask) * CQE_WORDS;
  }

  /** For whoever looks when nobody reads it any more. */
  get completionQueue(): CompletionQueue {
    return { head: this.#cqHead, tail: this.#cqTail, mask: this.#cqMask, entries: this.#cqes };
  }

  /** Everything before `position` may be overwritten by the kernel. @hot */
  consume(position: number): void {
    Atomics.store(this.ring32, this.#cqHead, position);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const mapping of this.mappings) mapping.release();
    closeFd(this.fd);
  }
}
