/**
 * Signals an eventfd once when a descriptor becomes readable: how news on an epoll descriptor reaches
 * libuv, which cannot watch one epoll from another. A Linux AIO poll (4.18) does it in the kernel, with no
 * thread of ours.
 *
 * There is no moment at which news is lost: the kernel queues itself on the descriptor first and looks
 * whether it is ready already second (aio_poll in fs/aio.c), and a poll that is submitted when there is
 * news completes at once.
 *
 * Completions carry nothing that the signal has not said. They stay in the context's queue and are taken
 * out many at a time, so that a sleep costs one system call.
 */
import { IOCB_CMD_POLL, IOCB_FLAG_RESFD, io_event, iocb } from '../../sys/abi/aio.ts';
import { POLLIN } from '../../sys/abi/epoll.ts';
import { ioDestroy, ioGetevents, ioSetup, ioSubmit } from '../../sys/aio.ts';
import { check, ERRNO } from '../../sys/errno.ts';
import { allocate, type Memory, storeAddress } from '../../sys/memory.ts';

/** Counts against fs.aio-max-nr, 65536 for the whole system unless it was raised. */
const QUEUE_LENGTH = 64;
/** Completions may stand in the queue until it is half full. */
const REAP_AFTER = QUEUE_LENGTH / 2;

/** In `#memory`: the array of one address that io_submit takes, the iocb, room for completions. */
const IOCB_AT = 64;
const EVENTS_AT = IOCB_AT + iocb.size;
const MEMORY_BYTES = EVENTS_AT + QUEUE_LENGTH * io_event.size;

export class AioPoll {
  readonly #context: number;
  readonly #memory: Memory;
  readonly #address: number;
  #unreaped = 0;
  #closed = false;

  /**
   * @param fd what to poll
   * @param eventFd what to signal
   * @throws SysError EAGAIN when fs.aio-max-nr is reached, ENOSYS or EPERM where AIO is forbidden
   */
  constructor(fd: number, eventFd: number) {
    this.#context = check(ioSetup(QUEUE_LENGTH), 'io_setup');
    this.#memory = allocate(MEMORY_BYTES);
    const { address, buffer } = this.#memory;
    this.#address = address;
    storeAddress(new Uint32Array(buffer), 0, address + IOCB_AT);
    const view = new DataView(buffer, IOCB_AT, iocb.size);
    view.setUint16(iocb.offset.aio_lio_opcode, IOCB_CMD_POLL, true);
    view.setUint32(iocb.offset.aio_fildes, fd, true);
    view.setUint32(iocb.offset.aio_buf, POLLIN, true);
    view.setUint32(iocb.offset.aio_flags, IOCB_FLAG_RESFD, true);
    view.setUint32(iocb.offset.aio_resfd, eventFd, true);
  }

  /**
   * One signal is to come; at once if the descriptor is readable already. Not to be called again before it came.
   * @returns 1, or a negative errno: the kernel has no memory for it
   * @hot one a sleep
   */
  arm(): number {
    if (this.#unreaped >= REAP_AFTER) this.#reap();
    let result = ioSubmit(this.#context, 1, this.#address);
    if (result === -ERRNO.EAGAIN) {
      this.#reap();
      result = ioSubmit(this.#context, 1, this.#address);
    }
    if (result === 1) this.#unreaped++;
    return result;
  }

  /**
   * Takes a pending poll back, which signals a last time, and releases the context. It is the process's and
   * would not end with a thread. The kernel waits two RCU grace periods before it answers (kill_ioctx and
   * free_ioctx_users in fs/aio.c): 30 to 45 ms, measured on 6.18 for a context that was never used as well, so
   * neither io_cancel nor another order of closing shortens it.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    ioDestroy(this.#context);
    this.#memory.release();
  }

  /** A minimum of 0: it waits for nothing. */
  #reap(): void {
    const count = ioGetevents(this.#context, 0, QUEUE_LENGTH, this.#address + EVENTS_AT, 0);
    if (count > 0) this.#unreaped -= count;
  }
}
