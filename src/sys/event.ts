/**
 * Descriptors that tell of something: eventfd and timerfd. All answer 0 or more, or a negative errno.
 */
import { CLOCK_MONOTONIC, itimerspec, TFD_TIMER_ABSTIME } from './abi/time.ts';
import { loadFfi } from './ffi.ts';
import { scratch } from './memory.ts';

const VALUE_SECONDS = itimerspec.offset.it_value;
const VALUE_NANOSECONDS = itimerspec.offset.it_value + 8;
const COUNTER_BYTES = 8;

/** @returns the descriptor */
export function eventfd(initial: number, flags: number): number {
  const ffi = loadFfi();
  const fd = ffi.libc.eventfd(initial, flags);
  return fd < 0 ? -ffi.errno[0]! : fd;
}

/** Adds to an eventfd's counter, which makes it readable. @param count 1 to 2^32 - 1 */
export function eventfdWrite(fd: number, count: number): number {
  const ffi = loadFfi();
  const page = scratch();
  page.u32[0] = count;
  page.u32[1] = 0;
  return ffi.libc.write(fd, page.address, COUNTER_BYTES) < 0 ? -ffi.errno[0]! : 0;
}

/** Takes the counter of an eventfd or timerfd and sets it to 0; -EAGAIN when it is 0 and the descriptor does not block. */
export function eventfdRead(fd: number): number {
  const ffi = loadFfi();
  const page = scratch();
  if (ffi.libc.read(fd, page.address, COUNTER_BYTES) < 0) return -ffi.errno[0]!;
  return page.u32[0]! + page.u32[1]! * 2 ** 32;
}

/** A timer on CLOCK_MONOTONIC. @returns the descriptor */
export function timerfdCreate(flags: number): number {
  const ffi = loadFfi();
  const fd = ffi.libc.timerfd_create(CLOCK_MONOTONIC, flags);
  return fd < 0 ? -ffi.errno[0]! : fd;
}

/**
 * Arms a timer for a moment, once.
 * @param atMs a moment of CLOCK_MONOTONIC in milliseconds, fractional; one that has passed fires at
 *   once, `Infinity` disarms
 */
export function timerfdSettime(fd: number, atMs: number): number {
  const ffi = loadFfi();
  const { view, address } = scratch();
  view.setBigUint64(itimerspec.offset.it_interval, 0n, true);
  view.setBigUint64(itimerspec.offset.it_interval + 8, 0n, true);
  // All zero disarms, so a moment at or before the clock's beginning becomes its first nanosecond.
  const off = atMs === Number.POSITIVE_INFINITY;
  const seconds = off ? 0 : Math.max(0, Math.floor(atMs / 1000));
  const nanoseconds = off ? 0 : Math.max(seconds === 0 ? 1 : 0, Math.floor((atMs - seconds * 1000) * 1e6));
  storeSeconds(view, VALUE_SECONDS, seconds);
  storeSeconds(view, VALUE_NANOSECONDS, Math.min(nanoseconds, 999_999_999));
  return ffi.libc.timerfd_settime(fd, TFD_TIMER_ABSTIME, address, 0) < 0 ? -ffi.errno[0]! : 0;
}

function storeSeconds(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}
