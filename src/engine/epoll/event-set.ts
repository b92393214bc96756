/**
 * One epoll descriptor and the memory that its events are written to. Edge-triggered throughout: each
 * descriptor is registered once, with everything that can ever matter, and never touched again. Closing
 * it takes it out, unless it has a duplicate somewhere: then events would go on, and `remove` must come first.
 *
 * Knows no connections: what an event means is in `event-data.ts`, what follows from it in the engine.
 */
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  epoll_event,
} from '../../sys/abi/epoll.ts';
import { epollCreate1, epollCtl, epollWait } from '../../sys/epoll.ts';
import { check, ERRNO, sysError } from '../../sys/errno.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { closeFd } from '../../sys/socket.ts';

/**
 * Events of one look. What all of them lead to is sent before the next look, so this also bounds the send
 * memory that is touched in between: at a block of 4 KiB each, 1 MiB, which stays in the second-level cache.
 */
const EVENTS_PER_LOOK = 256;

/** EPOLLERR and EPOLLHUP are always reported. EPOLLPRI tells of urgent data: see READ_TO_END. */
export const SOCKET_INTEREST = (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET) >>> 0;
/** For listeners and the timer. */
export const INPUT_INTEREST = (EPOLLIN | EPOLLET) >>> 0;

const EVENT_WORDS = epoll_event.size >> 2;
const EVENTS_WORD = epoll_event.offset.events >> 2;
const DATA_WORD = epoll_event.offset.data >> 2;

export class EventSet {
  readonly fd: number;
  readonly #memory: Memory;
  readonly #words: Int32Array;
  readonly #address: number;
  #at = 0;
  #end = 0;
  #closed = false;

  /** @throws SysError EMFILE and its like */
  constructor() {
    this.fd = check(epollCreate1(), 'epoll_create1');
    this.#memory = allocate(EVENTS_PER_LOOK * epoll_event.size);
    this.#words = new Int32Array(this.#memory.buffer);
    this.#address = this.#memory.address;
  }

  /**
   * What is ready already is reported like what becomes ready later.
   * @param data the low half, unsigned
   * @returns 0, or a negative errno: -ENOSPC (fs.epoll.max_user_watches), -ENOMEM
   */
  add(fd: number, interest: number, data: number, dataHigh: number): number {
    return epollCtl(this.fd, EPOLL_CTL_ADD, fd, interest, data, dataHigh);
  }

  remove(fd: number): void {
    epollCtl(this.fd, EPOLL_CTL_DEL, fd, 0, 0);
  }

  /**
   * Looks for events, unless some of the last look have not been taken.
   * @param timeoutMs -1 waits for the first one, or a signal: a timer in the set has to be armed then
   * @returns how many are to be taken
   * @hot
   */
  look(timeoutMs: 0 | -1): number {
    if (this.#at === this.#end) {
      const count = epollWait(this.fd, this.#address, EVENTS_PER_LOOK, timeoutMs);
      this.#at = 0;
      this.#end = count > 0 ? count : 0;
      if (count < 0 && count !== -ERRNO.EINTR) throw sysError('epoll_wait', count);
    }
    return this.#end - this.#at;
  }

  /** @returns the place of the next event of this look, or -1 when all are taken. @hot */
  take(): number {
    return this.#at === this.#end ? -1 : this.#at++ * EVENT_WORDS;
  }

  /** The set of EPOLL flags at `place`, signed. @hot */
  eventsAt(place: number): number {
    return this.#words[place + EVENTS_WORD]!;
  }

  /** The low half of the data at `place`, signed. @hot */
  dataAt(place: number): number {
    return this.#words[place + DATA_WORD]!;
  }

  /** @hot */
  dataHighAt(place: number): number {
    return this.#words[place + DATA_WORD + 1]!;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.fd);
    this.#memory.release();
  }
}
