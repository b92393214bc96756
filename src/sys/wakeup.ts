/**
 * Wakes the thread's ordinary event loop when the kernel signals an eventfd, with public interfaces
 * only: no native addon, no thread, no spinning. Promises and timers run as after any I/O callback.
 *
 * libuv watches only kinds of descriptors that it knows, and an eventfd is none of them. So it is shown
 * a pipe, which `net.Socket` takes; before libuv first polls it, `dup3` puts an eventfd in the pipe's
 * place under the same number. From then on libuv polls and reads the eventfd and believes it is a pipe.
 * libuv adds a descriptor to its epoll set when it next polls, not when reading starts, and `dup3` is
 * called in the same turn, so there is no moment at which the pipe is watched.
 *
 * Works on the main thread and in worker threads, Node 20 to 26, with libuv's own io_uring use on or off.
 */
import { Socket } from 'node:net';
import { assert } from '../base/assert.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC, O_NONBLOCK } from './abi/file.ts';
import { dup3, pipe2 } from './descriptor.ts';
import { check, sysError } from './errno.ts';
import { eventfd } from './event.ts';
import { closeFd } from './socket.ts';

/**
 * An eventfd's read gives 8 bytes. libuv reads again at once when a read fills its buffer
 * (uv__read in src/unix/stream.c), which would cost a second system call and EAGAIN a wake; with room
 * for more it stops after one (seen with strace: one read a wake at 16 bytes, two at 8).
 */
const READ_BUFFER_BYTES = 16;

export class Wakeup {
  /** Register this with the ring or with AIO; writing 8 bytes to it wakes too. Valid until `close`. */
  readonly eventFd: number;
  readonly #socket: Socket;
  #onWake: (() => void) | undefined;
  #closed = false;

  /** @throws SysError EMFILE and its like */
  constructor() {
    const pipe = pipe2(O_CLOEXEC | O_NONBLOCK);
    if (typeof pipe === 'number') throw sysError('pipe2', pipe);
    closeFd(pipe.writeFd);
    this.eventFd = pipe.readFd;
    const event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) {
      closeFd(pipe.readFd);
      throw sysError('eventfd', event);
    }
    this.#socket = new Socket({
      fd: pipe.readFd,
      readable: true,
      writable: false,
      onread: {
        buffer: new Uint8Array(READ_BUFFER_BYTES),
        callback: () => {
          this.#onWake?.();
          return true;
        },
      },
    });
    // Constructing has asked libuv to read; it has not polled yet. Nothing is to arrive before `start`.
    this.#socket.pause();
    // An eventfd has no end and no errors; a listener keeps a surprise from ending the process unseen.
    this.#socket.on('error', (error) => {
      if (!this.#closed) throw error;
    });
    const result = dup3(event, pipe.readFd, O_CLOEXEC);
    closeFd(event);
    if (result < 0) this.close();
    check(result, 'dup3');
  }

  /**
   * Calls `onWake` on each wake. Signals that come before it returns are counted together: one call.
   * What was signalled before `start` is not lost.
   */
  start(onWake: () => void): void {
    assert(!this.#closed && this.#onWake === undefined, 'a wake-up starts once, and before it is closed');
    this.#onWake = onWake;
    this.#socket.resume();
  }

  /** Keeps the process alive, which is the initial state. */
  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  /** Releases the descriptor, which must be registered nowhere any more: its number will be given to another. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#onWake = undefined;
    this.#socket.destroy();
  }
}
