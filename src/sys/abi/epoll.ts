/**
 * epoll (uapi/linux/eventpoll.h). `epoll_event` is packed on x64 alone, so that 32-bit programs could
 * share it; on arm64 `data` is aligned.
 */
import { struct } from '../layout.ts';

export function epollEventLayout(architecture: string) {
  const packed = architecture === 'x64';
  return struct('epoll_event', packed ? 12 : 16, { events: 'u32', data: 'u64' }, { packed });
}

export const epoll_event = epollEventLayout(process.arch);

export const EPOLL_CLOEXEC = 0o2000000;

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLRDNORM = 0x040;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 0x1000_0000;
export const EPOLLWAKEUP = 0x2000_0000;
export const EPOLLONESHOT = 0x4000_0000;
/** The topmost bit, so unsigned by hand. */
export const EPOLLET = 0x8000_0000;

// poll(2) events: for IOCB_CMD_POLL and IORING_OP_POLL_ADD
export const POLLIN = 0x001;
export const POLLPRI = 0x002;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;
export const POLLRDHUP = 0x2000;
