/** What a listener of the io_uring engine asks of the kernel. */
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from '../../sys/abi/socket.ts';
import { accept4 } from '../../sys/socket.ts';
import type { DescriptorListener } from '../descriptor/listener.ts';
import type { Submissions } from './submissions.ts';

/** What the default backlog holds. */
const ACCEPTS_MAX = 4096;

/** Arms what should accept and is not armed; ends what is armed and should not accept. Submits once at most. */
export function advanceAccept(
  listener: DescriptorListener,
  index: number,
  submissions: Submissions,
  welcome: (fd: number) => void,
): void {
  if (listener.armed) {
    if ((listener.closing || listener.held) && !listener.cancelling) {
      // The descriptor is closed once the accept on it has ended, so that its number is not reused under it.
      listener.cancelling = true;
      submissions.cancelAccept(index);
    } else if (listener.looksNow && !listener.closing && !listener.held && !listener.paused) {
      listener.looksNow = false;
      acceptWaiting(listener, welcome);
    }
  } else if (listener.closing) {
    // The listener is closed after this turn.
    if (listener.onStopped !== undefined) acceptWaiting(listener, welcome);
  } else if (!listener.paused && !listener.held) {
    listener.armed = true;
    submissions.accept(listener.socket.fd, index);
  }
}

/**
 * Takes the connections that wait, without being told of them.
 * Waiters on one socket are woken one at a time (EPOLLEXCLUSIVE): a connection that woke a thread which was
 * leaving, or is stuck, has woken no other thread on that socket, and would wait until the next one comes.
 */
function acceptWaiting(listener: DescriptorListener, welcome: (fd: number) => void): void {
  for (let i = 0; i < ACCEPTS_MAX; i++) {
    const fd = accept4(listener.socket.fd, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    welcome(fd);
  }
}
