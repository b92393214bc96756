/** How the epoll engine accepts: until a listener has none left, a share at a time, and all that wait when it closes. */
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from '../../sys/abi/socket.ts';
import { ERRNO } from '../../sys/errno.ts';
import { accept4 } from '../../sys/socket.ts';
import type { DescriptorListener } from '../descriptor/listener.ts';
import type { EventSet } from './event-set.ts';

/** Connections accepted from one listener in one pass, before others get their turn. */
const ACCEPTS_PER_PASS = 64;
/** Connections that a listener still hands over when it is closed: what the default backlog holds. */
const ACCEPTS_BEFORE_CLOSE = 4096;
const ACCEPT_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK;
const EAGAIN = -ERRNO.EAGAIN;

/** What it needs of the engine. */
interface AcceptingEngine {
  readonly listeners: readonly DescriptorListener[];
  readonly events: EventSet;
  /** @param errno positive @returns whether accepting from `listener` rests now */
  readonly failed: (listener: DescriptorListener, errno: number) => boolean;
  /** @returns whether another thread has been given the descriptor */
  readonly giveAway: (fd: number) => boolean;
  /** @returns 0, or a negative errno, and the descriptor is closed then */
  readonly welcome: (fd: number) => number;
}

export class Accepting {
  readonly #engine: AcceptingEngine;

  constructor(engine: AcceptingEngine) {
    this.#engine = engine;
  }

  /** @returns whether a listener is left that must be asked again without waiting for an edge */
  acceptWaiting(): boolean {
    const { listeners } = this.#engine;
    let moreWait = false;
    for (let i = 0; i < listeners.length; i++) {
      const listener = listeners[i]!;
      if (listener.looksNow) {
        listener.looksNow = false;
        listener.armed = false;
      }
      if (listener.closing) this.#acceptLast(listener);
      else if (mayAccept(listener)) {
        this.#accept(listener, ACCEPTS_PER_PASS);
        moreWait ||= mayAccept(listener);
      }
    }
    return moreWait;
  }

  /** Peers that the kernel has accepted already would be reset when the listener closes: they are let in. */
  #acceptLast(listener: DescriptorListener): void {
    if (listener.onStopped !== undefined) {
      // Threads that take over from each other have duplicates of one descriptor.
      this.#engine.events.remove(listener.socket.fd);
      this.#accept(listener, ACCEPTS_BEFORE_CLOSE);
    }
    // Its descriptor is closed after this turn.
    listener.armed = false;
  }

  /** Until there is none left, `countMax` have been tried, or the layer above wants no more. */
  #accept(listener: DescriptorListener, countMax: number): void {
    for (let i = 0; i < countMax && (listener.closing || !listener.held); i++) {
      const fd = accept4(listener.socket.fd, ACCEPT_FLAGS);
      if (fd === EAGAIN) {
        listener.armed = true;
        return;
      }
      if (fd < 0) {
        if (this.#engine.failed(listener, -fd)) return;
        continue;
      }
      listener.failures.succeeded();
      if (this.#engine.giveAway(fd)) continue;
      const result = this.#engine.welcome(fd);
      if (result < 0 && this.#engine.failed(listener, -result)) return;
    }
  }
}

/** No edge will come by itself, and none is to be waited for. */
function mayAccept(listener: DescriptorListener): boolean {
  return !listener.armed && !listener.paused && !listener.held;
}
