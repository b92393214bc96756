/**
 * Submission entries: how each operation that the engine needs is written into one. Decides nothing, and
 * tells connections nothing; the caller has made sure of room in the ring.
 */

import { POLLOUT } from '../../sys/abi/epoll.ts';
import {
  IORING_ACCEPT_MULTISHOT,
  IORING_POLL_ADD_MULTI,
  IORING_RECV_MULTISHOT,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_UPDATE,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  io_uring_sqe,
} from '../../sys/abi/io-uring.ts';
import {
  IORING_OP_ACCEPT,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_CLOSE,
  IORING_OP_POLL_ADD,
  IORING_OP_READ,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_TIMEOUT,
  IORING_OP_TIMEOUT_REMOVE,
} from '../../sys/abi/io-uring-ops.ts';
import { MSG_NOSIGNAL, MSG_WAITALL, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../../sys/abi/socket.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { hasMultishotReceive, ringOperations } from '../../sys/uring.ts';
import { SLOT_BITS } from '../descriptor/connection-table.ts';
import type { SendBlock } from '../descriptor/send-block.ts';
import {
  BULK_ARMED,
  CONNECT_ARMED,
  type IouringConnection,
  RECEIVE_ARMED,
  SEND_IN_FLIGHT,
  WATCH_ARMED,
  WRITABLE_ARMED,
} from './connection.ts';
import type { Ring } from './ring.ts';
import {
  OP_ACCEPT,
  OP_CONNECT,
  OP_QUIET,
  OP_READ_FILE,
  OP_RECEIVE,
  OP_RECEIVE_BULK,
  OP_SEND,
  OP_TIMER,
  OP_WATCH,
  OP_WRITABLE,
} from './user-data.ts';

const SQE = io_uring_sqe.offset;
const SQE_FD = SQE.fd >> 2;
const SQE_ADDR = SQE.addr >> 2;
const SQE_OFF = SQE.off >> 2;
/** addr2 shares the place of off. */
const SQE_ADDR2 = SQE_OFF;
const SQE_LEN = SQE.len >> 2;
/** msg_flags, accept_flags, poll32_events, timeout_flags and cancel_flags are one union. */
const SQE_OP_FLAGS = SQE.msg_flags >> 2;
const SQE_USER_DATA = SQE.user_data >> 2;
const SQE_IOPRIO_16 = SQE.ioprio >> 1;
const SQE_BUF_GROUP_16 = SQE.buf_group >> 1;

export class Submissions {
  readonly #ring: Ring;
  readonly #receiveGroup: number;
  readonly #multishotReceive: boolean;
  readonly #timespec: Memory;
  readonly #timespec64: BigInt64Array;

  /**
   * @param receiveGroup the provided-buffer group that receives take from
   * @param multishotReceive undefined to ask the kernel
   */
  constructor(
    ring: Ring,
    receiveGroup: number,
    multishotReceive = hasMultishotReceive(ringOperations(ring.fd)),
  ) {
    this.#ring = ring;
    this.#receiveGroup = receiveGroup;
    this.#multishotReceive = multishotReceive;
    this.#timespec = allocate(16);
    this.#timespec64 = new BigInt64Array(this.#timespec.buffer);
  }

  /** @hot */
  send(conn: IouringConnection, block: SendBlock): void {
    const at = this.#take(IORING_OP_SEND, conn.fd, OP_SEND, conn.slot, conn.generation, 0);
    const sqe = this.#ring.sqe32;
    const address = block.address + block.sent;
    sqe[at + SQE_ADDR] = address | 0;
    sqe[at + SQE_ADDR + 1] = (address / 2 ** 32) | 0;
    sqe[at + SQE_LEN] = block.filled - block.sent;
    // WAITALL: the kernel retries a short send itself (5.19), so one completion covers the block.
    sqe[at + SQE_OP_FLAGS] = MSG_NOSIGNAL | MSG_WAITALL;
  }

  /**
   * The first receive of a connection serves once: most often its bytes are there already, and a connection that ends with
   * its first answer has then nothing armed that would have to be cancelled. Later ones serve many times.
   */
  receive(conn: IouringConnection): void {
    const at = this.#take(
      IORING_OP_RECV,
      conn.fd,
      OP_RECEIVE,
      conn.slot,
      conn.generation,
      IOSQE_BUFFER_SELECT,
    );
    if (this.#multishotReceive && conn.hasReceived)
      this.#ring.sqe16[at * 2 + SQE_IOPRIO_16] = IORING_RECV_MULTISHOT;
    this.#ring.sqe16[at * 2 + SQE_BUF_GROUP_16] = this.#receiveGroup;
  }

  /** Serves once: what comes next waits in the socket until it is asked for. @param group of large buffers */
  receiveBulk(conn: IouringConnection, group: number): void {
    const { fd, slot, generation } = conn;
    const at = this.#take(IORING_OP_RECV, fd, OP_RECEIVE_BULK, slot, generation, IOSQE_BUFFER_SELECT);
    this.#ring.sqe16[at * 2 + SQE_BUF_GROUP_16] = group;
  }

  /** Completes when an outgoing connection stands or has failed; with POLLERR and POLLHUP, which are always told. */
  awaitConnect(conn: IouringConnection): void {
    const at = this.#take(IORING_OP_POLL_ADD, conn.fd, OP_CONNECT, conn.slot, conn.generation, 0);
    this.#ring.sqe32[at + SQE_OP_FLAGS] = POLLOUT;
  }

  /**
   * Completes each time that an error or the peer's FIN comes: POLLERR, POLLHUP and POLLRDHUP are always told
   * (IO_POLL_UNMASK in io_uring/poll.c), what arrives is not. Multishot (5.13), since FIN would use up a single one.
   */
  watch(conn: IouringConnection): void {
    const at = this.#take(IORING_OP_POLL_ADD, conn.fd, OP_WATCH, conn.slot, conn.generation, 0);
    this.#ring.sqe32[at + SQE_LEN] = IORING_POLL_ADD_MULTI;
  }

  /** Completes once when the socket takes bytes, or has failed. */
  awaitWritable(conn: IouringConnection): void {
    const at = this.#take(IORING_OP_POLL_ADD, conn.fd, OP_WRITABLE, conn.slot, conn.generation, 0);
    this.#ring.sqe32[at + SQE_OP_FLAGS] = POLLOUT;
  }

  /** @param number comes back with the completion */
  readFile(fd: number, offset: number, length: number, address: number, number: number): void {
    const at = this.#take(IORING_OP_READ, fd, OP_READ_FILE, number, 0, 0);
    const sqe = this.#ring.sqe32;
    sqe[at + SQE_OFF] = offset | 0;
    sqe[at + SQE_OFF + 1] = (offset / 2 ** 32) | 0;
    sqe[at + SQE_ADDR] = address | 0;
    sqe[at + SQE_ADDR + 1] = (address / 2 ** 32) | 0;
    sqe[at + SQE_LEN] = length;
  }

  cancelReceive(conn: IouringConnection): void {
    this.#cancelOf(conn, (conn.flags & BULK_ARMED) === 0 ? OP_RECEIVE : OP_RECEIVE_BULK);
  }

  /**
   * Ends all that is under way on the connection, each by its user_data, which the kernel finds in a hash table.
   * IORING_ASYNC_CANCEL_FD would name them all at once, and walks through every poll of the ring for it
   * (io_poll_file_find, io_uring/poll.c): among 8,000 connections 334 us for each that ends, in place of
   * 12 to 17 (bench/micro/resets.mjs).
   */
  cancelAll(conn: IouringConnection): void {
    const { flags } = conn;
    if ((flags & RECEIVE_ARMED) !== 0) this.cancelReceive(conn);
    if ((flags & SEND_IN_FLIGHT) !== 0) this.#cancelOf(conn, OP_SEND);
    if ((flags & WATCH_ARMED) !== 0) this.#cancelOf(conn, OP_WATCH);
    if ((flags & CONNECT_ARMED) !== 0) this.#cancelOf(conn, OP_CONNECT);
    if ((flags & WRITABLE_ARMED) !== 0) this.#cancelOf(conn, OP_WRITABLE);
  }

  close(conn: IouringConnection): void {
    this.#quiet(IORING_OP_CLOSE, conn.fd, conn.slot, conn.generation);
  }

  /** @param listener its index, which the completions carry in place of a slot */
  accept(fd: number, listener: number): void {
    const at = this.#take(IORING_OP_ACCEPT, fd, OP_ACCEPT, listener, 0, 0);
    this.#ring.sqe16[at * 2 + SQE_IOPRIO_16] = IORING_ACCEPT_MULTISHOT;
    this.#ring.sqe32[at + SQE_OP_FLAGS] = SOCK_CLOEXEC | SOCK_NONBLOCK;
  }

  cancelAccept(listener: number): void {
    this.#cancel(listener | (OP_ACCEPT << SLOT_BITS), 0);
  }

  /** @param monotonicMs absolute, on CLOCK_MONOTONIC */
  setTimer(monotonicMs: number): void {
    const at = this.#take(IORING_OP_TIMEOUT, -1, OP_TIMER, 0, 0, 0);
    this.#ring.sqe32[at + SQE_LEN] = 1;
    this.#ring.sqe32[at + SQE_OP_FLAGS] = IORING_TIMEOUT_ABS;
    this.#storeTime(at + SQE_ADDR, monotonicMs);
  }

  /** Moves the timer that is set; one that fires meanwhile fires once all the same. */
  moveTimer(monotonicMs: number): void {
    const at = this.#quiet(IORING_OP_TIMEOUT_REMOVE, -1, 0, 0);
    this.#ring.sqe32[at + SQE_ADDR] = OP_TIMER << SLOT_BITS;
    this.#ring.sqe32[at + SQE_OP_FLAGS] = IORING_TIMEOUT_ABS | IORING_TIMEOUT_UPDATE;
    this.#storeTime(at + SQE_ADDR2, monotonicMs);
  }

  release(): void {
    this.#timespec.release();
  }

  /** The kernel reads the time when the entry is submitted, so one place serves one timer an enter. */
  #storeTime(word: number, monotonicMs: number): void {
    this.#timespec64[0] = BigInt(Math.floor(monotonicMs / 1000));
    this.#timespec64[1] = BigInt(Math.floor((monotonicMs % 1000) * 1e6));
    this.#ring.sqe32[word] = this.#timespec.address | 0;
    this.#ring.sqe32[word + 1] = (this.#timespec.address / 2 ** 32) | 0;
  }

  #cancelOf(conn: IouringConnection, operation: number): void {
    this.#cancel(conn.slot | (operation << SLOT_BITS), conn.generation);
  }

  /** The operation to cancel is named by its user_data. */
  #cancel(low: number, high: number): void {
    const at = this.#quiet(IORING_OP_ASYNC_CANCEL, -1, 0, 0);
    this.#ring.sqe32[at + SQE_ADDR] = low;
    this.#ring.sqe32[at + SQE_ADDR + 1] = high;
  }

  /** An operation whose success is no news. */
  #quiet(opcode: number, fd: number, slot: number, generation: number): number {
    return this.#take(opcode, fd, OP_QUIET, slot, generation, IOSQE_CQE_SKIP_SUCCESS);
  }

  /** Takes an entry and fills what all operations share. @returns its first word. @hot */
  #take(
    opcode: number,
    fd: number,
    operation: number,
    slot: number,
    generation: number,
    sqeFlags: number,
  ): number {
    const ring = this.#ring;
    const at = ring.take();
    const sqe = ring.sqe32;
    // opcode, flags and ioprio share the first word.
    sqe[at] = opcode | (sqeFlags << 8);
    sqe[at + SQE_FD] = fd;
    sqe[at + SQE_USER_DATA] = slot | (operation << SLOT_BITS);
    sqe[at + SQE_USER_DATA + 1] = generation;
    return at;
  }
}
