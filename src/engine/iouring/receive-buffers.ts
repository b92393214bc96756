/**
 * A provided-buffer ring (5.19): memory that the kernel picks from when bytes arrive, so that idle
 * connections hold none. Buffers come back in the order in which they were consumed and are published
 * once a turn. Few may be laid out at first, and more when these run out: the kernel takes them in turn, so that few stay
 * warm in the cache.
 */
import { io_uring_buf, io_uring_buf_reg, io_uring_buf_ring } from '../../sys/abi/io-uring.ts';
import { IORING_REGISTER_PBUF_RING } from '../../sys/abi/io-uring-ops.ts';
import { sysError } from '../../sys/errno.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { ioUringRegister } from '../../sys/uring.ts';

const BUF_WORDS = io_uring_buf.size >> 2;
const BUF_ADDR = io_uring_buf.offset.addr >> 2;
const BUF_LEN = io_uring_buf.offset.len >> 2;
/** The tail shares the first entry's unused bytes. */
const RING_TAIL = io_uring_buf_ring.offset.tail >> 1;
const BUF_BID = io_uring_buf.offset.bid >> 1;

export class ReceiveBuffers {
  /** All buffers side by side; buffer `id` begins at `id * bufferBytes`. */
  readonly bytes: Uint8Array;
  readonly bufferBytes: number;
  readonly count: number;
  readonly groupId: number;
  readonly #memory: Memory;
  readonly #ring: Memory;
  readonly #ring32: Uint32Array;
  readonly #ring16: Uint16Array;
  readonly #mask: number;
  readonly #addressLow: number;
  readonly #addressHigh: number;
  #tail = 0;
  /** Buffers from this one on have never been laid out, nor their memory touched. */
  #laidOut = 0;

  /**
   * @param count a power of two, at most 32768
   * @param firstCount how many there are until `layOut` adds more
   */
  constructor(ringFd: number, groupId: number, count: number, bufferBytes: number, firstCount = count) {
    this.groupId = groupId;
    this.count = count;
    this.bufferBytes = bufferBytes;
    this.#mask = count - 1;
    this.#memory = allocate(count * bufferBytes);
    this.#ring = allocate(count * io_uring_buf.size);
    this.bytes = this.#memory.bytes;
    this.#ring32 = new Uint32Array(this.#ring.buffer);
    this.#ring16 = new Uint16Array(this.#ring.buffer);
    this.#addressLow = this.#memory.address >>> 0;
    this.#addressHigh = Math.floor(this.#memory.address / 2 ** 32);
    const registration = allocate(io_uring_buf_reg.size);
    const words = new Uint32Array(registration.buffer);
    const at = io_uring_buf_reg.offset;
    words[at.ring_addr >> 2] = this.#ring.address >>> 0;
    words[(at.ring_addr >> 2) + 1] = Math.floor(this.#ring.address / 2 ** 32);
    words[at.ring_entries >> 2] = count;
    new Uint16Array(registration.buffer)[at.bgid >> 1] = groupId;
    const result = ioUringRegister(ringFd, IORING_REGISTER_PBUF_RING, registration.address, 1);
    registration.release();
    if (result < 0) {
      this.release();
      throw sysError('io_uring_register', -result, 'IORING_REGISTER_PBUF_RING');
    }
    this.layOut(firstCount);
    this.publish();
  }

  /** Adds up to `count` buffers to those that there are. */
  layOut(count: number): void {
    const end = Math.min(this.#laidOut + count, this.count);
    while (this.#laidOut < end) this.give(this.#laidOut++);
  }

  get laidOutCount(): number {
    return this.#laidOut;
  }

  /** Returns a consumed buffer; the kernel sees it at the next `publish`. @hot */
  give(id: number): void {
    const slot = this.#tail & this.#mask;
    const word = slot * BUF_WORDS;
    const low = this.#addressLow + id * this.bufferBytes;
    this.#ring32[word + BUF_ADDR] = low; // stored modulo 2^32
    this.#ring32[word + BUF_ADDR + 1] = this.#addressHigh + (low > 0xffffffff ? 1 : 0);
    this.#ring32[word + BUF_LEN] = this.bufferBytes;
    this.#ring16[(slot * BUF_WORDS * 2 + BUF_BID) | 0] = id;
    this.#tail = (this.#tail + 1) & 0xffff;
  }

  /** @hot */
  publish(): void {
    Atomics.store(this.#ring16, RING_TAIL, this.#tail);
  }

  /** Only after the ring is closed. */
  release(): void {
    this.#memory.release();
    this.#ring.release();
  }
}
