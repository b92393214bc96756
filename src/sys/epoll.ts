/** epoll's calls. All answer 0 or more, or a negative errno. */
import { EPOLL_CLOEXEC, epoll_event } from './abi/epoll.ts';
import { loadFfi } from './ffi.ts';
import { scratch } from './memory.ts';

const EVENTS = epoll_event.offset.events;
const DATA = epoll_event.offset.data;

/** @returns the epoll descriptor, closed on exec */
export function epollCreate1(): number {
  const ffi = loadFfi();
  const fd = ffi.libc.epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -ffi.errno[0]! : fd;
}

/**
 * @param events an unsigned set of EPOLL flags
 * @param data comes back in the low half of `epoll_event.data`; the high half is `dataHigh`
 * @hot one or two a connection
 */
export function epollCtl(
  ep: number,
  op: number,
  fd: number,
  events: number,
  data: number,
  dataHigh = 0,
): number {
  const ffi = loadFfi();
  const { view, address } = scratch();
  view.setUint32(EVENTS, events, true);
  view.setUint32(DATA, data, true);
  view.setUint32(DATA + 4, dataHigh, true);
  return ffi.libc.epoll_ctl(ep, op, fd, address) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * @param eventsAddress memory for `eventCountMax` of epoll_event
 * @param timeoutMs 0 looks and returns, -1 waits for ever (and blocks the thread)
 * @hot one or more a turn
 * @returns how many events were written
 */
export function epollWait(
  ep: number,
  eventsAddress: number,
  eventCountMax: number,
  timeoutMs: number,
): number {
  const ffi = loadFfi();
  const count = ffi.libc.epoll_wait(ep, eventsAddress, eventCountMax, timeoutMs);
  return count < 0 ? -ffi.errno[0]! : count;
}
